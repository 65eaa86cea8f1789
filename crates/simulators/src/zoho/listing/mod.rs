//! Chooses, orders and cuts the rows that answer a request.

mod hanging;
mod portal;
mod timed;

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde_json::value::RawValue;

use super::{
    account::Account,
    limits::list_cost,
    options::FromBase,
    query::Query,
    refusal::Refusal,
    routes::{Endpoint, Route},
    row::append,
};

use timed::Kind;

const DAY_MS: i64 = 86_400_000;

/// Which stretch of the rows to send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    offset: usize,
    limit: usize,
    /// Starts over behind the last row, a fault.
    endless: bool,
}

/// Deviations from the right page.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Paging {
    pub(super) base: FromBase,
    pub(super) first_page_only: bool,
    pub(super) endless: bool,
}

impl Window {
    pub(super) fn new(route: &Route, query: &Query, paging: Paging) -> Self {
        let one_based = paging.base == FromBase::One && !route.name.ends_with("/search");
        let offset = match (paging.first_page_only, one_based) {
            (true, _) => 0,
            (false, true) => query.from.saturating_sub(1),
            (false, false) => query.from,
        };
        Self {
            offset: offset as usize,
            limit: usize::try_from(query.limit).unwrap_or(usize::MAX),
            endless: paging.endless,
        }
    }

    fn positions(self, total: usize) -> impl Iterator<Item = usize> {
        let end = if self.endless && total > 0 {
            self.offset.saturating_add(self.limit)
        } else {
            self.offset.saturating_add(self.limit).min(total)
        };
        (self.offset..end).map(move |position| position % total)
    }

    fn cut<T: Copy>(self, rows: &[T], descending: bool) -> Vec<T> {
        let total = rows.len();
        self.positions(total)
            .map(|position| {
                if descending {
                    rows[total - 1 - position]
                } else {
                    rows[position]
                }
            })
            .collect()
    }
}

/// What a request gets.
#[derive(Debug)]
pub(super) enum Content {
    Rows {
        rows: Vec<String>,
        /// Matches in all, on search.
        count: Option<usize>,
    },
    /// One bare object.
    Entity(String),
}

/// What the request costs.
pub(super) fn cost(route: &Route, query: &Query) -> u64 {
    match route.limit {
        Some(_) => list_cost(query.from),
        None if route.endpoint == Endpoint::MyPendingApprovals => list_cost(0),
        None => 1,
    }
}

/// One request that passed every check.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    pub(super) account: &'a Account,
    pub(super) query: &'a Query,
    pub(super) window: Window,
    pub(super) edition: &'static str,
    pub(super) now: Timestamp,
    /// What changed later, epoch ms, is not in the search index yet.
    pub(super) indexed_until: i64,
}

