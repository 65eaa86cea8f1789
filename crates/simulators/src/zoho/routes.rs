//! The routes of the Desk API and what each accepts.

use super::query::{Kind, Param};

/// What answers a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Accounts,
    AccountsSearch,
    AgentTimeEntry,
    Agents,
    ArchivedTickets,
    Calls,
    CallsSearch,
    Contact,
    ContactTickets,
    Contacts,
    ContactsSearch,
    CustomerHappiness,
    Departments,
    EmailFailureAlerts,
    MyPendingApprovals,
    OrganizationFields,
    Organizations,
    Ticket,
    TicketApprovals,
    TicketComments,
    TicketTags,
    TicketThreads,
    TicketTimeEntry,
    Tickets,
    TicketsSearch,
}

/// Whose id a path carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathId {
    None,
    Agent,
    Contact,
    Ticket,
}

/// Smallest, largest and default `limit`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) default: u64,
}

#[derive(Debug)]
pub(super) struct Route {
    /// The path below `/api/v1/`, `{id}` for an id; also the route's name in statistics.
    pub(super) name: &'static str,
    pub(super) endpoint: Endpoint,
    pub(super) id: PathId,
    /// Every inner list needs one of its scopes.
    pub(super) scopes: &'static [&'static [&'static str]],
    /// The feature that begins with the Professional edition.
    pub(super) professional: Option<&'static str>,
    /// `None` on routes that do not page.
    pub(super) limit: Option<Limit>,
    /// The largest `from`.
    pub(super) last_from: u64,
    pub(super) params: &'static [Param],
}

const TICKETS: &[&str] = &["Desk.tickets.READ"];
const CONTACTS: &[&str] = &["Desk.contacts.READ"];
const SEARCH: &[&str] = &["Desk.search.READ"];
const SETTINGS: &[&str] = &["Desk.settings.READ"];

const LAST_LIST_FROM: u64 = 4_999;
const LAST_SEARCH_FROM: u64 = 999;

const fn limit(least: u64, most: u64, default: u64) -> Limit {
    Limit {
        least,
        most,
        default,
    }
}

const fn may(name: &'static str, kind: Kind) -> Param {
    Param {
        name,
        kind,
        required: false,
    }
}

const fn must(name: &'static str, kind: Kind) -> Param {
    Param {
        name,
        kind,
        required: true,
    }
}

const fn text(name: &'static str) -> Param {
    may(name, Kind::Text)
}

const fn range(name: &'static str) -> Param {
    may(name, Kind::Range)
}

const ENTRY_MODULES: Kind = Kind::OneOf(&["tickets", "tasks", "calls", "events"]);
const BILL_STATUSES: Kind = Kind::OneOf(&["nonBillable", "billable", "billed"]);
const DIRECTIONS: Kind = Kind::OneOf(&["ASC", "DESC"]);
const PAST_OR_FUTURE: Kind = Kind::OneOf(&[
    "Overdue",
    "Today",
    "Tomorrow",
    "CurrentWeek",
    "CurrentMonth",
]);
const TICKET_INCLUDES: Kind = Kind::SomeOf(&[
    "contacts",
    "products",
    "departments",
    "team",
    "isRead",
    "assignee",
]);
const HAPPINESS_SPANS: Kind = Kind::OneOf(&[
    "TODAY",
    "YESTERDAY",
    "THIS_WEEK",
    "LAST_WEEK",
    "THIS_MONTH",
    "LAST_MONTH",
    "LAST_7_DAYS",
    "LAST_30_DAYS",
    "LAST_1_HOUR",
    "LAST24HOURS",
    "LAST_100_RATINGS",
    "CUSTOM_IN_DATE",
]);

/// Static paths come before paths with an id.
pub(super) const ROUTES: &[Route] = &[
    Route {
        name: "accounts",
        endpoint: Endpoint::Accounts,
        id: PathId::None,
        scopes: &[CONTACTS],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("viewId", Kind::View),
            may("filterId", Kind::View),
            may("filters", Kind::View),
            may(
                "sortBy",
                Kind::Sort(&[
                    "website",
                    "email",
                    "phone",
                    "accountName",
                    "createdTime",
                    "modifiedTime",
                ]),
            ),
            may("fields", Kind::Fields),
        ],
    },
    Route {
        name: "accounts/search",
        endpoint: Endpoint::AccountsSearch,
        id: PathId::None,
        scopes: &[CONTACTS, SEARCH],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_SEARCH_FROM,
        params: &[
            text("accountName"),
            text("id"),
            text("_all"),
            may("customField", Kind::CustomField),
            range("createdTimeRange"),
            range("modifiedTimeRange"),
            may(
                "sortBy",
                Kind::Sort(&["relevance", "modifiedTime", "createdTime", "accountName"]),
            ),
        ],
    },
    Route {
        name: "agents",
        endpoint: Endpoint::Agents,
        id: PathId::None,
        scopes: &[&["Desk.agents.READ", "Desk.basic.READ", "Desk.settings.READ"]],
        professional: None,
        limit: Some(limit(0, 200, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            may(
                "status",
                Kind::OneOf(&["ACTIVE", "DISABLED", "DELETED", "IMPORTED"]),
            ),
            may("isConfirmed", Kind::Flag),
            may("departmentIds", Kind::KnownDepartments(50)),
            may("roleIds", Kind::Ids(50)),
            may("profileIds", Kind::Ids(50)),
            may("isLightAgent", Kind::Flag),
            text("rolePermissionType"),
            text("searchStr"),
            may(
                "fieldName",
                Kind::OneOf(&["firstName", "lastName", "emailId", "name"]),
            ),
            text("cfSearchStr"),
            text("cfFieldName"),
            may("sortOrder", Kind::OneOf(&["asc", "desc"])),
            may("include", Kind::SomeOf(&["profile", "role"])),
        ],
    },
    Route {
        name: "agents/{id}/timeEntry",
        endpoint: Endpoint::AgentTimeEntry,
        id: PathId::Agent,
        scopes: &[SETTINGS],
        professional: Some("TimeTracking"),
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("module", ENTRY_MODULES),
            may("departmentId", Kind::KnownDepartment),
            range("createdTimeRange"),
            range("modifiedTimeRange"),
            may("billStatus", BILL_STATUSES),
            may("orderBy", DIRECTIONS),
            may("include", Kind::SomeOf(&["owner"])),
        ],
    },
    Route {
        name: "calls",
        endpoint: Endpoint::Calls,
        id: PathId::None,
        scopes: &[&["Desk.calls.READ", "Desk.activities.calls.READ"]],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("viewId", Kind::View),
            may("filterId", Kind::View),
            may("filters", Kind::View),
            may("assignee", Kind::Assignees(20)),
            may("departmentId", Kind::KnownDepartment),
            may("departmentIds", Kind::KnownDepartments(20)),
            may("isCompleted", Kind::Flag),
            may("startTime", PAST_OR_FUTURE),
            may("sortBy", Kind::Sort(&["startTime", "createdTime"])),
            may(
                "include",
                Kind::SomeOf(&["contacts", "tickets", "assignee", "teams"]),
            ),
            may("fields", Kind::Fields),
        ],
    },
    Route {
        name: "calls/search",
        endpoint: Endpoint::CallsSearch,
        id: PathId::None,
        scopes: &[&["Desk.calls.READ"], SEARCH],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_SEARCH_FROM,
        params: &[
            text("assigneeId"),
            text("ticketNumber"),
            text("subject"),
            may("departmentId", Kind::KnownDepartment),
            text("priority"),
            text("status"),
            text("id"),
            text("_all"),
            may("customField", Kind::CustomField),
            range("startDateRange"),
            range("createdTimeRange"),
            range("modifiedTimeRange"),
            may(
                "sortBy",
                Kind::Sort(&["relevance", "modifiedTime", "createdTime"]),
            ),
        ],
    },
    Route {
        name: "contacts",
        endpoint: Endpoint::Contacts,
        id: PathId::None,
        scopes: &[CONTACTS],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("viewId", Kind::View),
            may("filterId", Kind::View),
            may(
                "sortBy",
                Kind::Sort(&[
                    "firstName",
                    "lastName",
                    "phone",
                    "email",
                    "account",
                    "createdTime",
                    "modifiedTime",
                ]),
            ),
            may("include", Kind::SomeOf(&["accounts"])),
            may("fields", Kind::Fields),
        ],
    },
    Route {
        name: "contacts/search",
        endpoint: Endpoint::ContactsSearch,
        id: PathId::None,
        scopes: &[CONTACTS, SEARCH],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_SEARCH_FROM,
        params: &[
            text("email"),
            text("phone"),
            text("mobile"),
            text("accountName"),
            text("firstName"),
            text("lastName"),
            text("fullName"),
            text("id"),
            text("_all"),
            may("customField", Kind::CustomField),
            range("createdTimeRange"),
            range("modifiedTimeRange"),
            may(
                "sortBy",
                Kind::Sort(&[
                    "relevance",
                    "modifiedTime",
                    "createdTime",
                    "lastName",
                    "firstName",
                ]),
            ),
        ],
    },
    Route {
        name: "contacts/{id}",
        endpoint: Endpoint::Contact,
        id: PathId::Contact,
        scopes: &[CONTACTS],
        professional: None,
        limit: None,
        last_from: 0,
        params: &[may("include", Kind::SomeOf(&["accounts", "owner"]))],
    },
    Route {
        name: "contacts/{id}/tickets",
        endpoint: Endpoint::ContactTickets,
        id: PathId::Contact,
        scopes: &[CONTACTS, TICKETS],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("departmentId", Kind::KnownDepartment),
            may("sortBy", Kind::Sort(&["createdTime"])),
            may("include", TICKET_INCLUDES),
        ],
    },
    Route {
        name: "customerHappiness",
        endpoint: Endpoint::CustomerHappiness,
        id: PathId::None,
        scopes: &[TICKETS, SEARCH],
        professional: Some("CustomerHappiness"),
        limit: Some(limit(1, 50, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            must("department", Kind::Department),
            may("agentId", Kind::Id),
            may("contactId", Kind::Id),
            may("accountId", Kind::Id),
            may("ticketId", Kind::Id),
            may("startTime", Kind::Millis),
            may("endTime", Kind::Millis),
            may("startDate", Kind::Date),
            may("endDate", Kind::Date),
            may(
                "rating",
                Kind::OneOf(&["good", "ok", "bad", "GOOD", "OK", "BAD"]),
            ),
            may("duration", HAPPINESS_SPANS),
            may("sortBy", Kind::Sort(&["ratedTime"])),
            may("include", Kind::SomeOf(&["contacts", "tickets", "agents"])),
        ],
    },
    Route {
        name: "departments",
        endpoint: Endpoint::Departments,
        id: PathId::None,
        scopes: &[&[
            "Desk.basic.READ",
            "Desk.departments.READ",
            "Desk.settings.READ",
        ]],
        professional: None,
        limit: Some(limit(0, 200, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            text("searchStr"),
            may("isEnabled", Kind::Flag),
            may(
                "chatStatus",
                Kind::OneOf(&["AVAILABLE", "DISABLED", "NOT_CREATED", "${UNAVAILABLE}"]),
            ),
        ],
    },
    Route {
        name: "emailFailureAlerts",
        endpoint: Endpoint::EmailFailureAlerts,
        id: PathId::None,
        scopes: &[TICKETS],
        professional: None,
        limit: Some(limit(1, 50, 10)),
        last_from: LAST_LIST_FROM,
        params: &[must("department", Kind::Department)],
    },
    Route {
        name: "myPendingApprovals",
        endpoint: Endpoint::MyPendingApprovals,
        id: PathId::None,
        scopes: &[TICKETS],
        professional: None,
        limit: None,
        last_from: 0,
        params: &[may("department", Kind::Department)],
    },
    Route {
        name: "organizationFields",
        endpoint: Endpoint::OrganizationFields,
        id: PathId::None,
        scopes: &[&["Desk.settings.READ", "Desk.fields.READ"]],
        professional: None,
        limit: None,
        last_from: 0,
        params: &[must("module", Kind::OneOf(&["tickets"]))],
    },
    Route {
        name: "organizations",
        endpoint: Endpoint::Organizations,
        id: PathId::None,
        scopes: &[&[
            "Desk.basic.READ",
            "Desk.organization.READ",
            "Desk.settings.READ",
        ]],
        professional: None,
        limit: None,
        last_from: 0,
        params: &[],
    },
    Route {
        name: "tickets",
        endpoint: Endpoint::Tickets,
        id: PathId::None,
        scopes: &[TICKETS],
        professional: None,
        limit: Some(limit(1, 100, 25)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("departmentIds", Kind::KnownDepartments(20)),
            // The vendor documents the singular and ignores it.
            text("departmentId"),
            text("status"),
            text("priority"),
            text("channel"),
            may("assignee", Kind::Assignees(20)),
            may("teamIds", Kind::Ids(20)),
            may("receivedInDays", Kind::OneOf(&["15", "30", "90"])),
            may("viewId", Kind::View),
            may("filters", Kind::View),
            may(
                "sortBy",
                Kind::Sort(&["dueDate", "createdTime", "recentThread"]),
            ),
            may("include", TICKET_INCLUDES),
            may("fields", Kind::Fields),
        ],
    },
    Route {
        name: "tickets/search",
        endpoint: Endpoint::TicketsSearch,
        id: PathId::None,
        scopes: &[TICKETS, SEARCH],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_SEARCH_FROM,
        params: &[
            text("email"),
            text("phone"),
            text("ticketNumber"),
            text("accountName"),
            text("subject"),
            may("departmentId", Kind::KnownDepartment),
            text("productName"),
            text("productId"),
            text("contactId"),
            text("contactName"),
            text("accountId"),
            text("assigneeId"),
            text("priority"),
            text("status"),
            text("channel"),
            text("category"),
            text("description"),
            text("tag"),
            text("id"),
            text("_all"),
            may("customField", Kind::CustomField),
            range("dueDateRange"),
            range("customerResponseTimeRange"),
            range("createdTimeRange"),
            range("modifiedTimeRange"),
            may(
                "sortBy",
                Kind::Sort(&[
                    "relevance",
                    "modifiedTime",
                    "createdTime",
                    "customerResponseTime",
                ]),
            ),
        ],
    },
    Route {
        name: "tickets/archivedTickets",
        endpoint: Endpoint::ArchivedTickets,
        id: PathId::None,
        scopes: &[TICKETS, SEARCH],
        professional: None,
        limit: Some(limit(1, 100, 25)),
        last_from: LAST_LIST_FROM,
        params: &[
            must("departmentId", Kind::KnownDepartment),
            may("viewType", Kind::OneOf(&["1", "2", "4"])),
            may("include", TICKET_INCLUDES),
        ],
    },
    Route {
        name: "ticketTags",
        endpoint: Endpoint::TicketTags,
        id: PathId::None,
        scopes: &[TICKETS],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            must("departmentId", Kind::KnownDepartment),
            may("sortBy", Kind::Sort(&["createdTime", "count"])),
        ],
    },
    Route {
        name: "tickets/{id}",
        endpoint: Endpoint::Ticket,
        id: PathId::Ticket,
        scopes: &[TICKETS],
        professional: None,
        limit: None,
        last_from: 0,
        params: &[may(
            "include",
            Kind::SomeOf(&[
                "contacts",
                "products",
                "departments",
                "team",
                "isRead",
                "assignee",
                "contract",
                "skills",
            ]),
        )],
    },
    Route {
        name: "tickets/{id}/approvals",
        endpoint: Endpoint::TicketApprovals,
        id: PathId::Ticket,
        scopes: &[TICKETS],
        professional: None,
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[may(
            "status",
            Kind::OneOf(&["Approved", "Rejected", "Pending"]),
        )],
    },
    Route {
        name: "tickets/{id}/comments",
        endpoint: Endpoint::TicketComments,
        id: PathId::Ticket,
        scopes: &[TICKETS],
        professional: None,
        limit: Some(limit(1, 100, 50)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("sortBy", Kind::Sort(&["commentedTime"])),
            may("include", Kind::SomeOf(&["mentions", "plainText"])),
        ],
    },
    Route {
        name: "tickets/{id}/threads",
        endpoint: Endpoint::TicketThreads,
        id: PathId::Ticket,
        scopes: &[TICKETS],
        professional: None,
        limit: Some(limit(1, 200, 100)),
        last_from: LAST_LIST_FROM,
        params: &[may("sortBy", Kind::Sort(&["sendDateTime"]))],
    },
    Route {
        name: "tickets/{id}/timeEntry",
        endpoint: Endpoint::TicketTimeEntry,
        id: PathId::Ticket,
        scopes: &[TICKETS],
        professional: Some("TimeTracking"),
        limit: Some(limit(1, 100, 10)),
        last_from: LAST_LIST_FROM,
        params: &[
            may("module", ENTRY_MODULES),
            range("createdTimeRange"),
            range("modifiedTimeRange"),
            may("billStatus", BILL_STATUSES),
            may("orderBy", DIRECTIONS),
            may("include", Kind::SomeOf(&["owner"])),
        ],
    },
];

/// Finds the route of a path below `/api/v1/` and the id in it.
pub(super) fn resolve(path: &str) -> Option<(&'static Route, Option<&str>)> {
    let route = ROUTES.iter().find(|route| fits(route.name, path))?;
    let mut segments = route.name.split('/').zip(path.split('/'));
    let id = segments.find(|(expected, _)| *expected == "{id}");
    Some((route, id.map(|(_, segment)| segment)))
}

pub(super) fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern.zip(path).all(|(expected, segment)| {
            expected == segment || (expected == "{id}" && !segment.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_paths_win_over_ids() {
        let name = |path| resolve(path).map(|(route, id)| (route.name, id));
        assert_eq!(name("tickets/search"), Some(("tickets/search", None)));
        assert_eq!(name("tickets/12"), Some(("tickets/{id}", Some("12"))));
        assert_eq!(
            name("tickets/12/threads"),
            Some(("tickets/{id}/threads", Some("12")))
        );
        assert_eq!(name("tickets/"), None);
        assert_eq!(name("tickets/12/threads/3"), None);
        assert_eq!(name("ticketsByStatus"), None);
    }
}
