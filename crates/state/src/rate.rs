use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::item::Key;
use crate::secret::digest;
use crate::table::Table;
use crate::time::after;

const HITS: &str = "hits";

/// Fixed windows: so many of something for each period of the clock.
#[derive(Debug, Clone)]
pub struct RateLimits {
    table: Table,
}

/// Whether one more was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was; so many are left in this window.
    Allowed {
        /// How many.
        remaining: u32,
    },
    /// It was not.
    Refused {
        /// How long until the next window, at least a second.
        retry_after: SignedDuration,
    },
}

impl RateLimits {
    /// The limits of a table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Counts one more for `key`, at most `limit` of them in each window of length `per` (whole
    /// seconds, at least one). Refused ones count too. The key is stored as a digest only.
    pub async fn take(&self, key: &str, limit: u32, per: SignedDuration) -> Result<Taken, Error> {
        let window = Window::at(self.table.now(), per);
        let hits = self.count(key, window, 1).await?;
        Ok(window.judge(hits, limit, self.table.now()))
    }

    /// Counts `more` for `key` and gives all that were counted in this window.
    async fn count(&self, key: &str, window: Window, more: i64) -> Result<i64, Error> {
        let item = Key::new(
            format!("RATE#{}", digest(key)),
            format!("{}#{}", window.length, window.number),
        );
        let expires_at = after(window.end(), SignedDuration::from_mins(1));
        let counted = self
            .table
            .add(&item, &[(HITS, more)], Some(expires_at))
            .await?;
        Ok(counted.get(HITS).copied().unwrap_or(more))
    }
}

/// A period of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// Seconds.
    length: i64,
    /// How many such periods lie between 1970 and this one.
    number: i64,
}

impl Window {
    fn at(now: Timestamp, per: SignedDuration) -> Self {
        let length = per.as_secs().max(1);
        Self {
            length,
            number: now.as_second().div_euclid(length),
        }
    }

    fn end(self) -> Timestamp {
        Timestamp::from_second((self.number + 1) * self.length).unwrap_or(Timestamp::MAX)
    }

    fn judge(self, hits: i64, limit: u32, now: Timestamp) -> Taken {
        match u32::try_from(i64::from(limit) - hits) {
            Ok(remaining) => Taken::Allowed { remaining },
            Err(_) => Taken::Refused {
                retry_after: self
                    .end()
                    .duration_since(now)
                    .max(SignedDuration::from_secs(1)),
            },
        }
    }
}

/// The same windows for what happens too often to be written down each time: a process counts by
/// itself and adds to the table in batches of a hundredth of the limit.
///
/// So each process lets at most a hundredth more through than [`RateLimits::take`] would, and
/// learns as late of what the others counted. Limits below 200 are exact.
#[derive(Debug)]
pub struct Tally {
    limits: RateLimits,
    counts: Mutex<HashMap<String, Count>>,
}

/// What a process knows of a key in a window.
#[derive(Debug, Clone, Copy)]
struct Count {
    window: Window,
    /// What the table said last; `None` before it was asked.
    known: Option<i64>,
    /// Counted here, and not there yet.
    pending: i64,
}

/// Keys that a process counts; with more, each is written down as it comes.
const MOST_KEYS: usize = 1000;

impl Tally {
    /// Counts for these limits.
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            counts: Mutex::default(),
        }
    }

    /// As [`RateLimits::take`], but seldom with a call.
    pub async fn take(&self, key: &str, limit: u32, per: SignedDuration) -> Result<Taken, Error> {
        let now = self.limits.table.now();
        let window = Window::at(now, per);
        let batch = match self.add(key, window, limit) {
            Added::Known(hits) => return Ok(window.judge(hits, limit, now)),
            Added::Due(batch) => batch,
        };
        let counted = self.limits.count(key, window, batch).await;
        let hits = self.settle(key, window, batch, counted)?;
        Ok(window.judge(hits, limit, now))
    }

    fn add(&self, key: &str, window: Window, limit: u32) -> Added {
        let mut counts = self.counts();
        if counts.len() >= MOST_KEYS && !counts.contains_key(key) {
            counts.retain(|_, count| count.window.number >= window.number);
            if counts.len() >= MOST_KEYS {
                return Added::Due(1);
            }
        }
        let begins = Count {
            window,
            known: None,
            pending: 0,
        };
        let count = counts.entry(key.to_owned()).or_insert(begins);
        if count.window != window {
            *count = begins;
        }
        count.pending += 1;
        match count.known {
            Some(known) if count.pending * 100 < i64::from(limit) => {
                Added::Known(known + count.pending)
            }
            _ => Added::Due(std::mem::take(&mut count.pending)),
        }
    }

    /// Takes note of what the table said. What could not be counted is tried again with the next.
    fn settle(
        &self,
        key: &str,
        window: Window,
        batch: i64,
        counted: Result<i64, Error>,
    ) -> Result<i64, Error> {
        let mut counts = self.counts();
        let count = counts.get_mut(key).filter(|count| count.window == window);
        if let Some(count) = count {
            match counted {
                Ok(hits) => count.known = count.known.max(Some(hits)),
                Err(_) => count.pending += batch,
            }
        }
        counted
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Added {
    /// All in this window, as far as this process knows.
    Known(i64),
    /// So many are to be added to the table.
    Due(i64),
}