impl Listing<'_> {
    /// `row` is the row that the path's id names.
    pub(super) fn answer(&self, route: &Route, row: u32) -> Result<Content, Refusal> {
        let account = self.account;
        let content = match route.endpoint {
            Endpoint::Accounts => self.timed_list(Kind::Accounts),
            Endpoint::AccountsSearch => self.search(Kind::Accounts),
            Endpoint::Calls => self.timed_list(Kind::Calls),
            Endpoint::CallsSearch => self.search(Kind::Calls),
            Endpoint::Contacts => self.timed_list(Kind::Contacts),
            Endpoint::ContactsSearch => self.search(Kind::Contacts),
            Endpoint::Tickets => self.timed_list(Kind::Tickets),
            Endpoint::TicketsSearch => self.search(Kind::Tickets),
            Endpoint::ArchivedTickets => self.archived(),
            Endpoint::Agents => self.agents(),
            Endpoint::Departments => self.departments(),
            Endpoint::AgentTimeEntry => self.time_entries(account.agent_time_entries(row)),
            Endpoint::TicketTimeEntry => self.time_entries(account.time_entries(row)),
            Endpoint::TicketThreads => self.threads(row),
            Endpoint::TicketComments => self.comments(row),
            Endpoint::ContactTickets => self.contact_tickets(row),
            Endpoint::Contact => Content::Entity(account.contact_row(row)),
            Endpoint::OrganizationFields => rows(account.field_rows()),
            Endpoint::TicketTags => self.tags(),
            Endpoint::CustomerHappiness => self.ratings(),
            Endpoint::EmailFailureAlerts => self.alerts(),
            Endpoint::MyPendingApprovals => self.approvals(),
            Endpoint::TicketApprovals => self.ticket_approvals(row),
            Endpoint::Organizations => rows(vec![account.organization_row(self.edition)]),
            Endpoint::Ticket => {
                let mut detail = account.ticket_detail(row);
                self.include(&mut detail, row);
                Content::Entity(detail)
            }
        };
        self.project(content)
    }

    /// A named stretch of time around now, UTC, end exclusive.
    fn span(&self, name: &str) -> (i64, i64) {
        let now = self.now.as_millisecond();
        let today = self.now.to_zoned(TimeZone::UTC).date();
        let monday =
            today.saturating_sub(i64::from(today.weekday().to_monday_zero_offset()).days());
        let month = today.first_of_month();
        let days = |first: civil::Date, last: civil::Date| (midnight(first), midnight(last));
        let day_after = |date: civil::Date, days: i64| date.saturating_add(days.days());
        match name {
            "Overdue" => (i64::MIN, now),
            "Today" | "TODAY" => days(today, day_after(today, 1)),
            "Tomorrow" => days(day_after(today, 1), day_after(today, 2)),
            "YESTERDAY" => days(day_after(today, -1), today),
            "CurrentWeek" | "THIS_WEEK" => days(monday, day_after(monday, 7)),
            "LAST_WEEK" => days(day_after(monday, -7), monday),
            "CurrentMonth" | "THIS_MONTH" => days(month, month.saturating_add(1.month())),
            "LAST_MONTH" => days(month.saturating_sub(1.month()), month),
            "LAST_7_DAYS" => (now - 7 * DAY_MS, now + 1),
            "LAST_30_DAYS" => (now - 30 * DAY_MS, now + 1),
            "LAST_1_HOUR" => (now - DAY_MS / 24, now + 1),
            "LAST24HOURS" => (now - DAY_MS, now + 1),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// The department that the query names, `None` for all.
    fn department(&self) -> Option<u32> {
        let id = self.query.id("department")?;
        self.account.find_department(id)
    }

    /// Appends the objects that `include` asks for to a ticket.
    fn include(&self, json: &mut String, row: u32) {
        let Some(wanted) = self.query.list("include") else {
            return;
        };
        let account = self.account;
        let ticket = account.ticket(row);
        for name in wanted {
            let (key, object) = match name {
                "contacts" => (
                    "contact",
                    ticket.contact.map(|contact| account.contact_row(contact)),
                ),
                "assignee" => (
                    "assignee",
                    ticket.assignee.map(|agent| account.agent_row(agent)),
                ),
                "departments" => (
                    "department",
                    Some(account.department_row(ticket.department)),
                ),
                "isRead" => ("isRead", Some("true".to_owned())),
                "products" => ("product", None),
                other => (other, None),
            };
            append(json, key, object.as_deref().unwrap_or("null"));
        }
    }

    /// Reduces rows to what `fields` names; like the vendor, an unknown name is a server error.
    fn project(&self, content: Content) -> Result<Content, Refusal> {
        let (Some(fields), Content::Rows { rows, count }) = (self.query.list("fields"), &content)
        else {
            return Ok(content);
        };
        let projected: Option<Vec<String>> =
            rows.iter().map(|row| projected(row, &fields)).collect();
        let rows = projected.ok_or_else(Refusal::internal)?;
        Ok(Content::Rows {
            rows,
            count: *count,
        })
    }
}

fn projected(row: &str, fields: &[&str]) -> Option<String> {
    let keys: std::collections::HashMap<&str, &RawValue> = serde_json::from_str(row).ok()?;
    let mut json = String::from("{}");
    let names = std::iter::once("id").chain(fields.iter().copied().filter(|name| *name != "id"));
    for (position, name) in names.enumerate() {
        let value = keys.get(name)?;
        if position == 0 {
            json = format!("{{\"{name}\":{value}}}");
        } else {
            append(&mut json, name, value.get());
        }
    }
    Some(json)
}

fn midnight(date: civil::Date) -> i64 {
    let start = date.to_zoned(TimeZone::UTC);
    start.map_or(i64::MAX, |start| start.timestamp().as_millisecond())
}

fn rows(rows: Vec<String>) -> Content {
    Content::Rows { rows, count: None }
}
