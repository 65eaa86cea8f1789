use engine::Piece;
use serde_json::value::RawValue;
use zoho_desk::{Desk, Document, Error, Listing, Paging, Route, Step, Stop, Walk};

use crate::RoutePath;
use crate::pieces::{Position, piece};

/// What a route of unknown paging is tried with: 50 rows is the smallest cap of the known ones.
const UNKNOWN_PAGING: Paging = Paging::Offset {
    page: 50,
    last_offset: 4999,
};

/// Any route: a list is walked to its end where the route pages, anything else is one value.
#[derive(Debug)]
pub(crate) struct AnyRoute {
    desk: Desk,
    route: RoutePath,
    state: State,
    stopped: bool,
}

#[derive(Debug)]
enum State {
    Unread,
    Listed(Box<Walk>),
    Read,
}

impl AnyRoute {
    pub(crate) fn new(desk: Desk, route: RoutePath) -> Self {
        Self {
            desk,
            route,
            state: State::Unread,
            stopped: false,
        }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Piece>, Error> {
        if matches!(self.state, State::Unread) && !self.stopped {
            let (state, piece) = self.first_answer().await?;
            self.state = state;
            if piece.is_some() {
                return Ok(piece);
            }
        }
        match &mut self.state {
            State::Listed(walk) => Ok(walk.next().await?.map(|step| piece(step, None))),
            State::Unread | State::Read => Ok(None),
        }
    }

    pub(crate) fn stop(&mut self, how: Stop) {
        self.stopped = true;
        if let State::Listed(walk) = &mut self.state {
            walk.stop(how);
        }
    }

    pub(crate) fn at_end(&self) -> bool {
        match &self.state {
            State::Unread => false,
            State::Listed(walk) => walk.at_end(),
            State::Read => true,
        }
    }

    pub(crate) fn position(&self) -> Position {
        match &self.state {
            State::Unread => Position::Unread,
            State::Listed(walk) => Position::Walk(walk.position()),
            State::Read => Position::Read,
        }
    }

    pub(crate) fn resumed(mut self, position: Position) -> Option<Self> {
        self.state = match position {
            Position::Unread => State::Unread,
            Position::Read => State::Read,
            Position::Walk(position) => {
                let walk = self.desk.list(self.listing()).resumed(position)?;
                State::Listed(Box::new(walk))
            }
            Position::Children(_) => return None,
        };
        Some(self)
    }

    fn paging(&self) -> Paging {
        Route::known(self.route.path()).map_or(UNKNOWN_PAGING, |route| route.paging)
    }

    fn listing(&self) -> Listing {
        let listing = Listing::at(self.route.path(), self.paging());
        self.query()
            .fold(listing, |listing, (key, value)| listing.with(key, value))
    }

    fn query(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.route.query().iter();
        pairs.map(|(key, value)| (key.clone(), value.clone()))
    }

    async fn first_answer(&self) -> Result<(State, Option<Piece>), Error> {
        let by_hand = self.route.pages_itself() || self.paging() == Paging::None;
        if !by_hand {
            // Pages are only worth walking where the route takes `from` and `limit` at all.
            let listing = self.listing();
            match self.desk.first_page(&listing).await {
                Ok(Document::Rows(_)) => {
                    let walk = self.desk.list(listing);
                    return Ok((State::Listed(Box::new(walk)), None));
                }
                Ok(document) => return Ok((State::Read, self.whole(document)?)),
                Err(Error::Refused { status: 422, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let document = self.desk.document(self.route.path(), self.query()).await?;
        Ok((State::Read, self.whole(document)?))
    }

    fn whole(&self, document: Document) -> Result<Option<Piece>, Error> {
        let value = match document {
            Document::Rows(rows) => return Ok(Some(piece(Step::Rows(rows), None))),
            Document::Empty => return Ok(None),
            Document::Value(value) => value,
        };
        let value: Box<RawValue> =
            serde_json::from_slice(&value).map_err(|_| Error::Malformed {
                path: self.route.path().to_owned(),
                why: "it is not one JSON value".to_owned(),
            })?;
        Ok(Some(Piece::Rows {
            parent: None,
            rows: vec![value],
        }))
    }
}
