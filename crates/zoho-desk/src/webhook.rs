//! Subscriptions to the account's events, and the keys that sign their deliveries.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use url::Url;
use vendor_http::{Call, Client, Deadline, Origin};

use crate::contact::Problems;
use crate::exchange::Request;
use crate::page::position;
use crate::ticket::flag;
use crate::{Desk, EntityId, Error, ZohoAnswers};

const PATH: &str = "/webhooks";
const KEYS: &str = "/.well-known/jwks.json";
const LONGEST_URL: usize = 500;
const LONGEST_NAME: usize = 100;

/// The id of a webhook: digits.
pub type WebhookId = EntityId;

/// What of an event's occurrences is delivered; everything if all is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Of these departments only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department_ids: Option<Vec<EntityId>>,
    /// When one of these fields changed, at most five. `Ticket_Update` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// Together with what was before. Updates only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_prev_state: Option<bool>,
}

/// Where events are delivered to: at most 500 characters. It may hold a secret, so `Debug` shows the
/// host only.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

impl FromStr for WebhookUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text.trim())
            .map_err(|_| "must be a URL such as https://host/webhook/desk".to_owned())?;
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
            return Err("must start with https://".to_owned());
        }
        if url.as_str().len() > LONGEST_URL {
            return Err(format!("must have at most {LONGEST_URL} characters"));
        }
        Ok(Self(url))
    }
}

impl Serialize for WebhookUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({})", self.0.host_str().unwrap_or_default())
    }
}

/// A webhook to be made. The vendor calls `url` while it is being made, and makes none where that
/// is not answered with 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewWebhook {
    /// For people, at most 100 characters.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where events are delivered to.
    pub url: WebhookUrl,
    /// Event names such as `Ticket_Add`, and which of their occurrences.
    pub subscriptions: BTreeMap<String, Option<Subscription>>,
    /// `AUTOMATION` for events that rules of the account cause, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_events_from: Vec<String>,
    /// Whether it delivers.
    pub is_enabled: bool,
}

impl NewWebhook {
    /// An enabled webhook for all occurrences of `events`, also of those that automation causes.
    pub fn new<E: Into<String>>(
        name: impl Into<String>,
        url: WebhookUrl,
        events: impl IntoIterator<Item = E>,
    ) -> Self {
        let events = events.into_iter().map(|event| (event.into(), None));
        Self {
            name: name.into(),
            description: None,
            url,
            subscriptions: events.collect(),
            include_events_from: vec!["AUTOMATION".to_owned()],
            is_enabled: true,
        }
    }
}

/// What is to become different about a webhook; `None` stays as it is. A new `url` is called first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookChange {
    /// See [`NewWebhook::name`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// See [`NewWebhook::url`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<WebhookUrl>,
    /// See [`NewWebhook::subscriptions`]; replaces all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscriptions: Option<BTreeMap<String, Option<Subscription>>>,
    /// Whether it delivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_enabled: Option<bool>,
}

/// A webhook of the account.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Its id, the audience of its deliveries' tokens: `webhookId:<id>`.
    pub id: WebhookId,
    /// For people.
    #[serde(default)]
    pub name: Option<String>,
    /// Where it delivers to.
    pub url: String,
    /// Event names and their filters, as the vendor has them.
    #[serde(default)]
    pub subscriptions: BTreeMap<String, Value>,
    /// Whether it delivers. The vendor disables one that answers badly.
    #[serde(default, deserialize_with = "flag")]
    pub is_enabled: bool,
}

/// A change, and what stays as it is.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    change: &'a WebhookChange,
    subscriptions: &'a BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Webhooks {
    data: Vec<Webhook>,
}

fn check(
    path: &str,
    name: Option<&str>,
    subscriptions: Option<&BTreeMap<String, Option<Subscription>>>,
) -> Result<(), Error> {
    let mut problems = Problems::default();
    problems.longest("/name", name, LONGEST_NAME);
    if name.is_some_and(str::is_empty) {
        problems.add("/name", "missing");
    }
    if subscriptions.is_some_and(BTreeMap::is_empty) {
        problems.add("/subscriptions", "missing");
    }
    problems.none_in(path)
}

impl Desk {
    /// Makes a webhook. Sent once: where [`Error::may_have_happened`], list the webhooks before
    /// sending it again.
    pub async fn create_webhook(&self, webhook: &NewWebhook) -> Result<Webhook, Error> {
        let subscriptions = Some(&webhook.subscriptions);
        check("POST /webhooks", Some(&webhook.name), subscriptions)?;
        self.record(&Request::create(PATH, webhook)?).await
    }

    /// All webhooks of the account; it may have 20.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, Error> {
        let Some(body) = self.exchange(&Request::get(PATH, &[])).await? else {
            return Ok(Vec::new());
        };
        serde_json::from_slice::<Webhooks>(&body)
            .map(|webhooks| webhooks.data)
            .map_err(|error| Error::Malformed {
                path: PATH.to_owned(),
                why: position(&error),
            })
    }

    /// Changes a webhook. Repeatable.
    pub async fn update_webhook(
        &self,
        id: &WebhookId,
        change: &WebhookChange,
    ) -> Result<Webhook, Error> {
        let path = format!("{PATH}/{id}");
        let subscriptions = change.subscriptions.as_ref();
        check(
            &format!("PATCH {path}"),
            change.name.as_deref(),
            subscriptions,
        )?;
        let read = Request::get(&path, &[]);
        if *change == WebhookChange::default() {
            return self.record(&read).await;
        }
        if change.subscriptions.is_some() {
            return self.record(&Request::update(&path, change)?).await;
        }
        // The vendor wants the subscriptions with every change.
        let current: Webhook = self.record(&read).await?;
        let whole = Whole {
            change,
            subscriptions: &current.subscriptions,
        };
        self.record(&Request::update(&path, &whole)?).await
    }

    /// Removes a webhook. One that is gone already counts as removed.
    pub async fn delete_webhook(&self, id: &WebhookId) -> Result<(), Error> {
        match self
            .exchange(&Request::delete(&format!("{PATH}/{id}")))
            .await
        {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The keys that sign deliveries, a JSON Web Key Set (RFC 7517), from the data centre's Desk host.
/// They are public: no token is sent.
pub async fn webhook_keys(
    http: &Client,
    origin: &Origin,
    deadline: Deadline,
) -> Result<Bytes, Error> {
    let call = Call::get(origin.at(KEYS));
    let answer = http.send(&call, &ZohoAnswers, deadline).await?;
    match answer.status {
        200 => Ok(answer.body),
        status => Err(Error::NotTheApi {
            path: KEYS.to_owned(),
            status,
        }),
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("is_enabled", &self.is_enabled)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_url_does_not_show() {
        let url = "https://hooks.example.test/webhook/desk/planted"
            .parse()
            .unwrap();
        let webhook = NewWebhook::new("Deskbridge", url, ["Ticket_Add"]);
        let shown = format!("{webhook:?}");
        assert!(
            shown.contains("hooks.example.test") && !shown.contains("planted"),
            "{shown}"
        );
        assert_eq!(
            serde_json::to_value(&webhook).unwrap()["subscriptions"],
            serde_json::json!({"Ticket_Add": null})
        );
    }
}
