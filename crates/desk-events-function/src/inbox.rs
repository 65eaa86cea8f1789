use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State as Shared};
use axum::routing::get;
use axum::{Router, http};
use clock::Clock;
use desk_account::{DeskAccount, Settings};
use front_door::{ApiError, FrontDoor, Json, Limits, RawBody};
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use lambda_kit::{Env, Failure, Metric, Unit};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use state::State;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::{error, info, warn};
use vendor_http::Deadline;
use webhook::Refusal;
use webhook::desk::{DeskEvent, Posted, TOKEN_HEADER, Validator, ZohoKeys, parse};

use crate::path_secret::PathSecret;
use crate::registration::Registrations;
use crate::{Clients, Notice, Queue, Sqs, settings};

/// The function `desk-webhook`: takes events in, and puts them on the queue.
///
/// | variable | default |
/// |---|---|
/// | those of [`desk_account::Settings`] | |
/// | `STATE_TABLE`, `DESK_EVENTS_QUEUE_URL` | required |
/// | `ZOHO_DESK_ORG_ID` | `org_id` of the account's secret |
/// | `DESK_WEBHOOK_SECRET_ID` | none: the path needs no secret |
#[derive(Debug)]
pub struct DeskWebhook {
    name: String,
    clock: Arc<dyn Clock>,
    account: DeskAccount,
    org_id: OnceCell<String>,
    path_secret: Option<PathSecret>,
    state: State,
    registrations: Registrations,
    validator: Validator,
    queue: Arc<dyn Queue>,
}

/// What a delivery is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Accepted {
    success: bool,
    /// Events in the delivery.
    received: usize,
    /// Those that were new.
    queued: usize,
}

/// The vendor's own limits are not documented; its tickets are at most 64 KiB of description each.
const LIMITS: Limits = Limits {
    body_bytes: 1024 * 1024,
    depth: 64,
};

/// Zoho gives up after 5 s. Each step is bounded, and all of them together.
const PATIENCE: Duration = Duration::from_millis(4300);
const KEYS_PATIENCE: Duration = Duration::from_millis(1500);
const SECRET_PATIENCE: Duration = Duration::from_millis(1500);
/// Left of [`PATIENCE`] for taking marks back.
const SENDING_PATIENCE: Duration = Duration::from_millis(2600);

/// An event that comes twice comes soon: no retry is documented, and order is kept.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(72);

/// Seconds after which a delivery may be tried again.
const RETRY_S: u64 = 5;

impl DeskWebhook {
    /// Reads the settings and builds what is needed. Nothing is sent.
    pub fn new(env: &Env, clients: &Clients, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let url = settings::required(env, "DESK_EVENTS_QUEUE_URL")?;
        let queue = Sqs::new(clients.sqs.clone(), url, "DESK_EVENTS_QUEUE_URL");
        Self::with_queue(env, clients, clock, Arc::new(queue))
    }

    /// The same with another queue.
    pub fn with_queue(
        env: &Env,
        clients: &Clients,
        clock: Arc<dyn Clock>,
        queue: Arc<dyn Queue>,
    ) -> Result<Self, Failure> {
        let settings = Settings::from_env(env)?.without_reserve();
        let origin = settings.desk_origin().clone();
        let account = DeskAccount::new(settings, clients.aws.clone(), Arc::clone(&clock))?;
        let state = settings::state(env, clients, Arc::clone(&clock))?;
        let keys = ZohoKeys::new(account.http().clone(), origin, KEYS_PATIENCE);
        let org_id = settings::org_id(env)?;
        let path_secret = settings::path_secret(env)?;
        Ok(Self {
            name: settings::name(env, "desk-webhook"),
            clock,
            account,
            org_id: org_id.map_or_else(OnceCell::new, |id| OnceCell::new_with(Some(id))),
            path_secret: path_secret.map(|id| PathSecret::new(clients.aws.secrets.clone(), id)),
            registrations: Registrations::new(state.clone()),
            state,
            validator: Validator::new(Arc::new(keys)),
            queue,
        })
    }

