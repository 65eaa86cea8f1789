//! Rows that are listed and searched by time.

use std::borrow::Cow;

use super::{Content, DAY_MS, Listing, rows};
use crate::zoho::{
    account::{Account, Order, Ticket, TimedTable},
    filter::{self, Filters},
};

impl Listing<'_> {
    pub(super) fn timed_list(&self, kind: Kind) -> Content {
        let table = kind.table(self.account);
        let (key, descending) = self.query.sort().unwrap_or(("createdTime", true));
        let chosen = self.choose(kind, table.live(order(key)));
        let chosen = self.ordered(kind, key, chosen);
        let page = self.window.cut(&chosen, descending);
        rows(
            page.into_iter()
                .map(|row| self.list_row(kind, row))
                .collect(),
        )
    }

    fn list_row(&self, kind: Kind, row: u32) -> String {
        match kind {
            Kind::Tickets => {
                let mut json = self.account.ticket_row(row);
                self.include(&mut json, row);
                json
            }
            _ => kind.row(self.account, row),
        }
    }

    pub(super) fn search(&self, kind: Kind) -> Content {
        let table = kind.table(self.account);
        let (key, descending) = self.query.sort().unwrap_or(("relevance", false));
        let order = order(key);
        let all = (i64::MIN, i64::MAX);
        let range = |name| self.query.range(name);
        let (indexed, other) = match order {
            Order::Created => (
                range("createdTimeRange"),
                range("modifiedTimeRange").map(|range| (Order::Modified, range)),
            ),
            Order::Modified => (
                range("modifiedTimeRange"),
                range("createdTimeRange").map(|range| (Order::Created, range)),
            ),
        };
        let mut chosen = Cow::Borrowed(table.between(order, indexed.unwrap_or(all)));
        if let Some((order, (first, last))) = other {
            let inside = |row: &u32| (first..=last).contains(&table.time(order, *row));
            chosen = chosen.iter().copied().filter(inside).collect();
        }
        if self.indexed_until < i64::MAX {
            let indexed = |row: &u32| table.modified(*row) <= self.indexed_until;
            chosen = chosen.iter().copied().filter(indexed).collect();
        }
        let mut filters = Filters::of(self.query);
        if kind == Kind::Contacts {
            filters = filters.with_loose_emails();
        }
        if !filters.is_empty() {
            let fits = |row: &u32| {
                let value = |name: &str| kind.value(self.account, *row, name);
                let time = |name: &str| kind.time(self.account, *row, name);
                filters.fit(value, time)
            };
            chosen = chosen.iter().copied().filter(fits).collect();
        }
        let chosen = self.ordered(kind, key, chosen);
        let page = self.window.cut(&chosen, descending);
        Content::Rows {
            rows: page
                .into_iter()
                .map(|row| kind.row(self.account, row))
                .collect(),
            count: Some(chosen.len()),
        }
    }

    /// Applies the filters of a list route.
    fn choose<'r>(&self, kind: Kind, all: &'r [u32]) -> Cow<'r, [u32]> {
        let filtering = ["sortBy", "include", "fields"];
        let filters = self.query.text_filters();
        if filters.iter().all(|(name, _)| filtering.contains(name)) {
            return Cow::Borrowed(all);
        }
        match kind {
            Kind::Tickets => {
                let keep = self.ticket_filter();
                let kept = all.iter().copied();
                kept.filter(|&row| keep(&self.account.ticket(row)))
                    .collect()
            }
            Kind::Calls => {
                let kept = all.iter().copied();
                kept.filter(|&row| self.keeps_call(row)).collect()
            }
            Kind::Accounts | Kind::Contacts => Cow::Borrowed(all),
        }
    }

    fn ticket_filter(&self) -> impl Fn(&Ticket) -> bool {
        let query = self.query;
        let statuses = query.get("status").map(filter::Pattern::of_status);
        let priorities = query.get("priority").map(filter::Pattern::new);
        let channels = query.get("channel").map(filter::Pattern::new);
        let departments = query.ids("departmentIds");
        let assignees = query.list("assignee");
        let teams = query.get("teamIds");
        let days: Option<i64> = query
            .get("receivedInDays")
            .and_then(|days| days.parse().ok());
        let since = days.map(|days| self.now.as_millisecond() - days * DAY_MS);
        move |ticket| {
            let assignee = ticket
                .assignee
                .map(|agent| Account::agent_id(agent).to_string());
            let assignee = assignee.as_deref().unwrap_or("Unassigned");
            statuses
                .as_ref()
                .is_none_or(|pattern| pattern.matches(Some(ticket.status.name)))
                && priorities
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(ticket.priority))
                && channels
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(Some(ticket.channel)))
                && departments
                    .as_ref()
                    .is_none_or(|ids| ids.contains(&Account::department_id(ticket.department)))
                && assignees
                    .as_ref()
                    .is_none_or(|wanted| wanted.contains(&assignee))
                && teams.is_none()
                && since.is_none_or(|since| {
                    let answered = self.account.customer_response(ticket);
                    answered.is_some_and(|time| time >= since)
                })
        }
    }

    fn keeps_call(&self, row: u32) -> bool {
        let query = self.query;
        let call = self.account.call(row);
        let department = Account::department_id(call.department);
        let owner = Account::agent_id(call.owner).to_string();
        let departments = query.ids("departmentIds").or(query.ids("departmentId"));
        query
            .flag("isCompleted")
            .is_none_or(|wanted| wanted == call.completed.is_some())
            && departments.is_none_or(|ids| ids.contains(&department))
            && query
                .list("assignee")
                .is_none_or(|ids| ids.contains(&owner.as_str()))
            && query.get("startTime").is_none_or(|span| {
                let overdue = span == "Overdue";
                let (first, last) = self.span(span);
                (first..last).contains(&call.start) && !(overdue && call.completed.is_some())
            })
    }

    /// Sorts by a key that has no index; ties keep the order of creation.
    fn ordered<'r>(&self, kind: Kind, key: &str, rows: Cow<'r, [u32]>) -> Cow<'r, [u32]> {
        if matches!(key, "createdTime" | "modifiedTime" | "relevance") {
            return rows;
        }
        let mut rows = rows.into_owned();
        match (kind, key) {
            (Kind::Tickets, "recentThread") => rows.sort_by_cached_key(|&row| {
                let ticket = self.account.ticket(row);
                self.account.thread_times(&ticket).last().copied()
            }),
            (Kind::Tickets, "dueDate") => {
                rows.sort_by_cached_key(|&row| self.account.due(&self.account.ticket(row)));
            }
            (Kind::Tickets, _) => rows.sort_by_cached_key(|&row| {
                self.account.customer_response(&self.account.ticket(row))
            }),
            (Kind::Calls, _) => rows.sort_by_cached_key(|&row| self.account.call(row).start),
            _ => rows.sort_by_cached_key(|&row| kind.value(self.account, row, key)),
        }
        Cow::Owned(rows)
    }

    pub(super) fn contact_tickets(&self, contact: u32) -> Content {
        let oldest_first = self.account.tickets_of_contact(contact);
        let wanted = self.query.id("departmentId");
        let of_department = |row: &u32| {
            let department = Account::department_id(self.account.ticket(*row).department);
            wanted.is_none_or(|wanted| wanted == department)
        };
        let chosen: Vec<u32> = oldest_first.into_iter().filter(of_department).collect();
        let descending = self.query.sort().is_none_or(|(_, descending)| descending);
        let page = self.window.cut(&chosen, descending);
        rows(
            page.into_iter()
                .map(|row| self.list_row(Kind::Tickets, row))
                .collect(),
        )
    }

    pub(super) fn archived(&self) -> Content {
        let account = self.account;
        let department = self.query.id("departmentId");
        let archived: Vec<u32> = account
            .tickets()
            .live(Order::Created)
            .iter()
            .copied()
            .filter(|&row| {
                let ticket = account.ticket(row);
                ticket.archived && Some(Account::department_id(ticket.department)) == department
            })
            .collect();
        let page = self.window.cut(&archived, true);
        rows(
            page.into_iter()
                .map(|row| self.list_row(Kind::Tickets, row))
                .collect(),
        )
    }
}

