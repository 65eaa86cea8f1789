use futures_util::{StreamExt, TryStreamExt, stream};

use super::Run;
use crate::error::Error;
use crate::keys::RunId;
use crate::manifest::{Manifest, Mode, ObjectEntry, Outcome, Status};
use crate::open;
use crate::pointer::{self, FullRun, NotMoved, Pointer};
use crate::segment::Segment;
use crate::store::{Completion, Condition, Written};

/// Uploads completed, or records deleted, at the same time.
const SIDE_BY_SIDE: usize = 8;

impl Run {
    /// Makes the run what readers see: objects, manifest, pointer.
    ///
    /// If it fails, this leg is undone as by [`Run::abandon`], as far as S3 lets it. If what an
    /// earlier leg stored is gone ([`Error::CheckpointLost`]), the whole run is deleted; of a
    /// merge, the part.
    pub async fn commit(mut self, outcome: Outcome) -> Result<Manifest, Error> {
        if self.held.about.group.is_some() {
            let error = self.wrong_end("a part of a merge is parked, the merge is committed");
            return Err(self.refused(error).await);
        }
        match self.try_commit(outcome).await {
            Ok(manifest) => {
                self.close().await;
                Ok(manifest)
            }
            Err(NotMoved { error, undecided }) if undecided => {
                // Readers may be sent here by a write that is still on its way.
                tracing::warn!(
                    report = self.held.about.report,
                    run = %self.id(),
                    "left a run open: whether its pointer moved is unknown until it expires"
                );
                Err(error)
            }
            Err(NotMoved { error, .. }) => {
                if let Error::CheckpointLost { run } = &error {
                    self.start_over(run).await;
                }
                Err(self.roll_back_after(error).await)
            }
        }
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

    /// Stores the objects and the manifest.
    async fn store(&mut self, outcome: Outcome) -> Result<Manifest, Error> {
        self.require_unbroken()?;
        self.require_time()?;
        let mut objects = self.complete_segments().await?;
        if self.rows > 0 || objects.is_empty() {
            self.require_time()?;
            objects.push(self.seal().await?);
        }
        let manifest = self.manifest(outcome, objects);

        self.require_time()?;
        let written = self
            .lake
            .store
            .write(&manifest.manifest_key, &manifest, Condition::Absent)
            .await;
        let stored = match written {
            Ok(Written::Yes(_)) => Ok(()),
            Ok(Written::No) => Err(self.lake.store.conflict(&manifest.manifest_key)),
            Err(error) => Err(error),
        };
        self.left.manifest = may_be_there(&stored);
        stored?;
        self.require_time()?;
        Ok(manifest)
    }

    /// Turns what earlier legs and parts stored into objects, in the order of the rows.
    async fn complete_segments(&self) -> Result<Vec<ObjectEntry>, Error> {
        let stored: Vec<(RunId, Segment)> = self
            .segments()
            .map(|(run, segment)| (run.clone(), segment.clone()))
            .collect();
        let completed: Vec<Result<ObjectEntry, Error>> = stream::iter(stored)
            .map(|(run, segment)| self.complete_segment(run, segment))
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        // All answers are in: nothing becomes an object after what follows a failure.
        completed.into_iter().collect()
    }

    async fn complete_segment(&self, run: RunId, segment: Segment) -> Result<ObjectEntry, Error> {
        self.require_time()?;
        match self.lake.store.complete_segment(&segment).await? {
            Completion::Done => Ok(segment.entry()),
            Completion::Lost => Err(Error::CheckpointLost { run }),
        }
    }

    /// Makes an object of this leg.
    async fn seal(&mut self) -> Result<ObjectEntry, Error> {
        let last = self.encoder.finish().map_err(Error::Compression)?;
        let sealed = self.upload.seal(last).await;
        self.left.object = may_be_there(&sealed);
        let sealed = sealed?;
        Ok(ObjectEntry {
            key: self.held.holder.object_key.clone(),
            rows: self.rows,
            bytes: sealed.bytes,
            sha256: sealed.sha256,
        })
    }

    fn manifest(&self, outcome: Outcome, objects: Vec<ObjectEntry>) -> Manifest {
        let about = &self.held.about;
        let parts = self.parts.iter().map(|part| part.checkpoint.legs);
        let first = objects.first();
        Manifest {
            report: about.report.clone(),
            run: about.run.clone(),
            partitions: about.partitions.clone(),
            status: Status::Complete,
            complete: outcome.complete,
            reasons: outcome.reasons,
            warnings: outcome.warnings,
            mode: outcome.mode,
            rows: objects.iter().map(|object| object.rows).sum(),
            bytes: objects.iter().map(|object| object.bytes).sum(),
            sha256: first
                .filter(|_| objects.len() == 1)
                .map(|only| only.sha256.clone()),
            format: about.format,
            since: outcome.since,
            until: outcome.until,
            started_at: about.started_at,
            finished_at: self.lake.clock.now(),
            requests: outcome.requests,
            credits: outcome.credits,
            retries: outcome.retries,
            bucket: self.lake.store.bucket().to_owned(),
            key: first.map_or_else(String::new, |object| object.key.clone()),
            keys: objects,
            legs: parts.fold(self.leg(), u32::saturating_add),
            manifest_key: self.keys.manifest(&about.run),
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
                report = self.held.about.report,
                run = %self.id(),
                error = %error,
                "left the open record of a committed run"
            );
        }
    }

    async fn try_close(&self) -> Result<(), Error> {
        self.upload.abort_strays().await?;
        let store = &self.lake.store;
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| self.open_key(&part.run))
            .collect();
        stream::iter(parts)
            .map(|key| async move { store.delete(&key).await })
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect::<()>()
            .await?;
        store.delete(&self.held.about.open_key(&self.keys)).await
    }

    /// Deletes what is left of the run, or of the part of this merge, whose checkpoint is no good.
    async fn start_over(&mut self, lost: &RunId) {
        let wiped = if lost == self.id() {
            self.wipe_earlier_legs().await
        } else {
            self.wipe_part(lost).await
        };
        if let Err(error) = wiped {
            tracing::warn!(run = %lost, error = %error, "left a run whose checkpoint is gone");
        }
    }

    async fn wipe_earlier_legs(&mut self) -> Result<(), Error> {
        let store = &self.lake.store;
        if self.held.is_ours(store, &self.keys).await? {
            for segment in self.held.segments() {
                store.abort_uploads_of(&segment.key, None).await?;
                store.delete(&segment.key).await?;
            }
            // Rolling back now deletes the record.
            self.held.checkpoint = None;
        }
        Ok(())
    }

    /// While this merge holds the group, nobody else touches its parked parts.
    async fn wipe_part(&self, lost: &RunId) -> Result<(), Error> {
        let store = &self.lake.store;
        let still_there = open::read(store, &self.open_key(lost)).await?.is_some();
        if !still_there || !self.held.is_ours(store, &self.keys).await? {
            return Ok(());
        }
        for part in self.parts.iter().filter(|part| part.run == *lost) {
            for segment in &part.checkpoint.segments {
                store.abort_uploads_of(&segment.key, None).await?;
                store.delete(&segment.key).await?;
            }
        }
        store.delete(&self.open_key(lost)).await
    }

    /// The open record of a part of this merge.
    fn open_key(&self, part: &RunId) -> String {
        self.keys.open(Some(self.id()), part)
    }
}

/// Whether a write may have left something of ours; in a conflict it is somebody else's.
fn may_be_there<T>(result: &Result<T, Error>) -> bool {
    !matches!(result, Err(Error::Conflict { .. }))
}
