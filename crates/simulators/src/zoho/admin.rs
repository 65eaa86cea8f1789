//! The simulator's own pages under `/_sim/`.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    account::{Account, Mutation, Order},
    faults::FaultRule,
    refusal::json_response,
    state::State,
    truth::{self, Scope},
};

const LARGEST_BODY: usize = 1 << 20;
const ITEMS_AT_ONCE: usize = 500;

/// What happens at once instead of to later answers.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Action {
    ExpireAccessTokens,
    RevokeRefreshTokens,
    DropScope { scope: String },
    GrantScope { scope: String },
}

/// What may change while the portal runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    /// Requests in flight.
    concurrency: Option<usize>,
    search_lag_s: Option<u64>,
}

impl Limits {
    fn apply(&self, state: &State) {
        if let Some(limit) = self.concurrency {
            state.concurrency.set_limit(limit);
        }
        if let Some(seconds) = self.search_lag_s {
            state.set_search_lag(Duration::from_secs(seconds));
        }
    }
}

pub(super) async fn answer(state: &Arc<State>, head: &Parts, body: Body) -> Response {
    let path = head.uri.path().trim_start_matches("/_sim/");
    let raw_query = head.uri.query().unwrap_or_default();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await;
    let body = body.unwrap_or_default();
    match (
        head.method.clone(),
        path.split_once('/').unwrap_or((path, "")),
    ) {
        (Method::GET, ("health", "")) => ok(&json!({ "status": "ok" })),
        (Method::GET, ("stats", "")) => {
            let counted = state.stats();
            let mints = counted.mints();
            let mut page = json!(counted);
            page["mints"] = mints.into();
            ok(&page)
        }
        (Method::GET, ("truth", report)) => stream_truth(state, report, raw_query),
        (Method::GET, ("ids", kind)) => match ids(&state.account(), kind, count(raw_query)) {
            Some(ids) => ok(&json!(ids)),
            None => not_found(),
        },
        (Method::POST, ("faults", "")) => match add_faults(state, &body) {
            Ok(()) => ok(&json!({ "status": "ok" })),
            Err(error) => bad_request(&error),
        },
        (Method::DELETE, ("faults", "")) => {
            state.faults().clear();
            ok(&json!({ "status": "ok" }))
        }
        (Method::POST, ("code", "")) => {
            let code = state.tokens().issue_code(state.now_ms());
            ok(&json!({ "code": code }))
        }
        (Method::POST, ("mutate", "")) => match serde_json::from_slice::<Mutation>(&body) {
            Ok(mutation) => ok(&json!({ "ids": state.mutate(&mutation) })),
            Err(error) => bad_request(&error),
        },
        (Method::POST, ("limits", "")) => match serde_json::from_slice::<Limits>(&body) {
            Ok(limits) => {
                limits.apply(state);
                ok(&json!({ "status": "ok" }))
            }
            Err(error) => bad_request(&error),
        },
        (Method::GET, ("written", "")) => {
            let account = state.account();
            ok(&json!({
                "tickets": written_tickets(&account),
                "contacts": written_contacts(&account),
            }))
        }
        (Method::GET, ("deliveries", "")) => {
            let webhooks = state.webhooks();
            ok(&json!({ "settings": webhooks.deliveries, "log": webhooks.log }))
        }
        (Method::POST, ("deliveries", "")) => match serde_json::from_slice(&body) {
            Ok(deliveries) => {
                state.webhooks().deliveries = deliveries;
                ok(&json!({ "status": "ok" }))
            }
            Err(error) => bad_request(&error),
        },
        (Method::POST, ("rotate-webhook-key", "")) => {
            state.keys.rotate();
            ok(&json!({ "status": "ok" }))
        }
        (Method::POST, ("reset-stats", "")) => {
            state.reset_stats();
            ok(&json!({ "status": "ok" }))
        }
        _ => not_found(),
    }
}

fn ok(answer: &Value) -> Response {
    json_response(StatusCode::OK, answer.to_string())
}

fn not_found() -> Response {
    let answer = json!({ "error": "no such page; see the crate's README" });
    json_response(StatusCode::NOT_FOUND, answer.to_string())
}

