//! What users are told.

use std::time::Duration;

use engine::{Error, Kind};

use crate::config::Auth;

/// Why a request brought no rows, and the status if the API answered.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) status: Option<u16>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            error,
            status: None,
        }
    }
}

/// What an answer's status means, when nothing can be done about it here.
pub(crate) fn of_status(status: u16, auth: &Auth, call: &str, wait: Option<Duration>) -> Error {
    let new = |kind, text: String| Error::new(kind, text);
    match status {
        401 => new(
            Kind::AuthRequired,
            format!("{} ({call} answered HTTP 401)", auth.refused()),
        ),
        402 => new(
            Kind::PlanRequired,
            format!(
                "{call} answered HTTP 402: the account's plan lacks this; upgrade it, or leave the stream out"
            ),
        ),
        403 => new(
            Kind::ScopeMissing,
            format!(
                "Authentication Failed: {call} answered HTTP 403: the credentials are valid but may \
                 not read this, or are refused in this way; check their rights"
            ),
        ),
        404 | 410 => new(
            Kind::InvalidConfig,
            format!(
                "Endpoint Not Found: {call} answered HTTP {status}; verify `config.baseUrl` and the path"
            ),
        ),
        429 => new(
            Kind::RateLimited,
            format!(
                "Rate Limit Exceeded: {call} answered HTTP 429; wait before retrying, lower \
                 `config.rate.requestsPerSecond`, or upgrade the API plan"
            ),
        )
        .retry_after(wait),
        400..=499 => new(
            Kind::InvalidConfig,
            format!(
                "{call} answered HTTP {status}: the API does not take the request; check path, \
                 parameters and body of the stream against its documentation"
            ),
        ),
        _ => new(
            Kind::Upstream,
            format!("{call} answered HTTP {status}; try again later"),
        )
        .retry_after(wait),
    }
}

/// A host that may not be called, or is not there.
pub(crate) fn of_egress(error: &egress::Error) -> Error {
    let kind = if error.is_transient() {
        Kind::Unreachable
    } else {
        Kind::Refused
    };
    Error::new(kind, error)
}

/// A call that got no final answer. `last` is how the last answer was judged, if there was one.
pub(crate) fn of_transport(error: &vendor_http::Error, last: Option<Error>) -> Error {
    use vendor_http::Error as Transport;
    match error {
        Transport::Failing { .. } | Transport::Deadline { .. } if last.is_some() => {
            last.unwrap_or_else(|| Error::new(Kind::Upstream, error))
        }
        Transport::Deadline { .. } => {
            Error::new(Kind::DeadlineExceeded, format!("{error}; run it again"))
        }
        Transport::Failing {
            may_have_happened: false,
            ..
        } => Error::new(
            Kind::Unreachable,
            format!("{error}; check `config.baseUrl` and that the API is up"),
        ),
        Transport::TooLarge { .. } => Error::new(
            Kind::Upstream,
            format!("{error}; ask for smaller pages, or raise `config.limits.maxBytes`"),
        ),
        Transport::Setup(_) => Error::new(Kind::Internal, error),
        _ => Error::new(Kind::Upstream, format!("{error}; try again later")),
    }
}
