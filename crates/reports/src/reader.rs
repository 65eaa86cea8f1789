use engine::{Kind, Piece, Reader, Stop, Used};
use futures_util::future::{self, BoxFuture};
use ingest::Work;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use vendor_http::Usage;
use zoho_desk::Desk;

use crate::failure::of_read;
use crate::pieces::{Pieces, Position};
use crate::plan::{Plan, Span};

/// Changes when a newer version could not read what an older one stored.
const VERSION: u32 = 1;

/// The rows of a plan.
#[derive(Debug)]
pub(crate) struct DeskReader {
    desk: Desk,
    span: Span,
    pieces: Pieces,
    /// What the vendor's client had counted before.
    used_before: Usage,
}

/// Where a reader stands; the span is part of it, since rows of another one are other rows.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    version: u32,
    span: Span,
    at: Position,
}

/// Up to when everything is known: the state of an incremental stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) watermark: Timestamp,
}

/// A run of a report, decided.
#[derive(Debug)]
pub(crate) struct Planning<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) plan: Plan,
    /// What the vendor's client had counted when the invocation began.
    pub(crate) used_before: Usage,
}

impl Work for Planning<'_> {
    fn open<'a>(
        &'a mut self,
        resume: Option<&'a RawValue>,
        _started_at: Timestamp,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, engine::Error>> {
        let reader = DeskReader::new(self.desk, self.plan.clone(), resume, self.used_before);
        let reader = reader.map(|reader| Box::new(reader) as Box<dyn Reader>);
        Box::pin(future::ready(reader))
    }
}

impl DeskReader {
    /// From the first row of `plan`, or from `resume` with the span that was read there.
    pub(crate) fn new(
        desk: &Desk,
        plan: Plan,
        resume: Option<&RawValue>,
        used_before: Usage,
    ) -> Result<Self, engine::Error> {
        let (span, pieces) = match resume {
            None => (plan.span.clone(), Some(Pieces::of(desk, &plan))),
            Some(resume) => {
                let place = Place::read(resume).ok_or_else(engine::Error::position_unknown)?;
                let plan = Plan {
                    span: place.span,
                    ..plan
                };
                let pieces = Pieces::of(desk, &plan).resumed(place.at);
                (plan.span, pieces)
            }
        };
        Ok(Self {
            desk: desk.clone(),
            span,
            pieces: pieces.ok_or_else(engine::Error::position_unknown)?,
            used_before,
        })
    }
}

impl Place {
    /// `None` if another version wrote it.
    fn read(stored: &RawValue) -> Option<Self> {
        let place: Self = serde_json::from_str(stored.get()).ok()?;
        (place.version == VERSION).then_some(place)
    }
}

impl Reader for DeskReader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>, engine::Error>> {
        Box::pin(async {
            self.pieces.next().await.map_err(|error| {
                // Other lists could go on; they are begun again by who reads on from here.
                self.pieces.stop(zoho_desk::Stop::Now);
                of_read(error)
            })
        })
    }

    fn stop(&mut self, how: Stop) {
        self.pieces.stop(match how {
            Stop::Soon => zoho_desk::Stop::Soon,
            Stop::Now => zoho_desk::Stop::Now,
        });
    }

    fn at_end(&self) -> bool {
        self.pieces.at_end()
    }

    fn position(&self) -> Result<Box<RawValue>, engine::Error> {
        let place = Place {
            version: VERSION,
            span: self.span.clone(),
            at: self.pieces.position(),
        };
        to_raw_value(&place).map_err(unwritable)
    }

    fn state(&self) -> Result<Option<Box<RawValue>>, engine::Error> {
        let known = self.span.watermark.map(|watermark| Known { watermark });
        let known = known.as_ref().map(to_raw_value).transpose();
        known.map_err(unwritable)
    }

    fn used(&self) -> Used {
        let usage = self.desk.usage().since(self.used_before);
        Used {
            requests: usage.requests,
            credits: usage.credits,
            retries: usage.retries,
        }
    }
}

fn unwritable(error: serde_json::Error) -> engine::Error {
    let message = format!("the place in the reading cannot be written down: {error}");
    engine::Error::new(Kind::Internal, message).caused_by(error)
}
