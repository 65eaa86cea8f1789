use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::format::Format;
use crate::keys::{Keys, Partition, Root, RunId};
use crate::segment::Segment;
use crate::store::{Condition, Store, Written};

/// The note a run leaves until it is committed, so that others wait for it, go on with it, or
/// clear away what it left if it died.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OpenRecord {
    #[serde(flatten)]
    pub(crate) about: About,
    pub(crate) state: State,
}

/// What stays the same through all legs of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) report: String,
    pub(crate) run: RunId,
    pub(crate) group: Option<RunId>,
    pub(crate) request: String,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) format: Format,
    pub(crate) started_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum State {
    /// A process is at it.
    Held {
        holder: Holder,
        /// What the legs before this one stored.
        checkpoint: Option<Checkpoint>,
    },
    /// Whoever comes with the same request goes on.
    Suspended(Checkpoint),
    /// Done, and waiting for the merge of its group.
    Parked(Checkpoint),
}

/// The process that has a run: until `expires_at` only it may touch what the run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holder {
    pub(crate) attempt: String,
    pub(crate) expires_at: Timestamp,
    /// The object of its leg.
    pub(crate) object_key: String,
}

/// Where a run stands after its last leg that ended well.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    pub(crate) suspended_at: Timestamp,
    /// How many legs there were.
    pub(crate) legs: u32,
    /// Those that had rows.
    pub(crate) segments: Vec<Segment>,
    /// What the caller needs to go on; nobody else reads it.
    pub(crate) progress: Box<RawValue>,
}

/// An open record as read.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) record: OpenRecord,
    pub(crate) etag: String,
}

/// An open record that this process holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) about: About,
    pub(crate) holder: Holder,
    pub(crate) checkpoint: Option<Checkpoint>,
    etag: String,
}

/// How an attempt to open a run ended.
#[derive(Debug)]
pub(crate) enum Claim {
    Won(Box<Held>),
    /// Another process has it until then.
    Busy(Timestamp),
    /// It was taken a moment ago and is not held any more.
    Changed,
}

/// What a process signs with: one for each attempt at a run.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) attempt: String,
    pub(crate) expires_at: Timestamp,
}

impl Lease {
    pub(crate) fn until(expires_at: Timestamp) -> Result<Self, Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(Error::Entropy)?;
        Ok(Self {
            attempt: hex::encode(nonce),
            expires_at,
        })
    }

    fn on(&self, object_key: String) -> Holder {
        Holder {
            attempt: self.attempt.clone(),
            expires_at: self.expires_at,
            object_key,
        }
    }
}

pub(crate) async fn read(store: &Store, key: &str) -> Result<Option<Found>, Error> {
    let Some(found) = store.get(key).await? else {
        return Ok(None);
    };
    Ok(Some(Found {
        record: found.parse(key)?,
        etag: found.etag,
    }))
}

/// Opens a run that is not open, for its first leg.
pub(crate) async fn claim(
    store: &Store,
    keys: &Keys,
    about: About,
    lease: &Lease,
) -> Result<Claim, Error> {
    let key = about.open_key(keys);
    let holder = lease.on(about.object_key(keys, 1));
    let held = Held {
        about,
        holder,
        checkpoint: None,
        etag: String::new(),
    };
    match store.write(&key, &held.record(), Condition::Absent).await? {
        Written::Yes(etag) => Ok(Claim::Won(Box::new(Held { etag, ..held }))),
        Written::No => Ok(match read(store, &key).await? {
            Some(found) => found.record.claimed(),
            None => Claim::Changed,
        }),
    }
}

impl About {
    pub(crate) fn open_key(&self, keys: &Keys) -> String {
        keys.open(self.group.as_ref(), &self.run)
    }

    fn object_key(&self, keys: &Keys, leg: u32) -> String {
        keys.object(self.started_at, &self.run, leg, self.format)
    }

    /// Whether going on with this run does what `asked` is for.
    pub(crate) fn answers(&self, asked: &Self) -> bool {
        self.report == asked.report
            && self.request == asked.request
            && self.partitions == asked.partitions
            && self.format == asked.format
    }

    /// The keys of this run, which may be limited otherwise than the one that looks at it.
    pub(crate) fn keys(&self, root: &Root) -> Result<Keys, Error> {
        Ok(Keys::new(root, &self.report, &self.partitions)?)
    }
}

impl OpenRecord {
    pub(crate) fn checkpoint(&self) -> Option<&Checkpoint> {
        match &self.state {
            State::Held { checkpoint, .. } => checkpoint.as_ref(),
            State::Suspended(checkpoint) | State::Parked(checkpoint) => Some(checkpoint),
        }
    }

    fn claimed(&self) -> Claim {
        match &self.state {
            State::Held { holder, .. } => Claim::Busy(holder.expires_at),
            State::Suspended(_) | State::Parked(_) => Claim::Changed,
        }
    }
}

impl Found {
    /// Takes the run over, unless somebody else was faster. A dead holder's leg stays named
    /// until it is cleared away; otherwise the next leg is.
    pub(crate) async fn take_over(
        self,
        store: &Store,
        root: &Root,
        lease: &Lease,
    ) -> Result<Option<Held>, Error> {
        let OpenRecord { about, state } = self.record;
        let keys = about.keys(root)?;
        let (object_key, checkpoint) = match state {
            State::Held { holder, checkpoint } => (holder.object_key, checkpoint),
            State::Suspended(checkpoint) | State::Parked(checkpoint) => {
                let leg = checkpoint.legs.saturating_add(1);
                (about.object_key(&keys, leg), Some(checkpoint))
            }
        };
        let held = Held {
            holder: lease.on(object_key),
            about,
            checkpoint,
            etag: String::new(),
        };
        let key = held.about.open_key(&keys);
        let condition = Condition::Same(&self.etag);
        match store.write(&key, &held.record(), condition).await? {
            Written::Yes(etag) => Ok(Some(Held { etag, ..held })),
            Written::No => Ok(None),
        }
    }
}

impl Held {
    /// Legs before this one.
    pub(crate) fn legs(&self) -> u32 {
        self.checkpoint.as_ref().map_or(0, |before| before.legs)
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        self.checkpoint
            .as_ref()
            .map_or(&[], |before| &before.segments)
    }

    /// Lets go of the run, leaving it in `state`; none if somebody else has it.
    pub(crate) async fn release(
        &self,
        store: &Store,
        keys: &Keys,
        state: State,
    ) -> Result<Option<Found>, Error> {
        let record = OpenRecord {
            about: self.about.clone(),
            state,
        };
        let key = self.about.open_key(keys);
        let condition = Condition::Same(&self.etag);
        Ok(match store.write(&key, &record, condition).await? {
            Written::Yes(etag) => Some(Found { record, etag }),
            Written::No => None,
        })
    }

    /// Whether this process may still touch what the run wrote.
    pub(crate) async fn is_ours(&self, store: &Store, keys: &Keys) -> Result<bool, Error> {
        let found = read(store, &self.about.open_key(keys)).await?;
        Ok(found.is_some_and(|found| found.etag == self.etag))
    }

    fn record(&self) -> OpenRecord {
        OpenRecord {
            about: self.about.clone(),
            state: State::Held {
                holder: self.holder.clone(),
                checkpoint: self.checkpoint.clone(),
            },
        }
    }
}
