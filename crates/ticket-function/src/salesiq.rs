use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use front_door::{ApiError, FrontDoor, Json, Limits, RawBody};
use futures_util::join;
use jiff::SignedDuration;
use lambda_http::request::RequestContext;
use lambda_kit::{Env, Failure};
use serde_json::{Value, json};
use state::{Taken, Tally};
use tokio::time::Instant;
use tracing::{error, info, warn};
use webhook::Refusal;
use webhook::salesiq::{self, Delivery, Format, Keys, Reply, Verified};

use crate::again;
use crate::clients::Clients;
use crate::desks::watched;
use crate::metrics::{count, duration_ms, emit};
use crate::secrets::Secret;
use crate::service::Service;

/// The function `salesiq-webhook`: what lives as long as its process.
#[derive(Debug)]
pub struct SalesiqWebhook {
    name: String,
    service: Arc<Service>,
    keys: Secret<Keys>,
    rates: Rates,
    /// Deliveries of each sender; SalesIQ sends all of them from a few addresses.
    sources: Tally,
}

/// Deliveries a minute.
#[derive(Debug, Clone, Copy)]
struct Rates {
    per_chat: u32,
    per_source: u32,
}

const PER_CHAT: u32 = 60;
const PER_SOURCE: u32 = 3000;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const KEYS: &str = "salesiq_webhook";
/// SalesIQ gives up after 5 s; the way there and back takes some of it.
const ANSWERED_WITHIN: Duration = Duration::from_millis(4500);
/// Kept of Lambda's own time limit.
const LAMBDA_MARGIN: Duration = Duration::from_millis(200);
/// The same delivery may come again after this.
const RETRY_S: u64 = 5;
/// A configuration that a person must mend.
const MENDED_S: u64 = 60;

impl SalesiqWebhook {
    /// Reads the settings.
    ///
    /// | variable | default |
    /// |---|---|
    /// | `SALESIQ_SECRET_ID` | `salesiq_webhook` |
    /// | `WEBHOOK_RATE_PER_CHAT` | 60 deliveries a minute |
    /// | `WEBHOOK_RATE_PER_SOURCE` | 3000 deliveries a minute |
    pub fn new(env: &Env, clients: &Clients, service: Arc<Service>) -> Result<Arc<Self>, Failure> {
        let rate = |variable, otherwise| crate::env::at_least_one(env, variable, otherwise);
        Ok(Arc::new(Self {
            name: crate::env::name(env, "salesiq-webhook"),
            keys: Secret::new(
                clients.aws.secrets.clone(),
                env.text("SALESIQ_SECRET_ID").unwrap_or(KEYS),
                "keys of SalesIQ",
                |text| Keys::from_json(text).map_err(|error| error.to_string()),
            ),
            rates: Rates {
                per_chat: rate("WEBHOOK_RATE_PER_CHAT", PER_CHAT)?,
                per_source: rate("WEBHOOK_RATE_PER_SOURCE", PER_SOURCE)?,
            },
            sources: Tally::new(service.state().rate.clone()),
            service,
        }))
    }

    /// Reads what the first delivery will need, in INIT.
    pub async fn warm_up(&self) {
        let (keys, ()) = join!(self.keys.get(self.service.now()), self.service.warm_up());
        if let Err(problem) = keys {
            error!(error = %problem, "no delivery of SalesIQ can be verified");
        }
    }

    /// The routes behind their front door.
    pub fn router(self: &Arc<Self>) -> Router {
        let routes = Router::new()
            .route("/webhook/salesiq", get(ping).post(deliver))
            .with_state(Arc::clone(self));
        FrontDoor::new(&self.name, self.service.clock())
            .limits(Limits::default())
            .open(routes)
    }

