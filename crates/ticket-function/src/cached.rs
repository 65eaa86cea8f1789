use std::fmt;
use std::future::Future;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tracing::warn;

/// Something that is read from elsewhere, and again every five minutes, so that people can change
/// it without a new deployment. What cannot be read leaves the last good value in place.
pub(crate) struct Cached<T> {
    /// For the log.
    what: &'static str,
    kept: Mutex<Option<Kept<T>>>,
}

struct Kept<T> {
    value: Arc<T>,
    good_until: Timestamp,
}

const GOOD_FOR: SignedDuration = SignedDuration::from_mins(5);
/// After a failure the next try comes sooner, but not with each request.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(30);

impl<T> Cached<T> {
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            kept: Mutex::const_new(None),
        }
    }

    /// The value, read with `read` if it is time to. `read` is given the value so far.
    pub(crate) async fn get<E, F>(
        &self,
        now: Timestamp,
        read: impl FnOnce(Option<Arc<T>>) -> F,
    ) -> Result<Arc<T>, E>
    where
        E: fmt::Display,
        F: Future<Output = Result<Arc<T>, E>>,
    {
        let mut kept = self.kept.lock().await;
        let last = match &*kept {
            Some(kept) if now < kept.good_until => return Ok(Arc::clone(&kept.value)),
            Some(kept) => Some(Arc::clone(&kept.value)),
            None => None,
        };
        let (value, good_for) = match (read(last.clone()).await, last) {
            (Ok(value), _) => (value, GOOD_FOR),
            (Err(error), Some(last)) => {
                warn!(what = self.what, error = %error, "cannot be read again; the last good one stays in use");
                (last, RETRY_AFTER)
            }
            (Err(error), None) => return Err(error),
        };
        *kept = Some(Kept {
            value: Arc::clone(&value),
            good_until: now.saturating_add(good_for).unwrap_or(Timestamp::MAX),
        });
        Ok(value)
    }
}

impl<T> fmt::Debug for Cached<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cached({})", self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    async fn read(
        cached: &Cached<u8>,
        second: i64,
        value: Result<u8, &'static str>,
    ) -> Result<u8, &'static str> {
        let got = cached
            .get(at(second), |_| async { value.map(Arc::new) })
            .await;
        got.map(|value| *value)
    }

    #[tokio::test]
    async fn a_value_is_read_again_after_five_minutes() {
        let cached = Cached::new("number");
        assert_eq!(read(&cached, 0, Ok(1)).await, Ok(1));
        assert_eq!(read(&cached, 299, Ok(2)).await, Ok(1));
        assert_eq!(read(&cached, 300, Ok(3)).await, Ok(3));
    }

    #[tokio::test]
    async fn the_last_good_value_outlives_a_bad_one() {
        let cached = Cached::new("number");
        assert_eq!(read(&cached, 0, Err("no")).await, Err("no"));
        assert_eq!(read(&cached, 1, Ok(1)).await, Ok(1));
        assert_eq!(read(&cached, 400, Err("no")).await, Ok(1));
        assert_eq!(read(&cached, 429, Ok(2)).await, Ok(1));
        assert_eq!(read(&cached, 430, Ok(2)).await, Ok(2));
    }
}
