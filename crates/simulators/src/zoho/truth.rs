//! What a complete report must contain.

use std::fmt::Write as _;

use super::{
    account::{Account, Order},
    filter::Pattern,
};

/// One row of a complete report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TruthRow {
    /// The key and id of the parent that a per-parent report names, such as `ticketId`.
    pub parent: Option<(&'static str, String)>,
    /// The row's bytes.
    pub row: String,
}

impl TruthRow {
    /// One line of `GET /_sim/truth/{report}`, newline included.
    pub(super) fn line(&self) -> String {
        let mut line = String::with_capacity(self.row.len() + 64);
        let parent = match &self.parent {
            Some((key, id)) => format!("{{\"{key}\":\"{id}\"}}"),
            None => "null".to_owned(),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(line, "{{\"parent\":{parent},\"row\":{}}}", self.row);
        line
    }
}

/// What one or more lines of truth are computed from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    Account(u32),
    Agent(u32),
    AgentEntries(u32),
    Alert(u32),
    Approval { ticket: u32, with_parent: bool },
    Call(u32),
    Contact(u32),
    Department(u32),
    ListedTicket(u32),
    FoundTicket(u32),
    Rating(i64, u32),
    Tags(u32),
    Threads(u32),
    TicketEntries(u32),
}

/// The query of a truth request.
#[derive(Debug, Default)]
pub(super) struct Scope {
    status: Option<Pattern>,
    ticket_ids: Option<Vec<u64>>,
    since: Option<i64>,
    until: Option<i64>,
    list_rows: bool,
    by_ticket: bool,
}

impl Scope {
    pub(super) fn parse(raw: &str) -> Self {
        let mut scope = Self::default();
        for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
            let time = || Some(value.parse::<jiff::Timestamp>().ok()?.as_millisecond());
            match &*name {
                "status" => scope.status = Some(Pattern::of_status(&value)),
                "ticket_ids" => {
                    let ids = value.split(',').filter_map(|id| id.trim().parse().ok());
                    scope.ticket_ids = Some(ids.collect());
                }
                "since" => scope.since = time(),
                "until" => scope.until = time(),
                "rows" => scope.list_rows = value == "list",
                "parent" => scope.by_ticket = value == "ticket",
                _ => {}
            }
        }
        scope
    }

    fn covers(&self, modified: i64) -> bool {
        self.since.is_none_or(|since| modified >= since)
            && self.until.is_none_or(|until| modified <= until)
    }

    fn tickets(&self, account: &Account) -> Vec<u32> {
        let tickets = account.tickets();
        let all = tickets.live(Order::Created).iter().copied();
        all.filter(|&row| {
            self.covers(tickets.modified(row))
                && self
                    .ticket_ids
                    .as_ref()
                    .is_none_or(|ids| ids.contains(&tickets.id(row)))
                && self
                    .status
                    .as_ref()
                    .is_none_or(|status| status.matches(Some(account.ticket(row).status.name)))
        })
        .collect()
    }
}

/// `None` if no report has this name.
pub(super) fn items(account: &Account, report: &str, mut scope: Scope) -> Option<Vec<Item>> {
    if report == "queue-by-status" && scope.status.is_none() {
        scope.status = Some(Pattern::of_status("Open"));
    }
    let timed = |table: &super::account::TimedTable, item: fn(u32) -> Item| -> Vec<Item> {
        let live = table.live(Order::Created).iter().copied();
        live.filter(|&row| scope.covers(table.modified(row)))
            .map(item)
            .collect()
    };
    let of_tickets = |item: fn(u32) -> Item| scope.tickets(account).into_iter().map(item).collect();
    Some(match report {
        "accounts" => timed(account.accounts(), Item::Account),
        "agents" => account.agents().map(Item::Agent).collect(),
        "agent-time-entry" => account.agents().map(Item::AgentEntries).collect(),
        "calls" => timed(account.calls(), Item::Call),
        "contacts" => timed(account.contacts(), Item::Contact),
        "customer-happiness" => account
            .ratings()
            .map(|(rated, ticket)| Item::Rating(rated, ticket))
            .collect(),
        "departments" => account.departments().map(Item::Department).collect(),
        "notification-email-failures" => account
            .alerted_tickets(None)
            .into_iter()
            .map(Item::Alert)
            .collect(),
        "notification-pending-approvals" => account
            .tickets_to_approve()
            .map(|ticket| Item::Approval {
                ticket,
                with_parent: scope.by_ticket,
            })
            .collect(),
        "queue-by-status" | "tickets" if scope.list_rows => of_tickets(Item::ListedTicket),
        "queue-by-status" | "tickets" => of_tickets(Item::FoundTicket),
        "threads" => of_tickets(Item::Threads),
        "ticket-tags" => account.departments().map(Item::Tags).collect(),
        "ticket-time-entry" => of_tickets(Item::TicketEntries),
        _ => return None,
    })
}

/// The rows of one item; none if what it names was deleted meanwhile.
pub(super) fn rows(account: &Account, item: Item) -> Vec<TruthRow> {
    let single = |row: String| vec![TruthRow { parent: None, row }];
    let under = |key: &'static str, id: u64, rows: Vec<String>| -> Vec<TruthRow> {
        let parent = Some((key, id.to_string()));
        rows.into_iter()
            .map(|row| TruthRow {
                parent: parent.clone(),
                row,
            })
            .collect()
    };
    let ticket_id = |ticket| account.tickets().id(ticket);
    match item {
        Item::Account(row) if account.accounts().is_live(row) => single(account.account_row(row)),
        Item::Call(row) if account.calls().is_live(row) => single(account.call_row(row)),
        Item::Contact(row) if account.contacts().is_live(row) => single(account.contact_row(row)),
        Item::Agent(agent) => single(account.agent_row(agent)),
        Item::AgentEntries(agent) => {
            let entries = account.agent_time_entries(agent);
            let rows = entries.iter().map(|entry| account.time_entry_row(entry));
            under("agentId", Account::agent_id(agent), rows.collect())
        }
        Item::Department(department) => single(account.department_row(department)),
        Item::Tags(department) => {
            let rows = account.tags(department);
            let rows = rows.iter().map(Account::tag_row).collect();
            under("departmentId", Account::department_id(department), rows)
        }
        Item::ListedTicket(ticket)
        | Item::FoundTicket(ticket)
        | Item::Alert(ticket)
        | Item::Rating(_, ticket)
        | Item::Approval { ticket, .. }
        | Item::Threads(ticket)
        | Item::TicketEntries(ticket)
            if account.tickets().is_live(ticket) =>
        {
            match item {
                Item::ListedTicket(_) => single(account.ticket_row(ticket)),
                Item::FoundTicket(_) => single(account.ticket_search_row(ticket)),
                Item::Alert(_) => single(account.alert_row(ticket)),
                Item::Rating(rated, _) => single(account.rating_row(rated, ticket)),
                Item::Approval {
                    with_parent: false, ..
                } => single(account.approval_row(ticket)),
                Item::Approval { .. } => {
                    let rows = vec![account.approval_row(ticket)];
                    under("ticketId", ticket_id(ticket), rows)
                }
                Item::Threads(_) => {
                    under("ticketId", ticket_id(ticket), account.thread_rows(ticket))
                }
                _ => {
                    let entries = account.time_entries(ticket);
                    let rows = entries.iter().map(|entry| account.time_entry_row(entry));
                    under("ticketId", ticket_id(ticket), rows.collect())
                }
            }
        }
        _ => Vec::new(),
    }
}
