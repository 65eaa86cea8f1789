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
        fits(self.path, path)
    }
}

/// Method and path of each route of the ticket service, and the OAuth scopes it takes.
const SERVICE: &[(&str, &str)] = &[
    ("/tickets/{id}", "Desk.tickets.READ"),
    ("/tickets/{id}/comments", "Desk.tickets.READ"),
    (
        "/contacts/{id}/tickets",
        "Desk.contacts.READ and Desk.tickets.READ",
    ),
    (
        "/organizationFields",
        "Desk.settings.READ or Desk.fields.READ",
    ),
    ("/webhooks", WEBHOOKS_READ),
    ("/webhooks/{id}", WEBHOOKS_READ),
    ("POST /contacts", "Desk.contacts.CREATE"),
    ("POST /tickets", "Desk.tickets.CREATE"),
    ("PATCH /tickets/{id}", "Desk.tickets.UPDATE"),
    ("POST /tickets/{id}/comments", "Desk.tickets.UPDATE"),
    (
        "POST /webhooks",
        "Desk.webhooks.CREATE, Desk.events.CREATE or Desk.settings.CREATE",
    ),
    (
        "PATCH /webhooks/{id}",
        "Desk.webhooks.UPDATE, Desk.events.UPDATE or Desk.settings.UPDATE",
    ),
    (
        "DELETE /webhooks/{id}",
        "Desk.webhooks.DELETE, Desk.events.DELETE or Desk.settings.DELETE",
    ),
];

const WEBHOOKS_READ: &str = "Desk.webhooks.READ, Desk.events.READ or Desk.settings.READ";

/// `request` is a path, for writes with the method before it.
pub(crate) fn scopes_for(request: &str) -> String {
    let of_service = || {
        let mut routes = SERVICE.iter();
        let (_, scopes) = routes.find(|(route, _)| fits(route, request))?;
        Some(*scopes)
    };
    let scopes = Route::known(request).map(|route| route.scopes);
    let unknown = "see the route's page in the Zoho Desk API documentation";
    scopes.or_else(of_service).unwrap_or(unknown).to_owned()
}

fn fits(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (ours.split('/'), theirs.split('/'));
    ours.clone().count() == theirs.clone().count()
        && ours
            .zip(theirs)
            .all(|(ours, theirs)| ours == "{id}" || ours == theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fact {
        route: String,
        #[serde(default)]
        method: Option<String>,
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
    fn every_route_of_the_ticket_service_agrees_with_the_vendors_published_description() {
        let facts: Vec<Fact> = serde_json::from_str(include_str!("facts.json")).unwrap();
        for (route, scopes) in SERVICE {
            let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
            let fact = facts
                .iter()
                .find(|fact| {
                    fact.method.as_deref().unwrap_or("GET") == method && shape(&fact.route) == path
                })
                .unwrap_or_else(|| panic!("{route} is not in facts.json"));
            let named = fact.scopes.iter().all(|scope| scopes.contains(scope));
            assert!(named, "{route}: {:?}", fact.scopes);
        }
    }

    #[test]
    fn a_missing_scope_is_named_for_reads_and_writes() {
        for (request, scope) in [
            ("/tickets/12/threads", "Desk.tickets.READ"),
            ("/tickets/12", "Desk.tickets.READ"),
            ("POST /tickets/12/comments", "Desk.tickets.UPDATE"),
            ("PATCH /tickets/12", "Desk.tickets.UPDATE"),
        ] {
            assert_eq!(scopes_for(request), scope, "{request}");
        }
        assert!(scopes_for("/teams").contains("documentation"));
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
