use std::collections::BTreeMap;

use desk_account::failure::{RouteFrom, of_desk};
use jiff::Timestamp;
use lambda_kit::{ErrorType, Failure};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;
use webhook::desk::EventType;
use zoho_desk::{Desk, Error, NewWebhook, Webhook, WebhookChange, WebhookUrl};

use crate::path_secret::PathSecret;
use crate::registration::{Registration, Registrations};

/// By this name people know the webhook in Desk, and we find it again.
const NAME: &str = "Deskbridge";

/// What is subscribed to unless the order says otherwise: all that may change a ticket.
const EVENTS: [&str; 3] = ["Ticket_Add", "Ticket_Update", "Ticket_Delete"];

/// What a person orders by invoking the function.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    /// Make the subscription, or make it what is asked for.
    Register(Register),
    /// Remove it.
    Unregister,
    /// Tell what there is.
    Status,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Register {
    /// Where Desk delivers to, without the path secret.
    url: String,
    #[serde(default)]
    events: Option<Vec<String>>,
}

/// What an order came to.
#[derive(Debug, Serialize)]
struct Outcome {
    /// `created`, `updated`, `removed`, `registered`, `absent`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<Shown>,
    /// Whether deliveries are checked to be of this webhook.
    audience_checked: bool,
}

/// A webhook without its URL, which may hold a secret.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    enabled: bool,
    events: Vec<String>,
}

pub(crate) struct Registrar<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) registrations: &'a Registrations,
    pub(crate) path_secret: Option<&'a PathSecret>,
    pub(crate) now: Timestamp,
}

impl Order {
    /// Reads an invocation that is not one of SQS.
    pub(crate) fn read(payload: &Value) -> Result<Self, Failure> {
        let invalid = |why: String| Failure::new(ErrorType::InvalidEvent, why);
        if let Some(register) = payload.get("register") {
            let register = Register::deserialize(register).map_err(|error| {
                invalid(format!(
                    "`register` must be {{\"url\": \"https://…/webhook/desk\", \"events\": […]}}: {error}"
                ))
            })?;
            let mut events = register.events.iter().flatten();
            if let Some(odd) = events.find(|name| EventType::parse(name).is_none()) {
                return Err(invalid(format!(
                    "`register.events` holds {odd:?}, which is no event name such as Ticket_Add"
                )));
            }
            return Ok(Self::Register(register));
        }
        if payload.get("unregister").is_some() {
            return Ok(Self::Unregister);
        }
        if payload.get("status").is_some() {
            return Ok(Self::Status);
        }
        Err(invalid(
            "the event is neither a batch of SQS nor one of `register`, `unregister`, `status`"
                .to_owned(),
        ))
    }
}

