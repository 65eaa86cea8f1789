use std::collections::BTreeMap;

use serde::Serialize;

/// What the simulator has been asked and how it answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests by route name, refused ones included.
    pub requests: BTreeMap<String, u64>,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// Refusals by error code, those of the token endpoint included.
    pub refusals: BTreeMap<String, u64>,
    /// Access tokens minted by a grant code.
    pub exchanges: u64,
    /// Access tokens minted by a refresh token.
    pub refreshes: u64,
    /// The most requests ever in flight at once on the Desk API.
    pub max_concurrency: usize,
    /// Credits spent.
    pub credits: u64,
    /// Rows sent.
    pub rows: u64,
    /// TCP connections accepted.
    pub connections: u64,
    /// Requests of the Desk API by the second in which they were answered, since the start or the
    /// last reset.
    pub seconds: Vec<Second>,
}

/// What happened within one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Second {
    /// Requests answered, refused ones included.
    pub requests: u64,
    /// Those refused with `TOO_MANY_REQUESTS`.
    pub crowded: u64,
}

impl Stats {
    /// All access tokens minted.
    pub fn mints(&self) -> u64 {
        self.exchanges + self.refreshes
    }

    /// Requests of the Desk API, without the token endpoint.
    pub fn desk_requests(&self) -> u64 {
        let all = self.requests.iter();
        all.filter(|(route, _)| !route.starts_with("oauth"))
            .map(|(_, count)| count)
            .sum()
    }

    /// What happened from the start of this second on.
    pub fn from_second(&self, first: usize) -> Second {
        let seconds = self.seconds.iter().skip(first);
        seconds.fold(Second::default(), |sum, second| Second {
            requests: sum.requests + second.requests,
            crowded: sum.crowded + second.crowded,
        })
    }

    pub(super) fn count_answer(&mut self, second: usize, crowded: bool) {
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Second::default());
        }
        self.seconds[second].requests += 1;
        self.seconds[second].crowded += u64::from(crowded);
    }

    /// How often a request was refused with this error code.
    pub fn refused(&self, code: &str) -> u64 {
        self.refusals.get(code).copied().unwrap_or(0)
    }
}
