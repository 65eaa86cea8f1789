use std::fmt;

/// How a route hands out its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// `from` and `limit`.
    Offset {
        /// Largest `limit`.
        page: u32,
        /// Largest `from`.
        last_offset: u32,
    },
    /// All at once, `from` and `limit` are refused.
    None,
}

/// The edition a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// Any.
    Free,
    /// Professional or Enterprise.
    Professional,
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Free => "Free",
            Self::Professional => "Professional",
        })
    }
}

/// A GET route of Zoho Desk, as far as we use it. A test compares the table below with the vendor's
/// published description, kept in `facts.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Path below `/api/v1`, with `{…}` for an id.
    pub path: &'static str,
    /// How it pages.
    pub paging: Paging,
    /// OAuth scopes it takes, for messages.
    pub scopes: &'static str,
    /// The edition that has it.
    pub edition: Edition,
}

const fn list(path: &'static str, page: u32, scopes: &'static str) -> Route {
    Route {
        path,
        paging: Paging::Offset {
            page,
            last_offset: 4999,
        },
        scopes,
        edition: Edition::Free,
    }
}

const fn search(path: &'static str, scopes: &'static str) -> Route {
    Route {
        path,
        // The newest published description says 999; older pages say 4999. 999 works under both.
        paging: Paging::Offset {
            page: 100,
            last_offset: 999,
        },
        scopes,
        edition: Edition::Free,
    }
}

const fn professional(route: Route) -> Route {
    Route {
        edition: Edition::Professional,
        ..route
    }
}

/// The routes of the reports.
pub mod routes {
    use super::{Edition, Paging, Route, list, professional, search};

    /// Agents of the account.
    pub const AGENTS: Route = list("/agents", 200, "Desk.agents.READ or Desk.basic.READ");
    /// Time entries of one agent.
    pub const AGENT_TIME_ENTRIES: Route =
        professional(list("/agents/{id}/timeEntry", 100, "Desk.settings.READ"));
    /// Departments of the account.
    pub const DEPARTMENTS: Route = list(
        "/departments",
        200,
        "Desk.basic.READ or Desk.departments.READ",
    );
    /// E-mails that could not be delivered.
    pub const EMAIL_FAILURES: Route = list("/emailFailureAlerts", 50, "Desk.tickets.READ");
    /// Customer happiness ratings. Not in the vendor's description; 50 rows is what is known to work.
    pub const CUSTOMER_HAPPINESS: Route = professional(list(
        "/customerHappiness",
        50,
        "Desk.tickets.READ and Desk.search.READ",
    ));
    /// Tags of one department.
    pub const TICKET_TAGS: Route = list("/ticketTags", 100, "Desk.tickets.READ");
    /// Threads of one ticket.
    pub const THREADS: Route = list("/tickets/{id}/threads", 200, "Desk.tickets.READ");
    /// Time entries of one ticket.
    pub const TICKET_TIME_ENTRIES: Route =
        professional(list("/tickets/{id}/timeEntry", 100, "Desk.tickets.READ"));
    /// Approvals asked for on one ticket.
    pub const TICKET_APPROVALS: Route = list("/tickets/{id}/approvals", 100, "Desk.tickets.READ");
    /// Tickets by time and status.
    pub const SEARCH_TICKETS: Route =
        search("/tickets/search", "Desk.tickets.READ and Desk.search.READ");
    /// Contacts by time.
    pub const SEARCH_CONTACTS: Route = search(
        "/contacts/search",
        "Desk.contacts.READ and Desk.search.READ",
    );
    /// Accounts by time.
    pub const SEARCH_ACCOUNTS: Route = search(
        "/accounts/search",
        "Desk.contacts.READ and Desk.search.READ",
    );
    /// Calls by time.
    pub const SEARCH_CALLS: Route = search(
        "/calls/search",
        "Desk.calls.READ (or Desk.activities.calls.READ) and Desk.search.READ",
    );
    /// Organisations the token can see.
    pub const ORGANIZATIONS: Route = Route {
        path: "/organizations",
        paging: Paging::None,
        scopes: "Desk.basic.READ",
        edition: Edition::Free,
    };

    /// All of the above.
    pub const ALL: &[Route] = &[
        AGENTS,
        AGENT_TIME_ENTRIES,
        DEPARTMENTS,
        EMAIL_FAILURES,
        CUSTOMER_HAPPINESS,
        TICKET_TAGS,
        THREADS,
        TICKET_TIME_ENTRIES,
        TICKET_APPROVALS,
        SEARCH_TICKETS,
        SEARCH_CONTACTS,
        SEARCH_ACCOUNTS,
        SEARCH_CALLS,
        ORGANIZATIONS,
    ];
}

impl Route {
    /// The table's entry for a concrete path such as `/tickets/12/threads`.
    pub fn known(path: &str) -> Option<Self> {
        routes::ALL
            .iter()
            .copied()
            .find(|route| route.matches(path))
    }

    /// The path with `id` in it.
    pub fn with(&self, id: &crate::EntityId) -> String {
        self.path.replace("{id}", id.as_str())
    }

    fn matches(&self, path: &str) -> bool {
        let (ours, theirs) = (self.path.split('/'), path.split('/'));
        ours.clone().count() == theirs.clone().count()
            && ours
                .zip(theirs)
                .all(|(ours, theirs)| ours == "{id}" || ours == theirs)
    }
}

pub(crate) fn scopes_for(path: &str) -> String {
    Route::known(path).map_or_else(
        || "see the route's page in the Zoho Desk API documentation".to_owned(),
        |route| route.scopes.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fact {
        route: String,
        limit: Option<Bound>,
        from: Option<Bound>,
        scopes: Vec<String>,
        plan: Option<String>,
    }

    #[derive(Deserialize)]
    struct Bound {
        max: Option<u32>,
    }

    /// `/tickets/{ticketId}/threads` and `/tickets/{id}/threads` are the same route.
    fn shape(path: &str) -> String {
        path.split('/')
            .map(|part| if part.starts_with('{') { "{id}" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    }

    #[test]
    fn every_route_agrees_with_the_vendors_published_description() {
        let facts: Vec<Fact> = serde_json::from_str(include_str!("facts.json")).unwrap();
        for route in routes::ALL {
            let fact = facts
                .iter()
                .find(|fact| shape(&fact.route) == route.path)
                .unwrap_or_else(|| panic!("{} is not in facts.json", route.path));
            let paging = match (&fact.limit, &fact.from) {
                (Some(limit), Some(from)) => Paging::Offset {
                    page: limit.max.unwrap(),
                    last_offset: from.max.unwrap(),
                },
                _ => Paging::None,
            };
            assert_eq!(route.paging, paging, "{}", route.path);
            let named = fact
                .scopes
                .iter()
                .any(|scope| route.scopes.contains(scope.as_str()));
            assert!(named, "{}: {:?}", route.path, fact.scopes);
            let edition = if fact.plan.is_some() {
                Edition::Professional
            } else {
                Edition::Free
            };
            assert_eq!(route.edition, edition, "{}", route.path);
        }
    }

    #[test]
    fn a_concrete_path_finds_its_route() {
        assert_eq!(Route::known("/tickets/12/threads"), Some(routes::THREADS));
        assert_eq!(
            Route::known("/tickets/search"),
            Some(routes::SEARCH_TICKETS)
        );
        assert_eq!(Route::known("/tickets/12"), None);
    }
}
