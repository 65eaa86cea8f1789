use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::keys::{Keys, RunId};
use crate::lake::Lake;
use crate::manifest::Manifest;
use crate::open::{self, About, Found, Held, Lease, State};
use crate::pointer;

/// How long after its beginning a run can be gone on with. Uploads do not live for ever: the
/// bucket's lifecycle rule aborts them after seven days.
const CHECKPOINT_LIFE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Clears away what dead runs of a report left, and keeps what can be gone on with.
#[derive(Debug)]
pub(crate) struct Sweeper<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) keys: &'a Keys,
    pub(crate) now: Timestamp,
    /// Each record is taken over before it is settled, so that no two processes settle one.
    pub(crate) lease: &'a Lease,
}

/// How things stand with a run once its dead have been seen to.
#[derive(Debug)]
pub(crate) enum Standing {
    /// Nothing of it is left, or somebody else is seeing to it.
    Gone,
    /// A process is at it until then.
    Held(Timestamp),
    Suspended(Found),
    Parked(Found),
}

impl Sweeper<'_> {
    /// Settles every run of the report whose process died; the runs that can be gone on with,
    /// oldest first.
    pub(crate) async fn sweep(&self) -> Result<Vec<Found>, Error> {
        let mut resumable = Vec::new();
        let mut groups: BTreeMap<RunId, Vec<String>> = BTreeMap::new();
        for key in self.lake.store.list(&self.keys.open_records()).await? {
            match self.keys.owner_of_open(&key) {
                Some((Some(group), _)) => groups.entry(group).or_default().push(key),
                Some((None, _)) => {
                    if let Standing::Suspended(found) = self.settle_unless_unreadable(&key).await? {
                        resumable.extend(self.unless_too_old(found).await?);
                    }
                }
                None => tracing::warn!(s3.key = key, "skipped what is not an open record"),
            }
        }
        for (group, keys) in groups {
            self.sweep_group(&group, &keys).await?;
        }
        resumable.sort_by(|a, b| order(a).cmp(&order(b)));
        Ok(resumable)
    }

    /// Settles the run whose open record is at `key` if its process died.
    pub(crate) async fn settle(&self, key: &str) -> Result<Standing, Error> {
        let Some(found) = open::read(&self.lake.store, key).await? else {
            return Ok(Standing::Gone);
        };
        match &found.record.state {
            State::Suspended(_) => Ok(Standing::Suspended(found)),
            State::Parked(_) => Ok(Standing::Parked(found)),
            State::Held { holder, .. } if holder.expires_at > self.now => {
                Ok(Standing::Held(holder.expires_at))
            }
            State::Held { .. } => self.settle_dead(found).await,
        }
    }

    /// Gives up what a run stored in earlier legs, unless the group that it is a part of is
    /// being merged or was.
    pub(crate) async fn give_up(&self, found: Found) -> Result<(), Error> {
        let before = found.record.state.clone();
        let store = &self.lake.store;
        let Some(held) = found.take_over(store, &self.lake.root, self.lease).await? else {
            return Ok(());
        };
        // A merge writes the record of the group before it reads those of the parts, and here it
        // is the other way round: one of the two sees the other.
        if let Some(group) = &held.about.group
            && self.merges(group).await?
        {
            held.release(store, &held.about.keys(&self.lake.root)?, before)
                .await?;
            return Ok(());
        }
        tracing::warn!(
            report = held.about.report,
            run = %held.about.run,
            started_at = %held.about.started_at,
            "gave up a run that was stopped: it starts over"
        );
        self.lake.wipe(&held).await
    }

    /// An unreadable record, such as that of a newer version, must not stop all other runs.
    async fn settle_unless_unreadable(&self, key: &str) -> Result<Standing, Error> {
        match self.settle(key).await {
            Err(error @ Error::Corrupt { .. }) => {
                tracing::warn!(s3.key = key, error = %error, "skipped an unreadable open record");
                Ok(Standing::Gone)
            }
            settled => settled,
        }
    }

    /// Keeps a dead run if readers may have seen it, goes back to its last checkpoint if it has
    /// one, and deletes it otherwise.
    async fn settle_dead(&self, found: Found) -> Result<Standing, Error> {
        let store = &self.lake.store;
        let Some(held) = found.take_over(store, &self.lake.root, self.lease).await? else {
            return Ok(Standing::Gone);
        };
        let keys = held.about.keys(&self.lake.root)?;
        store
            .abort_uploads_of(&held.holder.object_key, None)
            .await?;
        let committed = self.is_committed(&held.about, &keys).await?;
        if !committed {
            // The manifest first: as long as there is one, its objects are there.
            store.delete(&keys.manifest(&held.about.run)).await?;
            store.delete(&held.holder.object_key).await?;
        }
        tracing::info!(
            report = held.about.report,
            run = %held.about.run,
            committed,
            resumable = !committed && held.checkpoint.is_some(),
            "settled a run that died"
        );
        match &held.checkpoint {
            Some(checkpoint) if !committed => {
                let state = State::Suspended(checkpoint.clone());
                let released = held.release(store, &keys, state).await?;
                Ok(released.map_or(Standing::Gone, Standing::Suspended))
            }
            _ => {
                store.delete(&held.about.open_key(&keys)).await?;
                Ok(Standing::Gone)
            }
        }
    }

    async fn is_committed(&self, about: &About, keys: &Keys) -> Result<bool, Error> {
        let store = &self.lake.store;
        match pointer::read(store, &keys.pointer()).await? {
            Some((pointer, _)) if pointer.run == about.run => Ok(true),
            // A newer run got ahead; the pointer would not have moved for this one.
            Some((pointer, _)) if pointer.is_newer_than(about.started_at, &about.run) => {
                Ok(store.get(&keys.manifest(&about.run)).await?.is_some())
            }
            _ => Ok(false),
        }
    }

    /// The run, if it can still be gone on with; it is given up otherwise.
    pub(crate) async fn unless_too_old(&self, found: Found) -> Result<Option<Found>, Error> {
        if self.is_too_old(&found) {
            self.give_up(found).await?;
            return Ok(None);
        }
        Ok(Some(found))
    }

    fn is_too_old(&self, found: &Found) -> bool {
        self.now.duration_since(found.record.about.started_at) > CHECKPOINT_LIFE
    }

    async fn sweep_group(&self, group: &RunId, part_keys: &[String]) -> Result<(), Error> {
        if let Some(manifest) = self.lake.manifest_if_committed(self.keys, group).await? {
            for key in part_keys {
                self.clear_part(key, &manifest).await?;
            }
            return Ok(());
        }
        if self.merges(group).await? {
            return Ok(());
        }
        // A backfill has hundreds of parts: the first one that stays vouches for the others, which
        // have their turn when it is gone.
        for key in part_keys {
            match self.settle_unless_unreadable(key).await? {
                Standing::Gone => {}
                Standing::Suspended(found) | Standing::Parked(found) if self.is_too_old(&found) => {
                    self.give_up(found).await?;
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// Ends a part whose group was merged; what the merge took in stays.
    async fn clear_part(&self, key: &str, merged: &Manifest) -> Result<(), Error> {
        let found = match self.settle_unless_unreadable(key).await? {
            Standing::Suspended(found) | Standing::Parked(found) => found,
            Standing::Gone | Standing::Held(_) => return Ok(()),
        };
        let kept: HashSet<&str> = merged.keys.iter().map(|entry| entry.key.as_str()).collect();
        let store = &self.lake.store;
        let segments = found.record.checkpoint().map(|before| &before.segments);
        for segment in segments.into_iter().flatten() {
            if !kept.contains(segment.key.as_str()) {
                store.abort_uploads_of(&segment.key, None).await?;
                store.delete(&segment.key).await?;
            }
        }
        store.delete(key).await
    }

    /// Whether the parts of `group` are a merge's, under way or done.
    async fn merges(&self, group: &RunId) -> Result<bool, Error> {
        let store = &self.lake.store;
        if store.get(&self.keys.open(None, group)).await?.is_some() {
            return Ok(true);
        }
        Ok(store.get(&self.keys.manifest(group)).await?.is_some())
    }
}

fn order(found: &Found) -> (Timestamp, &RunId) {
    (found.record.about.started_at, &found.record.about.run)
}

impl Lake {
    /// Deletes a run and all that its legs stored.
    pub(crate) async fn wipe(&self, held: &Held) -> Result<(), Error> {
        let keys = held.about.keys(&self.root)?;
        self.store.delete(&keys.manifest(&held.about.run)).await?;
        for segment in held.segments() {
            self.store.abort_uploads_of(&segment.key, None).await?;
            self.store.delete(&segment.key).await?;
        }
        self.store.delete(&held.about.open_key(&keys)).await
    }
}
