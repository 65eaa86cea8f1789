use std::sync::Arc;

use crate::api_keys::ApiKeys;
use crate::audit::Audit;
use crate::counters::Counters;
use crate::deliveries::Deliveries;
use crate::lease::Leases;
use crate::persons::Persons;
use crate::rate::RateLimits;
use crate::retention::Retention;
use crate::secret::Entropy;
use crate::sessions::Sessions;
use crate::surveys::Surveys;
use crate::table::Table;
use crate::tickets::Tickets;

/// All rooms of one table. Clones share the client.
#[derive(Debug, Clone)]
pub struct State {
    /// The table itself, for transactions across rooms.
    pub table: Table,
    /// Chats and their messages.
    pub sessions: Sessions,
    /// Tickets, due and made.
    pub tickets: Tickets,
    /// Who changed what.
    pub audit: Audit,
    /// Who may call the API.
    pub api_keys: ApiKeys,
    /// Links of satisfaction surveys.
    pub surveys: Surveys,
    /// Statistics by day.
    pub counters: Counters,
    /// A person's chats by e-mail.
    pub persons: Persons,
    /// Calls allowed for each period.
    pub rate: RateLimits,
    /// Deliveries seen before.
    pub deliveries: Deliveries,
    /// Mutual exclusion.
    pub leases: Leases,
}

impl State {
    /// The rooms of `table`.
    pub fn new(table: &Table, retention: Retention, entropy: Arc<dyn Entropy>) -> Self {
        let sessions = Sessions::new(table.clone(), retention);
        let tickets = Tickets::new(table.clone(), retention);
        Self {
            table: table.clone(),
            audit: Audit::new(table.clone(), retention),
            api_keys: ApiKeys::new(table.clone(), Arc::clone(&entropy)),
            surveys: Surveys::new(table.clone(), retention, entropy),
            counters: Counters::new(table.clone(), retention),
            persons: Persons::new(table.clone(), retention, sessions.clone(), tickets.clone()),
            rate: RateLimits::new(table.clone()),
            deliveries: Deliveries::new(table.clone()),
            leases: Leases::new(table.clone()),
            sessions,
            tickets,
        }
    }
}