fn bad_request(error: &serde_json::Error) -> Response {
    let answer = json!({ "error": error.to_string() });
    json_response(StatusCode::BAD_REQUEST, answer.to_string())
}

/// One rule or action, or an array of them; all are read before the first takes effect.
fn add_faults(state: &State, body: &[u8]) -> Result<(), serde_json::Error> {
    enum Order {
        Rule(FaultRule),
        Action(Action),
    }
    let orders = match serde_json::from_slice(body)? {
        Value::Array(orders) => orders,
        order => vec![order],
    };
    let orders: Result<Vec<Order>, _> = orders
        .into_iter()
        .map(|order| match Action::deserialize(&order) {
            Ok(action) => Ok(Order::Action(action)),
            Err(_) => FaultRule::deserialize(order).map(Order::Rule),
        })
        .collect();
    for order in orders? {
        match order {
            Order::Rule(rule) => state.faults().add(rule),
            Order::Action(Action::ExpireAccessTokens) => state.tokens().expire_access_tokens(),
            Order::Action(Action::RevokeRefreshTokens) => {
                state.tokens().revoke_all_refresh_tokens();
            }
            Order::Action(Action::DropScope { scope }) => state.tokens().drop_scope(&scope),
            Order::Action(Action::GrantScope { scope }) => state.tokens().add_scope(&scope),
        }
    }
    Ok(())
}

pub(super) fn written_tickets(account: &Account) -> Vec<Value> {
    let rows = account.written_ticket_rows().into_iter();
    rows.map(|row| {
        let mut ticket = parsed(&account.ticket_detail(row));
        let comments = account.comment_rows(row);
        ticket["comments"] = comments.iter().map(|comment| parsed(comment)).collect();
        ticket
    })
    .collect()
}

pub(super) fn written_contacts(account: &Account) -> Vec<Value> {
    let rows = account.written_contact_rows().into_iter();
    rows.map(|row| parsed(&account.contact_row(row))).collect()
}

fn parsed(row: &str) -> Value {
    serde_json::from_str(row).unwrap_or_default()
}

fn count(raw_query: &str) -> usize {
    url::form_urlencoded::parse(raw_query.as_bytes())
        .find(|(name, _)| name == "n")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(5)
}

/// The first `count` ids of a kind; `None` if there is no such kind.
pub(super) fn ids(account: &Account, kind: &str, count: usize) -> Option<Vec<String>> {
    let timed = |table: &super::account::TimedTable| -> Vec<String> {
        let live = table.live(Order::Created).iter().take(count);
        live.map(|&row| table.id(row).to_string()).collect()
    };
    let plain = |ids: std::ops::Range<u32>, id: fn(u32) -> u64| -> Vec<String> {
        ids.take(count).map(|row| id(row).to_string()).collect()
    };
    Some(match kind {
        "tickets" => timed(account.tickets()),
        "contacts" => timed(account.contacts()),
        "accounts" => timed(account.accounts()),
        "calls" => timed(account.calls()),
        "agents" => plain(account.agents(), Account::agent_id),
        "departments" => plain(account.departments(), Account::department_id),
        _ => return None,
    })
}

fn stream_truth(state: &Arc<State>, report: &str, raw_query: &str) -> Response {
    let items = truth::items(&state.account(), report, Scope::parse(raw_query));
    let Some(items) = items else {
        return not_found();
    };
    let state = Arc::clone(state);
    let pieces = stream::unfold((0, items, state), async |(start, items, state)| {
        let end = (start + ITEMS_AT_ONCE).min(items.len());
        let chunk = items.get(start..end).filter(|chunk| !chunk.is_empty())?;
        let lines: String = {
            let account = state.account();
            let rows = chunk.iter().flat_map(|&item| truth::rows(&account, item));
            rows.map(|row| row.line()).collect()
        };
        Some((Ok::<_, io::Error>(lines), (end, items, state)))
    });
    let content_type = (header::CONTENT_TYPE, "application/x-ndjson");
    ([content_type], Body::from_stream(pieces)).into_response()
}
