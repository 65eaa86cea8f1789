use std::fmt;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use vendor_http::Deadline;

use crate::{Error, Piece, Stream};

/// One account of a platform: what it has, and how to read and change it.
pub trait Source: Send + Sync {
    /// Proves that address and credentials work, with as few calls as possible.
    fn check(&self, deadline: Deadline) -> BoxFuture<'_, Result<Checked, Error>>;

    /// What can be read, as the account has it now.
    fn streams(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<Stream>, Error>>;

    /// Begins to read a stream, or goes on where [`Reading::resume`] says;
    /// [`Error::position_unknown`] if that is no position it can go on from.
    fn read(&self, reading: Reading) -> BoxFuture<'_, Result<Box<dyn Reader>, Error>>;

    /// Carries out an action of the platform's [`crate::PlatformInfo::actions`]. Never repeats a
    /// write by itself: [`Error::may_have_happened`] says what is open. Parameters that make no
    /// sense, and records that are not there, are [`crate::Kind::Refused`].
    fn act<'a>(
        &'a self,
        action: &'a str,
        parameters: &'a Value,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<Value, Error>> {
        let _ = (parameters, deadline);
        Box::pin(async move {
            Err(Error::new(
                crate::Kind::Refused,
                format!("this platform has no action {action}"),
            ))
        })
    }

    /// Makes the credentials worthless at the vendor, where it can. `false`: it cannot.
    fn revoke(&self, deadline: Deadline) -> BoxFuture<'_, Result<bool, Error>> {
        let _ = deadline;
        Box::pin(async { Ok(false) })
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// A sentence for people: `Connection successful`, or what they should know.
    pub message: String,
    /// Facts worth showing, without secrets: the account's name, the server's version.
    pub facts: Vec<(&'static str, String)>,
}

/// How much of a stream to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every row there is: what a run lacks is gone.
    Full,
    /// What changed since [`Reading::state`].
    Incremental,
}

/// What to read of a stream.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The stream's name.
    pub stream: String,
    /// How much of it.
    pub mode: Mode,
    /// What [`Reader::state`] said at the end of the last run; only for [`Mode::Incremental`].
    pub state: Option<Box<RawValue>>,
    /// What [`Reader::position`] said when another process stopped this same reading.
    pub resume: Option<Box<RawValue>>,
    /// Only these fields, where the platform can leave others out; all if empty. The primary key
    /// and the cursor are read in any case.
    pub fields: Vec<String>,
    /// When the run began. A process that goes on with it is given the same moment.
    pub started_at: Timestamp,
}

/// A stream on its way. It reads ahead as it likes.
pub trait Reader: Send {
    /// The next rows or gap; `None` at the end, and where it was stopped. After an error it yields
    /// what it had read, then `None`.
    ///
    /// Dropping the future loses nothing: the next call goes on where the reader stands.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Piece>, Error>>;

    /// Stops it; [`Reader::next`] still yields what was read, then `None`.
    fn stop(&mut self, how: Stop);

    /// Whether everything was yielded.
    fn at_end(&self) -> bool;

    /// Where it stands, before the first [`Reader::next`] and once that said `None` or failed: all
    /// that was yielded, and nothing else, lies behind. The same place gives the same text. Small
    /// (below 100 KiB), and of a version that [`Source::read`] knows again.
    fn position(&self) -> Result<Box<RawValue>, Error>;

    /// At the end: from where the next incremental run is to read. `None` if it must read all.
    fn state(&self) -> Result<Option<Box<RawValue>>, Error>;

    /// Calls and the like that this reader has used.
    fn used(&self) -> Used {
        Used::default()
    }
}

/// How fast a reader is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Finish what was begun, begin nothing new.
    Soon,
    /// Send nothing more, and forget what is in flight.
    Now,
}

/// What reading used of the platform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Requests or statements.
    pub requests: u64,
    /// The platform's own unit of cost.
    pub credits: u64,
    /// Requests that were sent again.
    pub retries: u64,
}

impl Used {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            credits: self.credits + other.credits,
            retries: self.retries + other.retries,
        }
    }
}

impl fmt::Debug for dyn Source + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl fmt::Debug for dyn Reader + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}