/// The index that sorts by `key`, that of creation if none does.
fn order(key: &str) -> Order {
    match key {
        "modifiedTime" => Order::Modified,
        _ => Order::Created,
    }
}

/// The kinds of rows that are listed and searched by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Accounts,
    Calls,
    Contacts,
    Tickets,
}

impl Kind {
    fn table(self, account: &Account) -> &TimedTable {
        match self {
            Self::Accounts => account.accounts(),
            Self::Calls => account.calls(),
            Self::Contacts => account.contacts(),
            Self::Tickets => account.tickets(),
        }
    }

    /// The row of a search.
    fn row(self, account: &Account, row: u32) -> String {
        match self {
            Self::Accounts => account.account_row(row),
            Self::Calls => account.call_row(row),
            Self::Contacts => account.contact_row(row),
            Self::Tickets => account.ticket_search_row(row),
        }
    }

    fn value(self, account: &Account, row: u32, name: &str) -> filter::Value {
        match self {
            Self::Accounts => filter::account_value(account, row, name),
            Self::Calls => filter::call_value(account, row, name),
            Self::Contacts => filter::contact_value(account, row, name),
            Self::Tickets => filter::ticket_value(account, row, name),
        }
    }

    /// The time that an unindexed range looks at.
    fn time(self, account: &Account, row: u32, name: &str) -> filter::Time {
        match self {
            Self::Calls => Some(account.call(row).start),
            Self::Tickets => filter::ticket_time(account, row, name),
            Self::Accounts | Self::Contacts => None,
        }
    }
}
