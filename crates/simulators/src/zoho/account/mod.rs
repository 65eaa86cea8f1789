//! One generated Zoho Desk portal. Rows are computed when asked for; only times and changes are
//! kept.

mod mutation;
mod rows;
mod size;
mod table;
mod ticket;
mod words;
mod written;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::dice::Dice;
use written::{WrittenComment, WrittenTicket};
pub use {
    mutation::{Change, Entity, Mutation},
    size::AccountSize,
};
pub(super) use {
    rows::{AgentStatus, agent_email},
    table::{Order, TimedTable},
    ticket::{STATUSES, Status, Ticket, TimeEntry},
    written::{CHANNELS, CommentContent, ContactContent, PRIORITIES, TicketContent},
};

/// Keeps the rolls of different entity kinds apart.
mod stream {
    pub(super) const TICKET: u64 = 1;
    pub(super) const CONTACT: u64 = 2;
    pub(super) const ACCOUNT: u64 = 3;
    pub(super) const CALL: u64 = 4;
    pub(super) const AGENT: u64 = 5;
    pub(super) const DEPARTMENT: u64 = 6;
    pub(super) const TAG: u64 = 7;
    pub(super) const ALERT: u64 = 8;
    pub(super) const RATING: u64 = 9;
    pub(super) const APPROVAL: u64 = 10;
    pub(super) const ENTRY: u64 = 11;
    pub(super) const THREAD: u64 = 12;
}

/// First id of each kind: 18 digits for what is numerous, 17 for the rest.
mod base {
    pub(super) const TICKET: u64 = 204_700_000_000_000_000;
    pub(super) const THREAD: u64 = 204_710_000_000_000_000;
    pub(super) const COMMENT: u64 = 204_750_000_000_000_000;
    pub(super) const ENTRY: u64 = 204_720_000_000_000_000;
    pub(super) const RATING: u64 = 204_730_000_000_000_000;
    pub(super) const APPROVAL: u64 = 204_740_000_000_000_000;
    pub(super) const CONTACT: u64 = 20_471_000_000_000_000;
    pub(super) const ACCOUNT: u64 = 20_472_000_000_000_000;
    pub(super) const CALL: u64 = 20_473_000_000_000_000;
    pub(super) const AGENT: u64 = 20_474_000_000_000_000;
    pub(super) const DEPARTMENT: u64 = 20_475_000_000_000_000;
    pub(super) const TAG: u64 = 20_476_000_000_000_000;
    pub(super) const LAYOUT: u64 = 20_477_000_000_000_000;
    pub(super) const ROLE: u64 = 20_478_000_000_000_000;
}

/// A portal's data.
#[derive(Debug)]
pub(super) struct Account {
    seed: u64,
    now_ms: i64,
    size: AccountSize,
    org_id: String,
    tickets: TimedTable,
    contacts: TimedTable,
    accounts: TimedTable,
    calls: TimedTable,
    /// Statuses that a change set, by ticket.
    statuses: HashMap<u32, Status>,
    /// Ticket and position of each time entry, by owning agent.
    entries_by_agent: Vec<Vec<(u32, u32)>>,
    /// Alerted tickets by department.
    alerts: Vec<Vec<u32>>,
    /// Time of the rating and its ticket, oldest first.
    ratings: Vec<(i64, u32)>,
    /// Tickets that wait for an approval.
    approvals: Vec<u32>,
    /// API names of the custom fields that tickets have.
    custom_fields: Vec<String>,
    written_tickets: HashMap<u32, WrittenTicket>,
    written_contacts: HashMap<u32, ContactContent>,
    written_comments: HashMap<u32, Vec<WrittenComment>>,
}

impl Account {
    pub(super) fn generate(seed: u64, org_id: &str, size: AccountSize, now: Timestamp) -> Self {
        let now_ms = now.as_millisecond();
        let size = size.at_least_one();
        let table = |stream, base_id, rows, burst| {
            TimedTable::generate((seed, stream), base_id, rows, burst, now_ms)
        };
        let mut account = Self {
            seed,
            now_ms,
            org_id: org_id.to_owned(),
            tickets: table(
                stream::TICKET,
                base::TICKET,
                size.tickets,
                size.same_millisecond,
            ),
            contacts: table(stream::CONTACT, base::CONTACT, size.contacts, 0),
            accounts: table(stream::ACCOUNT, base::ACCOUNT, size.accounts, 0),
            calls: table(stream::CALL, base::CALL, size.calls, 0),
            statuses: HashMap::new(),
            entries_by_agent: vec![Vec::new(); size.agents as usize],
            alerts: Vec::new(),
            ratings: Vec::new(),
            approvals: Vec::new(),
            custom_fields: Vec::new(),
            written_tickets: HashMap::new(),
            written_contacts: HashMap::new(),
            written_comments: HashMap::new(),
            size,
        };
        for ticket in 0..account.size.tickets {
            account.file_time_entries(ticket);
        }
        account.alerts = account.generate_alerts();
        account.ratings = account.generate_ratings();
        account.approvals = account.generate_approvals();
        account
    }