    async fn answer(&self, began: Instant, call: Call) -> Result<Value, ApiError> {
        let now = self.service.now();
        webhook::json_body(&call.headers).map_err(|refusal| refused(&refusal))?;
        let keys = self.keys.get(now).await.map_err(|problem| {
            error!(error = %problem, "no delivery of SalesIQ can be verified");
            ApiError::unavailable(if problem.transient { RETRY_S } else { MENDED_S })
        })?;
        let verified = match salesiq::verify(&keys, &call.headers, &call.body, now) {
            Ok(verified) => verified,
            Err(refusal) => return Err(self.turn_away(&call.source, &refusal).await),
        };
        let delivery = verified.delivery().map_err(|refusal| refused(&refusal))?;
        let ends = began + ANSWERED_WITHIN.min(call.time_left.saturating_sub(LAMBDA_MARGIN));
        let (outcome, desk_asked) = watched(tokio::time::timeout_at(
            ends,
            Box::pin(self.handle(&call, &verified, &delivery, ends)),
        ))
        .await;
        let outcome = outcome.unwrap_or(Err(Trouble::Slow));
        self.measure(began, desk_asked, &delivery, &outcome);
        match outcome {
            Ok(reply) => Ok(salesiq::answer(delivery.format, &reply)),
            Err(trouble) => self.apologise(&delivery, &trouble),
        }
    }

    async fn handle(
        &self,
        call: &Call,
        verified: &Verified<'_>,
        delivery: &Delivery,
        ends: Instant,
    ) -> Result<Reply, Trouble> {
        self.within_rate(&call.source).await?;
        let conversations = self
            .service
            .conversations()
            .await
            .map_err(|problem| Trouble::Settings(problem.to_string()))?
            .at_most_per_minute(self.rates.per_chat);
        let time_left = ends.saturating_duration_since(Instant::now());
        conversations
            .deliver(delivery, verified.way().into(), time_left)
            .await
            .map_err(|error| match error {
                ticketing::Error::TooMany { retry_after } => Trouble::too_many(retry_after),
                error => Trouble::Failed(error),
            })
    }

    /// Counts an unauthenticated request against its source, so that guessing does not pay.
    async fn turn_away(&self, source: &str, refusal: &Refusal) -> ApiError {
        if refusal.is_configuration() {
            warn!(
                code = refusal.code(),
                "a delivery came in a way that no key is configured for"
            );
        }
        let key = format!("refused:{source}");
        let limit = self.rates.per_chat;
        match self.service.state().rate.take(&key, limit, MINUTE).await {
            Ok(Taken::Refused { retry_after }) => {
                ApiError::rate_limited(u64::try_from(retry_after.as_secs()).unwrap_or(1).max(1))
            }
            Ok(Taken::Allowed { .. }) => refused(refusal),
            Err(failure) => {
                warn!(error = %failure, "a refused delivery could not be counted");
                refused(refusal)
            }
        }
    }

    /// Counts a delivery against its source. The chat counts its own. Counting is no reason to be
    /// down: where it fails, the delivery goes on.
    async fn within_rate(&self, source: &str) -> Result<(), Trouble> {
        let key = format!("source:{source}");
        match self.sources.take(&key, self.rates.per_source, MINUTE).await {
            Ok(Taken::Allowed { .. }) => {}
            Ok(Taken::Refused { retry_after }) => return Err(Trouble::too_many(retry_after)),
            Err(failure) => {
                warn!(error = %failure, "a delivery could not be counted against its rate");
            }
        }
        Ok(())
    }

    /// A Zobot shows the visitor nothing but a 200, so it says that the message must be sent again;
    /// all other senders send it again by themselves.
    fn apologise(&self, delivery: &Delivery, trouble: &Trouble) -> Result<Value, ApiError> {
        trouble.log(delivery);
        match delivery.format {
            Format::Zobot | Format::ZobotFailure => {
                let text = again::please(delivery.visitor.language.as_deref());
                let reply = Reply {
                    text: vec![text.to_owned()],
                    ..Reply::at(self.service.now())
                };
                Ok(salesiq::answer(delivery.format, &reply))
            }
            Format::Flat | Format::Event => Err(trouble.as_error()),
        }
    }

