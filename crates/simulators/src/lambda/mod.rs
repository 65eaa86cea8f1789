//! The Lambda Runtime API on a local port, for function binaries started as child processes.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clock::{Clock, SystemClock};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:local";
const TIMED_OUT: &str = "Sandbox.Timedout";
const INVALID_RESPONSE: &str = "Runtime.InvalidResponse";
const TOO_LARGE: &str = "Function.ResponseSizeTooLarge";
/// Bytes of an answer: 6 MB and what wraps it, by the message of Lambda's own error.
const MOST_ANSWER: usize = 6_291_556;

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum InvocationResult {
    /// The function's answer.
    Success(Value),
    /// The function failed, did not start, or did not answer in time (`Sandbox.Timedout`).
    Failure {
        /// Stable name of the error.
        error_type: String,
        /// What a person reads.
        error_message: String,
    },
}

impl InvocationResult {
    fn failure(error_type: &str, error_message: impl Into<String>) -> Self {
        Self::Failure {
            error_type: error_type.to_owned(),
            error_message: error_message.into(),
        }
    }
}

/// A running Runtime API. It stops when dropped.
///
/// Start the function with `AWS_LAMBDA_RUNTIME_API` set to [`RuntimeApi::address`].
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    queue: mpsc::UnboundedSender<Invocation>,
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Invocation {
    id: String,
    payload: String,
    deadline_ms: i64,
}

#[derive(Debug)]
struct Shared {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    serial: u64,
    first_next: Option<Instant>,
    init_error: Option<InvocationResult>,
    running: HashMap<String, oneshot::Sender<InvocationResult>>,
}

/// What a function posts about a failure.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorReport {
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error_message: String,
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the invocation was running.
    fn finish(&self, id: &str, result: InvocationResult) -> bool {
        let caller = self.progress().running.remove(id);
        // A caller that stopped waiting does not need the result.
        caller.map(|caller| caller.send(result).ok()).is_some()
    }
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        let (queue, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            waiting: tokio::sync::Mutex::new(waiting),
            progress: Mutex::default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(respond),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(fail))
            .route("/2018-06-01/runtime/init/error", post(fail_init))
            .layer(DefaultBodyLimit::max(2 * MOST_ANSWER))
            .with_state(Arc::clone(&shared));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            // Polls for work end by themselves: their queue goes with its owner.
            tokio::select! {
                served = axum::serve(listener, router) => served,
                _ = stopped => Ok(()),
            }
        });
        Ok(Self {
            address,
            shared,
            queue,
            _stop: stop,
        })
    }

    /// `127.0.0.1:PORT`, the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// When a function first asked for work, which is the end of its start-up.
    pub fn first_next(&self) -> Option<Instant> {
        self.shared.progress().first_next
    }

    /// Queues an invocation for the next function that asks for work and waits for its end,
    /// at most `deadline`.
    pub async fn invoke(&self, payload: &Value, deadline: Duration) -> InvocationResult {
        let (finished, result) = oneshot::channel();
        let id = {
            let mut progress = self.shared.progress();
            if let Some(error) = &progress.init_error {
                return error.clone();
            }
            progress.serial += 1;
            let id = format!("00000000-0000-4000-8000-{:012x}", progress.serial);
            progress.running.insert(id.clone(), finished);
            id
        };
        let allowed_ms = i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX / 2);
        let queued = self.queue.send(Invocation {
            id: id.clone(),
            payload: payload.to_string(),
            deadline_ms: SystemClock.now().as_millisecond() + allowed_ms,
        });
        let timed_out = || {
            let seconds = deadline.as_secs_f64();
            InvocationResult::failure(
                TIMED_OUT,
                format!("Task timed out after {seconds:.2} seconds"),
            )
        };
        let ended = match queued {
            Ok(()) => tokio::time::timeout(deadline, result).await,
            Err(_) => return timed_out(),
        };
        ended.ok().and_then(Result::ok).unwrap_or_else(|| {
            self.shared.progress().running.remove(&id);
            timed_out()
        })
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared
        .progress()
        .first_next
        .get_or_insert_with(Instant::now);
    loop {
        let Some(invocation) = shared.waiting.lock().await.recv().await else {
            return StatusCode::GONE.into_response();
        };
        // Its caller may have given up while it was queued.
        if shared.progress().running.contains_key(&invocation.id) {
            return deliver(invocation);
        }
    }
}

fn deliver(invocation: Invocation) -> Response {
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.id),
        (
            "lambda-runtime-deadline-ms",
            invocation.deadline_ms.to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            FUNCTION_ARN.to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0".to_owned(),
        ),
    ];
    (axum::response::AppendHeaders(headers), invocation.payload).into_response()
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    if body.len() > MOST_ANSWER {
        let said = format!(
            "Response payload size exceeded maximum allowed payload size ({MOST_ANSWER} bytes)."
        );
        shared.finish(&id, InvocationResult::failure(TOO_LARGE, said));
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let result = match serde_json::from_slice(&body) {
        Ok(answer) => InvocationResult::Success(answer),
        Err(error) => InvocationResult::failure(INVALID_RESPONSE, error.to_string()),
    };
    accepted(shared.finish(&id, result))
}

async fn fail(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    accepted(shared.finish(&id, failure(&headers, &body)))
}

/// Nothing will run any more: whoever waits or will wait gets the error.
async fn fail_init(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let error = failure(&headers, &body);
    let mut progress = shared.progress();
    for (_, caller) in progress.running.drain() {
        // A caller that stopped waiting does not need the result.
        let _ = caller.send(error.clone());
    }
    progress.init_error = Some(error);
    accepted(true)
}

fn failure(headers: &HeaderMap, body: &[u8]) -> InvocationResult {
    let header = headers.get("lambda-runtime-function-error-type");
    let header = header.and_then(|value| value.to_str().ok());
    let report = serde_json::from_slice(body).unwrap_or_else(|_| ErrorReport {
        error_type: String::new(),
        error_message: String::from_utf8_lossy(body).into_owned(),
    });
    let error_type = match report.error_type.as_str() {
        "" => header.unwrap_or("Unhandled"),
        named => named,
    };
    InvocationResult::failure(error_type, report.error_message)
}

fn accepted(known: bool) -> Response {
    if known {
        (StatusCode::ACCEPTED, r#"{"status":"OK"}"#).into_response()
    } else {
        let body = r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#;
        (StatusCode::BAD_REQUEST, body).into_response()
    }
}
