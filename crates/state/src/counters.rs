use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::error::Error;
use crate::ids::ChatId;
use crate::item::{Attributes, Key};
use crate::retention::Retention;
use crate::table::{Range, Table};
use crate::time::{day, days_after};
use crate::write::Write;

/// A day's counters lie on so many items, so that transactions of several chats at once seldom
/// meet on one.
const SHARDS: u64 = 16;

const RESOLVED: &str = "resolved";
const RESOLVED_SECONDS: &str = "resolved_seconds";
const RATED: &str = "rated";
const STARS: &str = "stars";

/// Statistics by day (UTC).
#[derive(Debug, Clone)]
pub struct Counters {
    table: Table,
    retention: Retention,
}

/// Something that counts. Workflows are ids such as `password_reset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Zoho Desk has a new ticket of this workflow.
    TicketCreated(String),
    /// A workflow began.
    Started(String),
    /// A workflow came to its end.
    Completed(String),
    /// A workflow was cut short by a hand-over to a person.
    Escalated(String),
    /// The visitor cancelled a workflow.
    Cancelled(String),
    /// A ticket was closed so long after it was made.
    Resolved(SignedDuration),
    /// A visitor gave so many stars.
    Rated(u8),
}

/// What became of a workflow on a day, in numbers of conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkflowStats {
    /// Tickets made.
    pub tickets: u64,
    /// Conversations that began it.
    pub started: u64,
    /// That came to its end.
    pub completed: u64,
    /// That were handed over to a person.
    pub escalated: u64,
    /// That the visitor cancelled.
    pub cancelled: u64,
}

/// A count, and the sum over it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

/// The statistics of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayStats {
    /// The day, UTC.
    pub day: Date,
    /// By workflow.
    pub workflows: BTreeMap<String, WorkflowStats>,
    /// Tickets closed, and the seconds it took.
    pub resolved: Total,
    /// Ratings, and their stars.
    pub satisfaction: Total,
}

impl Total {
    /// The mean, if there is anything to take it of.
    pub fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// Both totals together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
        }
    }
}

impl WorkflowStats {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            tickets: self.tickets + other.tickets,
            started: self.started + other.started,
            completed: self.completed + other.completed,
            escalated: self.escalated + other.escalated,
            cancelled: self.cancelled + other.cancelled,
        }
    }
}

impl Counted {
    fn counters(&self) -> Vec<(String, i64)> {
        let one = |kind: &str, workflow: &str| vec![(format!("{kind}:{workflow}"), 1)];
        match self {
            Self::TicketCreated(workflow) => one("tickets", workflow),
            Self::Started(workflow) => one("started", workflow),
            Self::Completed(workflow) => one("completed", workflow),
            Self::Escalated(workflow) => one("escalated", workflow),
            Self::Cancelled(workflow) => one("cancelled", workflow),
            Self::Resolved(took) => vec![
                (RESOLVED.to_owned(), 1),
                (RESOLVED_SECONDS.to_owned(), took.as_secs().max(0)),
            ],
            Self::Rated(stars) => {
                vec![(RATED.to_owned(), 1), (STARS.to_owned(), i64::from(*stars))]
            }
        }
    }
}

impl Counters {
    /// The statistics of a table.
    pub fn new(table: Table, retention: Retention) -> Self {
        Self { table, retention }
    }

    /// Counts what happened in a chat at a moment. If an answer gets lost it may count twice:
    /// where it must not, put [`Counters::write`] into the transaction of the change.
    pub async fn count(
        &self,
        at: Timestamp,
        chat: &ChatId,
        events: &[Counted],
    ) -> Result<(), Error> {
        match self.write(at, chat, events) {
            Some(write) => self.table.write(write).await,
            None => Ok(()),
        }
    }

    /// The write that counts, for a transaction; `None` if nothing happened. At most one for
    /// each chat and day in a transaction.
    pub fn write(&self, at: Timestamp, chat: &ChatId, events: &[Counted]) -> Option<Write> {
        if events.is_empty() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        chat.hash(&mut hasher);
        let shard = hasher.finish() % SHARDS;
        let day = day(at);
        let key = Key::new(month(day), format!("{day}#{shard:02}"));
        let expires_at = days_after(at, self.retention.stats_days);
        let counters = events.iter().flat_map(Counted::counters);
        Some(Write::add(key, counters).expires(expires_at))
    }

    /// The days from `first` to `last`, both included, that have any statistics.
    pub async fn days(&self, first: Date, last: Date) -> Result<Vec<DayStats>, Error> {
        let mut days = BTreeMap::new();
        let (from, to) = (first.to_string(), format!("{last}#~"));
        let mut start = first.first_of_month();
        while start <= last {
            let range = Range::Between(&from, &to);
            for item in self.table.query_raw(&month(start), range).await? {
                add_to(&mut days, &item);
            }
            match start.checked_add(jiff::Span::new().months(1)) {
                Ok(next) => start = next,
                Err(_) => break,
            }
        }
        Ok(days.into_values().collect())
    }
}

fn month(day: Date) -> String {
    format!("STATS#{:04}-{:02}", day.year(), day.month())
}

fn add_to(days: &mut BTreeMap<Date, DayStats>, item: &Attributes) {
    let Some(key) = crate::item::key_of(item) else {
        return;
    };
    let Some(Ok(day)) = key.sk.split('#').next().map(str::parse::<Date>) else {
        return;
    };
    let stats = days.entry(day).or_insert_with(|| DayStats {
        day,
        workflows: BTreeMap::new(),
        resolved: Total::default(),
        satisfaction: Total::default(),
    });
    for (name, value) in item {
        let Some(n) = value.as_n().ok().and_then(|n| n.parse::<u64>().ok()) else {
            continue;
        };
        match name.as_str() {
            RESOLVED => stats.resolved.count += n,
            RESOLVED_SECONDS => stats.resolved.sum += n,
            RATED => stats.satisfaction.count += n,
            STARS => stats.satisfaction.sum += n,
            other => {
                if let Some((kind, workflow)) = other.split_once(':') {
                    stats.add(kind, workflow, n);
                }
            }
        }
    }
}

impl DayStats {
    fn add(&mut self, kind: &str, workflow: &str, n: u64) {
        let stats = self.workflows.entry(workflow.to_owned()).or_default();
        match kind {
            "tickets" => stats.tickets += n,
            "started" => stats.started += n,
            "completed" => stats.completed += n,
            "escalated" => stats.escalated += n,
            "cancelled" => stats.cancelled += n,
            _ => {}
        }
    }
}
