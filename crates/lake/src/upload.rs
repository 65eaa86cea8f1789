use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::error::Error;
use crate::segment::{Part, Segment};
use crate::store::{Store, Target};

/// Parts on their way to S3 at one time; memory is this many parts and the one that fills. A part
/// travels faster than a vendor fills the next one.
const IN_FLIGHT: usize = 1;

/// Streams one data object: a single call if it is small, a multipart upload otherwise.
#[derive(Debug)]
pub(crate) struct Upload {
    store: Store,
    target: Target,
    multipart: Option<Multipart>,
    asked_for_multipart: bool,
    digest: Sha256,
    bytes: u64,
}

#[derive(Debug)]
struct Multipart {
    id: String,
    next: i32,
    // Tasks, so that parts travel while the caller waits for its next page; they end with the set.
    in_flight: JoinSet<Result<Sent, Error>>,
    done: Vec<CompletedPart>,
    /// The memory of a part that has arrived.
    spare: Option<Vec<u8>>,
}

/// A part that has arrived, and its bytes.
type Sent = (CompletedPart, Bytes);

/// Size and digest of the stored object.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Upload {
    pub(crate) fn new(store: Store, target: Target) -> Self {
        Self {
            store,
            target,
            multipart: None,
            asked_for_multipart: false,
            digest: Sha256::new(),
            bytes: 0,
        }
    }

    /// Bytes handed over so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Memory for the part after the next one, once that can be sent: of one that has arrived, so that
    /// a run of any length makes do with as many as travel and one.
    pub(crate) async fn spare(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let key = self.target.key.clone();
        match &mut self.multipart {
            None => Ok(None),
            Some(multipart) => {
                multipart.wait_for_room(&key).await?;
                Ok(multipart.spare.take())
            }
        }
    }

    /// Sends a part that is not the last, at least 5 MiB on AWS.
    pub(crate) async fn push(&mut self, part: Vec<u8>) -> Result<(), Error> {
        self.send(part).await.map(|_| ())
    }

    /// Sends the last part, if any is left, and leaves the upload for a later leg to complete.
    pub(crate) async fn stage(&mut self, last: Vec<u8>, rows: u64) -> Result<Segment, Error> {
        let key = self.target.key.clone();
        let multipart = if last.is_empty() {
            self.multipart().await?
        } else {
            self.send(last).await?
        };
        let upload_id = multipart.id.clone();
        let parts = multipart.settle(&key).await?;
        self.store.abort_uploads_of(&key, Some(&upload_id)).await?;
        Ok(Segment {
            key,
            upload_id,
            parts: parts.into_iter().map(Part::from).collect(),
            rows,
            bytes: self.bytes,
            sha256: self.sha256(),
            attempt: self.target.attempt.clone(),
        })
    }

    /// Sends the last part, if any is left, and makes the object visible.
    pub(crate) async fn seal(&mut self, last: Vec<u8>) -> Result<Sealed, Error> {
        self.count(&last);
        match &mut self.multipart {
            None => self.store.create(&self.target, last.into()).await?,
            Some(multipart) => {
                if !last.is_empty() {
                    multipart
                        .send(&self.store, &self.target.key, last.into())
                        .await?;
                }
                let parts = multipart.settle(&self.target.key).await?;
                self.store
                    .complete_upload(&self.target, &multipart.id, parts)
                    .await?;
            }
        }
        Ok(Sealed {
            bytes: self.bytes,
            sha256: self.sha256(),
        })
    }

    /// Gives up what was sent and not sealed.
    pub(crate) async fn abort(&mut self) -> Result<(), Error> {
        let Some(mut multipart) = self.multipart.take() else {
            return Ok(());
        };
        // A part that arrives after the abort would be stored, and charged, for nothing.
        multipart.in_flight.shutdown().await;
        self.store
            .abort_upload(&self.target.key, &multipart.id)
            .await
    }

    /// Aborts uploads of this object that nobody knows of: a client that asks again, because
    /// the first answer got lost, has two. Only for who may touch the run.
    pub(crate) async fn abort_strays(&self) -> Result<(), Error> {
        if self.asked_for_multipart {
            self.store.abort_uploads_of(&self.target.key, None).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Vec<u8>) -> Result<&mut Multipart, Error> {
        self.count(&part);
        let (store, key) = (self.store.clone(), self.target.key.clone());
        let multipart = self.multipart().await?;
        multipart.send(&store, &key, part.into()).await?;
        Ok(multipart)
    }

    /// The multipart upload, begun if it is not.
    async fn multipart(&mut self) -> Result<&mut Multipart, Error> {
        self.asked_for_multipart = true;
        let multipart = match self.multipart.take() {
            Some(multipart) => multipart,
            None => Multipart::new(self.store.create_upload(&self.target).await?),
        };
        Ok(self.multipart.insert(multipart))
    }

    fn sha256(&self) -> String {
        hex::encode(self.digest.clone().finalize())
    }

    fn count(&mut self, part: &[u8]) {
        self.digest.update(part);
        self.bytes += part.len() as u64;
    }
}

impl Multipart {
    fn new(id: String) -> Self {
        Self {
            id,
            next: 1,
            in_flight: JoinSet::new(),
            done: Vec::new(),
            spare: None,
        }
    }

    async fn wait_for_room(&mut self, key: &str) -> Result<(), Error> {
        while self.in_flight.len() >= IN_FLIGHT {
            self.wait_for_one(key).await?;
        }
        Ok(())
    }

    async fn send(&mut self, store: &Store, key: &str, part: Bytes) -> Result<(), Error> {
        self.wait_for_room(key).await?;
        let (store, key, id, number) = (store.clone(), key.to_owned(), self.id.clone(), self.next);
        self.next += 1;
        self.in_flight.spawn(async move {
            let sent = store.upload_part(&key, &id, number, part.clone()).await?;
            Ok((sent, part))
        });
        Ok(())
    }

    /// Waits for all parts; they come in order.
    async fn settle(&mut self, key: &str) -> Result<Vec<CompletedPart>, Error> {
        while !self.in_flight.is_empty() {
            self.wait_for_one(key).await?;
        }
        self.done.sort_by_key(|part| part.part_number);
        Ok(std::mem::take(&mut self.done))
    }

    async fn wait_for_one(&mut self, key: &str) -> Result<(), Error> {
        match self.in_flight.join_next().await {
            None => Ok(()),
            Some(Ok(sent)) => {
                let (part, bytes) = sent?;
                self.done.push(part);
                self.spare = bytes.try_into_mut().ok().map(|bytes| {
                    let mut memory = Vec::from(bytes);
                    memory.clear();
                    memory
                });
                Ok(())
            }
            Some(Err(stopped)) => Err(Error::Unavailable {
                action: "UploadPart",
                key: key.to_owned(),
                status: None,
                detail: stopped.to_string(),
                source: Box::new(stopped),
            }),
        }
    }
}
