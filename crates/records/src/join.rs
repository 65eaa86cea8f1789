use std::borrow::Cow;
use std::iter::Peekable;
use std::slice;

use serde_json::value::RawValue;

use crate::error::Error;
use crate::incoming::Incoming;
use crate::line::{Line, Lines, Millis, Read};
use crate::place::Place;

/// What is being taken in, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taking {
    pub(crate) now: Millis,
    /// When records that are not in it were found gone; none if that does not say anything.
    pub(crate) gone: Option<Millis>,
    pub(crate) imported: bool,
    /// The places that it has.
    pub(crate) from: Place,
    pub(crate) to: Option<Place>,
}

/// How a segment stands to what is taken in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// The newest full run before that saw all live records of the segment.
    pub(crate) seen: Option<Millis>,
    /// Whether the segment as a whole will note that its records were seen now.
    pub(crate) noted: bool,
}

/// A record after the taking in.
pub(crate) enum Joined<'a> {
    /// As before.
    Same(Read<'a>),
    New(Place, Line<'a>),
}

impl Taking {
    fn has(&self, place: Place) -> bool {
        place >= self.from && self.to.is_none_or(|to| place < to)
    }

    /// The record after it; none if nothing is to be written.
    fn join<'a>(
        &self,
        old: Option<&Line<'a>>,
        new: Option<&Incoming<'a>>,
        standing: Standing,
    ) -> Option<Line<'a>> {
        match (old, new) {
            (None, None) => None,
            (Some(old), None) => self.missing(old, standing),
            (None, Some(new)) => Some(self.first(new)),
            (Some(old), Some(new)) => self.again(old, new, standing),
        }
    }

    fn missing<'a>(&self, old: &Line<'a>, standing: Standing) -> Option<Line<'a>> {
        let gone = self.gone?;
        if old.deleted.is_some() || old.imported {
            return None;
        }
        Some(Line {
            seen: old.last_seen(standing.seen),
            deleted: Some(gone),
            updated: self.now,
            ..old.clone()
        })
    }

    fn first<'a>(&self, new: &Incoming<'a>) -> Line<'a> {
        Line {
            external_id: Cow::Borrowed(new.external_id),
            created: self.now,
            updated: self.now,
            seen: self.now,
            deleted: None,
            error: new.error.map(Cow::Borrowed),
            imported: self.imported,
            data: new.data.and_then(raw),
        }
    }

    fn again<'a>(
        &self,
        old: &Line<'a>,
        new: &Incoming<'a>,
        standing: Standing,
    ) -> Option<Line<'a>> {
        let changed = old.deleted.is_some()
            || old.error.as_deref() != new.error
            || new
                .data
                .is_some_and(|data| old.data.map(RawValue::get) != Some(data));
        // A run that has an imported record makes it its own.
        let imported = self.imported && (old.imported || old.deleted.is_some());
        if !changed && imported == old.imported && standing.noted {
            return None;
        }
        Some(Line {
            updated: if changed { self.now } else { old.updated },
            seen: self.now,
            deleted: None,
            error: new.error.map(Cow::Borrowed),
            imported,
            data: new.data.and_then(raw).or(old.data),
            ..old.clone()
        })
    }
}

/// `data` was checked when it was read.
fn raw(data: &str) -> Option<&RawValue> {
    serde_json::from_str(data).ok()
}

/// A record as it is stored and as it comes in; at least one of the two.
type Pair<'a> = (Option<Read<'a>>, Option<Incoming<'a>>);

/// The records of a segment after the taking in, in their order.
pub(crate) struct Join<'a, 'b> {
    taking: &'b Taking,
    standing: Standing,
    lines: Peekable<Lines<'a>>,
    incoming: Peekable<slice::Iter<'b, Incoming<'a>>>,
}

impl<'a, 'b> Join<'a, 'b> {
    pub(crate) fn new(
        taking: &'b Taking,
        standing: Standing,
        lines: Lines<'a>,
        incoming: &'b [Incoming<'a>],
    ) -> Self {
        Self {
            taking,
            standing,
            lines: lines.peekable(),
            incoming: incoming.iter().peekable(),
        }
    }

    /// Takes from whichever side has the first place, or from both.
    fn pair(&mut self) -> Result<Option<Pair<'a>>, Error> {
        let old = match self.lines.peek() {
            Some(Ok(read)) => Some(read.place),
            Some(Err(_)) => return self.lines.next().transpose().map(|_| None),
            None => None,
        };
        let new = self.incoming.peek().map(|incoming| incoming.place);
        let takes_old = old.is_some_and(|old| new.is_none_or(|new| old <= new));
        let takes_new = new.is_some_and(|new| old.is_none_or(|old| new <= old));
        if !takes_old && !takes_new {
            return Ok(None);
        }
        let old = if takes_old {
            self.lines.next().transpose()?
        } else {
            None
        };
        let new = if takes_new {
            self.incoming.next().copied()
        } else {
            None
        };
        Ok(Some((old, new)))
    }
}

impl<'a> Iterator for Join<'a, '_> {
    type Item = Result<Joined<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (old, new) = match self.pair() {
            Ok(pair) => pair?,
            Err(error) => return Some(Err(error)),
        };
        let place = match (&old, &new) {
            (Some(old), _) => old.place,
            (None, Some(new)) => new.place,
            (None, None) => return None,
        };
        let line = if self.taking.has(place) {
            let old = old.as_ref().map(|read| &read.line);
            self.taking.join(old, new.as_ref(), self.standing)
        } else {
            None
        };
        match (line, old) {
            (Some(line), _) => Some(Ok(Joined::New(place, line))),
            (None, Some(old)) => Some(Ok(Joined::Same(old))),
            (None, None) => None,
        }
    }
}
