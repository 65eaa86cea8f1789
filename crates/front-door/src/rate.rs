use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use state::{RateLimits, Taken};

use crate::keys::Stored;

/// Seconds of a window in which requests are counted; all windows begin at whole minutes.
pub(crate) const WINDOW_S: i64 = 60;

/// Counts requests in windows of a minute, for all processes together.
pub trait Windows: Send + Sync {
    /// Counts one request of `bucket`. Answers how many are left of `limit` in this minute, or
    /// none if this one was one too many.
    fn take<'a>(&'a self, bucket: &'a str, limit: u32) -> Stored<'a, Option<u32>>;
}

impl Windows for RateLimits {
    fn take<'a>(&'a self, bucket: &'a str, limit: u32) -> Stored<'a, Option<u32>> {
        Box::pin(async move {
            let window = SignedDuration::from_secs(WINDOW_S);
            Ok(match RateLimits::take(self, bucket, limit, window).await? {
                Taken::Allowed { remaining } => Some(remaining),
                Taken::Refused { .. } => None,
            })
        })
    }
}

/// What a caller has left in this window, as its response headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests allowed in a window.
    pub limit: u32,
    /// Requests left.
    pub remaining: u32,
    /// Seconds until the next window.
    pub reset_s: u64,
}

impl Quota {
    pub(crate) fn of(remaining: u32, limit: u32, now: Timestamp) -> Self {
        let into = now.as_second().rem_euclid(WINDOW_S);
        Self {
            limit,
            remaining,
            reset_s: u64::try_from(WINDOW_S - into).unwrap_or(0),
        }
    }

    /// `RateLimit-Limit`, `-Remaining` and `-Reset`:
    /// draft-ietf-httpapi-ratelimit-headers-07.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", self.reset_s),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_ends_with_its_minute() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (now, reset_s) in [
            ("2026-06-01T12:00:00Z", 60),
            ("2026-06-01T12:00:30.9Z", 30),
            ("2026-06-01T12:00:59Z", 1),
        ] {
            assert_eq!(Quota::of(2, 3, at(now)).reset_s, reset_s, "{now}");
        }
    }
}
