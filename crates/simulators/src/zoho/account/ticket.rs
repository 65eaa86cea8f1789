//! What a ticket's seed decides about it and about what hangs on it.

use std::borrow::Cow;

use super::{Account, stream, words};

/// A ticket's state: a name that an admin may change and a type that Zoho fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zoho) struct Status {
    pub(in crate::zoho) name: &'static str,
    /// `Open`, `On Hold` or `Closed`.
    pub(in crate::zoho) kind: &'static str,
}

const OPEN: Status = Status {
    name: "Open",
    kind: "Open",
};
const CLOSED: Status = Status {
    name: "Closed",
    kind: "Closed",
};

pub(in crate::zoho) const STATUSES: [Status; 5] = [
    OPEN,
    Status {
        name: "On Hold",
        kind: "On Hold",
    },
    Status {
        name: "Escalated",
        kind: "Open",
    },
    Status {
        name: "Waiting parts",
        kind: "On Hold",
    },
    CLOSED,
];

/// The cheap attributes of one ticket; list filters read them without writing the row.
#[derive(Debug, Clone)]
pub(in crate::zoho) struct Ticket {
    pub(in crate::zoho) row: u32,
    pub(in crate::zoho) status: Status,
    pub(in crate::zoho) department: u32,
    pub(in crate::zoho) contact: Option<u32>,
    pub(in crate::zoho) assignee: Option<u32>,
    pub(in crate::zoho) priority: Option<&'static str>,
    pub(in crate::zoho) channel: &'static str,
    pub(in crate::zoho) category: Option<Cow<'static, str>>,
    pub(in crate::zoho) language: &'static str,
    pub(in crate::zoho) subject: Cow<'static, str>,
    pub(in crate::zoho) archived: bool,
    pub(in crate::zoho) response_hours: Option<i64>,
    pub(in crate::zoho) threads: u32,
    pub(in crate::zoho) comments: u32,
    pub(in crate::zoho) entries: u32,
    pub(in crate::zoho) flavour: u64,
}

/// One entry of worked time.
#[derive(Debug, Clone, Copy)]
pub(in crate::zoho) struct TimeEntry {
    pub(in crate::zoho) ticket: u32,
    /// Among the ticket's entries.
    pub(in crate::zoho) position: u32,
    pub(in crate::zoho) owner: u32,
    pub(in crate::zoho) executed: i64,
    pub(in crate::zoho) created: i64,
    pub(in crate::zoho) modified: i64,
    pub(in crate::zoho) billable: bool,
    pub(in crate::zoho) billed: bool,
    pub(in crate::zoho) seconds: u64,
}

impl Account {
    pub(in crate::zoho) fn ticket(&self, row: u32) -> Ticket {
        let mut dice = self.dice(stream::TICKET, row);
        let rolled = match dice.below(100) {
            0..24 => OPEN,
            24..32 => STATUSES[1],
            32..37 => STATUSES[2],
            37..45 => STATUSES[3],
            _ => CLOSED,
        };
        let status = self.statuses.get(&row).copied().unwrap_or(rolled);
        let contacts = u64::from(self.size.contacts);
        let a_year_ago = self.now_ms - 365 * 86_400_000;
        let generated = Ticket {
            row,
            status,
            department: dice.below(u64::from(self.size.departments)) as u32,
            contact: (contacts > 0).then(|| dice.below(contacts) as u32),
            assignee: dice
                .percent(80)
                .then(|| dice.below(u64::from(self.size.agents)) as u32),
            priority: dice.percent(85).then(|| dice.pick(words::PRIORITIES)),
            channel: dice.pick(words::CHANNELS),
            category: dice
                .percent(50)
                .then(|| dice.pick(words::CATEGORIES).into()),
            language: dice.pick(words::LANGUAGES),
            subject: dice.pick(words::SUBJECTS).into(),
            archived: status == CLOSED && self.tickets.created(row) < a_year_ago && dice.percent(3),
            response_hours: dice.percent(70).then(|| dice.millis_below(72)),
            threads: dice.below(7) as u32,
            comments: dice.below(3) as u32,
            entries: if dice.percent(22) {
                1 + dice.below(3) as u32
            } else {
                0
            },
            flavour: dice.next(),
        };
        match self.written_tickets.get(&row) {
            Some(written) => Ticket {
                // An admin may have changed it since.
                status,
                ..written.over(&generated)
            },
            None => generated,
        }
    }

    pub(in crate::zoho) fn due(&self, ticket: &Ticket) -> Option<i64> {
        let days = match ticket.priority? {
            "High" => 1,
            "Medium" => 3,
            _ => 7,
        };
        Some(self.tickets.created(ticket.row) + days * 86_400_000)
    }

    /// When the customer last wrote.
    pub(in crate::zoho) fn customer_response(&self, ticket: &Ticket) -> Option<i64> {
        let hours = ticket.response_hours?;
        let created = self.tickets.created(ticket.row);
        let modified = self.tickets.edits(ticket.row).original_modified;
        Some((created + hours * 3_600_000).min(modified))
    }

    /// When each thread of the ticket was written, oldest first; a change adds a reply.
    pub(in crate::zoho) fn thread_times(&self, ticket: &Ticket) -> Vec<i64> {
        let created = self.tickets.created(ticket.row);
        let edits = self.tickets.edits(ticket.row);
        let span = edits.original_modified - created;
        let count = i64::from(ticket.threads);
        let generated = (0..count).map(|position| created + span * position / count);
        generated.chain(edits.times).collect()
    }

    pub(in crate::zoho) fn time_entries(&self, row: u32) -> Vec<TimeEntry> {
        (0..self.ticket(row).entries)
            .map(|position| self.time_entry(row, position))
            .collect()
    }

    pub(in crate::zoho) fn time_entry(&self, row: u32, position: u32) -> TimeEntry {
        let mut dice = self.dice(stream::ENTRY, u64::from(row) * 8 + u64::from(position));
        let first = self.tickets.created(row);
        let last = self.tickets.edits(row).original_modified;
        let executed = first + dice.millis_below(last - first);
        let created = executed + dice.millis_below((last - executed).min(3_600_000));
        let billable = dice.percent(60);
        TimeEntry {
            ticket: row,
            position,
            owner: dice.below(u64::from(self.size.agents)) as u32,
            executed,
            created,
            modified: created + dice.millis_below(last - created),
            billable,
            billed: billable && dice.percent(40),
            seconds: 60 + dice.below(4 * 3_600),
        }
    }
}
