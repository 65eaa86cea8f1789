use std::fmt;
use std::io::Write as _;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::format::Format;
use crate::manifest::{Manifest, ObjectEntry};
use crate::split::{Layout, Malformed, Splitter};
use crate::store::{Body, Store};

/// Compressed bytes that are unpacked at once, so that a chunk that unpacks well stays small.
const UNPACK_BYTES: usize = 16 << 10;

/// The rows of one data object of a run, in order. Only after the last of them is it known that the
/// object is what its manifest says: until [`Rows::next`] says that there are no more, do nothing
/// with them that cannot be undone.
pub struct Rows<'m> {
    entry: &'m ObjectEntry,
    body: Body,
    unpacker: Option<MultiGzDecoder<Vec<u8>>>,
    /// Gone after the end.
    splitter: Option<Splitter>,
    digest: Sha256,
    bytes: u64,
    count: u64,
}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("key", &self.entry.key)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// Why rows stopped: of themselves, or by whoever took them.
enum Stop<E> {
    Malformed(Malformed),
    Taker(E),
}

impl<E> From<Malformed> for Stop<E> {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

impl<'m> Rows<'m> {
    pub(crate) async fn open(
        store: &Store,
        manifest: &'m Manifest,
        entry: &'m ObjectEntry,
    ) -> Result<Self, Error> {
        let body = store.open(&entry.key).await?;
        let body = body.ok_or_else(|| Error::Missing {
            key: entry.key.clone(),
            manifest: manifest.manifest_key.clone(),
        })?;
        let layout = match manifest.format {
            Format::Json => Layout::Array,
            Format::Jsonl | Format::JsonlGz => Layout::Sequence,
        };
        Ok(Self {
            entry,
            body,
            unpacker: (manifest.format == Format::JsonlGz).then(|| MultiGzDecoder::new(Vec::new())),
            splitter: Some(Splitter::new(layout)),
            digest: Sha256::new(),
            bytes: 0,
            count: 0,
        })
    }

    /// Hands the rows of the next chunk to `take`, as they are stored; whether there may be more.
    ///
    /// It fails with [`Error::Mismatch`] if size, SHA-256 or number of rows are not the manifest's,
    /// with [`Error::Malformed`] if the object is not in its format, and with what `take` fails with.
    pub async fn next<E: From<Error>>(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Some(chunk) = self.body.next().await? else {
            self.end(&mut take)?;
            return Ok(false);
        };
        self.digest.update(&chunk);
        self.bytes += chunk.len() as u64;
        if self.unpacker.is_none() {
            self.split(&chunk, &mut take)?;
            return Ok(true);
        }
        for packed in chunk.chunks(UNPACK_BYTES) {
            let plain = self.unpack(packed)?;
            self.split(&plain, &mut take)?;
        }
        Ok(true)
    }

    /// How many rows were handed out so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn unpack(&mut self, packed: &[u8]) -> Result<Bytes, Error> {
        let rows = self.count;
        let Some(unpacker) = &mut self.unpacker else {
            return Ok(Bytes::new());
        };
        unpacker
            .write_all(packed)
            .map_err(|error| malformed(self.entry, rows, &error))?;
        Ok(std::mem::take(unpacker.get_mut()).into())
    }

    fn split<E: From<Error>>(
        &mut self,
        plain: &[u8],
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(splitter) = &mut self.splitter else {
            return Ok(());
        };
        let rows = &mut self.count;
        let split = splitter.push(plain, |row| {
            *rows += 1;
            take(row).map_err(Stop::Taker)
        });
        split.map_err(|stop| self.stopped(stop))
    }

    fn end<E: From<Error>>(
        &mut self,
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // First whether it is the object at all: if not, what is in it does not matter.
        self.check("bytes", &self.entry.bytes, &self.bytes)?;
        let digest = hex::encode(self.digest.finalize_reset());
        self.check("sha256", &self.entry.sha256, &digest)?;
        if let Some(mut unpacker) = self.unpacker.take() {
            let finished = unpacker.try_finish();
            finished.map_err(|error| malformed(self.entry, self.count, &error))?;
            self.split(&std::mem::take(unpacker.get_mut()), take)?;
        }
        if let Some(splitter) = self.splitter.take() {
            let rows = &mut self.count;
            let finished = splitter.finish(|row| {
                *rows += 1;
                take(row).map_err(Stop::Taker)
            });
            finished.map_err(|stop| self.stopped(stop))?;
        }
        self.check("rows", &self.entry.rows, &self.count)?;
        Ok(())
    }

    fn stopped<E: From<Error>>(&self, stop: Stop<E>) -> E {
        match stop {
            Stop::Taker(error) => error,
            Stop::Malformed(why) => malformed(self.entry, self.count, &why).into(),
        }
    }

    fn check<T: PartialEq + ToString>(
        &self,
        what: &'static str,
        expected: &T,
        found: &T,
    ) -> Result<(), Error> {
        if expected == found {
            return Ok(());
        }
        Err(Error::Mismatch {
            key: self.entry.key.clone(),
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        })
    }
}

fn malformed(entry: &ObjectEntry, row: u64, why: &impl ToString) -> Error {
    Error::Malformed {
        key: entry.key.clone(),
        row,
        why: why.to_string(),
    }
}
