//! A stand-in of SQS (JSON protocol), EventBridge Scheduler (REST) and SNS (query protocol), in
//! memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The running stand-in; stops when dropped.
pub(crate) struct Post {
    origin: String,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Shared {
    messages: Mutex<VecDeque<Queued>>,
    schedules: Mutex<BTreeMap<String, Value>>,
    published: Mutex<Vec<String>>,
    put_off: Mutex<Vec<Value>>,
    refusals: Mutex<VecDeque<(&'static str, u16, &'static str)>>,
}

/// A message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) queue: String,
    pub(crate) body: String,
    pub(crate) delay_s: u64,
}

impl Post {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Shared>::default();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(async move {
            let _ = axum::serve(listener, app)
                .with_graceful_shutdown(async {
                    let _ = stopped.await;
                })
                .await;
        });
        Self {
            origin,
            shared,
            _stop: stop,
        }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Takes the messages of a queue that are visible after `delay_s`.
    pub(crate) fn take(&self, queue: &str, delay_s: u64) -> Vec<Queued> {
        let mut messages = self.shared.messages.lock().unwrap();
        let is_due = |m: &Queued| m.queue == queue && m.delay_s <= delay_s;
        let (taken, left) = messages.drain(..).partition(is_due);
        *messages = left;
        Vec::from(taken)
    }

    /// All messages, without taking them.
    pub(crate) fn queued(&self) -> Vec<Queued> {
        self.shared
            .messages
            .lock()
            .unwrap()
            .iter()
            .cloned()
            .collect()
    }

    /// Schedules by `<group>/<name>`.
    pub(crate) fn schedules(&self) -> BTreeMap<String, Value> {
        self.shared.schedules.lock().unwrap().clone()
    }

    /// What was published, as it was sent.
    pub(crate) fn published(&self) -> Vec<String> {
        self.shared.published.lock().unwrap().clone()
    }

    /// Entries of `ChangeMessageVisibilityBatch`.
    pub(crate) fn put_off(&self) -> Vec<Value> {
        self.shared.put_off.lock().unwrap().clone()
    }

    /// Lets the next call of `action` fail.
    pub(crate) fn refuse_next(&self, action: &'static str, status: u16, code: &'static str) {
        let mut refusals = self.shared.refusals.lock().unwrap();
        refusals.push_back((action, status, code));
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = headers.get("x-amz-target").and_then(|v| v.to_str().ok());
    let action = match (target, uri.path().strip_prefix("/schedules/"), &method) {
        (Some(target), ..) => target.rsplit('.').next().unwrap_or_default(),
        (None, Some(_), &Method::POST) => "CreateSchedule",
        (None, Some(_), &Method::PUT) => "UpdateSchedule",
        (None, Some(_), &Method::DELETE) => "DeleteSchedule",
        _ => "Publish",
    };
    if let Some(refusal) = shared.refusal(action) {
        return refusal;
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    match action {
        "SendMessage" => shared.send_message(&json),
        "ChangeMessageVisibilityBatch" => {
            let entries = json["Entries"].as_array().cloned().unwrap_or_default();
            shared.put_off.lock().unwrap().extend(entries);
            axum::Json(json!({"Successful": [], "Failed": []})).into_response()
        }
        "CreateSchedule" | "UpdateSchedule" | "DeleteSchedule" => {
            shared.schedule(action, &uri, json)
        }
        _ => {
            let text = String::from_utf8(body.to_vec()).unwrap();
            shared.published.lock().unwrap().push(text);
            "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>".into_response()
        }
    }
}

impl Shared {
    fn refusal(&self, action: &str) -> Option<Response> {
        let mut refusals = self.refusals.lock().unwrap();
        let due = refusals.iter().position(|(of, ..)| *of == action)?;
        let (_, status, code) = refusals.remove(due)?;
        Some(refuse(status, code))
    }

    fn send_message(&self, body: &Value) -> Response {
        let url = body["QueueUrl"].as_str().unwrap_or_default();
        self.messages.lock().unwrap().push_back(Queued {
            queue: url.rsplit('/').next().unwrap_or_default().to_owned(),
            body: body["MessageBody"].as_str().unwrap_or_default().to_owned(),
            delay_s: body["DelaySeconds"].as_u64().unwrap_or(0),
        });
        axum::Json(json!({"MessageId": "m", "MD5OfMessageBody": ""})).into_response()
    }

    fn schedule(&self, action: &str, uri: &Uri, body: Value) -> Response {
        let name = uri.path().trim_start_matches("/schedules/");
        let in_query = uri.query().and_then(|query| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix("groupName="))
        });
        let group = body["GroupName"].as_str().or(in_query).unwrap_or("default");
        let key = format!("{group}/{name}");
        let mut schedules = self.schedules.lock().unwrap();
        match (action, schedules.contains_key(&key)) {
            ("CreateSchedule", true) => refuse(409, "ConflictException"),
            ("CreateSchedule", false) | ("UpdateSchedule", true) => {
                schedules.insert(key, body);
                axum::Json(json!({"ScheduleArn": "arn:aws:scheduler:::schedule/x"})).into_response()
            }
            (_, false) => refuse(404, "ResourceNotFoundException"),
            _ => {
                schedules.remove(&key);
                axum::Json(json!({})).into_response()
            }
        }
    }
}

fn refuse(status: u16, code: &'static str) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        [("x-amzn-errortype", code)],
        axum::Json(json!({"__type": code, "Message": "refused"})),
    )
        .into_response()
}
