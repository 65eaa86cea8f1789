use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use axum::response::Response;
use serde::Serialize;

use super::admin;
use super::auth::{Asked, Tokens};
use super::faults::{Fault, Faults};
use super::lists::Question;
use super::reply;
use super::rows::Rows;
use super::simulator::Options;

const LARGEST_BODY: usize = 1 << 20;
/// The last requests are kept.
const REMEMBERED: usize = 10_000;

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its query, as it was sent.
    pub query: String,
    /// Its headers; names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// What requests see and change.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) origin: String,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) rows: Rows,
    pub(super) faults: Faults,
    pub(super) tokens: Tokens,
    pub(super) received: Vec<Received>,
}

impl State {
    pub(super) fn new(options: Options, origin: String) -> Self {
        let rows = Rows::fresh(options.rows, options.groups, options.clock.now());
        Self {
            origin,
            inner: Mutex::new(Inner {
                rows,
                faults: Faults::default(),
                tokens: Tokens::default(),
                received: Vec::new(),
            }),
            options,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn answer(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY)
        .await
        .unwrap_or_default();
    let path = head.uri.path().trim_start_matches('/').to_owned();
    if let Some(page) = path.strip_prefix("_sim/") {
        return admin::answer(&state, &head.method, page, &body);
    }
    note(&state, &head);
    let fault = match path.as_str() {
        "oauth/token" => None,
        _ => state.lock().faults.strike(),
    };
    if let Some(instead) = fault.as_ref().and_then(reply::instead) {
        return instead;
    }
    let response = served(&state, &head, &path, &body, fault.as_ref());
    let response = packed(response, &head.headers).await;
    if fault == Some(Fault::Truncated) {
        return reply::truncated(response).await;
    }
    response
}

fn note(state: &State, head: &Parts) {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = head.headers.iter();
    let received = Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
    };
    let mut inner = state.lock();
    if inner.received.len() < REMEMBERED {
        inner.received.push(received);
    }
}

fn served(state: &State, head: &Parts, path: &str, body: &[u8], fault: Option<&Fault>) -> Response {
    let query = head.uri.query().unwrap_or_default();
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let now = state.options.clock.now();
    let mut inner = state.lock();
    if path == "oauth/token" {
        let (secrets, life) = (&state.options.secrets, state.options.token_life_s);
        return inner.tokens.grant(secrets, &head.headers, body, life, now);
    }
    let below = match path
        .strip_prefix("auth/")
        .and_then(|rest| rest.split_once('/'))
    {
        None => path,
        Some((kind, below)) => {
            let asked = Asked {
                method: &head.method,
                uri: &head.uri,
                headers: &head.headers,
                query: &query,
                body,
            };
            if !inner
                .tokens
                .admits(kind, &state.options.secrets, &asked, now)
            {
                return reply::error(StatusCode::UNAUTHORIZED, "who are you");
            }
            below
        }
    };
    if let Some(status) = below.strip_prefix("status/") {
        let status = status.parse().unwrap_or(StatusCode::NOT_FOUND);
        return reply::error(status, "as you asked");
    }
    match below {
        "me" => return reply::json(StatusCode::OK, r#"{"ok":true}"#),
        "redirect" => return reply::redirect(query.get("to").map_or("/page", String::as_str)),
        "redirect-loop" => return reply::redirect(head.uri.path()),
        _ => {}
    }
    let question = Question {
        origin: &state.origin,
        path: below,
        full_path: path,
        query: &query,
        body,
        fault,
        groups_at_start: state.options.groups,
    };
    let answer = question.answer(&inner.rows);
    answer.unwrap_or_else(|| reply::error(StatusCode::NOT_FOUND, "no such route"))
}

/// Packs a body that says it is packed, or takes the header away where gzip is not understood.
async fn packed(response: Response, asked: &HeaderMap) -> Response {
    if !response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let accepted = asked
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let (mut head, body) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    if !accepted.is_some_and(|encodings| encodings.contains("gzip")) {
        head.headers.remove(header::CONTENT_ENCODING);
        return Response::from_parts(head, body);
    }
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    Response::from_parts(head, Body::from(reply::gzip(&body)))
}
