use std::collections::BTreeMap;

use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Asked, secrets};

/// A request to Amazon `EventBridge` Scheduler about one schedule; none of them ever fires.
#[derive(Debug)]
pub(super) struct Call {
    action: Action,
    name: String,
    body: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Create,
    Update,
    Delete,
}

/// Schedules by name, whatever their group.
#[derive(Debug, Default)]
pub(super) struct Schedules(BTreeMap<String, Value>);

impl Call {
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Option<Self> {
        let name = parts.uri.path().strip_prefix("/schedules/")?;
        let action = match parts.method {
            Method::POST => Action::Create,
            Method::PUT => Action::Update,
            Method::DELETE => Action::Delete,
            _ => return None,
        };
        Some(Self {
            action,
            name: name.to_owned(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        })
    }

    pub(super) fn asked(&self) -> Asked {
        let action = match self.action {
            Action::Create => "CreateSchedule",
            Action::Update => "UpdateSchedule",
            Action::Delete => "DeleteSchedule",
        };
        Asked {
            action,
            target: self.name.clone(),
            mutates: true,
        }
    }
}

impl Schedules {
    pub(super) fn serve(&mut self, call: &Call) -> Response {
        let there = self.0.contains_key(&call.name);
        match (call.action, there) {
            (Action::Create, true) => {
                return secrets::error(409, "ConflictException", "The schedule exists.");
            }
            (Action::Update | Action::Delete, false) => {
                return secrets::error(404, "ResourceNotFoundException", "There is none.");
            }
            (Action::Create | Action::Update, _) => {
                self.0.insert(call.name.clone(), call.body.clone());
            }
            (Action::Delete, true) => {
                self.0.remove(&call.name);
            }
        }
        let arn = format!(
            "arn:aws:scheduler:us-east-1:000000000000:schedule/group/{}",
            call.name
        );
        secrets::respond(200, &json!({"ScheduleArn": arn}))
    }

    pub(super) fn all(&self) -> BTreeMap<String, Value> {
        self.0.clone()
    }
}
