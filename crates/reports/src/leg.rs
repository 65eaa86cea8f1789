use futures_util::FutureExt as _;
use lake::Run;
use tokio::time::timeout;
use vendor_http::Deadline;
use zoho_desk::Stop;

use crate::Error;
use crate::pieces::{Piece, Pieces};
use crate::progress::Findings;

/// When one invocation stops reading.
#[derive(Debug, Clone, Copy)]
pub struct Stops {
    /// Nothing new is begun.
    pub soon: Deadline,
    /// No call is waited for; what is left of the time is for storing.
    pub now: Deadline,
}

/// How reading ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// All rows are read.
    AtEnd,
    /// Time is up.
    Stopped,
    /// The vendor did not go on.
    Failed(zoho_desk::Error),
}

/// What one invocation did of a run.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) ending: Ending,
    pub(crate) findings: Findings,
}

impl Leg {
    /// Writes what `pieces` brings to `run` until the end, or until time is up. However reading
    /// ends, all that `pieces` counts as yielded is written. Fails if the lake does.
    pub(crate) async fn copied(
        pieces: &mut Pieces,
        run: &mut Run,
        stops: Stops,
    ) -> Result<Self, Error> {
        let mut leg = Self {
            ending: Ending::AtEnd,
            findings: Findings::default(),
        };
        let mut stops = [(stops.soon, Stop::Soon), (stops.now, Stop::Now)].into_iter();
        let mut stop = stops.next();
        loop {
            let due = stop.filter(|(at, _)| at.has_passed());
            let next = match (due, stop) {
                (Some(_), _) => None,
                (None, Some((at, _))) => timeout(at.remaining(), pieces.next()).await.ok(),
                (None, None) => Some(pieces.next().await),
            };
            match next {
                None => {
                    if let Some((_, how)) = stop {
                        pieces.stop(how);
                    }
                    stop = stops.next();
                }
                Some(Ok(Some(piece))) => leg.write(piece, run).await?,
                Some(Ok(None)) => {
                    if !pieces.at_end() {
                        leg.ending = Ending::Stopped;
                    }
                    return Ok(leg);
                }
                Some(Err(error)) => {
                    leg.ending = Ending::Failed(error);
                    leg.write_ready(pieces, run).await?;
                    return Ok(leg);
                }
            }
        }
    }

    /// What was read before the failure counts as yielded.
    async fn write_ready(&mut self, pieces: &mut Pieces, run: &mut Run) -> Result<(), Error> {
        pieces.stop(Stop::Now);
        while let Some(Ok(Some(piece))) = pieces.next().now_or_never() {
            self.write(piece, run).await?;
        }
        Ok(())
    }

    async fn write(&mut self, piece: Piece, run: &mut Run) -> Result<(), Error> {
        match piece {
            Piece::Rows { parent: None, rows } => {
                for row in rows {
                    run.write_value(&row.json).await?;
                }
            }
            Piece::Rows {
                parent: Some(parent),
                rows,
            } => {
                for row in rows {
                    run.write_child(
                        row.json.get().as_bytes(),
                        &[(parent.key, parent.id.as_str())],
                    )
                    .await?;
                }
            }
            Piece::Value(value) => run.write(&value).await?,
            Piece::Gap(gap) => self.findings.note(gap),
            Piece::Vanished => self.findings.vanished += 1,
        }
        Ok(())
    }
}
