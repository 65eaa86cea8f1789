use std::collections::HashSet;
use std::sync::Arc;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use lake::{Lake, Manifest, ObjectEntry};
use parquet::errors::ParquetError;
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::plan::{Plan, Step};
use crate::record::{Identity, NotARecord, RecordReader};
use crate::schema::Table;
use crate::state::{Moment, STATE, State, VERSION};
use crate::store::{Condition, Copy, Publication, Store};
use crate::stored::StoredTable;
use crate::writer::{Seen, TableWriter};

/// Bytes that gather before they are sent as one part of a multipart upload.
const PART_BYTES: usize = 8 << 20;

/// Bytes that gather before they become a row group: what is in memory of a table that is being
/// written is one of them, as it is and encoded.
const GROUP_BYTES: usize = 16 << 20;

/// How often a table is made anew when another compaction got ahead.
const ATTEMPTS: u32 = 3;

/// Makes tables of the runs in one bucket.
#[derive(Debug)]
pub struct Compactor {
    lake: Lake,
    store: Store,
    clock: Arc<dyn Clock>,
    keep_deleted: Option<SignedDuration>,
    part_bytes: usize,
    group_bytes: usize,
}

/// What became of one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has a table.
    Table(Compacted),
    /// There is nothing to make one of.
    Skipped {
        /// What to do for one.
        why: &'static str,
    },
}

/// The table of a report as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// The report.
    pub report: &'static str,
    /// Rows in the table, those marked as deleted included.
    pub rows: u64,
    /// How many of them are marked as deleted.
    pub deleted: u64,
    /// Runs that were read into it now; without any, the object is as it was unless marked rows
    /// were dropped.
    pub runs: usize,
    /// The table's object.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// When the newest complete full run in it began, which is what rows are marked by. Without
    /// one none is marked, and rows that never changed since the first run may be missing.
    pub full_run_at: Option<Timestamp>,
}

/// The stored version of a table.
struct Present {
    copy: Copy,
    table: StoredTable,
    state: State,
}