    /// The custom fields that tickets may have.
    pub(super) fn with_custom_fields(mut self, names: &[String]) -> Self {
        self.custom_fields = names.to_vec();
        self
    }

    pub(super) fn tickets(&self) -> &TimedTable {
        &self.tickets
    }

    pub(super) fn contacts(&self) -> &TimedTable {
        &self.contacts
    }

    pub(super) fn accounts(&self) -> &TimedTable {
        &self.accounts
    }

    /// The company of a contact, one of those that the portal started with.
    pub(super) fn company_of(&self, contact: Option<u32>) -> Option<u32> {
        let contact = contact.filter(|row| !self.written_contacts.contains_key(row))?;
        contact.checked_rem(self.size.accounts)
    }

    pub(super) fn calls(&self) -> &TimedTable {
        &self.calls
    }

    fn dice(&self, stream: u64, index: impl Into<u64>) -> Dice {
        Dice::new(self.seed, stream, index.into())
    }

    fn file_time_entries(&mut self, ticket: u32) {
        for entry in self.time_entries(ticket) {
            if let Some(list) = self.entries_by_agent.get_mut(entry.owner as usize) {
                list.push((ticket, entry.position));
            }
        }
    }

    /// The live entries that `agent` owns.
    pub(super) fn agent_time_entries(&self, agent: u32) -> Vec<TimeEntry> {
        let filed = self.entries_by_agent.get(agent as usize);
        filed
            .into_iter()
            .flatten()
            .filter(|(ticket, _)| self.tickets.is_live(*ticket))
            .map(|&(ticket, position)| self.time_entry(ticket, position))
            .collect()
    }

    fn generate_alerts(&self) -> Vec<Vec<u32>> {
        let mut alerts = vec![BTreeMap::new(); self.size.departments as usize];
        let tickets = u64::from(self.size.tickets);
        let wanted = u64::from(self.size.alerts).min(tickets);
        let mut dice = self.dice(stream::ALERT, 0_u64);
        for order in 0..wanted {
            let ticket = dice.below(tickets) as u32;
            if let Some(list) = alerts.get_mut(self.ticket(ticket).department as usize) {
                list.entry(ticket).or_insert(order);
            }
        }
        alerts
            .into_iter()
            .map(|list| list.into_keys().collect())
            .collect()
    }

    /// Alerted live tickets of one department, or of all.
    pub(super) fn alerted_tickets(&self, department: Option<u32>) -> Vec<u32> {
        let (first, last) = match department {
            Some(department) => (department as usize, department as usize + 1),
            None => (0, self.alerts.len()),
        };
        let lists = self.alerts.get(first..last).unwrap_or_default();
        let tickets = lists.iter().flatten().copied();
        tickets
            .filter(|&ticket| self.tickets.is_live(ticket))
            .collect()
    }

    fn generate_ratings(&self) -> Vec<(i64, u32)> {
        let tickets = u64::from(self.size.tickets);
        let mut dice = self.dice(stream::RATING, 0_u64);
        let mut rated = HashSet::new();
        let mut ratings: Vec<(i64, u32)> = (0..u64::from(self.size.ratings).min(tickets))
            .map(|_| dice.below(tickets) as u32)
            .filter(|&ticket| rated.insert(ticket))
            .map(|ticket| {
                let (first, last) = (self.tickets.created(ticket), self.tickets.modified(ticket));
                (
                    first + self.dice(stream::RATING, ticket).millis_below(last - first),
                    ticket,
                )
            })
            .collect();
        ratings.sort_unstable();
        ratings
    }

    /// Ratings of live tickets, oldest first, as (time, ticket).
    pub(super) fn ratings(&self) -> impl Iterator<Item = (i64, u32)> {
        let ratings = self.ratings.iter().copied();
        ratings.filter(|&(_, ticket)| self.tickets.is_live(ticket))
    }

    fn generate_approvals(&self) -> Vec<u32> {
        let tickets = u64::from(self.size.tickets);
        let mut dice = self.dice(stream::APPROVAL, 0_u64);
        let mut waiting: Vec<u32> = (0..u64::from(self.size.approvals).min(tickets))
            .map(|_| dice.below(tickets) as u32)
            .collect();
        waiting.sort_unstable();
        waiting.dedup();
        waiting
    }

    /// Live tickets that wait for an approval, oldest first.
    pub(super) fn tickets_to_approve(&self) -> impl Iterator<Item = u32> {
        let waiting = self.approvals.iter().copied();
        waiting.filter(|&ticket| self.tickets.is_live(ticket))
    }

    pub(super) fn is_to_approve(&self, ticket: u32) -> bool {
        self.approvals.binary_search(&ticket).is_ok()
    }
}
