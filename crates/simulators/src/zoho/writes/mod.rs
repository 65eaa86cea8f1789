//! What changes the portal through the API, and the routes of webhooks.

mod contacts;
mod content;
mod tickets;

use axum::{
    body::Body,
    http::{Method, header, request::Parts},
    response::Response,
};
use bytes::Bytes;

pub(super) use self::{
    content::{Content, Given},
    tickets::{deleted_event, ticket_event},
};
use super::{
    limits::Payment,
    refusal::Refusal,
    routes::{PathId, fits},
    server::{self, Scopes},
    socket::Cut,
    state::State,
    webhooks,
};

const LARGEST_BODY: usize = 1 << 20;

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    AddComment,
    ChangeTicket,
    CloseTickets,
    MakeContact,
    MakeTicket,
    MakeWebhook,
    ReadWebhook,
    ReadWebhooks,
    ChangeWebhook,
    DeleteWebhook,
    TrashTickets,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) method: Method,
    /// The path below `/api/v1/`.
    path: &'static str,
    /// Its name in statistics and fault rules.
    pub(super) name: &'static str,
    action: Action,
    id: PathId,
    scopes: Scopes,
    /// Credits.
    cost: u64,
}

macro_rules! service {
    ($method:ident $path:literal $name:literal $action:ident $id:ident $scopes:expr) => {
        Service {
            method: Method::$method,
            path: $path,
            name: $name,
            action: Action::$action,
            id: PathId::$id,
            scopes: &[$scopes],
            cost: 1,
        }
    };
}

const HOOK_READ: &[&str] = &[
    "Desk.webhooks.READ",
    "Desk.events.READ",
    "Desk.settings.READ",
];
const HOOK_CREATE: &[&str] = &[
    "Desk.webhooks.CREATE",
    "Desk.events.CREATE",
    "Desk.settings.CREATE",
];
const HOOK_UPDATE: &[&str] = &[
    "Desk.webhooks.UPDATE",
    "Desk.events.UPDATE",
    "Desk.settings.UPDATE",
];
const HOOK_DELETE: &[&str] = &[
    "Desk.webhooks.DELETE",
    "Desk.events.DELETE",
    "Desk.settings.DELETE",
];

static SERVICES: &[Service] = &[
    service!(POST "contacts" "POST contacts" MakeContact None &["Desk.contacts.CREATE"]),
    service!(POST "tickets" "POST tickets" MakeTicket None &["Desk.tickets.CREATE"]),
    service!(POST "closeTickets" "POST closeTickets" CloseTickets None &["Desk.tickets.UPDATE"]),
    service!(POST "tickets/moveToTrash" "POST tickets/moveToTrash" TrashTickets None &["Desk.tickets.DELETE"]),
    service!(PATCH "tickets/{id}" "PATCH tickets/{id}" ChangeTicket Ticket &["Desk.tickets.UPDATE"]),
    service!(POST "tickets/{id}/comments" "POST tickets/{id}/comments" AddComment Ticket &["Desk.tickets.UPDATE"]),
    service!(GET "webhooks" "webhooks" ReadWebhooks None HOOK_READ),
    service!(POST "webhooks" "POST webhooks" MakeWebhook None HOOK_CREATE),
    service!(GET "webhooks/{id}" "webhooks/{id}" ReadWebhook None HOOK_READ),
    service!(PATCH "webhooks/{id}" "PATCH webhooks/{id}" ChangeWebhook None HOOK_UPDATE),
    service!(DELETE "webhooks/{id}" "DELETE webhooks/{id}" DeleteWebhook None HOOK_DELETE),
];

/// The names of the routes that change tickets, comments and contacts, for fault rules.
pub(super) fn names_of_writes() -> impl Iterator<Item = &'static str> {
    let writes = SERVICES
        .iter()
        .filter(|service| service.method != Method::GET && !service.path.starts_with("webhooks"));
    writes.map(|service| service.name)
}

