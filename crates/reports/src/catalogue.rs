use std::fmt;
use std::str::FromStr;

use zoho_desk::{Route, routes};

/// The reports, one function each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    /// All accounts.
    Accounts,
    /// All agents.
    Agents,
    /// Time entries of all agents.
    AgentTimeEntry,
    /// All calls.
    Calls,
    /// All contacts.
    Contacts,
    /// Customer happiness ratings of all departments.
    CustomerHappiness,
    /// All departments.
    Departments,
    /// E-mails that could not be delivered.
    NotificationEmailFailures,
    /// Approvals that wait for somebody.
    NotificationPendingApprovals,
    /// Tickets of one status.
    QueueByStatus,
    /// Threads of changed tickets.
    Threads,
    /// Ticket tags of all departments.
    TicketTags,
    /// Time entries of changed tickets.
    TicketTimeEntry,
    /// All tickets.
    Tickets,
    /// Any GET route.
    DeskRoute,
}

/// Where the rows of a report come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// One list.
    List(Route),
    /// A list that wants `department={id|allDepartment}`.
    DepartmentList(Route),
    /// A search by time; incremental when rows of the past need not be read again.
    Search { route: Route, incremental: bool },
    /// One list for each agent.
    PerAgent(Route),
    /// One list for each department.
    PerDepartment(Route),
    /// One list for each ticket.
    PerTicket { route: Route, tickets: Tickets },
    /// What the event names.
    Any,
}

/// Which tickets a per-ticket report covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tickets {
    /// Those that changed since the watermark.
    Changed,
    /// Those that are open or on hold now.
    Unresolved,
}

/// What an id or a status in the event or the environment can narrow a report to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Narrow {
    Agent,
    Department,
    Status,
    Ticket,
}

impl Report {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 15] = [
        Self::Accounts,
        Self::Agents,
        Self::AgentTimeEntry,
        Self::Calls,
        Self::Contacts,
        Self::CustomerHappiness,
        Self::Departments,
        Self::DeskRoute,
        Self::NotificationEmailFailures,
        Self::NotificationPendingApprovals,
        Self::QueueByStatus,
        Self::Threads,
        Self::TicketTags,
        Self::TicketTimeEntry,
        Self::Tickets,
    ];

    /// The name of its function, folder and key prefix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Agents => "agents",
            Self::AgentTimeEntry => "agent-time-entry",
            Self::Calls => "calls",
            Self::Contacts => "contacts",
            Self::CustomerHappiness => "customer-happiness",
            Self::Departments => "departments",
            Self::NotificationEmailFailures => "notification-email-failures",
            Self::NotificationPendingApprovals => "notification-pending-approvals",
            Self::QueueByStatus => "queue-by-status",
            Self::Threads => "threads",
            Self::TicketTags => "ticket-tags",
            Self::TicketTimeEntry => "ticket-time-entry",
            Self::Tickets => "tickets",
            Self::DeskRoute => "desk-route",
        }
    }

    pub(crate) fn source(self) -> Source {
        let changing = |route| Source::Search {
            route,
            incremental: true,
        };
        let changed = Tickets::Changed;
        match self {
            Self::Accounts => changing(routes::SEARCH_ACCOUNTS),
            Self::Calls => changing(routes::SEARCH_CALLS),
            Self::Contacts => changing(routes::SEARCH_CONTACTS),
            Self::Tickets => changing(routes::SEARCH_TICKETS),
            Self::QueueByStatus => Source::Search {
                route: routes::SEARCH_TICKETS,
                incremental: false,
            },
            Self::Agents => Source::List(routes::AGENTS),
            Self::Departments => Source::List(routes::DEPARTMENTS),
            Self::CustomerHappiness => Source::DepartmentList(routes::CUSTOMER_HAPPINESS),
            Self::NotificationEmailFailures => Source::DepartmentList(routes::EMAIL_FAILURES),
            Self::AgentTimeEntry => Source::PerAgent(routes::AGENT_TIME_ENTRIES),
            Self::TicketTags => Source::PerDepartment(routes::TICKET_TAGS),
            Self::Threads => Source::PerTicket {
                route: routes::THREADS,
                tickets: changed,
            },
            Self::TicketTimeEntry => Source::PerTicket {
                route: routes::TICKET_TIME_ENTRIES,
                tickets: changed,
            },
            Self::NotificationPendingApprovals => Source::PerTicket {
                route: routes::TICKET_APPROVALS,
                tickets: Tickets::Unresolved,
            },
            Self::DeskRoute => Source::Any,
        }
    }

    pub(crate) fn narrows(self) -> &'static [Narrow] {
        match self {
            Self::Accounts | Self::Contacts | Self::Departments | Self::DeskRoute => &[],
            Self::Agents
            | Self::Calls
            | Self::CustomerHappiness
            | Self::NotificationEmailFailures
            | Self::TicketTags => &[Narrow::Department],
            Self::AgentTimeEntry => &[Narrow::Agent, Narrow::Department],
            Self::NotificationPendingApprovals | Self::Threads | Self::TicketTimeEntry => {
                &[Narrow::Department, Narrow::Ticket]
            }
            Self::QueueByStatus | Self::Tickets => &[Narrow::Department, Narrow::Status],
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Report {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|report| report.name() == name)
            .ok_or_else(|| format!("there is no report `{name}`"))
    }
}
