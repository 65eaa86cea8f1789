#![allow(
    unused_qualifications,
    reason = "the macros of utoipa write full paths"
)]

mod access;
mod actions;
mod answers;
mod configurations;
mod data;
mod document;
mod headers;
mod integrations;
mod model;
mod pages;
mod query;
mod refusals;
mod runs;
mod waiting;

use std::sync::Arc;

use axum::Router;
use clock::Clock;
use front_door::{Callers, FrontDoor, Limits, Rates};
use hub::Hub;
use lambda_kit::{Env, Failure};
use state::{ApiKeys, RateLimits};

use crate::env::{at_least_one, name};

pub use self::document::openapi;

/// What the routes share.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) hub: Hub,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Most bytes of a body: rows to be taken in. API Gateway and Lambda take somewhat more.
const BODY_BYTES: usize = 4 * 1024 * 1024;

/// The routes of `integrations-api` behind their front door.
///
/// | variable | default |
/// |---|---|
/// | `API_RATE_PER_KEY` | 300 requests a minute |
/// | `API_RATE_PER_ADDRESS` | 60 requests a minute without a valid key |
pub fn router(
    env: &Env,
    hub: Hub,
    keys: &ApiKeys,
    rate: &RateLimits,
    clock: Arc<dyn Clock>,
) -> Result<Router, Failure> {
    let usual = Rates::default();
    let rates = Rates {
        per_key: at_least_one(env, "API_RATE_PER_KEY", usual.per_key)?,
        per_address: at_least_one(env, "API_RATE_PER_ADDRESS", usual.per_address)?,
    };
    let door = FrontDoor::new(name(env, "integrations-api"), Arc::clone(&clock))
        .limits(Limits {
            body_bytes: BODY_BYTES,
            ..Limits::default()
        })
        .callers(Callers {
            keys: Arc::new(keys.clone()),
            windows: Arc::new(rate.clone()),
            rates,
        });
    let (routes, _) = document::routes().split_for_parts();
    Ok(door.open(routes.with_state(Api { hub, clock })))
}
