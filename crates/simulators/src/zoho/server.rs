//! Answers requests: the accounts server, the Desk API and the simulator's own pages.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State as Shared},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{
    admin,
    faults::{Fault, TOKEN_ROUTE},
    limits::{Flight, Payment},
    listing::{self, Content, Listing, Paging, Window},
    oauth::{Form, Minted, throttled},
    query::Query,
    refusal::{Refusal, html, json_response},
    routes::{Endpoint, PathId, Route, resolve},
    socket::Cut,
    state::State,
    writes,
};

const LARGEST_FORM: usize = 64 * 1024;
const PIECE: usize = 64 * 1024;

pub(super) async fn answer(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if path.starts_with("/_sim/") {
        return admin::answer(&state, &head, body).await;
    }
    let response = match (path.as_str(), path.strip_prefix("/api/v1/")) {
        ("/oauth/v2/token", _) => token(&state, &cut, &head, body).await,
        ("/oauth/v2/token/revoke", _) => revoke(&state, &head, body).await,
        ("/.well-known/jwks.json", _) => json_response(StatusCode::OK, state.keys.published()),
        (_, Some(below)) => desk(&state, &cut, &head, below, body).await,
        _ => html(StatusCode::NOT_FOUND),
    };
    state.count(|stats| {
        *stats
            .statuses
            .entry(response.status().as_u16())
            .or_default() += 1;
    });
    response
}

async fn token(state: &State, cut: &Cut, head: &Parts, body: Body) -> Response {
    state.count(|stats| {
        *stats.requests.entry(TOKEN_ROUTE.to_owned()).or_default() += 1;
    });
    if head.method != Method::POST {
        return html(StatusCode::METHOD_NOT_ALLOWED);
    }
    let form = form(head, body).await;
    state.linger().await;
    let fault = state.strike(TOKEN_ROUTE);
    let minted = match &fault {
        Some(Fault::MintThrottle) => throttled(),
        Some(Fault::MintAnswer { status, body }) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::OK);
            return json_response(status, body.clone());
        }
        Some(fault) => match instead(fault, cut).await {
            Some(Ok(response)) => return response,
            Some(Err(refusal)) => return refusal.into_response(),
            None => state.tokens().mint(&form, state.now_ms()),
        },
        None => state.tokens().mint(&form, state.now_ms()),
    };
    state.count(|stats| match &minted {
        Minted::Exchanged(_) => stats.exchanges += 1,
        Minted::Refreshed(_) => stats.refreshes += 1,
        Minted::Refused(code, _) => *stats.refusals.entry((*code).to_owned()).or_default() += 1,
    });
    let (Minted::Exchanged(answer) | Minted::Refreshed(answer) | Minted::Refused(_, answer)) =
        minted;
    deliver(fault.as_ref(), Some(answer.to_string()))
}