    /// The routes, behind their front door.
    pub fn router(self) -> Router {
        let door = FrontDoor::new(&self.name, Arc::clone(&self.clock)).limits(LIMITS);
        let routes = Router::new()
            .route("/webhook/desk", get(validation).post(delivery))
            .route(
                "/webhook/desk/{secret}",
                get(validation).post(delivery_by_path),
            )
            .with_state(Arc::new(self));
        door.open(routes)
    }

    async fn take(
        &self,
        given: Option<SecretString>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Accepted, ApiError> {
        let nothing = Accepted {
            success: true,
            received: 0,
            queued: 0,
        };
        // Zoho tries a new URL with a POST that nobody signed, where its GET is not answered.
        if holds_nothing(body) {
            return Ok(nothing);
        }
        let now = self.clock.now();
        self.check_path(given, now).await?;
        self.check_token(headers, now).await?;
        let events = match parse(body).map_err(|refusal| refused(&refusal))? {
            Posted::Validation => return Ok(nothing),
            Posted::Events(events) => events,
        };
        let org_id = self.org_id().await?;
        if events.iter().any(|event| event.org_id != org_id) {
            return Err(ApiError::invalid_field(
                "orgId",
                "the events are of another organisation than the token",
            ));
        }
        let queued = self.enqueue(&events, now).await?;
        Ok(Accepted {
            received: events.len(),
            queued,
            ..nothing
        })
    }

    async fn check_path(
        &self,
        given: Option<SecretString>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(expected) = &self.path_secret else {
            return Ok(());
        };
        let expected = timeout(SECRET_PATIENCE, expected.get(now))
            .await
            .map_err(|_| unavailable("the path secret could not be read in time"))?
            .map_err(|failure| unavailable(&failure))?;
        if given.is_some_and(|given| front_door::same_secret(&given, &expected)) {
            return Ok(());
        }
        Err(ApiError::unauthorized(
            "the webhook's URL must end with the secret that is configured here: register it again",
        ))
    }

    async fn check_token(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), ApiError> {
        let token = headers.get(TOKEN_HEADER).and_then(|it| it.to_str().ok());
        if token.is_none() {
            return Err(refused(&Refusal::TokenMissing));
        }
        let org_id = self.org_id().await?;
        let ids = self.registrations.ids(now).await?;
        let mut verified = self.validator.verify(token, &org_id, &ids, now).await;
        if verified == Err(Refusal::TokenAudience) {
            let again = self.registrations.ids_again(now).await?;
            if again != ids {
                verified = self.validator.verify(token, &org_id, &again, now).await;
            }
        }
        verified.map(drop).map_err(|refusal| refused(&refusal))
    }

    async fn org_id(&self) -> Result<String, ApiError> {
        self.org_id
            .get_or_try_init(|| async {
                let deadline = Deadline::after(SECRET_PATIENCE);
                let id = self.account.org_id(None, deadline).await;
                id.map(|id| id.as_str().to_owned())
            })
            .await
            .cloned()
            .map_err(|failure| unavailable(&failure))
    }

    /// Puts events on the queue that were not there before; tells how many.
    async fn enqueue(&self, events: &[DeskEvent], now: Timestamp) -> Result<usize, ApiError> {
        let marks: Vec<String> = events
            .iter()
            .map(|event| format!("desk:{}", event.dedupe_key()))
            .collect();
        let mut new = Vec::new();
        for (position, mark) in marks.iter().enumerate() {
            if marks[..position].contains(mark) {
                continue;
            }
            new.push(position);
        }
        let first = join_all(new.iter().map(|position| self.is_first(&marks[*position]))).await;
        let new: Vec<usize> = new
            .into_iter()
            .zip(first)
            .filter_map(|(position, first)| first.then_some(position))
            .collect();
        if new.is_empty() {
            return Ok(0);
        }
        let bodies: Vec<String> = new
            .iter()
            .map(|position| serde_json::to_string(&Notice::of(&events[*position], now)))
            .collect::<Result<_, _>>()
            .map_err(|problem| {
                error!(error = %problem, "an event cannot be written for the queue");
                ApiError::internal()
            })?;
        let outcomes = timeout(SENDING_PATIENCE, self.queue.send(&bodies)).await;
        let failed: Vec<usize> = match &outcomes {
            Ok(outcomes) => new
                .iter()
                .zip(outcomes)
                .filter_map(|(position, outcome)| outcome.is_err().then_some(*position))
                .collect(),
            // Some may be on the queue all the same; twice is better than never.
            Err(_) => new.clone(),
        };
        if failed.is_empty() {
            return Ok(new.len());
        }
        let problem = outcomes
            .ok()
            .and_then(|outcomes| outcomes.into_iter().find_map(Result::err));
        error!(
            error = problem.map_or_else(|| "no answer in time".to_owned(), |it| it.to_string()),
            events = failed.len(),
            "events could not be put on the queue"
        );
        join_all(failed.iter().map(|position| self.forget(&marks[*position]))).await;
        Err(ApiError::unavailable(RETRY_S))
    }

    /// Where the table cannot be asked an event counts as new: no retry of the vendor's is
    /// documented, and what is behind the queue bears a second delivery.
    async fn is_first(&self, mark: &str) -> bool {
        match self.state.deliveries.first_seen(mark, REMEMBERED).await {
            Ok(first) => first,
            Err(problem) => {
                warn!(error = %problem, "an event could not be looked up among those seen before");
                true
            }
        }
    }

    async fn forget(&self, mark: &str) {
        if let Err(problem) = self.state.deliveries.forget(mark).await {
            warn!(error = %problem, "an event that was not queued stays marked as seen");
        }
    }

    fn count(&self, accepted: Accepted) {
        let count = |name, value: usize| Metric {
            name,
            unit: Unit::Count,
            value: value as u64,
        };
        lambda_kit::emit_by(
            &[("Function", &self.name)],
            self.clock.now(),
            &[
                count("EventsReceived", accepted.received),
                count("EventsQueued", accepted.queued),
            ],
        );
    }
}

async fn validation() -> Json<Accepted> {
    Json(Accepted {
        success: true,
        received: 0,
        queued: 0,
    })
}

async fn delivery(
    Shared(webhook): Shared<Arc<DeskWebhook>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Json<Accepted>, ApiError> {
    answer(&webhook, None, &headers, &body).await
}

async fn delivery_by_path(
    Shared(webhook): Shared<Arc<DeskWebhook>>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Json<Accepted>, ApiError> {
    answer(&webhook, Some(secret.into()), &headers, &body).await
}

async fn answer(
    webhook: &DeskWebhook,
    secret: Option<SecretString>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json<Accepted>, ApiError> {
    let accepted = timeout(PATIENCE, webhook.take(secret, headers, body))
        .await
        .map_err(|_| unavailable("a delivery took too long"))??;
    if accepted.received > 0 {
        info!(
            received = accepted.received,
            queued = accepted.queued,
            "events taken in"
        );
        webhook.count(accepted);
    }
    Ok(Json(accepted))
}

/// Whether a body is one of those that Zoho tries a URL with.
fn holds_nothing(body: &[u8]) -> bool {
    let content: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .take(3)
        .collect();
    matches!(content.as_slice(), b"" | b"{}" | b"[]")
}

fn refused(refusal: &Refusal) -> ApiError {
    if refusal.is_transient() {
        return unavailable(refusal);
    }
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    ApiError::new(status, refusal.code(), refusal)
}

/// What only waiting or the operator can mend: logged in full, told to the caller as 503.
fn unavailable(problem: impl std::fmt::Display) -> ApiError {
    error!(error = %problem, "a delivery could not be checked");
    ApiError::unavailable(RETRY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_zoho_tries_a_url_with_holds_nothing() {
        for (body, nothing) in [
            ("", true),
            (" \n", true),
            ("{ }", true),
            ("[]", true),
            ("[\n]\n", true),
            ("[{}]", false),
            ("{\"a\":1}", false),
            ("\"\"", false),
        ] {
            assert_eq!(holds_nothing(body.as_bytes()), nothing, "{body:?}");
        }
    }
}