    fn measure(
        &self,
        began: Instant,
        desk_asked: Option<Instant>,
        delivery: &Delivery,
        outcome: &Result<Reply, Trouble>,
    ) {
        let took = began.elapsed();
        let own = desk_asked.map_or(took, |asked| asked.saturating_duration_since(began));
        let has = |what: fn(&Reply) -> bool| u64::from(outcome.as_ref().is_ok_and(what));
        let failed = u64::from(outcome.is_err());
        // A number that the visitor is only told now was counted where the ticket was made.
        let made_now = u64::from(desk_asked.is_some()) * has(|reply| reply.ticket_created);
        emit(
            &self.name,
            self.service.now(),
            &[
                duration_ms("WebhookDurationMs", took),
                duration_ms("OwnDurationMs", own),
                count("Deliveries", 1),
                count("DeliveriesFailed", failed),
                count("TicketsCreated", made_now),
                count("TicketsPending", has(|reply| reply.pending)),
                count("ChatsEscalated", has(|reply| reply.escalate)),
            ],
        );
        info!(
            chat = delivery.chat_id.as_str(),
            format = delivery.format.as_str(),
            answered = outcome.is_ok(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            own_duration_ms = u64::try_from(own.as_millis()).unwrap_or(u64::MAX),
            "delivery handled"
        );
    }
}

/// What a request brings.
struct Call {
    headers: HeaderMap,
    body: bytes::Bytes,
    /// The address that API Gateway saw.
    source: String,
    /// Until Lambda stops us.
    time_left: Duration,
}

/// Why an authentic delivery has no answer.
#[derive(Debug)]
enum Trouble {
    /// More deliveries than a chat or a sender may make; how many seconds to wait.
    TooMany(u64),
    /// The settings cannot be used.
    Settings(String),
    /// Time is up.
    Slow,
    Failed(ticketing::Error),
}

impl Trouble {
    fn too_many(retry_after: SignedDuration) -> Self {
        let seconds = u64::try_from(retry_after.as_secs()).unwrap_or(1);
        Self::TooMany(seconds.max(1))
    }

    fn log(&self, delivery: &Delivery) {
        let chat = delivery.chat_id.as_str();
        match self {
            Self::TooMany(_) => warn!(chat, "a delivery came too soon after many others"),
            Self::Settings(problem) => {
                error!(chat, error = problem, "a delivery could not be handled");
            }
            Self::Slow => error!(chat, "a delivery could not be handled in time"),
            Self::Failed(failure) => {
                error!(chat, error = %failure, transient = failure.is_transient(), "a delivery could not be handled");
            }
        }
    }

    fn as_error(&self) -> ApiError {
        match self {
            Self::TooMany(seconds) => ApiError::rate_limited(*seconds),
            Self::Settings(_) => ApiError::unavailable(MENDED_S),
            Self::Failed(ticketing::Error::Invalid { field, why }) => {
                ApiError::invalid_field(*field, why)
            }
            Self::Slow | Self::Failed(_) => ApiError::unavailable(RETRY_S),
        }
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    ApiError::new(status, refusal.code(), refusal)
}

/// SalesIQ saves a URL only after it answered.
async fn ping() -> Json<Value> {
    Json(json!({"status": "success"}))
}

async fn deliver(
    State(hook): State<Arc<SalesiqWebhook>>,
    request: Request,
) -> Result<Response, ApiError> {
    let began = Instant::now();
    let headers = request.headers().clone();
    let source = source(&request);
    let time_left = request
        .extensions()
        .get::<lambda_http::Context>()
        .map_or(ANSWERED_WITHIN * 2, |context| {
            lambda_kit::time_left(context, hook.service.now())
        });
    let RawBody(body) = RawBody::from_request(request, &()).await?;
    let call = Call {
        headers,
        body,
        source,
        time_left,
    };
    let answer = Box::pin(hook.answer(began, call)).await?;
    Ok(Json(answer).into_response())
}

fn source(request: &Request) -> String {
    let address = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.clone(),
        _ => None,
    };
    address.unwrap_or_else(|| "unknown".to_owned())
}
