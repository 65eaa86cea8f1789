use std::sync::Arc;

use aws_sdk_s3::Client;
use clock::Clock;
use futures_util::FutureExt;
use futures_util::future::{join_all, try_join_all};
use lake::{InvalidName, Store};

use crate::error::Error;
use crate::folder::Folder;
use crate::index::{Index, Present};
use crate::record::Counts;

/// Bytes of rows, and of what it takes to sort them, that a merge holds in memory.
const BATCH_BYTES: usize = 20 << 20;

/// Bytes that a segment may have before compression: what one page reads at least, and what one
/// changed record rewrites.
const SEGMENT_BYTES: u64 = 4 << 20;

/// Objects deleted at the same time.
const SIDE_BY_SIDE: usize = 16;

/// The records of all streams in one bucket.
#[derive(Debug, Clone)]
pub struct Records {
    s3: Client,
    bucket: String,
    clock: Arc<dyn Clock>,
    batch_bytes: usize,
    segment_bytes: u64,
}

/// The records of one stream.
#[derive(Debug, Clone)]
pub struct StreamRecords {
    pub(crate) s3: Client,
    pub(crate) store: Store,
    pub(crate) folder: Folder,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) batch_bytes: usize,
    pub(crate) segment_bytes: u64,
}

impl Records {
    /// The records in `bucket`. Timeouts and retries are those of the client.
    pub fn new(s3: Client, bucket: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            s3,
            bucket: bucket.into(),
            clock,
            batch_bytes: BATCH_BYTES,
            segment_bytes: SEGMENT_BYTES,
        }
    }

    /// Sets how many bytes of rows a merge holds in memory, 20 MiB unless set. It reads a run once
    /// for each such batch, so that more of them make merges of large runs faster.
    #[must_use]
    pub fn with_batch_bytes(self, batch_bytes: usize) -> Self {
        Self {
            batch_bytes,
            ..self
        }
    }

    /// Sets how many bytes a segment may have before compression, 4 MiB unless set.
    #[must_use]
    pub fn with_segment_bytes(self, segment_bytes: u64) -> Self {
        Self {
            segment_bytes: segment_bytes.max(1),
            ..self
        }
    }

    /// The records of the stream whose runs are those of the report `stream` in the lake
    /// [under](lake::Lake::under) `root`.
    pub fn of(&self, root: &str, stream: &str) -> Result<StreamRecords, InvalidName> {
        Ok(StreamRecords {
            s3: self.s3.clone(),
            store: Store::new(self.s3.clone(), self.bucket.clone()),
            folder: Folder::new(root, stream)?,
            clock: Arc::clone(&self.clock),
            batch_bytes: self.batch_bytes,
            segment_bytes: self.segment_bytes,
        })
    }

    /// Deletes everything below `root`: streams whose records were [removed](StreamRecords::remove_all)
    /// before, what they left, and streams that never came to a record. How many objects there were.
    pub async fn remove_rest(&self, root: &str) -> Result<u64, Error> {
        let store = Store::new(self.s3.clone(), self.bucket.clone());
        let folder = lake::everything(root).map_err(lake::Error::from)?;
        emptied(&store, &folder).await
    }
}

async fn emptied(store: &Store, folder: &str) -> Result<u64, Error> {
    store.abort_uploads(folder).await?;
    let keys = store.list(folder).await?;
    let objects = keys.len() as u64;
    for keys in keys.chunks(SIDE_BY_SIDE) {
        try_join_all(keys.iter().map(|key| store.delete(key).boxed())).await?;
    }
    Ok(objects)
}

impl StreamRecords {
    /// How many records there are, from the index alone.
    pub async fn counts(&self) -> Result<Counts, Error> {
        let present = Present::read(&self.store, &self.folder).await?;
        Ok(present.index.counts())
    }

    /// Deletes all that the stream has: its records and its runs, and uploads that were not
    /// completed. How many objects there were. If it fails, call it again; nothing must merge or
    /// read the stream meanwhile.
    pub async fn remove_all(&self) -> Result<u64, Error> {
        // The index first: from then on nobody reads what vanishes piece by piece.
        self.store.delete(&self.folder.index()).await?;
        emptied(&self.store, self.folder.all()).await
    }

    /// Deletes what processes left that died, or lost against others.
    pub(crate) async fn sweep(&self, index: &Index) {
        let folder = self.folder.current();
        let strays = match self.store.list(&folder).await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(s3.prefix = folder, error = %error, "strays were not looked for");
                return;
            }
        };
        self.clear(self.unnamed(strays, index)).await;
    }

    /// Deletes those of `keys` that no index names, after others got ahead: they may have built on an
    /// index of ours that was stored although no answer said so.
    pub(crate) async fn clear_unnamed(&self, keys: Vec<String>) -> Result<(), Error> {
        let present = Present::read(&self.store, &self.folder).await?;
        self.clear(self.unnamed(keys, &present.index)).await;
        Ok(())
    }

    /// Those of `keys` that neither `index` names nor one after it can.
    fn unnamed(&self, keys: Vec<String>, index: &Index) -> Vec<String> {
        let unnamed = keys.into_iter().filter(|key| {
            let generation = self.folder.generation_of(key);
            generation.is_some_and(|of| of <= index.generation) && !index.names(key)
        });
        unnamed.collect()
    }

    /// Deletes objects that nobody will name any more; one that stays is found by the next sweep.
    pub(crate) async fn clear(&self, keys: Vec<String>) {
        for keys in keys.chunks(SIDE_BY_SIDE) {
            join_all(keys.iter().map(|key| self.clear_one(key).boxed())).await;
        }
    }

    async fn clear_one(&self, key: &str) {
        if let Err(error) = self.store.delete(key).await {
            tracing::warn!(s3.key = key, error = %error, "left an object for the next merge");
        }
    }
}