/// Finds what answers, and the id in the path.
pub(super) fn resolve<'a>(
    method: &Method,
    path: &'a str,
) -> Option<(&'static Service, Option<&'a str>)> {
    let mut services = SERVICES.iter();
    let service = services.find(|service| service.method == *method && fits(service.path, path))?;
    let mut segments = service.path.split('/').zip(path.split('/'));
    let id = segments.find(|(expected, _)| *expected == "{id}");
    Some((service, id.map(|(_, segment)| segment)))
}

/// Whether some method is served at this path.
pub(super) fn is_path(path: &str) -> bool {
    SERVICES.iter().any(|service| fits(service.path, path))
}

/// A request that passed authorization.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) state: &'a State,
    pub(super) id: Option<u64>,
    /// The row that the id names, on routes of tickets.
    pub(super) row: u32,
    pub(super) body: Bytes,
    /// The `sourceId` header: a webhook with this `ignoreSourceId` does not hear of the change.
    pub(super) source_id: Option<String>,
}

/// `weight` becomes the credits paid.
pub(super) async fn answer(
    state: &State,
    cut: &Cut,
    (service, id): (&'static Service, Option<&str>),
    head: &Parts,
    body: Body,
    weight: &mut u64,
) -> Result<Response, Refusal> {
    let flight = server::admit(
        state,
        service.name,
        &head.headers,
        service.scopes,
        None,
        false,
    );
    let _flight = flight?;
    state.linger().await;
    let body = axum::body::to_bytes(body, LARGEST_BODY).await;
    let body = body.map_err(|_| Refusal::too_large())?;
    let fault = state.strike(service.name);
    if let Some(fault) = &fault
        && let Some(outcome) = server::instead(fault, cut).await
    {
        return outcome;
    }
    let header = |name: &str| {
        let value = head.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let is_json = header(header::CONTENT_TYPE.as_str())
        .is_some_and(|value| value.starts_with("application/json"));
    if !body.is_empty() && !is_json {
        return Err(Refusal::unsupported_media_type());
    }
    let query = head.uri.query().unwrap_or_default();
    if let Some((name, _)) = url::form_urlencoded::parse(query.as_bytes()).next() {
        return Err(Refusal::extra_parameter(&name));
    }
    let id = id.and_then(|id| id.parse().ok());
    let row = match service.id {
        PathId::Ticket => id.and_then(|id| state.account().tickets().find(id)),
        _ => Some(0),
    };
    let row = row.ok_or_else(Refusal::url_not_found)?;
    if let Payment::PoolEmpty { retry_after_s } = state.credits.pay(service.cost, state.now_ms()) {
        return Err(Refusal::threshold_exceeded(retry_after_s));
    }
    *weight = service.cost;
    let request = Request {
        state,
        id,
        row,
        body,
        source_id: header("sourceid"),
    };
    let outcome = request.perform(service.action).await;
    let answered = match outcome {
        Ok(body) => Ok(server::deliver(fault.as_ref(), body)),
        Err(refusal) => Err(refusal),
    };
    match fault {
        Some(fault) => server::afterwards(&fault, cut, answered).await,
        None => answered,
    }
}

impl Request<'_> {
    async fn perform(self, action: Action) -> Result<Option<String>, Refusal> {
        match action {
            Action::MakeTicket => self.make_ticket().map(Some),
            Action::ChangeTicket => self.change_ticket().map(Some),
            Action::CloseTickets => self.close_tickets().map(Some),
            Action::TrashTickets => self.trash_tickets().map(|()| None),
            Action::AddComment => self.add_comment().map(Some),
            Action::MakeContact => self.make_contact().map(Some),
            Action::ReadWebhooks => Ok(webhooks::all(self.state)),
            Action::ReadWebhook => webhooks::one(&self).map(Some),
            Action::MakeWebhook => webhooks::make(&self).await.map(Some),
            Action::ChangeWebhook => webhooks::change(&self).await.map(Some),
            Action::DeleteWebhook => webhooks::delete(&self).map(|()| None),
        }
    }
}
