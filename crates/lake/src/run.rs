use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::format::Encoder;
use crate::gather::Gathering;
use crate::keys::{Keys, RunId};
use crate::lake::Lake;
use crate::open::{Held, State};
use crate::row;
use crate::segment::Segment;
use crate::store::Target;
use crate::upload::Upload;

mod commit;
mod pause;

/// Room for the row that takes a part over its size, so that the buffer does not double for it.
const SLACK: usize = 256 << 10;

/// A run under way, in one of its legs. Nothing of it is visible before [`Run::commit`]; dropping
/// it leaves the clearing to a later run.
#[derive(Debug)]
pub struct Run {
    lake: Lake,
    keys: Keys,
    held: Held,
    /// The parts that this run merges.
    parts: Vec<Gathering>,
    encoder: Encoder,
    upload: Upload,
    /// Rows of earlier legs and of merged parts.
    rows_before: u64,
    /// Rows of this leg.
    rows: u64,
    broken: bool,
    left: Left,
}

/// What a leg that fails now has to delete.
#[derive(Debug, Clone, Copy, Default)]
struct Left {
    object: bool,
    manifest: bool,
}

impl Run {
    pub(crate) fn new(lake: Lake, keys: Keys, held: Held) -> Self {
        let format = held.about.format;
        let target = Target {
            key: held.holder.object_key.clone(),
            content_type: format.content_type(),
            attempt: held.holder.attempt.clone(),
        };
        Self {
            encoder: Encoder::new(format, lake.part_bytes + SLACK),
            upload: Upload::new(lake.store.clone(), target),
            rows_before: held.segments().iter().map(|segment| segment.rows).sum(),
            lake,
            keys,
            held,
            parts: Vec::new(),
            rows: 0,
            broken: false,
            left: Left::default(),
        }
    }

    pub(crate) fn with_parts(self, parts: Vec<Gathering>) -> Self {
        let stored = parts.iter().flat_map(|part| &part.checkpoint.segments);
        Self {
            rows_before: stored.map(|segment| segment.rows).sum(),
            parts,
            ..self
        }
    }

    /// The run's id; that of the first leg if the run was resumed.
    pub fn id(&self) -> &RunId {
        &self.held.about.run
    }

    /// The report.
    pub fn report(&self) -> &str {
        &self.held.about.report
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        self.lake.bucket()
    }

    /// When the run began, not this leg of it.
    pub fn started_at(&self) -> Timestamp {
        self.held.about.started_at
    }

    /// Which invocation of the run this is, from 1.
    pub fn leg(&self) -> u32 {
        self.held.legs().saturating_add(1)
    }

    /// What the leg before handed to [`Run::suspend`]; none in the first leg.
    pub fn progress(&self) -> Option<&RawValue> {
        self.held
            .checkpoint
            .as_ref()
            .map(|before| before.progress.as_ref())
    }

    /// Rows written so far, by all legs and merged parts together.
    pub fn rows(&self) -> u64 {
        self.rows_before + self.rows
    }

    /// Bytes of this leg's object so far, compressed if the format is.
    pub fn bytes(&self) -> u64 {
        self.upload.bytes() + self.encoder.pending() as u64
    }

    /// Adds one JSON value, its bytes unchanged; in lines, its line breaks become spaces.
    pub async fn write(&mut self, row: &[u8]) -> Result<(), Error> {
        row::check(row).map_err(|why| self.invalid(why))?;
        self.push(row).await
    }

    /// As [`Run::write`], without checking again what the type says.
    pub async fn write_value(&mut self, row: &RawValue) -> Result<(), Error> {
        self.push(row.get().as_bytes()).await
    }

    /// Adds one JSON object and, after its opening brace, those pairs of `parent` whose keys
    /// it does not carry itself.
    pub async fn write_child(&mut self, row: &[u8], parent: &[(&str, &str)]) -> Result<(), Error> {
        let row = row::with_parent(row, parent).map_err(|why| self.invalid(why))?;
        self.push(&row).await
    }

    /// Undoes this leg: a run that was resumed goes back to its checkpoint, a merge leaves its
    /// parts parked, and a first leg leaves no trace.
    pub async fn abandon(mut self) -> Result<(), Error> {
        self.roll_back().await
    }

    /// Ends the run and deletes all that its legs stored: the next one of its request starts over.
    pub async fn discard(mut self) -> Result<(), Error> {
        self.upload.abort().await?;
        if self.held.is_ours(&self.lake.store, &self.keys).await? {
            self.lake.wipe(&self.held).await?;
        }
        Ok(())
    }

    /// What is stored already, with the run that stored it, in the order of the rows.
    fn segments(&self) -> impl Iterator<Item = (&RunId, &Segment)> {
        let own = self.held.segments().iter();
        let own = own.map(|segment| (&self.held.about.run, segment));
        own.chain(self.parts.iter().flat_map(|part| {
            let segments = part.checkpoint.segments.iter();
            segments.map(|segment| (&part.run, segment))
        }))
    }

    fn invalid(&self, why: String) -> Error {
        Error::InvalidRow {
            number: self.rows() + 1,
            why,
        }
    }

    async fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        self.require_unbroken()?;
        // Stays set when the caller drops this future half-way.
        self.broken = true;
        self.encoder.push(row).map_err(Error::Compression)?;
        self.rows += 1;
        if self.encoder.pending() >= self.lake.part_bytes {
            let capacity = self.lake.part_bytes + SLACK;
            let next = self.upload.spare().await?;
            let part = self
                .encoder
                .take(next.unwrap_or_else(|| Vec::with_capacity(capacity)));
            self.upload.push(part).await?;
        }
        self.broken = false;
        Ok(())
    }

    fn require_unbroken(&self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Broken {
                run: self.id().clone(),
            });
        }
        Ok(())
    }

    /// After expiry others may delete what this process writes.
    fn require_time(&self) -> Result<(), Error> {
        let expires_at = self.held.holder.expires_at;
        if self.lake.clock.now() >= expires_at {
            return Err(Error::Expired {
                run: self.id().clone(),
                expires_at,
            });
        }
        Ok(())
    }

    fn wrong_end(&self, why: &'static str) -> Error {
        Error::WrongEnd {
            run: self.id().clone(),
            why,
        }
    }

    /// Rolls back after `error`, which is what the caller gets to see.
    async fn roll_back_after(&mut self, error: Error) -> Error {
        if let Err(left) = self.roll_back().await {
            tracing::warn!(
                report = self.held.about.report,
                run = %self.id(),
                error = %left,
                "left a failed run for the next one to clear"
            );
        }
        error
    }

    /// Undoes this leg.
    async fn roll_back(&mut self) -> Result<(), Error> {
        let store = &self.lake.store;
        let aborted = self.upload.abort().await;
        if !self.held.is_ours(store, &self.keys).await? {
            return aborted;
        }
        if self.left.manifest {
            store.delete(&self.keys.manifest(self.id())).await?;
        }
        if self.left.object {
            store.delete(&self.held.holder.object_key).await?;
        }
        // The record stays as it is while anything else does.
        aborted?;
        self.upload.abort_strays().await?;
        match &self.held.checkpoint {
            None => store.delete(&self.held.about.open_key(&self.keys)).await,
            Some(checkpoint) => {
                let state = State::Suspended(checkpoint.clone());
                // Not ours any more, then: somebody else sees to it.
                self.held
                    .release(store, &self.keys, state)
                    .await
                    .map(|_| ())
            }
        }
    }
}
