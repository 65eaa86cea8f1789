use std::borrow::Cow;
use std::ptr;

use engine::{Parent, Piece, Reader, Stop, Used};
use futures_util::FutureExt as _;
use lake::Run;
use serde_json::value::RawValue;
use tokio::time::timeout;
use vendor_http::Deadline;

use crate::checkpoint::{Checkpoint, Findings};
use crate::pull::State;
use crate::{Error, Refine, Span};

/// When one process stops reading.
#[derive(Debug, Clone, Copy)]
pub struct Stops {
    /// Nothing new is begun.
    pub soon: Deadline,
    /// Nothing is waited for; what is left of the time is for storing.
    pub now: Deadline,
}

/// How reading ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// All rows are read.
    AtEnd,
    /// Time is up.
    Stopped,
    /// The platform did not go on.
    Failed(engine::Error),
}

/// One leg of a run: what it reads with, and what it found.
pub(crate) struct Course<'a> {
    pub(crate) reader: Box<dyn Reader>,
    pub(crate) refine: &'a mut dyn Refine,
    pub(crate) span: Span,
    /// Where this leg began.
    pub(crate) begun_at: Option<Box<RawValue>>,
    pub(crate) findings: Findings,
    /// By the legs before.
    pub(crate) used_before: Used,
}

impl Course<'_> {
    /// What all legs used.
    pub(crate) fn used(&self) -> Used {
        self.used_before.and(self.reader.used())
    }

    /// Whether this leg was of any use.
    pub(crate) fn advanced(&self) -> bool {
        let text = |position: &RawValue| position.get().to_owned();
        let now = self.reader.position().ok();
        now.as_deref().map(text) != self.begun_at.as_deref().map(text)
    }

    /// What the next leg has to know.
    pub(crate) fn stored(&self) -> Result<Box<RawValue>, Error> {
        let checkpoint = Checkpoint::new(
            self.span.clone(),
            self.reader.position()?,
            self.findings.clone(),
            self.used(),
            self.refine.save(),
        );
        Ok(checkpoint.stored()?)
    }

    /// From where the next incremental run is to read.
    pub(crate) fn state(&self) -> Result<State, engine::Error> {
        if self.findings.are_unsettled() {
            return Ok(State::AsBefore);
        }
        Ok(self.reader.state()?.map_or(State::Nothing, State::Next))
    }

    /// Writes what the reader brings to `run` until the end, or until time is up. However reading
    /// ends, all that the reader counts as yielded is written. Fails if the lake does.
    pub(crate) async fn copy(&mut self, run: &mut Run, stops: Stops) -> Result<Ending, Error> {
        let mut stops = [(stops.soon, Stop::Soon), (stops.now, Stop::Now)].into_iter();
        let mut stop = stops.next();
        loop {
            let due = stop.filter(|(at, _)| at.has_passed());
            let next = match (due, stop) {
                (Some(_), _) => None,
                (None, Some((at, _))) => timeout(at.remaining(), self.reader.next()).await.ok(),
                (None, None) => Some(self.reader.next().await),
            };
            match next {
                None => {
                    if let Some((_, how)) = stop {
                        self.reader.stop(how);
                    }
                    stop = stops.next();
                }
                Some(Ok(Some(piece))) => self.write(piece, run).await?,
                Some(Ok(None)) if self.reader.at_end() => return Ok(Ending::AtEnd),
                Some(Ok(None)) => return Ok(Ending::Stopped),
                Some(Err(error)) => {
                    self.write_ready(run).await?;
                    return Ok(Ending::Failed(error));
                }
            }
        }
    }

    /// What was read before the failure counts as yielded.
    async fn write_ready(&mut self, run: &mut Run) -> Result<(), Error> {
        self.reader.stop(Stop::Now);
        while let Some(Ok(Some(piece))) = self.reader.next().now_or_never() {
            self.write(piece, run).await?;
        }
        Ok(())
    }

    async fn write(&mut self, piece: Piece, run: &mut Run) -> Result<(), Error> {
        match piece {
            Piece::Rows { parent, rows } => {
                for row in rows {
                    self.write_row(&row, parent.as_ref(), run).await?;
                }
                let used = self.used();
                self.refine.wrote(run.rows(), used);
            }
            Piece::Gap(gap) => self.findings.note(gap),
            Piece::Vanished => self.findings.vanished += 1,
        }
        Ok(())
    }

    async fn write_row(
        &mut self,
        row: &RawValue,
        parent: Option<&Parent>,
        run: &mut Run,
    ) -> Result<(), Error> {
        let with_parent = match parent {
            None => None,
            Some(parent) => child_of(parent, row).map_err(|why| lake::Error::InvalidRow {
                number: run.rows() + 1,
                why,
            })?,
        };
        let row = with_parent.as_deref().unwrap_or(row);
        match self.refine.row(row) {
            None => {}
            // Not looked at again: its type says that it is JSON.
            Some(Cow::Borrowed(text)) if ptr::eq(text, row.get()) => run.write_value(row).await?,
            Some(text) => run.write(text.as_bytes()).await?,
        }
        Ok(())
    }
}

/// The row with its parent's id, if that was not in it.
fn child_of(parent: &Parent, row: &RawValue) -> Result<Option<Box<RawValue>>, String> {
    match parent.put_into(row) {
        Ok(Cow::Borrowed(_)) => Ok(None),
        Ok(Cow::Owned(child)) => RawValue::from_string(child)
            .map(Some)
            .map_err(|_| "it is not one JSON value with its parent's id".to_owned()),
        Err(not_an_object) => Err(not_an_object.to_string()),
    }
}
