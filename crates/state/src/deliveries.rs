use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::item::Key;
use crate::secret::digest;
use crate::table::Table;
use crate::time::after;
use crate::write::{Condition, Write};

/// Which deliveries, such as webhook events, were seen before.
#[derive(Debug, Clone)]
pub struct Deliveries {
    table: Table,
}

#[derive(Debug, Serialize, Deserialize)]
struct Seen {}

impl Deliveries {
    /// The deliveries of a table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Whether `id` is new; remembers it for `ttl`. True for exactly one of those who ask.
    pub async fn first_seen(&self, id: &str, ttl: SignedDuration) -> Result<bool, Error> {
        let write =
            Write::put(key(id), &Seen {}, Condition::Absent)?.expires(after(self.table.now(), ttl));
        match self.table.write(write).await {
            Ok(()) => Ok(true),
            Err(Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Forgets a delivery whose handling failed, so that it counts as new when it comes again.
    pub async fn forget(&self, id: &str) -> Result<(), Error> {
        self.table.delete(key(id)).await
    }
}

/// Ids come from outside and may be of any length.
fn key(id: &str) -> Key {
    Key::new(format!("DELIVERY#{}", digest(id)), "DELIVERY")
}
