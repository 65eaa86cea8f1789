#![allow(
    unused_qualifications,
    reason = "the macros of utoipa write full paths"
)]

mod access;
mod admin;
mod document;
mod figures;
mod privacy;
mod refusals;
mod sessions;
mod survey;
mod text;
mod tickets;

use std::sync::Arc;

use axum::Router;
use front_door::{Callers, FrontDoor, Limits, Rates};
use jiff::Timestamp;
use lambda_kit::{Env, Failure};
use serde_json::Value;
use state::Entry;
use ticketing::Actor;

use crate::env::{at_least_one, name};
use crate::service::Service;

pub use self::document::openapi;

/// What the routes share.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    /// The deployed function's name.
    pub(crate) name: Arc<str>,
    pub(crate) service: Arc<Service>,
}

impl Api {
    /// Now, in whole seconds, as answers show it.
    pub(crate) fn now(&self) -> Timestamp {
        whole_seconds(self.service.now())
    }

    /// An entry of the audit trail.
    pub(crate) fn entry(
        &self,
        actor: &Actor,
        action: &str,
        target: String,
        details: Value,
    ) -> Entry {
        Entry {
            at: self.service.now(),
            actor: actor.name(),
            action: action.to_owned(),
            target,
            details,
        }
    }
}

/// The routes of `ticket-api` behind their front door.
///
/// | variable | default |
/// |---|---|
/// | `API_RATE_PER_KEY` | 300 requests a minute |
/// | `API_RATE_PER_ADDRESS` | 60 requests a minute without a valid key |
pub fn router(env: &Env, service: Arc<Service>) -> Result<Router, Failure> {
    let usual = Rates::default();
    let rates = Rates {
        per_key: at_least_one(env, "API_RATE_PER_KEY", usual.per_key)?,
        per_address: at_least_one(env, "API_RATE_PER_ADDRESS", usual.per_address)?,
    };
    let name = name(env, "ticket-api");
    let door = FrontDoor::new(&name, service.clock())
        .limits(Limits {
            // A comment of 30,000 characters written as pairs of escapes.
            body_bytes: 400 * 1024,
            ..Limits::default()
        })
        .callers(Callers::of(service.state(), rates));
    let (routes, _) = document::routes().split_for_parts();
    Ok(door.open(routes.with_state(Api {
        name: name.into(),
        service,
    })))
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
