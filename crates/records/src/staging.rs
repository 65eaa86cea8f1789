use std::borrow::Cow;

use lake::RunId;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::error::Error;
use crate::incoming::Incoming;
use crate::index::{Present, Staged};
use crate::join::Taking;
use crate::line::{Line, Lines, Millis, Read};
use crate::merge::Ended;
use crate::place::Place;
use crate::record::{Counts, ImportRow, Merged};
use crate::segment;
use crate::stream::StreamRecords;

/// Bytes of ids and data that one import may have; it is held in memory whole.
const MOST_BYTES: usize = 16 << 20;

impl StreamRecords {
    /// Stores rows that [`StreamRecords::merge_staged`] is to take in; until then they are pending.
    /// Of several rows of one record the last one counts. Staging the same import twice is staging it
    /// once, unless it was taken in between.
    pub async fn stage(&self, import: &RunId, rows: &[ImportRow]) -> Result<Counts, Error> {
        check(rows)?;
        let mut attempt = 0;
        loop {
            let present = Present::read(&self.store, &self.folder).await?;
            if rows.is_empty() || present.index.staged(import).is_some() {
                return Ok(present.index.counts());
            }
            let now = self.now(&present.index);
            let lines = lines(rows, now);
            let mut next = present.index.clone();
            next.generation += 1;
            next.stamp = now;
            let key = self
                .folder
                .staged(next.generation, import, &segment::nonce()?);
            let staged = segment::write_one(&self.store, key.clone(), &lines).await?;
            next.staged.push(Staged {
                import: import.clone(),
                rows: staged,
            });
            if present.replace(&self.store, &self.folder, &next).await? {
                return Ok(next.counts());
            }
            self.clear_unnamed(vec![key]).await?;
            attempt += 1;
            self.give_way(attempt).await?;
        }
    }

    /// Takes the rows of an import into the records, whole or not at all. An import that is not
    /// staged, such as one that was taken in before, changes nothing.
    pub async fn merge_staged(&self, import: &RunId, deadline: Instant) -> Result<Merged, Error> {
        let mut attempt = 0;
        loop {
            let present = Present::read(&self.store, &self.folder).await?;
            let index = &present.index;
            let Some(staged) = index.staged(import) else {
                if attempt > 0 {
                    self.sweep(index).await;
                }
                return Ok(Merged::Done(index.counts()));
            };
            match self.take_in(&present, staged, deadline).await {
                Ok(Ended::Late) => return Ok(Merged::Unfinished),
                Ok(Ended::Stored | Ended::Overtaken) => {}
                Err(error @ Error::Corrupt { .. }) => self.settle(error, index).await?,
                Err(error) => return Err(error),
            }
            attempt += 1;
            self.give_way(attempt).await?;
        }
    }

    async fn take_in(
        &self,
        present: &Present,
        staged: &Staged,
        deadline: Instant,
    ) -> Result<Ended, Error> {
        let text = self.lines_of(&staged.rows).await?;
        let lines = Lines::new(&staged.rows.key, &text).collect::<Result<Vec<_>, _>>()?;
        let incoming: Vec<Incoming<'_>> = lines.iter().map(incoming).collect();
        let taking = Taking {
            now: self.now(&present.index),
            gone: None,
            imported: true,
            from: Place::FIRST,
            to: None,
        };
        let mut passed = self
            .work(&present.index, &taking, &incoming, deadline)
            .await?;
        if passed.stopped_at.is_some() {
            self.clear(passed.written).await;
            return Ok(Ended::Late);
        }
        passed.replaced.push(staged.rows.key.clone());
        let mut next = present.index.clone();
        next.staged.retain(|other| other.import != staged.import);
        self.publish(present, next, passed, taking.now).await
    }
}

fn check(rows: &[ImportRow]) -> Result<(), Error> {
    let stray = rows.iter().position(|row| !row.data.get().starts_with('{'));
    if let Some(stray) = stray {
        return Err(Error::NotAnObject { number: stray + 1 });
    }
    let bytes = rows
        .iter()
        .map(|row| row.external_id.len() + row.data.get().len());
    let bytes = bytes.sum();
    if bytes > MOST_BYTES {
        return Err(Error::TooLarge {
            bytes,
            most: MOST_BYTES,
        });
    }
    Ok(())
}

/// The rows as pending records, in the order of their places, the last one of each record.
fn lines(rows: &[ImportRow], now: Millis) -> Vec<(Place, Line<'_>)> {
    let mut lines: Vec<(Place, Line<'_>)> = rows
        .iter()
        .rev()
        .map(|row| (Place::of(&row.external_id), pending(row, now)))
        .collect();
    lines.sort_by_key(|(place, _)| *place);
    lines.dedup_by_key(|(place, _)| *place);
    lines
}

fn pending(row: &ImportRow, now: Millis) -> Line<'_> {
    let data: &RawValue = &row.data;
    Line {
        external_id: Cow::Borrowed(&row.external_id),
        created: now,
        updated: now,
        seen: now,
        deleted: None,
        error: None,
        imported: true,
        data: Some(data),
    }
}

fn incoming<'a>(read: &'a Read<'_>) -> Incoming<'a> {
    Incoming {
        place: read.place,
        external_id: &read.line.external_id,
        data: read.line.data.map(RawValue::get),
        error: None,
    }
}
