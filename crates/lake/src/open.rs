use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::keys::{Keys, Partition, RunId};
use crate::pointer;
use crate::store::{Condition, Store, Written};

/// The note a run leaves while it is under way, so that others wait for it, and clear away
/// what it left if it died.
///
/// Until `expires_at` only the process with the same `attempt` may touch what the run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenRecord {
    pub(crate) report: String,
    pub(crate) run: RunId,
    pub(crate) attempt: String,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) object_key: String,
    pub(crate) started_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// How an attempt to open a run ended.
#[derive(Debug)]
pub(crate) enum Claim {
    Won,
    /// Another process has it until then.
    Lost(Timestamp),
    /// It was taken and is free again.
    Vanished,
}

pub(crate) fn new_attempt() -> Result<String, Error> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(Error::Entropy)?;
    Ok(hex::encode(nonce))
}

pub(crate) async fn read(
    store: &Store,
    keys: &Keys,
    run: &RunId,
) -> Result<Option<OpenRecord>, Error> {
    let key = keys.open(run);
    match store.get(&key).await? {
        Some(found) => found.parse(&key).map(Some),
        None => Ok(None),
    }
}

impl OpenRecord {
    pub(crate) async fn claim(&self, store: &Store, keys: &Keys) -> Result<Claim, Error> {
        match store
            .write(&keys.open(&self.run), self, Condition::Absent)
            .await?
        {
            Written::Yes => Ok(Claim::Won),
            Written::No => Ok(read(store, keys, &self.run)
                .await?
                .map_or(Claim::Vanished, |theirs| Claim::Lost(theirs.expires_at))),
        }
    }

    /// Whether this process may still touch what the run wrote.
    pub(crate) async fn is_ours(&self, store: &Store, keys: &Keys) -> Result<bool, Error> {
        let found = read(store, keys, &self.run).await?;
        Ok(found.is_some_and(|record| record.attempt == self.attempt))
    }

    /// Settles a run whose process died: keeps it if readers may have seen it, otherwise
    /// deletes what it left.
    async fn settle(&self, store: &Store) -> Result<(), Error> {
        let keys = Keys::new(&self.report, &self.partitions)?;
        store.abort_uploads_of(&self.object_key).await?;
        if !self.is_committed(store, &keys).await? {
            // The manifest first: as long as there is one, its object is there.
            store.delete(&keys.manifest(&self.run)).await?;
            store.delete(&self.object_key).await?;
        }
        store.delete(&keys.open(&self.run)).await
    }

    async fn is_committed(&self, store: &Store, keys: &Keys) -> Result<bool, Error> {
        match pointer::read(store, &keys.pointer()).await? {
            Some((pointer, _)) if pointer.run == self.run => Ok(true),
            // A newer run got ahead; the pointer would not have moved for this one.
            Some((pointer, _)) if pointer.is_newer_than(self.started_at, &self.run) => {
                Ok(store.get(&keys.manifest(&self.run)).await?.is_some())
            }
            _ => Ok(false),
        }
    }
}

/// Settles every run of the report that expired before `now`. Each is taken over first, until
/// `lease_until`, so that no two processes clear the same one.
pub(crate) async fn settle_expired(
    store: &Store,
    keys: &Keys,
    now: Timestamp,
    attempt: &str,
    lease_until: Timestamp,
) -> Result<(), Error> {
    for key in store.list(&keys.open_prefix()).await? {
        let Some(found) = store.get(&key).await? else {
            continue;
        };
        let record: OpenRecord = match found.parse(&key) {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(s3.key = key, error = %error, "skipped an unreadable open record");
                continue;
            }
        };
        if record.expires_at > now {
            continue;
        }
        let taken_over = OpenRecord {
            attempt: attempt.to_owned(),
            expires_at: lease_until,
            ..record
        };
        let condition = Condition::Same(&found.etag);
        if store.write(&key, &taken_over, condition).await? == Written::Yes {
            taken_over.settle(store).await?;
            tracing::info!(
                report = taken_over.report,
                run = %taken_over.run,
                "settled a run that died"
            );
        }
    }
    Ok(())
}
