use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use lake::{Store, Target};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::folder::Folder;
use crate::index::Segment;
use crate::line::{Line, Millis};
use crate::place::Place;

/// Half the time of the usual level, for a tenth more bytes.
const LEVEL: u32 = 3;

/// The lines of a stored segment; none if its object is gone.
pub(crate) async fn read(store: &Store, segment: &Segment) -> Result<Option<Vec<u8>>, Error> {
    let Some(found) = store.get(&segment.key).await? else {
        return Ok(None);
    };
    if hex::encode(Sha256::digest(&found.bytes)) != segment.sha256 {
        return Err(Error::corrupt(&segment.key, &"it has another SHA-256"));
    }
    let plain = usize::try_from(segment.plain).unwrap_or_default();
    let mut lines = Vec::with_capacity(plain);
    // One byte more than there should be shows that there are too many.
    let read = GzDecoder::new(&found.bytes[..])
        .take(segment.plain.saturating_add(1))
        .read_to_end(&mut lines);
    read.map_err(|error| Error::corrupt(&segment.key, &error))?;
    if lines.len() != plain {
        return Err(Error::corrupt(&segment.key, &"it has another size"));
    }
    Ok(Some(lines))
}

/// Writes the lines of a range of places as one object, or several of even size.
pub(crate) struct Writer<'s> {
    store: &'s Store,
    folder: &'s Folder,
    generation: u64,
    /// The newest full run that saw all live records.
    seen: Option<Millis>,
    /// Bytes before compression after which a segment ends.
    enough: u64,
    draft: Option<Draft>,
    done: Vec<Segment>,
}

/// A segment on its way.
struct Draft {
    gzip: GzEncoder<Vec<u8>>,
    about: Segment,
}

impl Draft {
    fn new(from: Place, seen: Option<Millis>) -> Self {
        Self {
            // No time and no system in the header: the same records give the same bytes.
            gzip: GzBuilder::new()
                .mtime(0)
                .operating_system(255)
                .write(Vec::new(), Compression::new(LEVEL)),
            about: Segment {
                key: String::new(),
                from,
                synced: 0,
                failed: 0,
                deleted: 0,
                updated: Millis::MIN,
                seen,
                plain: 0,
                bytes: 0,
                sha256: String::new(),
            },
        }
    }

    fn push(&mut self, line: &Line<'_>, bytes: &[u8]) -> Result<(), Error> {
        let about = &mut self.about;
        match (line.deleted, &line.error) {
            (Some(_), _) => about.deleted += 1,
            (None, Some(_)) => about.failed += 1,
            (None, None) => about.synced += 1,
        }
        about.updated = about.updated.max(line.updated);
        about.plain += bytes.len() as u64;
        self.gzip.write_all(bytes).map_err(Error::Compression)
    }

    fn finish(self, key: String) -> Result<(Segment, Bytes), Error> {
        let bytes = self.gzip.finish().map_err(Error::Compression)?;
        let about = Segment {
            key,
            bytes: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
            ..self.about
        };
        Ok((about, bytes.into()))
    }
}

impl<'s> Writer<'s> {
    /// For about `plain` bytes, in segments of at most about `most`, for the index of `generation`.
    pub(crate) fn new(
        store: &'s Store,
        folder: &'s Folder,
        generation: u64,
        seen: Option<Millis>,
        plain: u64,
        most: u64,
    ) -> Self {
        Self {
            store,
            folder,
            generation,
            seen,
            enough: (plain / plain.div_ceil(most).max(1)).max(1),
            draft: None,
            done: Vec::new(),
        }
    }

    pub(crate) async fn push(
        &mut self,
        place: Place,
        line: &Line<'_>,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if self
            .draft
            .as_ref()
            .is_some_and(|draft| draft.about.plain >= self.enough)
        {
            self.cut().await?;
        }
        let seen = self.seen;
        self.draft
            .get_or_insert_with(|| Draft::new(place, seen))
            .push(line, bytes)
    }

    /// The segments, all of them stored. The first one begins at `from`.
    pub(crate) async fn finish(mut self, from: Place) -> Result<Vec<Segment>, Error> {
        self.cut().await?;
        if let Some(first) = self.done.first_mut() {
            first.from = from;
        }
        Ok(self.done)
    }

    async fn cut(&mut self) -> Result<(), Error> {
        let Some(draft) = self.draft.take() else {
            return Ok(());
        };
        let nonce = nonce()?;
        let key = self.folder.segment(self.generation, &nonce);
        let (segment, bytes) = draft.finish(key)?;
        put(self.store, &segment.key, nonce, bytes).await?;
        self.done.push(segment);
        Ok(())
    }
}

/// Makes one object of `lines`, at `key`.
pub(crate) async fn write_one(
    store: &Store,
    key: String,
    lines: &[(Place, Line<'_>)],
) -> Result<Segment, Error> {
    let mut draft = Draft::new(Place::FIRST, None);
    let mut bytes = Vec::new();
    for (_, line) in lines {
        bytes.clear();
        line.write(&mut bytes)?;
        draft.push(line, &bytes)?;
    }
    let (segment, bytes) = draft.finish(key)?;
    put(store, &segment.key, nonce()?, bytes).await?;
    Ok(segment)
}

async fn put(store: &Store, key: &str, attempt: String, bytes: Bytes) -> Result<(), Error> {
    let target = Target {
        key: key.to_owned(),
        content_type: "application/gzip",
        attempt,
    };
    Ok(store.create(&target, bytes).await?)
}

pub(crate) fn nonce() -> Result<String, Error> {
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).map_err(Error::Entropy)?;
    Ok(hex::encode(nonce))
}