impl Compactor {
    /// Tables in `bucket`, of the runs in it. Rows marked as deleted are kept for ever.
    pub fn new(s3: aws_sdk_s3::Client, bucket: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            lake: Lake::new(s3.clone(), bucket, Arc::clone(&clock)),
            store: Store::new(s3, bucket.to_owned()),
            clock,
            keep_deleted: None,
            part_bytes: PART_BYTES,
            group_bytes: GROUP_BYTES,
        }
    }

    /// Drops rows that have been marked as deleted for longer than `time`.
    #[must_use]
    pub fn keeping_deleted(self, time: SignedDuration) -> Self {
        Self {
            keep_deleted: Some(time),
            ..self
        }
    }

    /// Sets how many bytes gather before they are sent; AWS wants at least 5 MiB.
    #[must_use]
    pub fn with_part_bytes(self, part_bytes: usize) -> Self {
        Self { part_bytes, ..self }
    }

    /// Sets how many bytes of a table are in memory before they are encoded, as one row group.
    #[must_use]
    pub fn with_group_bytes(self, group_bytes: usize) -> Self {
        Self {
            group_bytes,
            ..self
        }
    }

    /// Brings the table of a report up to the newest committed run, unless `deadline` comes
    /// first. Until it is done, and whenever it fails, readers see the previous table.
    pub async fn compact(
        &self,
        table: &'static Table,
        deadline: Instant,
    ) -> Result<Outcome, Error> {
        for _ in 1..ATTEMPTS {
            match self.attempt(table, deadline).await {
                Err(error) if error.is_conflict() => {
                    tracing::info!(report = table.report, "another compaction got ahead");
                }
                settled => return settled,
            }
        }
        self.attempt(table, deadline).await
    }

    async fn attempt(&self, table: &'static Table, deadline: Instant) -> Result<Outcome, Error> {
        let late = |_| Error::Deadline {
            report: table.report,
        };
        let prepared = timeout_at(deadline, self.prepare(table))
            .await
            .map_err(late)??;
        let Prepared { present, plan } = match prepared {
            Preparation::Work(prepared) => *prepared,
            Preparation::Nothing(outcome) => return Ok(outcome),
        };
        let condition = present.as_ref().map_or(Condition::Absent, |present| {
            Condition::Same(present.copy.etag.clone())
        });
        let mut publication =
            Publication::new(self.store.clone(), table.key(), condition, self.part_bytes)?;
        let making = self.make(table, &plan, present.as_ref(), &mut publication);
        let made = timeout_at(deadline, making).await.map_err(late).flatten();
        if made.is_err() {
            publication.abort().await;
        }
        let (state, bytes) = made?;
        Ok(Outcome::Table(compacted(table, &state, plan.runs, bytes)))
    }

    /// Finds out what there is to do.
    async fn prepare(&self, table: &'static Table) -> Result<Preparation, Error> {
        let present = self.present(table).await?;
        let state = present.as_ref().map(|present| &present.state);
        let known = state.map(|state| state.known.clone()).unwrap_or_default();
        let manifests = self.lake.committed_runs(table.report, &known).await?;
        let only_limited = !manifests.is_empty();
        let Some(plan) = Plan::new(state, manifests) else {
            return Ok(Preparation::Nothing(Outcome::Skipped {
                why: if only_limited {
                    "all its runs are limited to a department, agent, ticket or status: run it once without a limit"
                } else {
                    "it has never run: run it once, with {\"full\": true} for all rows"
                },
            }));
        };
        if let Some(present) = &present
            && plan.runs == 0
            && present.state.layout == table.layout()
            && !self.drops(present.state.oldest_deleted)
        {
            let bytes = present.copy.bytes;
            let outcome = Outcome::Table(compacted(table, &present.state, 0, bytes));
            return Ok(Preparation::Nothing(outcome));
        }
        Ok(Preparation::Work(Box::new(Prepared { present, plan })))
    }

    async fn present(&self, table: &Table) -> Result<Option<Present>, Error> {
        let Some(copy) = self.store.copy(&table.key()).await? else {
            return Ok(None);
        };
        let unreadable = |why: String| Error::Stored {
            key: table.key(),
            why,
        };
        let file = copy.file.try_clone().map_err(Error::Scratch)?;
        let stored = StoredTable::open(file).map_err(|error| unreadable(error.to_string()))?;
        let note = stored.note(STATE).unwrap_or_default();
        let state: State =
            serde_json::from_str(note).map_err(|error| unreadable(error.to_string()))?;
        if state.version != VERSION || state.report != table.report {
            return Err(unreadable(format!(
                "it is version {} of {}",
                state.version, state.report
            )));
        }
        Ok(Some(Present {
            copy,
            table: stored,
            state,
        }))
    }

    /// Writes and publishes the next version of the table.
    async fn make(
        &self,
        table: &'static Table,
        plan: &Plan,
        present: Option<&Present>,
        publication: &mut Publication,
    ) -> Result<(State, u64), Error> {
        let mut merge = Merge::new(self, table, plan)?;
        for (n, step) in plan.steps.iter().enumerate() {
            // The stored table holds no row twice: if nothing comes after it, nothing of it needs
            // to be remembered, and memory is as large as what changed.
            let last = n + 1 == plan.steps.len();
            merge.remembers = !last || matches!(step, Step::Run(_));
            match (step, present) {
                (Step::Run(manifest), _) => merge.run(manifest, publication).await?,
                (stored, Some(present)) => merge.stored(present, stored, publication).await?,
                (Step::Stored { .. }, None) => {}
            }
        }
        let (state, last) = merge.finish()?;
        publication.push(last).await?;
        let bytes = publication.finish().await?;
        Ok((state, bytes))
    }

    /// Whether a row found to be gone at `deleted` is dropped by now.
    fn drops(&self, deleted: Option<Timestamp>) -> bool {
        match (deleted, self.keep_deleted) {
            (Some(deleted), Some(keep)) => self.clock.now().duration_since(deleted) >= keep,
            _ => false,
        }
    }
}

enum Preparation {
    Work(Box<Prepared>),
    Nothing(Outcome),
}

struct Prepared {
    present: Option<Present>,
    plan: Plan,
}

fn compacted(table: &Table, state: &State, runs: usize, bytes: u64) -> Compacted {
    Compacted {
        report: table.report,
        rows: state.rows,
        deleted: state.deleted,
        runs,
        key: table.key(),
        bytes,
        full_run_at: state.full.as_ref().map(|full| full.started_at),
    }
}

/// The rows of the steps so far on their way into the next version of a table.
struct Merge<'c> {
    compactor: &'c Compactor,
    table: &'static Table,
    plan: &'c Plan,
    reader: RecordReader,
    writer: TableWriter,
    /// Ids take 8 bytes and a little; only rows without a numeric id take more.
    numbers: HashSet<u64>,
    texts: HashSet<[u8; 16]>,
    remembers: bool,
    deleted: u64,
    oldest_deleted: Option<Timestamp>,
}

impl<'c> Merge<'c> {
    fn new(compactor: &'c Compactor, table: &'static Table, plan: &'c Plan) -> Result<Self, Error> {
        Ok(Self {
            compactor,
            table,
            plan,
            reader: RecordReader::new(table),
            writer: TableWriter::new(table, compactor.group_bytes).map_err(Error::Encoding)?,
            numbers: HashSet::new(),
            texts: HashSet::new(),
            remembers: true,
            deleted: 0,
            oldest_deleted: None,
        })
    }

