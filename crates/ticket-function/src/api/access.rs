use std::marker::PhantomData;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use front_door::{ApiError, Authenticated, Scope};
use state::Grant;
use ticketing::{Actor, Viewer};

use crate::api::Api;

/// What a route needs of an API key.
pub(crate) trait Needs {
    const SCOPE: Scope;
}

/// Reading.
pub(crate) struct Read;
/// Making and changing tickets.
pub(crate) struct Write;
/// Keys, audit trail, people's data.
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

/// A client with the scope `S`. Visitors are refused with 403.
pub(crate) struct Staff<S> {
    pub(crate) actor: Actor,
    _scope: PhantomData<S>,
}

/// A client with the scope `S`, or a visitor, who sees his own chat only.
pub(crate) struct Viewing<S> {
    pub(crate) viewer: Viewer,
    _scope: PhantomData<S>,
}

impl<N: Needs, S: Send + Sync> FromRequestParts<S> for Staff<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Authenticated::from_request_parts(parts, state).await?;
        caller.require(N::SCOPE)?;
        Ok(Self {
            actor: Actor::Client(caller.client.id),
            _scope: PhantomData,
        })
    }
}

impl<N: Needs, S: Send + Sync> FromRequestParts<S> for Viewing<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Authenticated::from_request_parts(parts, state).await?;
        let viewer = if let Grant::Visitor(chat) = &caller.client.grant {
            Viewer::Visitor {
                chat_id: chat.to_string(),
            }
        } else {
            caller.require(N::SCOPE)?;
            Viewer::Staff(Actor::Client(caller.client.id))
        };
        Ok(Self {
            viewer,
            _scope: PhantomData,
        })
    }
}

/// Time left for the request: what Lambda leaves, less what answering takes, and never more than
/// API Gateway waits.
pub(crate) struct TimeLeft(pub(crate) Duration);

/// API Gateway gives up after 30 s.
const GATEWAY: Duration = Duration::from_secs(28);
const ANSWERING: Duration = Duration::from_millis(500);

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
                lambda_kit::time_left(context, api.now()).saturating_sub(ANSWERING)
            });
        Ok(Self(left.min(GATEWAY)))
    }
}