async fn revoke(state: &State, head: &Parts, body: Body) -> Response {
    if head.method != Method::POST {
        return html(StatusCode::METHOD_NOT_ALLOWED);
    }
    let form = form(head, body).await;
    let known = form
        .get("token")
        .is_some_and(|token| state.tokens().revoke(token));
    if known {
        json_response(StatusCode::OK, r#"{"status":"success"}"#)
    } else {
        json_response(StatusCode::BAD_REQUEST, r#"{"error":"invalid_code"}"#)
    }
}

/// Parameters of the query and the form together.
async fn form(head: &Parts, body: Body) -> Form {
    let body = axum::body::to_bytes(body, LARGEST_FORM).await;
    let body = body.unwrap_or_default();
    let query = head.uri.query().unwrap_or_default();
    [query.as_bytes(), &body]
        .into_iter()
        .flat_map(|pairs| url::form_urlencoded::parse(pairs).into_owned())
        .collect::<HashMap<_, _>>()
}

async fn desk(state: &State, cut: &Cut, head: &Parts, below: &str, body: Body) -> Response {
    let service = writes::resolve(&head.method, below);
    let resolved = resolve(below).filter(|(route, _)| {
        route.endpoint != Endpoint::MyPendingApprovals || state.options.my_pending_approvals
    });
    let name = match (service, resolved) {
        (Some((service, _)), _) => service.name,
        (None, Some((route, _))) => route.name,
        (None, None) => "unknown",
    };
    state.count(|stats| {
        *stats.requests.entry(name.to_owned()).or_default() += 1;
    });
    let (mut weight, mut crowded) = (0, false);
    let outcome = match (service, resolved) {
        (Some(service), _) => writes::answer(state, cut, service, head, body, &mut weight).await,
        (None, None) if writes::is_path(below) => Err(Refusal::method_not_allowed()),
        (None, None) => Err(Refusal::url_not_found()),
        (None, Some(_)) if head.method != Method::GET => Err(Refusal::method_not_allowed()),
        (None, Some((route, id))) => {
            let request = DeskRequest {
                state,
                cut,
                route,
                id,
                raw_query: head.uri.query().unwrap_or_default(),
            };
            request.answer(&head.headers, &mut weight).await
        }
    };
    let mut response = outcome.unwrap_or_else(|refusal| {
        let code = refusal.code.to_owned();
        crowded = code == "TOO_MANY_REQUESTS";
        state.count(|stats| {
            *stats.refusals.entry(code).or_default() += 1;
        });
        refusal.into_response()
    });
    state.count_answer(crowded);
    let headers = response.headers_mut();
    let remaining = state.credits.remaining(state.now_ms());
    headers.insert("x-rate-limit-request-weight-v3", weight.into());
    headers.insert("x-rate-limit-remaining-v3", remaining.into());
    response
}

/// Every inner list needs one of its scopes.
pub(super) type Scopes = &'static [&'static [&'static str]];

/// Lets a request in that may come in. `is_open` is whether it needs no organisation.
pub(super) fn admit(
    state: &State,
    name: &str,
    headers: &HeaderMap,
    scopes: Scopes,
    professional: Option<&'static str>,
    is_open: bool,
) -> Result<Flight, Refusal> {
    if state.faults().strike_on_arrival(name).is_some() {
        state.tokens().expire_access_tokens();
    }
    authorize(state, headers, scopes, is_open)?;
    let edition = state.options.edition;
    if let Some(feature) = professional.filter(|_| !edition.has_professional_features()) {
        return Err(Refusal::license(feature, edition.name()));
    }
    let flight = state.concurrency.take_off();
    flight.ok_or_else(Refusal::too_many_requests)
}

fn authorize(
    state: &State,
    headers: &HeaderMap,
    scopes: Scopes,
    is_open: bool,
) -> Result<(), Refusal> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let given = headers
        .get(header::AUTHORIZATION)
        .map(text)
        .ok_or_else(Refusal::unauthorized)?;
    let token = ["Zoho-oauthtoken ", "Bearer "]
        .into_iter()
        .find_map(|scheme| given.strip_prefix(scheme))
        .ok_or_else(Refusal::invalid_oauth)?;
    let tokens = state.tokens();
    if !tokens.is_valid(token.trim(), state.now_ms()) {
        return Err(Refusal::invalid_oauth());
    }
    if !is_open {
        let org_id = headers.get("orgid").map(text).unwrap_or_default();
        if !org_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::internal());
        }
        if org_id != state.options.org_id {
            return Err(Refusal::org_mismatch());
        }
    }
    let granted = |any_of: &&[&str]| any_of.iter().any(|scope| tokens.has_scope(scope));
    if !scopes.iter().all(granted) {
        return Err(Refusal::scope_mismatch());
    }
    Ok(())
}

struct DeskRequest<'a> {
    state: &'a State,
    cut: &'a Cut,
    route: &'static Route,
    id: Option<&'a str>,
    raw_query: &'a str,
}

impl DeskRequest<'_> {
    /// `weight` becomes the credits paid.
    async fn answer(&self, headers: &HeaderMap, weight: &mut u64) -> Result<Response, Refusal> {
        let state = self.state;
        let route = self.route;
        let is_open = route.endpoint == Endpoint::Organizations;
        let flight = admit(
            state,
            route.name,
            headers,
            route.scopes,
            route.professional,
            is_open,
        );
        let _flight = flight?;
        state.linger().await;
        let fault = state.strike(self.route.name);
        if let Some(fault) = &fault
            && let Some(outcome) = instead(fault, self.cut).await
        {
            return outcome;
        }
        let body = self.page(fault.as_ref(), weight)?;
        if let Some(Fault::ChangeData { mutation, .. }) = &fault {
            state.mutate(mutation);
        }
        let answered = Ok(deliver(fault.as_ref(), body));
        match fault {
            Some(fault) => afterwards(&fault, self.cut, answered).await,
            None => answered,
        }
    }

    /// The body of the right answer, `None` for an empty page.
    fn page(&self, fault: Option<&Fault>, weight: &mut u64) -> Result<Option<String>, Refusal> {
        let state = self.state;
        let account = state.account();
        let query = Query::parse(self.route, self.raw_query, &account)?;
        let id: Option<u64> = self.id.and_then(|id| id.parse().ok());
        let row = match self.route.id {
            PathId::None => Some(0),
            PathId::Agent => id.and_then(|id| account.find_agent(id)),
            PathId::Contact => id.and_then(|id| account.contacts().find(id)),
            PathId::Ticket => id.and_then(|id| account.tickets().find(id)),
        };
        let row = row.ok_or_else(Refusal::url_not_found)?;
        let cost = listing::cost(self.route, &query);
        if let Payment::PoolEmpty { retry_after_s } = state.credits.pay(cost, state.now_ms()) {
            return Err(Refusal::threshold_exceeded(retry_after_s));
        }
        *weight = cost;
        let paging = Paging {
            base: state.options.from_base,
            first_page_only: fault == Some(&Fault::RepeatPage),
            endless: fault == Some(&Fault::EndlessPages),
        };
        let listing = Listing {
            account: &account,
            query: &query,
            window: Window::new(self.route, &query, paging),
            edition: state.options.edition.name(),
            now: state.options.clock.now(),
            indexed_until: state.indexed_until(),
        };
        let content = listing.answer(self.route, row)?;
        if let Content::Rows { rows, .. } = &content {
            state.count(|stats| stats.rows += rows.len() as u64);
        }
        Ok(body(content))
    }
}

