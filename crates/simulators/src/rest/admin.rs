use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::faults::FaultRule;
use super::reply;
use super::rows::Rows;
use super::server::State;

/// Which rows a change is about.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Which {
    ids: Option<Vec<u64>>,
    count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gain {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rules {
    One(FaultRule),
    Several(Vec<FaultRule>),
}

/// The simulator's own pages.
pub(super) fn answer(state: &State, method: &Method, page: &str, body: &[u8]) -> Response {
    let now = state.options.clock.now();
    let mut inner = state.lock();
    let read = |body: &[u8]| serde_json::from_slice::<Which>(body).ok();
    let done = |ids: &[u64]| reply::json(StatusCode::OK, json!({ "ids": ids }).to_string());
    let ids = |which: &Which, rows: &Rows| match &which.ids {
        Some(ids) => ids.clone(),
        None => rows.first(which.count.unwrap_or(1) as usize),
    };
    let answered = match (method.as_str(), page) {
        ("GET", "health") => Some(reply::json(StatusCode::OK, r#"{"ok":true}"#)),
        ("POST", "rows") => read(body).map(|which| {
            let count = which.count.unwrap_or(state.options.rows);
            inner.rows = Rows::fresh(count, state.options.groups, now);
            done(&[])
        }),
        ("POST", "add") => {
            read(body).map(|which| done(&inner.rows.create(which.count.unwrap_or(1), now)))
        }
        ("POST", "change") => read(body).map(|which| {
            let ids = ids(&which, &inner.rows);
            done(&inner.rows.change(&ids, now))
        }),
        ("POST", "delete") => read(body).map(|which| {
            let ids = ids(&which, &inner.rows);
            done(&inner.rows.delete(&ids))
        }),
        ("POST", "field") => serde_json::from_slice::<Gain>(body).ok().map(|gain| {
            inner.rows.gain(gain.name);
            done(&[])
        }),
        ("POST", "delete-group") => {
            inner.rows.remove_last_group();
            Some(done(&[]))
        }
        ("GET", "truth") => {
            let rows = inner.rows.all().map(|row| inner.rows.json(row) + "\n");
            Some(reply::json(StatusCode::OK, rows.collect::<String>()))
        }
        ("POST", "faults") => serde_json::from_slice::<Rules>(body).ok().map(|rules| {
            match rules {
                Rules::One(rule) => inner.faults.add(rule),
                Rules::Several(rules) => rules.into_iter().for_each(|rule| inner.faults.add(rule)),
            }
            done(&[])
        }),
        ("DELETE", "faults") => {
            inner.faults.clear();
            Some(done(&[]))
        }
        ("POST", "expire-tokens") => {
            inner.tokens.expire();
            Some(done(&[]))
        }
        ("POST", "revoke-refresh-token") => {
            inner.tokens.revoke(&state.options.secrets);
            Some(done(&[]))
        }
        ("GET", "requests") => {
            let received = serde_json::to_string(&inner.received).unwrap_or_default();
            Some(reply::json(StatusCode::OK, received))
        }
        ("GET", "stats") => {
            let counts = json!({
                "requests": inner.received.len(),
                "tokensIssued": inner.tokens.issued(),
                "tokenRefusals": inner.tokens.refusals,
                "rows": inner.rows.all().count(),
            });
            Some(reply::json(StatusCode::OK, counts.to_string()))
        }
        _ => return reply::error(StatusCode::NOT_FOUND, "no such page of the simulator"),
    };
    answered.unwrap_or_else(|| reply::error(StatusCode::BAD_REQUEST, "the body does not fit"))
}
