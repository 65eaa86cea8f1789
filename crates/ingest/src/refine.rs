use std::borrow::Cow;

use engine::Used;
use serde_json::value::RawValue;

/// What becomes of rows on their way into the lake.
pub trait Refine: Send {
    /// The row to be written, a JSON value, for the row that was read; a parent's id is in it
    /// already. `None` leaves it out; why, is for the implementer to note.
    fn row<'r>(&mut self, row: &'r RawValue) -> Option<Cow<'r, str>>;

    /// What the next leg has to know, kept with the checkpoint: small. `None` if nothing.
    fn save(&self) -> Option<Box<RawValue>>;

    /// Takes up what the leg before saved, before the first row. `false` if it cannot be read: the
    /// run then starts over.
    fn restore(&mut self, saved: &RawValue) -> bool;

    /// Tells how far the run has come, all its legs together, after each piece that was written.
    fn wrote(&mut self, rows: u64, used: Used) {
        let _ = (rows, used);
    }
}

/// Every row as it was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsIs;

impl Refine for AsIs {
    fn row<'r>(&mut self, row: &'r RawValue) -> Option<Cow<'r, str>> {
        Some(Cow::Borrowed(row.get()))
    }

    fn save(&self) -> Option<Box<RawValue>> {
        None
    }

    fn restore(&mut self, _saved: &RawValue) -> bool {
        true
    }
}
