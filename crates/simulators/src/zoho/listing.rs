//! Chooses, orders and cuts the rows that answer a request.

use std::borrow::Cow;

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde_json::value::RawValue;

use super::{
    account::{Account, AgentStatus, Order, Ticket, TimeEntry, TimedTable},
    filter::{self, Filters},
    limits::list_cost,
    options::FromBase,
    query::Query,
    refusal::Refusal,
    routes::{Endpoint, Route},
    row::append,
};

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

    fn timed_list(&self, kind: Kind) -> Content {
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

    fn search(&self, kind: Kind) -> Content {
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
        let filters = Filters::of(self.query);
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

    fn archived(&self) -> Content {
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

    fn agents(&self) -> Content {
        let chosen: Vec<u32> = self
            .account
            .agents()
            .filter(|&agent| self.keeps_agent(agent))
            .collect();
        let descending = self.query.get("sortOrder") == Some("desc");
        let page = self.window.cut(&chosen, descending);
        rows(
            page.into_iter()
                .map(|agent| self.account.agent_row(agent))
                .collect(),
        )
    }

    fn keeps_agent(&self, agent: u32) -> bool {
        let (account, query) = (self.account, self.query);
        let active = account.agent_status(agent) == AgentStatus::Active;
        let department = Account::department_id(account.agent_department(agent));
        let name = account.agent_name(agent).to_lowercase();
        let email = super::account::agent_email(agent);
        let searched = query.get("searchStr").map(str::to_lowercase);
        let searched = searched.as_deref().map(|text| text.trim_matches('*'));
        query.get("status").is_none_or(|status| match status {
            "ACTIVE" => active,
            "DISABLED" => !active,
            _ => false,
        }) && query
            .flag("isConfirmed")
            .is_none_or(|wanted| wanted == active)
            && query.flag("isLightAgent") != Some(true)
            && query
                .ids("departmentIds")
                .is_none_or(|ids| ids.contains(&department))
            && searched.is_none_or(|text| name.contains(text) || email.contains(text))
            && query
                .get("rolePermissionType")
                .is_none_or(|kind| kind == if agent == 0 { "Admin" } else { "AgentPersonal" })
            && ["roleIds", "profileIds"]
                .into_iter()
                .filter_map(|name| Some((name, query.list(name)?)))
                .all(|(name, ids)| {
                    let key = if name == "roleIds" {
                        "roleId"
                    } else {
                        "profileId"
                    };
                    let row = account.agent_row(agent);
                    ids.iter()
                        .any(|id| row.contains(&format!("\"{key}\":\"{id}\"")))
                })
    }

    fn departments(&self) -> Content {
        let (account, query) = (self.account, self.query);
        let searched = query.get("searchStr").map(str::to_lowercase);
        let chosen: Vec<u32> = account
            .departments()
            .filter(|&department| {
                let facts = account.department(department);
                let name = facts.name.to_lowercase();
                query
                    .flag("isEnabled")
                    .is_none_or(|wanted| wanted == facts.enabled)
                    && query.get("chatStatus").is_none_or(|status| match status {
                        "AVAILABLE" => facts.chat,
                        "DISABLED" => false,
                        _ => !facts.chat,
                    })
                    && searched
                        .as_deref()
                        .is_none_or(|text| name.contains(text.trim_matches('*')))
            })
            .collect();
        let page = self.window.cut(&chosen, false);
        rows(
            page.into_iter()
                .map(|department| account.department_row(department))
                .collect(),
        )
    }

    fn time_entries(&self, mut entries: Vec<TimeEntry>) -> Content {
        let (account, query) = (self.account, self.query);
        let within = |name, time: i64| {
            let range = query.range(name);
            range.is_none_or(|(first, last)| (first..=last).contains(&time))
        };
        entries.retain(|entry| {
            let department = Account::department_id(account.ticket(entry.ticket).department);
            query.get("module").is_none_or(|module| module == "tickets")
                && query
                    .id("departmentId")
                    .is_none_or(|wanted| wanted == department)
                && query.get("billStatus").is_none_or(|status| match status {
                    "billed" => entry.billed,
                    "billable" => entry.billable && !entry.billed,
                    _ => !entry.billable,
                })
                && within("createdTimeRange", entry.created)
                && within("modifiedTimeRange", entry.modified)
        });
        entries.sort_by_key(|entry| (entry.executed, entry.ticket, entry.position));
        let descending = query.get("orderBy") == Some("DESC");
        let page = self.window.cut(&entries, descending);
        rows(
            page.iter()
                .map(|entry| account.time_entry_row(entry))
                .collect(),
        )
    }

    fn threads(&self, ticket: u32) -> Content {
        let newest_first = self.account.thread_rows(ticket);
        let oldest_first = self.query.sort() == Some(("sendDateTime", false));
        let positions: Vec<usize> = (0..newest_first.len()).collect();
        let page = self.window.cut(&positions, oldest_first);
        rows(
            page.into_iter()
                .map(|position| newest_first[position].clone())
                .collect(),
        )
    }

    fn tags(&self) -> Content {
        let account = self.account;
        let department = self.query.id("departmentId");
        let department = department.and_then(|id| account.find_department(id));
        let mut tags = department.map_or_else(Vec::new, |row| account.tags(row));
        let (key, descending) = self.query.sort().unwrap_or(("createdTime", true));
        if key == "count" {
            tags.sort_by_key(|tag| tag.tickets);
        } else {
            tags.sort_by_key(|tag| tag.created);
        }
        let page = self.window.cut(&tags, descending);
        rows(page.iter().map(Account::tag_row).collect())
    }

    fn ratings(&self) -> Content {
        let query = self.query;
        let account = self.account;
        let department = self.department();
        let mut ratings: Vec<(i64, u32)> = account
            .ratings()
            .filter(|&(rated, row)| self.keeps_rating(rated, row, department))
            .collect();
        if query.get("duration") == Some("LAST_100_RATINGS") {
            ratings.drain(..ratings.len().saturating_sub(100));
        }
        let descending = query.sort().is_some_and(|(_, descending)| descending);
        let page = self.window.cut(&ratings, descending);
        rows(
            page.into_iter()
                .map(|(rated, row)| account.rating_row(rated, row))
                .collect(),
        )
    }

    fn keeps_rating(&self, rated: i64, row: u32, department: Option<u32>) -> bool {
        let (account, query) = (self.account, self.query);
        let ticket = account.ticket(row);
        let millis = |name| query.get(name).and_then(|time| time.parse::<i64>().ok());
        let date = |name| {
            let date = query.get(name)?.parse::<civil::Date>().ok()?;
            Some(midnight(date))
        };
        let contact = ticket.contact;
        let owner = contact.and_then(|contact| contact.checked_rem(account.generated_accounts()));
        let custom = query.get("duration") == Some("CUSTOM_IN_DATE");
        department.is_none_or(|wanted| wanted == ticket.department)
            && millis("startTime").is_none_or(|start| rated >= start)
            && millis("endTime").is_none_or(|end| rated <= end)
            && (!custom
                || date("startDate").is_none_or(|start| rated >= start)
                    && date("endDate").is_none_or(|end| rated < end + DAY_MS))
            && query
                .get("rating")
                .is_none_or(|rating| rating.eq_ignore_ascii_case(account.rating(row)))
            && query.get("duration").is_none_or(|span| {
                let (first, last) = self.span(span);
                (first..last).contains(&rated)
            })
            && query
                .id("ticketId")
                .is_none_or(|id| id == account.tickets().id(row))
            && query
                .id("agentId")
                .is_none_or(|id| ticket.assignee.map(Account::agent_id) == Some(id))
            && query
                .id("contactId")
                .is_none_or(|id| contact.map(|contact| account.contacts().id(contact)) == Some(id))
            && query
                .id("accountId")
                .is_none_or(|id| owner.map(|owner| account.accounts().id(owner)) == Some(id))
    }

    fn alerts(&self) -> Content {
        let alerted = self.account.alerted_tickets(self.department());
        let page = self.window.cut(&alerted, false);
        rows(
            page.into_iter()
                .map(|row| self.account.alert_row(row))
                .collect(),
        )
    }

    fn approvals(&self) -> Content {
        let account = self.account;
        let department = self.department();
        let waiting = account.tickets_to_approve().filter(|&row| {
            department.is_none_or(|wanted| account.ticket(row).department == wanted)
        });
        rows(waiting.map(|row| account.approval_row(row)).collect())
    }

    fn ticket_approvals(&self, row: u32) -> Content {
        let pending = matches!(self.query.get("status"), None | Some("Pending"));
        let waiting: Vec<u32> = (pending && self.account.is_to_approve(row))
            .then_some(row)
            .into_iter()
            .collect();
        let page = self.window.cut(&waiting, false);
        rows(
            page.into_iter()
                .map(|row| self.account.approval_row(row))
                .collect(),
        )
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

/// The index that sorts by `key`, that of creation if none does.
fn order(key: &str) -> Order {
    match key {
        "modifiedTime" => Order::Modified,
        _ => Order::Created,
    }
}

fn midnight(date: civil::Date) -> i64 {
    let start = date.to_zoned(TimeZone::UTC);
    start.map_or(i64::MAX, |start| start.timestamp().as_millisecond())
}

fn rows(rows: Vec<String>) -> Content {
    Content::Rows { rows, count: None }
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
