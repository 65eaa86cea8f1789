use std::collections::BTreeMap;

use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Asked, secrets};

/// `SendMessage` of Amazon SQS; what is sent is never delivered to anybody.
#[derive(Debug)]
pub(super) struct Call {
    url: String,
    message: String,
}

/// Messages by queue URL.
#[derive(Debug, Default)]
pub(super) struct Queues(BTreeMap<String, Vec<String>>);

impl Call {
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Option<Self> {
        let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
        if target != "AmazonSQS.SendMessage" {
            return None;
        }
        let asked: Value = serde_json::from_slice(body).ok()?;
        let text = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
        Some(Self {
            url: text("QueueUrl"),
            message: text("MessageBody"),
        })
    }

    pub(super) fn asked(&self) -> Asked {
        Asked {
            action: "SendMessage",
            target: self.url.clone(),
            mutates: true,
        }
    }
}

impl Queues {
    pub(super) fn serve(&mut self, call: &Call) -> Response {
        let sent = self.0.entry(call.url.clone()).or_default();
        sent.push(call.message.clone());
        let answer = json!({"MessageId": format!("{:08}", sent.len())});
        secrets::respond(200, &answer)
    }

    pub(super) fn sent(&self, url: &str) -> Vec<String> {
        self.0.get(url).cloned().unwrap_or_default()
    }
}
