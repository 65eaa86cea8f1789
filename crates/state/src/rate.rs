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
        let now = self.table.now();
        let length = per.as_secs().max(1);
        let window = now.as_second().div_euclid(length);
        let end = Timestamp::from_second((window + 1) * length).unwrap_or(Timestamp::MAX);
        let item = Key::new(
            format!("RATE#{}", digest(key)),
            format!("{length}#{window}"),
        );
        let expires_at = after(end, SignedDuration::from_mins(1));
        let counted = self
            .table
            .add(&item, &[(HITS, 1)], Some(expires_at))
            .await?;
        let hits = counted.get(HITS).copied().unwrap_or(1);
        let remaining = i64::from(limit) - hits;
        Ok(match u32::try_from(remaining) {
            Ok(remaining) => Taken::Allowed { remaining },
            Err(_) => Taken::Refused {
                retry_after: end.duration_since(now).max(SignedDuration::from_secs(1)),
            },
        })
    }
}