    async fn run(
        &mut self,
        manifest: &Manifest,
        publication: &mut Publication,
    ) -> Result<(), Error> {
        let seen = Moment::of(manifest);
        let deleted = self.plan.deleted(&seen);
        for entry in &manifest.keys {
            let mut rows = self.compactor.lake.rows(manifest, entry).await?;
            let mut number = 0;
            while rows
                .next(|raw| {
                    number += 1;
                    self.row(raw, &seen, deleted)
                        .map_err(|why| why.within(|why| malformed(entry, number - 1, &why)))
                })
                .await?
            {
                self.send(publication).await?;
            }
        }
        self.send(publication).await
    }

    async fn stored(
        &mut self,
        present: &Present,
        step: &Step,
        publication: &mut Publication,
    ) -> Result<(), Error> {
        let unreadable = |why: String| Error::Stored {
            key: self.table.key(),
            why,
        };
        let mut scan = present.table.scan();
        loop {
            let rows = scan.next().map_err(|error| unreadable(error.to_string()))?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let run = row
                    .run
                    .as_utf8()
                    .map_err(|error| unreadable(error.to_string()))?;
                let seen = Moment::new(row.seen_at, run);
                if !step.covers(&seen) {
                    continue;
                }
                // What an earlier full run found stays, unless a late one found it before.
                let found = self.plan.deleted(&seen);
                let deleted = row.deleted.into_iter().chain(found).min();
                self.row(row.raw.data(), &seen, deleted)
                    .map_err(|why| why.within(|why| unreadable(why.to_string())))?;
            }
            self.send(publication).await?;
            // Nothing here waits while the sending does not: let the deadline be noticed.
            tokio::task::yield_now().await;
        }
    }

    /// Takes a row unless a newer version of it was taken before.
    fn row(
        &mut self,
        raw: &[u8],
        seen: &Moment,
        deleted: Option<Timestamp>,
    ) -> Result<(), RowError> {
        let record = self.reader.read(raw).map_err(RowError::NotARecord)?;
        if !self.is_new(record.identity) || self.compactor.drops(deleted) {
            return Ok(());
        }
        if let Some(at) = deleted {
            self.deleted += 1;
            self.oldest_deleted = Some(self.oldest_deleted.map_or(at, |oldest| oldest.min(at)));
        }
        let seen = Seen {
            raw,
            run: &seen.run,
            at: seen.started_at,
            deleted,
        };
        self.writer
            .push(self.reader.values(&record), seen)
            .map_err(RowError::Encoding)
    }

    fn is_new(&mut self, identity: Identity) -> bool {
        match (identity, self.remembers) {
            (Identity::Number(id), true) => self.numbers.insert(id),
            (Identity::Text(id), true) => self.texts.insert(id),
            (Identity::Number(id), false) => !self.numbers.contains(&id),
            (Identity::Text(id), false) => !self.texts.contains(&id),
        }
    }

    async fn send(&mut self, publication: &mut Publication) -> Result<(), Error> {
        if self.writer.pending() > 0 {
            publication
                .push(self.writer.take().map_err(Error::Encoding)?)
                .await?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(State, Vec<u8>), Error> {
        let state = State {
            version: VERSION,
            report: self.table.report.to_owned(),
            layout: self.table.layout(),
            known: self.plan.known.clone(),
            newest: self.plan.newest.clone(),
            full: self.plan.fulls.last().cloned(),
            rows: self.writer.rows(),
            deleted: self.deleted,
            oldest_deleted: self.oldest_deleted,
            compacted_at: self.compactor.clock.now(),
        };
        let note = serde_json::to_string(&state)
            .map_err(|error| Error::Encoding(ParquetError::General(error.to_string())))?;
        let last = self.writer.finish(STATE, note).map_err(Error::Encoding)?;
        Ok((state, last))
    }
}

fn malformed(entry: &ObjectEntry, row: u64, why: &NotARecord) -> Error {
    Error::Lake(lake::Error::Malformed {
        key: entry.key.clone(),
        row,
        why: why.to_string(),
    })
}

/// Why a row could not be taken.
enum RowError {
    NotARecord(NotARecord),
    Encoding(ParquetError),
}

impl RowError {
    /// The error, with the place named by `place` if it is the row's.
    fn within(self, place: impl FnOnce(NotARecord) -> Error) -> Error {
        match self {
            Self::NotARecord(why) => place(why),
            Self::Encoding(error) => Error::Encoding(error),
        }
    }
}
