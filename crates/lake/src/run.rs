use crate::error::Error;
use crate::format::{Encoder, Format};
use crate::keys::Keys;
use crate::lake::Lake;
use crate::manifest::{Manifest, Mode, ObjectEntry, Outcome};
use crate::open::OpenRecord;
use crate::pointer::{self, FullRun, NotMoved, Pointer};
use crate::row;
use crate::store::{Condition, Target, Written};
use crate::upload::{Sealed, Upload};

/// A run under way. Nothing of it is visible before [`Run::commit`]; dropping it leaves the
/// clearing to a later run.
#[derive(Debug)]
pub struct Run {
    lake: Lake,
    keys: Keys,
    record: OpenRecord,
    format: Format,
    encoder: Encoder,
    upload: Upload,
    rows: u64,
    broken: bool,
    left: Left,
}

/// What a run that fails now has to delete.
#[derive(Debug, Clone, Copy, Default)]
struct Left {
    object: bool,
    manifest: bool,
}

impl Run {
    pub(crate) fn new(lake: Lake, keys: Keys, record: OpenRecord, format: Format) -> Self {
        let target = Target {
            key: record.object_key.clone(),
            content_type: format.content_type(),
            attempt: record.attempt.clone(),
        };
        Self {
            encoder: Encoder::new(format, 0),
            upload: Upload::new(lake.store.clone(), target),
            lake,
            keys,
            record,
            format,
            rows: 0,
            broken: false,
            left: Left::default(),
        }
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the object so far, compressed if the format is.
    pub fn bytes(&self) -> u64 {
        self.upload.bytes() + self.encoder.pending() as u64
    }

    /// Adds one JSON value, its bytes unchanged; in lines, its line breaks become spaces.
    pub async fn write(&mut self, row: &[u8]) -> Result<(), Error> {
        row::check(row).map_err(|why| self.invalid(why))?;
        self.push(row).await
    }

    /// Adds one JSON object and, after its opening brace, those pairs of `parent` whose keys
    /// it does not carry itself.
    pub async fn write_child(&mut self, row: &[u8], parent: &[(&str, &str)]) -> Result<(), Error> {
        let row = row::with_parent(row, parent).map_err(|why| self.invalid(why))?;
        self.push(&row).await
    }

    /// Makes the run what readers see: object, manifest, pointer. A run that cannot be
    /// committed leaves nothing, as far as S3 lets it clear up.
    pub async fn commit(mut self, outcome: Outcome) -> Result<Manifest, Error> {
        match self.try_commit(outcome).await {
            Ok(manifest) => {
                self.close().await;
                Ok(manifest)
            }
            Err(NotMoved { error, undecided }) => {
                if undecided {
                    // Readers may be sent here by a write that is still on its way.
                    tracing::warn!(
                        report = self.record.report,
                        run = %self.record.run,
                        "left a run open: whether its pointer moved is unknown until it expires"
                    );
                } else if let Err(error) = self.roll_back().await {
                    tracing::warn!(
                        report = self.record.report,
                        run = %self.record.run,
                        error = %error,
                        "left a failed run for the next one to clear"
                    );
                }
                Err(error)
            }
        }
    }

    /// Ends the run without a trace.
    pub async fn abandon(mut self) -> Result<(), Error> {
        self.roll_back().await
    }

    fn invalid(&self, why: String) -> Error {
        Error::InvalidRow {
            number: self.rows + 1,
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
            let part = self.encoder.take(self.lake.part_bytes);
            self.upload.push(part).await?;
        }
        self.broken = false;
        Ok(())
    }

    fn require_unbroken(&self) -> Result<(), Error> {
        if self.broken {
            return Err(Error::Broken {
                run: self.record.run.clone(),
            });
        }
        Ok(())
    }

    /// After expiry others may delete what this process writes.
    fn require_time(&self) -> Result<(), Error> {
        if self.lake.clock.now() >= self.record.expires_at {
            return Err(Error::Expired {
                run: self.record.run.clone(),
                expires_at: self.record.expires_at,
            });
        }
        Ok(())
    }

    async fn try_commit(&mut self, outcome: Outcome) -> Result<Manifest, NotMoved> {
        let watermark = outcome.watermark;
        let manifest = self.store(outcome).await.map_err(|error| NotMoved {
            error,
            undecided: false,
        })?;
        let pointer = self.pointer_to(&manifest, watermark);
        pointer::advance(&self.lake.store, &self.keys.pointer(), &pointer).await?;
        Ok(manifest)
    }

    /// Stores the object and the manifest.
    async fn store(&mut self, outcome: Outcome) -> Result<Manifest, Error> {
        self.require_unbroken()?;
        self.require_time()?;
        let last = self.encoder.finish().map_err(Error::Compression)?;
        let sealed = self.upload.seal(last).await;
        self.left.object = may_be_there(&sealed);
        let manifest = self.manifest(outcome, sealed?);

        self.require_time()?;
        let written = self
            .lake
            .store
            .write(&manifest.manifest_key, &manifest, Condition::Absent)
            .await;
        let stored = match written {
            Ok(Written::Yes) => Ok(()),
            Ok(Written::No) => Err(self.lake.store.conflict(&manifest.manifest_key)),
            Err(error) => Err(error),
        };
        self.left.manifest = may_be_there(&stored);
        stored?;
        self.require_time()?;
        Ok(manifest)
    }

    fn manifest(&self, outcome: Outcome, sealed: Sealed) -> Manifest {
        let record = &self.record;
        Manifest {
            report: record.report.clone(),
            run: record.run.clone(),
            partitions: record.partitions.clone(),
            status: outcome.status,
            complete: outcome.complete,
            reasons: outcome.reasons,
            warnings: outcome.warnings,
            mode: outcome.mode,
            rows: self.rows,
            bytes: sealed.bytes,
            sha256: sealed.sha256.clone(),
            format: self.format,
            since: outcome.since,
            until: outcome.until,
            started_at: record.started_at,
            finished_at: self.lake.clock.now(),
            requests: outcome.requests,
            credits: outcome.credits,
            retries: outcome.retries,
            bucket: self.lake.store.bucket().to_owned(),
            key: record.object_key.clone(),
            keys: vec![ObjectEntry {
                key: record.object_key.clone(),
                rows: self.rows,
                bytes: sealed.bytes,
                sha256: sealed.sha256,
            }],
            manifest_key: self.keys.manifest(&record.run),
        }
    }

    fn pointer_to(&self, manifest: &Manifest, watermark: Option<jiff::Timestamp>) -> Pointer {
        Pointer {
            report: manifest.report.clone(),
            run: manifest.run.clone(),
            started_at: manifest.started_at,
            manifest_key: manifest.manifest_key.clone(),
            keys: manifest
                .keys
                .iter()
                .map(|entry| entry.key.clone())
                .collect(),
            mode: manifest.mode,
            complete: manifest.complete,
            watermark,
            full_run: (manifest.mode == Mode::Full).then(|| FullRun {
                run: manifest.run.clone(),
                started_at: manifest.started_at,
                manifest_key: manifest.manifest_key.clone(),
            }),
            updated_at: self.lake.clock.now(),
        }
    }

    /// The run is committed; a record that stays is dropped by the next run after it expires.
    async fn close(&self) {
        if let Err(error) = self.try_close().await {
            tracing::warn!(
                report = self.record.report,
                run = %self.record.run,
                error = %error,
                "left the open record of a committed run"
            );
        }
    }

    async fn try_close(&self) -> Result<(), Error> {
        self.upload.abort_strays().await?;
        let key = self.keys.open(&self.record.run);
        self.lake.store.delete(&key).await
    }

    async fn roll_back(&mut self) -> Result<(), Error> {
        let store = &self.lake.store;
        let aborted = self.upload.abort().await;
        if !self.record.is_ours(store, &self.keys).await? {
            return aborted;
        }
        if self.left.manifest {
            store.delete(&self.keys.manifest(&self.record.run)).await?;
        }
        if self.left.object {
            store.delete(&self.record.object_key).await?;
        }
        // The record stays while anything else does.
        aborted?;
        self.upload.abort_strays().await?;
        store.delete(&self.keys.open(&self.record.run)).await
    }
}

/// Whether a write may have left something of ours; in a conflict it is somebody else's.
fn may_be_there<T>(result: &Result<T, Error>) -> bool {
    !matches!(result, Err(Error::Conflict { .. }))
}
