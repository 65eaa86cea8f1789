use std::time::Duration;

use engine::{Error, Source};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::value::RawValue;

/// A new source, as a new process makes it; `None` where the platform has no such thing.
pub type SourceFuture<'a> = BoxFuture<'a, Option<Result<Box<dyn Source>, Error>>>;

/// An account of a platform under test: a simulator, or a server of its own.
pub trait Account: Send + Sync {
    /// The stream that is read. Its ids and its rows' cursor are as the platform makes them.
    fn stream(&self) -> &str;

    /// How many rows of it one page, chunk or piece holds at most.
    fn page_rows(&self) -> usize;

    /// Makes the stream hold exactly `rows` rows, changed at different times before [`Account::now`],
    /// some of them at the same time.
    fn reset(&self, rows: usize) -> BoxFuture<'_, ()>;

    /// The rows there are: id, and the exact text if that is known.
    fn truth(&self) -> BoxFuture<'_, Vec<(String, Option<String>)>>;

    /// Changes the rows of these ids, all at one moment that is later than every change before.
    fn change<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, ()>;

    /// The id of a row that was read.
    fn id_of(&self, row: &RawValue) -> String;

    /// A source with the right credentials, as a new process makes it.
    fn source(&self) -> BoxFuture<'_, Result<Box<dyn Source>, Error>>;

    /// The present moment on the account's clock.
    fn now(&self) -> Timestamp;

    /// How many unchanged rows an incremental run may read again (ties, a lookback).
    fn read_again(&self) -> usize {
        0
    }

    /// A source whose credentials are wrong.
    fn with_wrong_credentials(&self) -> SourceFuture<'_> {
        Box::pin(async { None })
    }

    /// A source at whose address nothing answers.
    fn unreachable(&self) -> SourceFuture<'_> {
        Box::pin(async { None })
    }

    /// Texts that no message may hold.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Makes requests of the stream go wrong from now on: the `times` next ones after `after` good
    /// ones, or all of those if `times` is `None`. `false` if the platform cannot do that.
    fn mishap(&self, mishap: Mishap, after: u32, times: Option<u32>) -> bool {
        let _ = (mishap, after, times);
        false
    }

    /// Ends what [`Account::mishap`] began.
    fn recover(&self) {}
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// HTTP 429.
    TooManyRequests {
        /// The header of that name, whole seconds.
        retry_after: Option<Duration>,
    },
    /// HTTP 500.
    ServerError,
    /// The connection is reset.
    Reset,
    /// The body ends early.
    Truncated,
    /// The body is whole, and no JSON.
    MalformedJson,
    /// A web page, with HTTP 200.
    Html,
    /// The page before comes again.
    RepeatedPage,
    /// There is always another page, the same one.
    EndlessPages,
    /// A body beyond every limit.
    OversizedBody,
    /// A row nested some thousands deep.
    DeepNesting,
}

impl Mishap {
    /// Those that an honest platform may have for a moment.
    pub const PASSING: [Self; 7] = [
        Self::TooManyRequests { retry_after: None },
        Self::TooManyRequests {
            retry_after: Some(Duration::from_secs(1)),
        },
        Self::ServerError,
        Self::Reset,
        Self::Truncated,
        Self::MalformedJson,
        Self::Html,
    ];

    /// Those that must end a reading with an error if they last.
    pub const LASTING: [Self; 8] = [
        Self::TooManyRequests { retry_after: None },
        Self::ServerError,
        Self::Reset,
        Self::MalformedJson,
        Self::Html,
        Self::RepeatedPage,
        Self::EndlessPages,
        Self::OversizedBody,
    ];
}