fn body(content: Content) -> Option<String> {
    match content {
        Content::Entity(json) => Some(json),
        Content::Rows { rows, .. } if rows.is_empty() => None,
        Content::Rows { rows, count } => {
            let rows = rows.join(",");
            Some(match count {
                Some(count) => format!("{{\"data\":[{rows}],\"count\":{count}}}"),
                None => format!("{{\"data\":[{rows}]}}"),
            })
        }
    }
}

/// The answer of a fault that does not need the right one; waits if the fault is a stall.
pub(super) async fn instead(fault: &Fault, cut: &Cut) -> Option<Result<Response, Refusal>> {
    Some(match fault {
        Fault::TooManyRequests => Err(Refusal::too_many_requests()),
        Fault::ThresholdExceeded { retry_after_s } => {
            Err(Refusal::threshold_exceeded(*retry_after_s))
        }
        Fault::ServerError => Err(Refusal::internal()),
        Fault::InvalidOauth => Err(Refusal::invalid_oauth()),
        Fault::ErrorBody => Ok(Refusal::internal().disguised().into_response()),
        Fault::Html { status } => Ok(html(
            StatusCode::from_u16(*status).unwrap_or(StatusCode::OK),
        )),
        Fault::ConnectionReset => {
            cut.reset();
            Ok(StatusCode::OK.into_response())
        }
        Fault::OversizedBody { bytes } => Ok(oversized(*bytes)),
        Fault::DeepNesting { depth } => {
            let (open, close) = ("[".repeat(*depth), "]".repeat(*depth));
            let body = format!(r#"{{"data":[{{"id":"1","nested":{open}{close}}}]}}"#);
            Ok(json_response(StatusCode::OK, body))
        }
        Fault::TinyRows { bytes } => Ok(json_response(StatusCode::OK, tiny_rows(*bytes))),
        Fault::Stall { seconds } => {
            let wait = Duration::try_from_secs_f64(*seconds).unwrap_or_default();
            tokio::time::sleep(wait).await;
            return None;
        }
        _ => return None,
    })
}

/// What becomes of an answer once the request was carried out.
pub(super) async fn afterwards(
    fault: &Fault,
    cut: &Cut,
    answered: Result<Response, Refusal>,
) -> Result<Response, Refusal> {
    match fault {
        Fault::LoseAnswer { status: None } => {
            cut.reset();
            Ok(StatusCode::OK.into_response())
        }
        Fault::LoseAnswer {
            status: Some(status),
        } => Ok(html(
            StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY),
        )),
        Fault::AnswerLate { seconds } => {
            let wait = Duration::try_from_secs_f64(*seconds).unwrap_or_default();
            tokio::time::sleep(wait).await;
            answered
        }
        _ => answered,
    }
}

/// Sends the right answer, spoilt if the fault spoils bodies.
pub(super) fn deliver(fault: Option<&Fault>, body: Option<String>) -> Response {
    let empty_page = || r#"{"data":[]}"#.to_owned();
    match (fault, body) {
        (Some(Fault::TruncatedBody), body) => truncated(&body.unwrap_or_else(empty_page)),
        (Some(Fault::MalformedJson), body) => {
            let body = body.unwrap_or_else(empty_page);
            let middle = body.floor_char_boundary(body.len() / 2);
            json_response(StatusCode::OK, body[..middle].to_owned())
        }
        (_, Some(body)) => json_response(StatusCode::OK, body),
        (_, None) => StatusCode::NO_CONTENT.into_response(),
    }
}

fn truncated(body: &str) -> Response {
    let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
    let pieces = stream::iter([Ok(half)]).chain(stream::once(async {
        // Lets the first half reach the wire before the connection breaks.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(io::Error::from(io::ErrorKind::BrokenPipe))
    }));
    let mut response = json_response(StatusCode::OK, Body::from_stream(pieces));
    let promised = HeaderValue::from(body.len());
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, promised);
    response
}

fn tiny_rows(bytes: usize) -> String {
    let mut body = String::from(r#"{"data":[{"id":"1"}"#);
    for id in 2_u64.. {
        if body.len() + 20 > bytes {
            break;
        }
        body.push_str(",{\"id\":\"");
        body.push_str(&id.to_string());
        body.push_str("\"}");
    }
    body + "]}"
}

fn oversized(bytes: u64) -> Response {
    let start = Bytes::from_static(br#"{"data":[{"id":"1","description":""#);
    let piece = Bytes::from(vec![b'a'; PIECE]);
    let pieces = stream::unfold((bytes, start), move |(left, next)| {
        let piece = piece.clone();
        async move {
            let size = left.min(next.len() as u64);
            let sent = next.slice(..size as usize);
            (size > 0).then(|| (Ok::<_, io::Error>(sent), (left - size, piece)))
        }
    });
    json_response(StatusCode::OK, Body::from_stream(pieces))
}
