//! A hub that gives prepared answers and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// The only key that the stub knows.
pub(crate) const KEY: &str = "dbk_0123456789ab_decoykeydecoykeydecoykeydecoykeydecoykey42";

/// An answer to one route.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// `GET /api/integrations?limit=100`.
    pub(crate) line: String,
    pub(crate) body: String,
    /// The `Idempotency-Key`.
    pub(crate) once: Option<String>,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![],
            body: body.into(),
        }
    }

    /// A refusal as every route gives it.
    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({
                "success": false,
                "error": {"code": code, "message": message},
                "request_id": "req-1234",
            }),
        )
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

struct Shared {
    /// By method and path; the last one is given again and again.
    replies: Mutex<HashMap<String, Vec<Reply>>>,
    seen: Mutex<Vec<Seen>>,
}

/// Stops when dropped.
pub(crate) struct Stub {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Stub {
    /// Several replies to one route are given one after another.
    pub(crate) async fn answering<const N: usize>(replies: [(&str, Reply); N]) -> Self {
        let mut by_route: HashMap<String, Vec<Reply>> = HashMap::new();
        for (route, reply) in replies {
            by_route.entry(route.to_owned()).or_default().push(reply);
        }
        let shared = Arc::new(Shared {
            replies: Mutex::new(by_route),
            seen: Mutex::default(),
        });
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            axum::serve(listener, routes).await.unwrap();
        });
        Self { url, shared, task }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.seen.lock().unwrap().push(Seen {
        line: format!("{method} {uri}"),
        body: String::from_utf8(body.to_vec()).unwrap(),
        once: headers
            .get("idempotency-key")
            .map(|key| key.to_str().unwrap().to_owned()),
    });
    let authorized = headers
        .get("authorization")
        .is_some_and(|value| value == &format!("Bearer {KEY}"));
    let reply = if authorized {
        next(&shared, &format!("{method} {}", uri.path()))
    } else {
        Reply::refusal(401, "unauthorized", "send a valid API key")
    };
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn next(shared: &Shared, route: &str) -> Reply {
    match shared.replies.lock().unwrap().get_mut(route) {
        Some(replies) if replies.len() > 1 => replies.remove(0),
        Some(replies) => replies[0].clone(),
        None => Reply::refusal(404, "not_found", "there is no such integration"),
    }
}