impl Registrar<'_> {
    pub(crate) async fn carry_out(&self, order: Order) -> Result<Value, Failure> {
        let outcome = match order {
            Order::Register(register) => self.register(&register).await,
            Order::Unregister => self.unregister().await,
            Order::Status => self.status().await,
        }?;
        info!(
            status = outcome.status,
            webhook_id = outcome.webhook.as_ref().map(|it| it.id.as_str()),
            "webhook looked after"
        );
        serde_json::to_value(outcome).map_err(|error| Failure::new(ErrorType::Internal, error))
    }

    async fn register(&self, register: &Register) -> Result<Outcome, Failure> {
        let url = self.url(&register.url).await?;
        let events = register.events.clone().unwrap_or_else(default_events);
        let (status, webhook) = match self.ours(Some(&register.url)).await? {
            Some(known) => {
                let change = WebhookChange {
                    name: Some(NAME.to_owned()),
                    url: Some(url),
                    subscriptions: Some(events.into_iter().map(|it| (it, None)).collect()),
                    is_enabled: Some(true),
                };
                let changed = self.desk.update_webhook(&known.id, &change).await;
                ("updated", changed.map_err(|error| self.failure(&error))?)
            }
            None => (
                "created",
                self.create(NewWebhook::new(NAME, url, events)).await?,
            ),
        };
        let registration = Registration {
            webhook_id: webhook.id.as_str().to_owned(),
            registered_at: self.now,
        };
        let stored = self.registrations.store(&registration).await;
        stored.map_err(|error| table_failure(&error))?;
        Ok(Outcome {
            status,
            webhook: Some(shown(webhook)),
            audience_checked: true,
        })
    }

    /// Desk may have made it although its answer got lost.
    async fn create(&self, webhook: NewWebhook) -> Result<Webhook, Failure> {
        match self.desk.create_webhook(&webhook).await {
            Ok(made) => Ok(made),
            Err(error) if error.may_have_happened() => match self.ours(None).await? {
                Some(made) => Ok(made),
                None => Err(self.failure(&error)),
            },
            Err(error) => Err(self.failure(&error)),
        }
    }

    async fn unregister(&self) -> Result<Outcome, Failure> {
        let webhook = self.ours(None).await?;
        if let Some(webhook) = &webhook {
            let deleted = self.desk.delete_webhook(&webhook.id).await;
            deleted.map_err(|error| self.failure(&error))?;
        }
        let forgotten = self.registrations.forget().await;
        forgotten.map_err(|error| table_failure(&error))?;
        Ok(Outcome {
            status: if webhook.is_some() {
                "removed"
            } else {
                "absent"
            },
            webhook: webhook.map(shown),
            audience_checked: false,
        })
    }

    async fn status(&self) -> Result<Outcome, Failure> {
        let webhook = self.ours(None).await?;
        let known = self.registrations.load().await;
        let known = known.map_err(|error| table_failure(&error))?;
        let audience_checked = webhook.as_ref().is_some_and(|webhook| {
            known.is_some_and(|known| known.webhook_id == webhook.id.as_str())
        });
        Ok(Outcome {
            status: if webhook.is_some() {
                "registered"
            } else {
                "absent"
            },
            webhook: webhook.map(shown),
            audience_checked,
        })
    }

    /// The webhook that we registered: the one of the stored id, else of our name, else of `url`.
    async fn ours(&self, url: Option<&str>) -> Result<Option<Webhook>, Failure> {
        let webhooks = self.desk.webhooks().await;
        let mut webhooks = webhooks.map_err(|error| self.failure(&error))?;
        let known = self.registrations.load().await;
        let known = known.map_err(|error| table_failure(&error))?;
        let of_id = |webhook: &Webhook| {
            known
                .as_ref()
                .is_some_and(|known| known.webhook_id == webhook.id.as_str())
        };
        let of_name = |webhook: &Webhook| webhook.name.as_deref() == Some(NAME);
        let of_url = |webhook: &Webhook| url.is_some_and(|url| webhook.url.starts_with(url));
        let position = webhooks
            .iter()
            .position(of_id)
            .or_else(|| webhooks.iter().position(of_name))
            .or_else(|| webhooks.iter().position(of_url));
        Ok(position.map(|position| webhooks.swap_remove(position)))
    }

    /// The address with the path secret, where one is configured.
    async fn url(&self, url: &str) -> Result<WebhookUrl, Failure> {
        let invalid = |why| Failure::new(ErrorType::InvalidEvent, format!("`register.url` {why}"));
        let plain: WebhookUrl = url.parse().map_err(invalid)?;
        let Some(secret) = self.path_secret else {
            return Ok(plain);
        };
        let secret = secret.get(self.now).await?;
        let full = format!("{}/{}", url.trim_end_matches('/'), secret.expose_secret());
        full.parse().map_err(invalid)
    }

    fn failure(&self, error: &Error) -> Failure {
        of_desk(error, RouteFrom::Event, self.now)
    }
}

fn default_events() -> Vec<String> {
    EVENTS.map(str::to_owned).to_vec()
}

fn shown(webhook: Webhook) -> Shown {
    let events: BTreeMap<_, _> = webhook.subscriptions;
    Shown {
        id: webhook.id.as_str().to_owned(),
        enabled: webhook.is_enabled,
        events: events.into_keys().collect(),
    }
}

fn table_failure(error: &state::Error) -> Failure {
    let error_type = if error.is_transient() {
        ErrorType::Upstream
    } else {
        ErrorType::StorageDenied
    };
    Failure::new(error_type, error)
}
