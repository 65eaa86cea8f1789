use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::item::{Key, Stored};
use crate::json_text;
use crate::retention::Retention;
use crate::table::{Page, Paging, Range, Table};
use crate::time::{day, days_after, sortable};
use crate::write::{Condition, Write};

/// Who changed what. Entries are never changed, and go when their time is over.
#[derive(Debug, Clone)]
pub struct Audit {
    table: Table,
    retention: Retention,
}

/// One change.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The client's name, or the function's.
    pub actor: String,
    /// What was done, such as `ticket.status`.
    pub action: String,
    /// To what, such as `ticket:123`; never an e-mail address.
    pub target: String,
    /// More about it, without personal data.
    #[serde(with = "json_text")]
    pub details: Value,
}

impl Audit {
    /// The audit trail of a table.
    pub fn new(table: Table, retention: Retention) -> Self {
        Self { table, retention }
    }

    /// Writes an entry.
    pub async fn append(&self, entry: &Entry) -> Result<(), Error> {
        self.table.write(self.write(entry)?).await
    }

    /// The write of an entry, for the transaction of the change that it tells of.
    pub fn write(&self, entry: &Entry) -> Result<Write, Error> {
        let sk = format!("{}#{}", sortable(entry.at), self.table.write_id());
        let expires_at = days_after(entry.at, self.retention.audit_days);
        let key = Key::new(of_target(&entry.target), sk.clone());
        Ok(Write::put(key, entry, Condition::Any)?
            .expires(expires_at)
            .listed(&of_day(day(entry.at)), &sk))
    }

    /// What was done to a target.
    pub async fn by_target(&self, target: &str, paging: &Paging) -> Result<Page<Entry>, Error> {
        let page = self
            .table
            .query(&of_target(target), Range::All, paging)
            .await?;
        Ok(page.map(|stored: Stored<Entry>| stored.value))
    }

    /// What was done on a day (UTC), by the index.
    pub async fn by_day(&self, day: Date, paging: &Paging) -> Result<Page<Entry>, Error> {
        let page = self
            .table
            .query_listing(&of_day(day), Range::All, paging)
            .await?;
        Ok(page.map(|stored: Stored<Entry>| stored.value))
    }
}

fn of_target(target: &str) -> String {
    format!("AUDIT#{target}")
}

fn of_day(day: Date) -> String {
    format!("AUDIT#{day}")
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("at", &self.at)
            .field("actor", &self.actor)
            .field("action", &self.action)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
