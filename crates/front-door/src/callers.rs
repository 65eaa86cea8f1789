use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use jiff::Timestamp;
use state::{ChatId, Client, KeyRefusal, Scope, State, TenantId};
use tracing::{error, warn};

use crate::call::{Notes, SourceAddress};
use crate::door::Door;
use crate::keys::{KeyRing, presented};
use crate::rate::Windows;
use crate::{ApiError, Quota};

/// Who may come in, and how often.
#[derive(Clone)]
pub struct Callers {
    /// Tells whose a key is.
    pub keys: Arc<dyn KeyRing>,
    /// Counts requests.
    pub windows: Arc<dyn Windows>,
    /// How many are allowed.
    pub rates: Rates,
}

/// Requests a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of one API key; 300 by default.
    pub per_key: u32,
    /// Of one source address without a valid key; 60 by default.
    pub per_address: u32,
}

impl Callers {
    /// The keys and counts of `state`.
    pub fn of(state: &State, rates: Rates) -> Self {
        Self {
            keys: Arc::new(state.api_keys.clone()),
            windows: Arc::new(state.rate.clone()),
            rates,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            per_key: 300,
            per_address: 60,
        }
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callers")
            .field("rates", &self.rates)
            .finish_non_exhaustive()
    }
}

/// A caller with a valid API key, within its rate. As an extractor it refuses all others with 401
/// or 429.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Who calls, and what it may reach. Its name is in the access log.
    pub client: Client,
}

impl Authenticated {
    /// 403 unless the key is a program's, with `scope`.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.client.allows(scope) {
            return Ok(());
        }
        if let Some(tenant) = self.client.tenant() {
            return Err(ApiError::forbidden(format_args!(
                "this API key opens the integrations of the tenant {tenant} and nothing else; ask the operator for a key without a tenant"
            )));
        }
        Err(lacks(scope))
    }

    /// The tenant whose integrations the caller may reach; 403 unless the key is a tenant's, with
    /// `scope`.
    pub fn tenant(&self, scope: Scope) -> Result<&TenantId, ApiError> {
        match self.client.tenant() {
            Some(tenant) if self.client.allows_in_tenant(scope) => Ok(tenant),
            Some(_) => Err(lacks(scope)),
            None => Err(ApiError::forbidden(
                "integrations belong to a tenant and this API key has none; ask the operator for a key with your tenant",
            )),
        }
    }

    /// 404 unless the key may read `chat` and its tickets: a visitor's key is not told which
    /// other chats there are.
    pub fn may_see(&self, chat: &ChatId) -> Result<(), ApiError> {
        if self.client.may_see(chat) {
            return Ok(());
        }
        if self.client.is_visitor() {
            return Err(ApiError::not_found("there is no such thing"));
        }
        self.require(Scope::Read)
    }
}

fn lacks(scope: Scope) -> ApiError {
    let name = match scope {
        Scope::Read => "read",
        Scope::Write => "write",
        Scope::Admin => "admin",
    };
    ApiError::forbidden(format_args!(
        "this needs an API key with the scope `{name}`; ask the operator for one"
    ))
}

/// A caller of a public route, within the rate of its source address. As an extractor it refuses
/// those above it with 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anonymous;

const NO_KEY: &str = "send a valid API key, as `authorization: Bearer dbk_…` or `x-api-key: dbk_…`";

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let check = Check::of(parts)?;
        let Some(key) = presented(&parts.headers) else {
            return Err(check.turn_away().await);
        };
        let found = check.callers.keys.client(&key).await.map_err(|failure| {
            error!(error = %failure, "an API key cannot be looked up");
            ApiError::unavailable(RETRY_S)
        })?;
        let client = match found {
            Ok(client) => client,
            // Only who has the key's secret gets to hear these.
            Err(refusal @ (KeyRefusal::Expired | KeyRefusal::Revoked)) => {
                return Err(ApiError::unauthorized(refusal));
            }
            Err(KeyRefusal::Malformed | KeyRefusal::Unknown) => {
                return Err(check.turn_away().await);
            }
        };
        check.notes.name_client(&client.name);
        let bucket = format!("key:{}", client.id);
        check.count(&bucket, check.callers.rates.per_key).await?;
        Ok(Self { client })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Anonymous {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let check = Check::of(parts)?;
        let bucket = check.address.bucket();
        check
            .count(&bucket, check.callers.rates.per_address)
            .await?;
        Ok(Self)
    }
}

/// Seconds to wait when the table of keys cannot be reached.
const RETRY_S: u64 = 2;

/// What checking one caller needs.
struct Check {
    callers: Callers,
    now: Timestamp,
    address: SourceAddress,
    notes: Notes,
}

impl Check {
    fn of(parts: &Parts) -> Result<Self, ApiError> {
        let door = parts.extensions.get::<Door>();
        let found = door.and_then(|door| Some((door, door.0.callers.clone()?)));
        let Some((door, callers)) = found else {
            error!("a route asks for callers, and the front door has none: see FrontDoor::callers");
            return Err(ApiError::internal());
        };
        Ok(Self {
            callers,
            now: door.0.clock.now(),
            address: SourceAddress::of(parts),
            notes: Notes::of(parts),
        })
    }

    /// 401, or 429 for who keeps trying.
    async fn turn_away(&self) -> ApiError {
        let bucket = self.address.bucket();
        match self.count(&bucket, self.callers.rates.per_address).await {
            Ok(()) => ApiError::unauthorized(NO_KEY),
            Err(limited) => limited,
        }
    }

    /// Counts one request of `bucket`. Where counting fails the request goes on: a limit is no
    /// reason to be down.
    async fn count(&self, bucket: &str, limit: u32) -> Result<(), ApiError> {
        let left = match self.callers.windows.take(bucket, limit).await {
            Ok(left) => left,
            Err(failure) => {
                warn!(error = %failure, "a request could not be counted against its rate");
                return Ok(());
            }
        };
        let quota = Quota::of(left.unwrap_or(0), limit, self.now);
        self.notes.set_quota(quota);
        if left.is_none() {
            return Err(ApiError::rate_limited(quota.reset_s));
        }
        Ok(())
    }
}
