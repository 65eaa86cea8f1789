//! A stream on its way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use engine::{Error, Kind, Mode, Parent, Piece, Reader, Stop, Used};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use vendor_http::Deadline;

use crate::config::Stream;
use crate::failure::Refusal;
use crate::jsonpath::scalar;
use crate::position::{Position, State};
use crate::source::Api;
use crate::walk::{self, Fetched, Job, Place};

/// Bound on one page with all its retries, redirects and waits.
const PAGE: Duration = Duration::from_mins(10);

type Flight = BoxFuture<'static, Result<Fetched, Refusal>>;

/// Reads a stream, or the rows of each parent of one.
pub(crate) struct ApiReader {
    api: Arc<Api>,
    stream: Arc<Stream>,
    /// The stream of the parents.
    parents: Option<Arc<Stream>>,
    run_began: Timestamp,
    at: Position,
    flight: Option<(Leg, Flight)>,
    /// First pages of parents that wait, asked for side by side.
    ahead: VecDeque<(String, Ahead)>,
    pieces: VecDeque<Piece>,
    halted: bool,
    used_before: Used,
}

/// What a flight is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    Rows,
    Parents,
}

/// A task that ends with its owner.
struct Ahead(JoinHandle<Result<Fetched, Refusal>>);

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ApiReader {
    pub(crate) fn new(
        api: Arc<Api>,
        stream: Arc<Stream>,
        parents: Option<Arc<Stream>>,
        mode: Mode,
        state: Option<Timestamp>,
        run_began: Timestamp,
    ) -> Self {
        let mut at = Position::new(&stream.name, &stream.digest, mode, state);
        match &parents {
            // Parents have no bounds of their own here: each may have rows that changed.
            Some(parents) => at.parents = Some(Place::first(parents, Mode::Full, None)),
            None => at.place = Some(Place::first(&stream, mode, state)),
        }
        Self::at(api, stream, parents, run_began, at)
    }

    pub(crate) fn at(
        api: Arc<Api>,
        stream: Arc<Stream>,
        parents: Option<Arc<Stream>>,
        run_began: Timestamp,
        at: Position,
    ) -> Self {
        let used_before = api.exchange.http.used();
        Self {
            api,
            stream,
            parents,
            run_began,
            at,
            flight: None,
            ahead: VecDeque::new(),
            pieces: VecDeque::new(),
            halted: false,
            used_before,
        }
    }

    async fn advance(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            if self.flight.is_none() {
                if self.halted {
                    return Ok(None);
                }
                self.flight = self.take_off();
            }
            let Some((leg, flight)) = &mut self.flight else {
                return Ok(None);
            };
            let leg = *leg;
            let landed = flight.await;
            self.flight = None;
            let landed = match leg {
                Leg::Rows => self.land(landed),
                Leg::Parents => self.land_parents(landed),
            };
            if let Err(error) = landed {
                self.halted = true;
                self.ahead.clear();
                return Err(error);
            }
        }
    }

    /// Begins with what comes next; `None` at the end.
    fn take_off(&mut self) -> Option<(Leg, Flight)> {
        if self.at.place.is_none()
            && let Some(parent) = self.at.waiting.pop_front()
        {
            let place = Place::first(&self.stream, self.at.mode, self.at.state);
            self.at.place = Some(place);
            self.at.parent = Some(parent);
        }
        if let Some(place) = self.at.place.clone() {
            let flight = self
                .taken_ahead(&place)
                .unwrap_or_else(|| self.flight_of(&self.stream, place, self.at.parent.clone()));
            self.look_ahead();
            return Some((Leg::Rows, flight));
        }
        let place = self.at.parents.clone()?;
        let parents = self.parents.clone()?;
        Some((Leg::Parents, self.flight_of(&parents, place, None)))
    }

    fn flight_of(&self, stream: &Arc<Stream>, place: Place, parent: Option<String>) -> Flight {
        let (api, stream) = (self.api.clone(), stream.clone());
        let job = Job {
            parent,
            place,
            run_began: self.run_began,
        };
        Box::pin(async move {
            let deadline = Deadline::after(PAGE);
            walk::fetch(
                &api.exchange,
                &api.config,
                &api.credentials,
                &stream,
                &job,
                deadline,
            )
            .await
        })
    }

    /// The first page of the present parent, if it was asked for before.
    fn taken_ahead(&mut self, place: &Place) -> Option<Flight> {
        let parent = self.at.parent.as_ref().filter(|_| place.is_first())?;
        let (asked, _) = self.ahead.front()?;
        if asked != parent {
            self.ahead.clear();
            return None;
        }
        let (_, mut ahead) = self.ahead.pop_front()?;
        Some(Box::pin(async move {
            match (&mut ahead.0).await {
                Ok(landed) => landed,
                Err(_) => {
                    Err(Error::new(Kind::Internal, "a page was dropped; run it again").into())
                }
            }
        }))
    }

    /// Asks for the first pages of parents that wait, as many as may be in flight.
    fn look_ahead(&mut self) {
        let most = self.api.config.rate.at_once.saturating_sub(1) as usize;
        if self.parents.is_none() {
            return;
        }
        for at in self.ahead.len()..most.min(self.at.waiting.len()) {
            let parent = self.at.waiting[at].clone();
            let place = Place::first(&self.stream, self.at.mode, self.at.state);
            let flight = self.flight_of(&self.stream, place, Some(parent.clone()));
            self.ahead.push_back((parent, Ahead(tokio::spawn(flight))));
        }
    }

    fn land(&mut self, landed: Result<Fetched, Refusal>) -> Result<(), Error> {
        let fetched = match landed {
            Ok(fetched) => fetched,
            Err(refusal) => {
                let is_gone = matches!(refusal.status, Some(404 | 410));
                if !is_gone || self.at.parent.take().is_none() {
                    return Err(refusal.error);
                }
                self.at.place = None;
                self.pieces.push_back(Piece::Vanished);
                return Ok(());
            }
        };
        let Some(place) = self.at.place.clone() else {
            return Ok(());
        };
        let limits = &self.api.config.limits;
        let (next, gap) = place.after(&self.stream, limits, self.run_began, &fetched)?;
        self.at.high = self.at.high.max(fetched.high);
        let parent = self.at.parent.clone().zip(self.stream.parent.as_ref());
        if !fetched.rows.is_empty() {
            self.pieces.push_back(Piece::Rows {
                parent: parent.map(|(id, parent)| Parent {
                    key: parent.key.clone(),
                    id,
                }),
                rows: fetched.rows,
            });
        }
        self.pieces.extend(gap.map(Piece::Gap));
        if next.is_none() {
            self.at.parent = None;
        }
        self.at.place = next;
        Ok(())
    }

    fn land_parents(&mut self, landed: Result<Fetched, Refusal>) -> Result<(), Error> {
        let fetched = landed.map_err(|refusal| refusal.error)?;
        let (Some(place), Some(parents)) = (self.at.parents.clone(), self.parents.clone()) else {
            return Ok(());
        };
        let limits = &self.api.config.limits;
        let (next, gap) = place.after(&parents, limits, self.run_began, &fetched)?;
        let field = self.stream.parent.as_ref().map(|parent| &parent.id);
        let ids = fetched
            .rows
            .iter()
            .filter_map(|row| scalar(field?.of(row)?));
        let ids: Vec<String> = ids.collect();
        if ids.len() < fetched.rows.len() {
            return Err(Error::new(
                Kind::SchemaChanged,
                format!(
                    "a row of `{}` has no id for `{}`; check `parent.id`",
                    parents.name, self.stream.name
                ),
            ));
        }
        let mut at = self.at.clone();
        at.waiting.extend(ids);
        at.check_waiting()?;
        at.parents = next;
        self.at = at;
        self.pieces.extend(gap.map(Piece::Gap));
        Ok(())
    }
}

impl Reader for ApiReader {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>, Error>> {
        Box::pin(self.advance())
    }

    fn stop(&mut self, how: Stop) {
        self.halted = true;
        self.ahead.clear();
        if how == Stop::Now {
            self.flight = None;
        }
    }

    fn at_end(&self) -> bool {
        self.pieces.is_empty()
            && self.at.place.is_none()
            && self.at.parents.is_none()
            && self.at.waiting.is_empty()
    }

    fn position(&self) -> Result<Box<RawValue>, Error> {
        self.at.write()
    }

    fn state(&self) -> Result<Option<Box<RawValue>>, Error> {
        if self.stream.cursor.is_none() {
            return Ok(None);
        }
        // What changes from now on is later than the run's beginning; what the API dates later
        // still is read again.
        let high = self.at.high.map(|high| high.min(self.run_began));
        high.map(|high| State::new(high).write()).transpose()
    }

    fn used(&self) -> Used {
        let now = self.api.exchange.http.used();
        Used {
            requests: now.requests - self.used_before.requests,
            credits: now.credits - self.used_before.credits,
            retries: now.retries - self.used_before.retries,
        }
    }
}
