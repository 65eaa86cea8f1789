//! What another process needs to go on.

use std::collections::VecDeque;

use engine::{Error, Kind, Mode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::walk::Place;

/// The only version there is.
const VERSION: u32 = 1;
/// Ids of parents that wait, in bytes; a position must stay small.
const MOST_WAITING: usize = 80 * 1024;

/// Where a reader stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    custom_api: u32,
    pub(crate) stream: String,
    /// Digest of the stream's declaration.
    declared: String,
    pub(crate) mode: Mode,
    /// The state that the run began with.
    pub(crate) state: Option<Timestamp>,
    pub(crate) high: Option<Timestamp>,
    /// Before the next page of the stream, or of the present parent's rows; `None` behind the last.
    pub(crate) place: Option<Place>,
    /// Where the list of parents stands.
    pub(crate) parents: Option<Place>,
    /// Parents whose rows were not read.
    pub(crate) waiting: VecDeque<String>,
    /// The parent that `place` is for.
    pub(crate) parent: Option<String>,
}

impl Position {
    pub(crate) fn new(stream: &str, declared: &str, mode: Mode, state: Option<Timestamp>) -> Self {
        Self {
            custom_api: VERSION,
            stream: stream.to_owned(),
            declared: declared.to_owned(),
            mode,
            state,
            high: state,
            place: None,
            parents: None,
            waiting: VecDeque::new(),
            parent: None,
        }
    }

    pub(crate) fn write(&self) -> Result<Box<RawValue>, Error> {
        serde_json::value::to_raw_value(self)
            .map_err(|_| Error::new(Kind::Internal, "a position cannot be written; report this"))
    }

    /// Reads what [`Position::write`] wrote for the same stream, declared as it is now.
    pub(crate) fn read(text: &RawValue, stream: &str, declared: &str) -> Result<Self, Error> {
        let refused = |why: &str| {
            Error::new(
                Kind::InvalidConfig,
                format!("the unfinished run of `{stream}` cannot go on ({why}); start a new one"),
            )
        };
        let position: Self = serde_json::from_str(text.get())
            .map_err(|_| refused("its position is none of a custom API"))?;
        if position.custom_api != VERSION {
            return Err(refused("its position is of another version"));
        }
        if position.stream != stream {
            return Err(refused("its position is of another stream"));
        }
        if position.declared != declared {
            return Err(refused("the stream was configured anew meanwhile"));
        }
        Ok(position)
    }

    /// Ids must fit.
    pub(crate) fn check_waiting(&self) -> Result<(), Error> {
        let bytes: usize = self.waiting.iter().map(|id| id.len() + 3).sum();
        if bytes <= MOST_WAITING {
            return Ok(());
        }
        Err(Error::new(
            Kind::InvalidConfig,
            format!(
                "a page of the parent of `{}` holds too many ids to be kept; ask for smaller pages \
                 of it (`pagination.size`)",
                self.stream
            ),
        ))
    }
}

/// From where the next incremental run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    v: u32,
    pub(crate) high: Timestamp,
}

impl State {
    pub(crate) fn new(high: Timestamp) -> Self {
        Self { v: VERSION, high }
    }

    pub(crate) fn read(text: &RawValue, stream: &str) -> Result<Self, Error> {
        let state: Option<Self> = serde_json::from_str(text.get()).ok();
        state.filter(|state| state.v == VERSION).ok_or_else(|| {
            Error::new(
                Kind::InvalidConfig,
                format!("the state of `{stream}` is none of a custom API; run it in full"),
            )
        })
    }

    pub(crate) fn write(self) -> Result<Box<RawValue>, Error> {
        serde_json::value::to_raw_value(&self)
            .map_err(|_| Error::new(Kind::Internal, "a state cannot be written; report this"))
    }
}
