//! A stand-in of SQS (JSON protocol) and of SES v2, in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
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
    mails: Mutex<Vec<String>>,
    refusals: Mutex<VecDeque<(u16, &'static str)>>,
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

    /// Takes all messages of a queue out of it.
    pub(crate) fn take(&self, queue: &str) -> Vec<Queued> {
        let mut messages = self.shared.messages.lock().unwrap();
        let (taken, left) = messages.drain(..).partition(|m| m.queue == queue);
        *messages = left;
        Vec::from(taken)
    }

    /// The mails that were taken, as they were given to SES (decoded from MIME's Base64).
    pub(crate) fn mails(&self) -> Vec<String> {
        self.shared.mails.lock().unwrap().clone()
    }

    /// Lets SES refuse the next mail.
    pub(crate) fn refuse_next_mail(&self, status: u16, code: &'static str) {
        self.shared
            .refusals
            .lock()
            .unwrap()
            .push_back((status, code));
    }

    /// Lets SES take all mails again.
    pub(crate) fn allow_mails(&self) {
        self.shared.refusals.lock().unwrap().clear();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if uri.path() == "/v2/email/outbound-emails" {
        return mail(&shared, &body);
    }
    let target = headers.get("x-amz-target").and_then(|v| v.to_str().ok());
    if target != Some("AmazonSQS.SendMessage") {
        return (StatusCode::NOT_FOUND, "no such action").into_response();
    }
    let url = body["QueueUrl"].as_str().unwrap_or_default();
    shared.messages.lock().unwrap().push_back(Queued {
        queue: url.rsplit('/').next().unwrap_or_default().to_owned(),
        body: body["MessageBody"].as_str().unwrap_or_default().to_owned(),
        delay_s: body["DelaySeconds"].as_u64().unwrap_or(0),
    });
    axum::Json(json!({"MessageId": "m", "MD5OfMessageBody": ""})).into_response()
}

fn mail(shared: &Shared, body: &Value) -> Response {
    if let Some((status, code)) = shared.refusals.lock().unwrap().pop_front() {
        return (
            StatusCode::from_u16(status).unwrap(),
            [("x-amzn-errortype", code)],
            axum::Json(json!({"message": "refused"})),
        )
            .into_response();
    }
    let raw = body["Content"]["Raw"]["Data"].as_str().unwrap_or_default();
    let to = &body["Destination"]["ToAddresses"][0];
    shared
        .mails
        .lock()
        .unwrap()
        .push(format!("{to}\n{}", String::from_utf8_lossy(&base64(raw))));
    axum::Json(json!({"MessageId": "ses-1"})).into_response()
}

/// Decodes Base64, padding or not.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text
        .bytes()
        .filter_map(|byte| ALPHABET.iter().position(|a| *a == byte));
    let (mut bytes, mut bits, mut have) = (Vec::new(), 0_usize, 0_u32);
    for digit in digits {
        bits = (bits << 6 | digit) & 0xff_ffff;
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have & 0xff) as u8);
        }
    }
    bytes
}
