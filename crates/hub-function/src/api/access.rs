use std::marker::PhantomData;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use front_door::{ApiError, Authenticated, Scope, TenantId};

use crate::api::Api;

/// What a route needs of an API key.
pub(crate) trait Needs {
    const SCOPE: Scope;
}

/// Looking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read;
/// Syncing, testing, acting, taking in rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write;
/// Making, changing and removing integrations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admin;

impl Needs for Read {
    const SCOPE: Scope = Scope::Read;
}

impl Needs for Write {
    const SCOPE: Scope = Scope::Write;
}

impl Needs for Admin {
    const SCOPE: Scope = Scope::Admin;
}

/// A caller with a tenant's key of the scope `S`. The tenant is taken from here and from nowhere
/// else.
#[derive(Debug, Clone)]
pub(crate) struct Caller<S> {
    pub(crate) tenant: TenantId,
    _scope: PhantomData<S>,
}

impl<N: Needs, S: Send + Sync> FromRequestParts<S> for Caller<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Authenticated::from_request_parts(parts, state).await?;
        Ok(Self {
            tenant: caller.tenant(N::SCOPE)?.clone(),
            _scope: PhantomData,
        })
    }
}

/// Time left for the request: what Lambda leaves, less what answering takes, and never more than
/// API Gateway waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLeft(pub(crate) Duration);

/// API Gateway gives up after 30 s.
const GATEWAY: Duration = Duration::from_secs(28);
const ANSWERING: Duration = Duration::from_millis(1500);

impl<S: Send + Sync> FromRequestParts<S> for TimeLeft
where
    Api: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let api = Api::from_ref(state);
        let left = parts
            .extensions
            .get::<lambda_http::Context>()
            .map_or(GATEWAY, |context| {
                lambda_kit::time_left(context, api.clock.now()).saturating_sub(ANSWERING)
            });
        Ok(Self(left.min(GATEWAY)))
    }
}
