use engine::{Error, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sql::{Mark, Value};

const VERSION: u8 = 1;

/// Where a reading stands, and what was settled when it began.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Position {
    v: u8,
    pub(crate) part: Part,
    /// The key of the last row that was yielded of this part.
    pub(crate) after: Option<Vec<Value>>,
    /// The greatest primary key when the reading began (of this part, if ordered by primary key).
    pub(crate) top: Option<Vec<Value>>,
    /// Where the rows of an incremental reading begin.
    pub(crate) low: Option<Low>,
    /// The cursor column.
    pub(crate) cursor: Option<String>,
    /// The greatest cursor when the reading began.
    pub(crate) mark: Option<Mark>,
    /// Rows that were yielded.
    pub(crate) rows: u64,
    /// The file that is read, if it is one.
    pub(crate) version: Option<String>,
}

/// What of a reading is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// Everything at once, for want of a key.
    Whole,
    /// All rows by their primary key.
    Keys,
    /// Rows without a cursor, by their primary key.
    Nulls,
    /// Changed rows, by cursor and primary key.
    Changes,
    /// Nothing.
    End,
}

/// Where changed rows begin.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Low {
    AtLeast(Value),
    Above(Value),
}

impl Position {
    pub(crate) fn new(part: Part) -> Self {
        Self {
            v: VERSION,
            part,
            after: None,
            top: None,
            low: None,
            cursor: None,
            mark: None,
            rows: 0,
            version: None,
        }
    }

    pub(crate) fn parse(json: &RawValue) -> Result<Self, Error> {
        serde_json::from_str(json.get())
            .ok()
            .filter(|position: &Self| position.v == VERSION)
            .ok_or_else(|| {
                Error::new(
                    Kind::Internal,
                    "this position is of another version of Deskbridge; start the run anew",
                )
            })
    }

    pub(crate) fn json(&self) -> Result<Box<RawValue>, Error> {
        raw(self)
    }

    /// Goes on to the next part.
    pub(crate) fn next_part(&mut self) {
        self.after = None;
        self.part = match self.part {
            Part::Nulls if self.mark.is_some() => Part::Changes,
            _ => Part::End,
        };
    }
}

/// From where the next incremental run reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    v: u8,
    pub(crate) cursor: String,
    pub(crate) mark: Option<Mark>,
}

impl State {
    pub(crate) fn of(position: &Position) -> Option<Self> {
        Some(Self {
            v: VERSION,
            cursor: position.cursor.clone()?,
            mark: position.mark.clone(),
        })
    }

    /// A state that cannot be read any more is none: everything is read again.
    pub(crate) fn parse(json: &RawValue) -> Option<Self> {
        serde_json::from_str(json.get())
            .ok()
            .filter(|state: &Self| state.v == VERSION)
    }

    pub(crate) fn json(&self) -> Result<Box<RawValue>, Error> {
        raw(self)
    }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value)
        .map_err(|e| Error::new(Kind::Internal, "a position could not be written").caused_by(e))
}
