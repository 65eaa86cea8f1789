//! A platform in memory: what its reader yields is written down beforehand.

use std::sync::Arc;
use std::time::Duration;

use engine::{Error, Gap, Kind, Parent, Piece, Reader, Stop, Used};
use futures_util::future::{self, BoxFuture};
use ingest::Work;
use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::Notify;

use crate::harness::SHORT;

/// One piece of the stream.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// So many rows.
    Rows(usize),
    /// So many rows of one parent.
    Children(usize),
    Gap {
        lasting: bool,
    },
    Vanished,
}

/// What one leg gets from the platform.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    /// Pieces that come, then [`Leg::then`].
    pub(crate) pieces: usize,
    pub(crate) then: Then,
    /// Pieces that are ready when it is stopped or fails.
    pub(crate) ahead: usize,
    /// What each piece costs.
    pub(crate) requests: u64,
}

/// What follows the pieces of a leg.
#[derive(Debug, Clone)]
pub(crate) enum Then {
    /// Nothing, until it is stopped.
    Silence,
    Failure(Error),
}

impl Leg {
    pub(crate) fn whole() -> Self {
        Self::of(usize::MAX)
    }

    /// Nothing comes after `pieces`.
    pub(crate) fn of(pieces: usize) -> Self {
        Self {
            pieces,
            then: Then::Silence,
            ahead: 0,
            requests: 1,
        }
    }

    pub(crate) fn failing(pieces: usize, error: Error) -> Self {
        Self {
            then: Then::Failure(error),
            ..Self::of(pieces)
        }
    }
}

/// Opens readers of the same stream, each of which gets what its leg says.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) parts: Arc<Vec<Part>>,
    pub(crate) leg: Leg,
    /// What each leg was opened with.
    pub(crate) opened: Vec<(Option<String>, Timestamp)>,
    /// Told when a reader has nothing more to say.
    pub(crate) silent: Arc<Notify>,
    pub(crate) refuses: Option<Error>,
}

#[derive(Debug)]
struct Script {
    parts: Arc<Vec<Part>>,
    leg: Leg,
    silent: Arc<Notify>,
    at: usize,
    began_at: usize,
    stopped: bool,
    failed: bool,
}

impl Platform {
    pub(crate) fn of(parts: &[Part]) -> Self {
        Self {
            parts: Arc::new(parts.to_vec()),
            leg: Leg::whole(),
            opened: Vec::new(),
            silent: Arc::default(),
            refuses: None,
        }
    }

    /// `count` pieces of `rows` rows each.
    pub(crate) fn of_pieces(count: usize, rows: usize) -> Self {
        Self::of(&vec![Part::Rows(rows); count])
    }

    /// Every row as it is to be stored.
    pub(crate) fn rows(&self) -> Vec<String> {
        let pieces = (0..self.parts.len()).map(|index| piece(&self.parts, index));
        pieces.flat_map(texts).collect()
    }
}

impl Work for Platform {
    fn open<'a>(
        &'a mut self,
        resume: Option<&'a RawValue>,
        started_at: Timestamp,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, Error>> {
        let place = resume.map(|resume| resume.get().to_owned());
        self.opened.push((place.clone(), started_at));
        if let Some(error) = self.refuses.take() {
            return Box::pin(future::ready(Err(error)));
        }
        let at = match place {
            None => Some(0),
            Some(place) => place.parse().ok(),
        };
        let reader = at.map(|at| Script {
            parts: Arc::clone(&self.parts),
            leg: self.leg.clone(),
            silent: Arc::clone(&self.silent),
            at,
            began_at: at,
            stopped: false,
            failed: false,
        });
        let reader = reader.map(|reader| Box::new(reader) as Box<dyn Reader>);
        Box::pin(future::ready(reader.ok_or_else(Error::position_unknown)))
    }
}

impl Reader for Script {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>, Error>> {
        Box::pin(async move {
            if !self.stopped && !self.failed {
                // As a call over the network gives way.
                tokio::task::yield_now().await;
            }
            if self.at_end() {
                return Ok(None);
            }
            let yielded = self.at - self.began_at;
            let limit = self.leg.pieces;
            let over = self.stopped || self.failed;
            if yielded < limit.saturating_add(if over { self.leg.ahead } else { 0 })
                && !(over && yielded < limit)
            {
                self.at += 1;
                return Ok(Some(piece(&self.parts, self.at - 1)));
            }
            if over {
                return Ok(None);
            }
            match self.leg.then.clone() {
                Then::Failure(error) => {
                    self.failed = true;
                    Err(error)
                }
                Then::Silence => {
                    self.silent.notify_one();
                    tokio::spawn(pass(SHORT));
                    future::pending().await
                }
            }
        })
    }

    fn stop(&mut self, _how: Stop) {
        self.stopped = true;
    }

    fn at_end(&self) -> bool {
        self.at == self.parts.len()
    }

    fn position(&self) -> Result<Box<RawValue>, Error> {
        to_raw_value(&self.at).map_err(|error| Error::new(Kind::Internal, error))
    }

    fn state(&self) -> Result<Option<Box<RawValue>>, Error> {
        let state = to_raw_value(&format!("after {}", self.parts.len()));
        state
            .map(Some)
            .map_err(|error| Error::new(Kind::Internal, error))
    }

    fn used(&self) -> Used {
        let pieces = (self.at - self.began_at) as u64;
        Used {
            requests: pieces * self.leg.requests,
            credits: pieces,
            retries: 0,
        }
    }
}

/// Lets time pass at once. It runs on meanwhile, since the bucket's timeouts need it.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

fn piece(parts: &[Part], index: usize) -> Piece {
    let row = |number: usize| {
        let text = format!(r#"{{"id":"{index}-{number}","text":"Grüße  🌍\u00e4","n":1.50}}"#);
        RawValue::from_string(text).unwrap()
    };
    match &parts[index] {
        Part::Rows(count) => Piece::Rows {
            parent: None,
            rows: (0..*count).map(row).collect(),
        },
        Part::Children(count) => Piece::Rows {
            parent: Some(Parent {
                key: "parentId".to_owned(),
                id: index.to_string(),
            }),
            rows: (0..*count).map(row).collect(),
        },
        Part::Gap { lasting } => Piece::Gap(Gap {
            why: format!("rows of piece {index} are missing"),
            lasting: *lasting,
        }),
        Part::Vanished => Piece::Vanished,
    }
}

fn texts(piece: Piece) -> Vec<String> {
    match piece {
        Piece::Rows { parent, rows } => rows
            .iter()
            .map(|row| match &parent {
                Some(Parent { key, id }) => format!("{{\"{key}\":\"{id}\",{}", &row.get()[1..]),
                None => row.get().to_owned(),
            })
            .collect(),
        Piece::Gap(_) | Piece::Vanished => Vec::new(),
    }
}
