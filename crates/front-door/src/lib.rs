#![doc = include_str!("../README.md")]

mod access;
mod answer;
mod call;
mod callers;
mod documented;
mod door;
mod error;
mod json;
mod keys;
mod limits;
mod params;
mod rate;

pub use call::RequestId;
pub use callers::{Anonymous, Authenticated, Callers, Rates};
pub use documented::{Guarded, Public, WithBody, WithId, WithInput, documented};
pub use door::FrontDoor;
pub use error::{ApiError, ErrorBody, ErrorDetail};
pub use json::{Json, RawBody};
pub use keys::{KeyRing, StoreError, Stored, same_secret};
pub use limits::Limits;
pub use params::{Form, Params, Path};
pub use rate::{Quota, Windows};
pub use state::{Scope, TenantId};

use axum::Router;

/// Answers requests with `routes` until Lambda stops the process.
pub async fn serve(routes: Router) -> Result<(), lambda_http::Error> {
    lambda_http::run(routes).await
}
