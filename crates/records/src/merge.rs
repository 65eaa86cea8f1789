use std::time::Duration;

use futures_util::FutureExt;
use lake::{Lake, Manifest};
use tokio::time::{Instant, sleep, timeout_at};

use crate::batch::Batch;
use crate::error::Error;
use crate::incoming::{Incoming, failures, joined};
use crate::index::{Index, Moment, Present, Standing};
use crate::join::Taking;
use crate::line::Millis;
use crate::pass::{Pass, Passed};
use crate::place::Place;
use crate::record::{FailedRow, Merged};
use crate::row::{NoRow, Row};
use crate::stream::StreamRecords;

/// How often the index is read anew when others keep getting ahead.
pub(crate) const ATTEMPTS: u32 = 8;

/// How one pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Stored,
    /// Others changed the index meanwhile.
    Overtaken,
    /// The deadline came.
    Late,
}

impl StreamRecords {
    /// Takes the rows of a committed run into the records. With `rows_gone`, for a full run that is
    /// complete, what the run does not have is marked as deleted. `failed` are rows of the run that
    /// are not in it because they could not be taken in.
    ///
    /// The run is read once for each batch of rows that fits into memory; each batch goes over its
    /// part of the records once. Stopped by `deadline` or by a crash, the same call goes on where the
    /// last batch ended; the writing of the index, one small call, may come after the deadline. A run
    /// that was taken in before, or one older than that, changes nothing.
    pub async fn merge(
        &self,
        manifest: &Manifest,
        rows_gone: bool,
        failed: &[FailedRow],
        deadline: Instant,
    ) -> Result<Merged, Error> {
        let run = Moment::of(manifest);
        let failures = failures(failed);
        let gone = rows_gone.then(|| manifest.started_at.as_millisecond());
        let (mut overtaken, mut stored) = (0, false);
        loop {
            let present = Present::read(&self.store, &self.folder).await?;
            let from = match present.index.standing(&run) {
                Standing::Superseded => return Ok(Merged::Superseded),
                Standing::Applied => {
                    if stored {
                        self.sweep(&present.index).await;
                    }
                    return Ok(Merged::Done(present.index.counts()));
                }
                Standing::Open(from) => from,
            };
            let window = Window { from, gone };
            match self
                .pass(manifest, &failures, window, &present, deadline)
                .await
            {
                Ok(Ended::Late) => return Ok(Merged::Unfinished),
                Ok(Ended::Stored) => {
                    (overtaken, stored) = (0, true);
                    continue;
                }
                Ok(Ended::Overtaken) => {}
                Err(error @ Error::Corrupt { .. }) => self.settle(error, &present.index).await?,
                Err(error) => return Err(error),
            }
            overtaken += 1;
            self.give_way(overtaken).await?;
        }
    }

    /// Takes in as many rows from `window` on as fit into memory.
    async fn pass(
        &self,
        manifest: &Manifest,
        failures: &[Incoming<'_>],
        window: Window,
        present: &Present,
        deadline: Instant,
    ) -> Result<Ended, Error> {
        let index = &present.index;
        let borders = index.segments.iter().map(|segment| segment.from).collect();
        let mut batch = Batch::new(self.batch_bytes, window.from, borders);
        match timeout_at(deadline, self.gather(manifest, &mut batch).boxed()).await {
            Err(_) => return Ok(Ended::Late),
            Ok(gathered) => gathered?,
        }
        let taking = Taking {
            now: self.now(index),
            gone: window.gone,
            imported: false,
            from: window.from,
            to: batch.to(),
        };
        let incoming = joined(batch.finish(), failures, taking.from, taking.to);
        let passed = self.work(index, &taking, &incoming, deadline).await?;
        let next = passed.stopped_at.or(taking.to);
        if next.is_some_and(|next| next <= window.from) {
            return Ok(Ended::Late);
        }
        let late = passed.stopped_at.is_some();
        let mut changed = index.clone();
        changed.took_in(&Moment::of(manifest), next);
        match self.publish(present, changed, passed, taking.now).await? {
            Ended::Stored if late => Ok(Ended::Late),
            ended => Ok(ended),
        }
    }

    /// Reads the run, all of it: the rows that belong into the batch, into the batch.
    async fn gather(&self, manifest: &Manifest, batch: &mut Batch) -> Result<(), Error> {
        let lake = Lake::new(self.s3.clone(), self.store.bucket(), self.clock.clone());
        for entry in &manifest.keys {
            let mut rows = lake.rows(manifest, entry).await?;
            let mut number = 0;
            let mut take = |raw: &[u8]| {
                number += 1;
                take_row(batch, raw).map_err(|why| lake::Error::Malformed {
                    key: entry.key.clone(),
                    row: number - 1,
                    why,
                })
            };
            while rows.next(&mut take).await? {}
        }
        Ok(())
    }

    pub(crate) async fn work(
        &self,
        index: &Index,
        taking: &Taking,
        incoming: &[Incoming<'_>],
        deadline: Instant,
    ) -> Result<Passed, Error> {
        let pass = Pass {
            store: &self.store,
            folder: &self.folder,
            index,
            taking,
            incoming,
            segment_bytes: self.segment_bytes,
        };
        pass.run(deadline).boxed().await
    }

    /// Makes what a pass wrote the records, and `next` with it the index.
    pub(crate) async fn publish(
        &self,
        present: &Present,
        mut next: Index,
        passed: Passed,
        now: Millis,
    ) -> Result<Ended, Error> {
        next.generation = present.index.generation + 1;
        next.stamp = now;
        next.segments = passed.segments;
        if present.replace(&self.store, &self.folder, &next).await? {
            self.clear(passed.replaced).await;
            return Ok(Ended::Stored);
        }
        self.clear_unnamed(passed.written).await?;
        Ok(Ended::Overtaken)
    }

    /// The time of what is taken in now.
    pub(crate) fn now(&self, index: &Index) -> Millis {
        self.clock.now().as_millisecond().max(index.stamp)
    }

    /// Waits a moment, or fails if that was done often enough.
    pub(crate) async fn give_way(&self, attempt: u32) -> Result<(), Error> {
        if attempt >= ATTEMPTS {
            return Err(Error::Contended {
                key: self.folder.index(),
            });
        }
        sleep(Duration::from_millis(20 << attempt.min(6))).await;
        Ok(())
    }
}

/// Where a pass begins, and what missing rows mean.
#[derive(Clone, Copy)]
struct Window {
    from: Place,
    gone: Option<Millis>,
}

fn take_row(batch: &mut Batch, raw: &[u8]) -> Result<(), String> {
    let row = Row::parse(raw).map_err(|why| why.to_string())?;
    let place = Place::of(&row.external_id);
    if !batch.wants(place) {
        return Ok(());
    }
    let [before, after] = [row.before, row.after].map(std::str::from_utf8);
    let (Ok(before), Ok(after)) = (before, after) else {
        return Err("it is not UTF-8".to_owned());
    };
    if serde_json::from_slice::<&serde_json::value::RawValue>(raw).is_err() {
        return Err(NoRow::NotAnObject.to_string());
    }
    batch.push(place, &row.external_id, [before, after]);
    Ok(())
}
