/// How many rows of each kind a generated portal starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSize {
    /// Tickets; threads and time entries hang on them.
    pub tickets: u32,
    /// End users.
    pub contacts: u32,
    /// Companies.
    pub accounts: u32,
    /// Agents; at least one.
    pub agents: u32,
    /// Departments; at least one.
    pub departments: u32,
    /// Calls.
    pub calls: u32,
    /// Most tags a department has; each has between none and this many.
    pub tags_per_department: u32,
    /// E-mail failure alerts over all departments, before duplicates are dropped.
    pub alerts: u32,
    /// Customer happiness ratings, before duplicates are dropped.
    pub ratings: u32,
    /// Tickets that wait for an approval, before duplicates are dropped.
    pub approvals: u32,
    /// Tickets of one bulk import that share the millisecond of creation.
    pub same_millisecond: u32,
}

impl AccountSize {
    /// A portal in which everything else is in proportion to `tickets`.
    pub fn from_tickets(tickets: u32) -> Self {
        let contacts = tickets / 4 + 5;
        Self {
            tickets,
            contacts,
            accounts: contacts / 10 + 3,
            agents: (tickets / 500).clamp(3, 1_000),
            departments: (tickets / 20_000 + 12).min(60),
            calls: tickets / 10 + 2,
            tags_per_department: (tickets / 20).clamp(4, 130),
            alerts: (tickets / 20).min(1_500),
            ratings: tickets / 10,
            approvals: (tickets / 50).min(60),
            same_millisecond: (tickets / 20).min(300),
        }
    }

    /// A portal without a single row besides one agent and one department.
    pub fn empty() -> Self {
        Self {
            tickets: 0,
            contacts: 0,
            accounts: 0,
            agents: 1,
            departments: 1,
            calls: 0,
            tags_per_department: 0,
            alerts: 0,
            ratings: 0,
            approvals: 0,
            same_millisecond: 0,
        }
    }

    pub(super) fn at_least_one(self) -> Self {
        Self {
            agents: self.agents.max(1),
            departments: self.departments.max(1),
            ..self
        }
    }
}

impl Default for AccountSize {
    fn default() -> Self {
        Self::from_tickets(250)
    }
}
