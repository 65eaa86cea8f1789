//! What hangs on tickets: time entries, threads, ratings, alerts and approvals.

use jiff::civil;

use super::{Content, DAY_MS, Listing, midnight, rows};
use crate::zoho::account::{Account, TimeEntry};

impl Listing<'_> {
    pub(super) fn time_entries(&self, mut entries: Vec<TimeEntry>) -> Content {
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

    pub(super) fn comments(&self, ticket: u32) -> Content {
        let oldest_first = self.account.comment_rows(ticket);
        let newest_first = self.query.sort() == Some(("commentedTime", true));
        let positions: Vec<usize> = (0..oldest_first.len()).collect();
        let page = self.window.cut(&positions, newest_first);
        rows(
            page.into_iter()
                .map(|position| oldest_first[position].clone())
                .collect(),
        )
    }

    pub(super) fn threads(&self, ticket: u32) -> Content {
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

    pub(super) fn ratings(&self) -> Content {
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
        let owner = account.company_of(contact);
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

    pub(super) fn alerts(&self) -> Content {
        let alerted = self.account.alerted_tickets(self.department());
        let page = self.window.cut(&alerted, false);
        rows(
            page.into_iter()
                .map(|row| self.account.alert_row(row))
                .collect(),
        )
    }

    pub(super) fn approvals(&self) -> Content {
        let account = self.account;
        let department = self.department();
        let waiting = account.tickets_to_approve().filter(|&row| {
            department.is_none_or(|wanted| account.ticket(row).department == wanted)
        });
        rows(waiting.map(|row| account.approval_row(row)).collect())
    }

    pub(super) fn ticket_approvals(&self, row: u32) -> Content {
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
}
