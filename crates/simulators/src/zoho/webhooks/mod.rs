//! Subscriptions to what happens in the portal.

mod delivery;
mod event;
mod keys;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(super) use self::{delivery::run, event::Event, keys::Keys};
use super::{
    account::Account,
    options::Edition,
    refusal::Refusal,
    row::Iso,
    state::State,
    writes::{Content, Given, Request},
};

const FIRST_ID: u64 = 20_480_000_000_000_001;
const MOST_CONFIGURED: usize = 20;
/// The vendor waits this long for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How events are delivered. The default is what the vendor promises: each once, in order, at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deliveries {
    /// Time between a change and its delivery, milliseconds.
    pub delay_ms: u64,
    /// Chance, 0 to 1, that a delivery comes twice.
    pub duplicate: f64,
    /// Chance, 0 to 1, that an event comes behind the one after it.
    pub reorder: f64,
    /// Most events in one delivery.
    pub batch: usize,
    /// Whether `iat` and `exp` are milliseconds, as the vendor's text says, instead of seconds, as
    /// its sample shows.
    pub times_in_ms: bool,
    /// Nothing is delivered; events wait.
    pub paused: bool,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self {
            delay_ms: 0,
            duplicate: 0.0,
            reorder: 0.0,
            batch: 1,
            times_in_ms: false,
            paused: false,
        }
    }
}

/// One POST to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The webhook.
    pub webhook_id: String,
    /// Types of the events in it.
    pub events: Vec<String>,
    /// How it was answered; `None` if not within 5 seconds.
    pub status: Option<u16>,
}

/// The portal's webhooks and what was delivered.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    hooks: Vec<Hook>,
    made: u64,
    pub(super) deliveries: Deliveries,
    pub(super) log: Vec<Delivery>,
}

#[derive(Debug, Clone)]
struct Hook {
    id: u64,
    name: Option<String>,
    description: Option<String>,
    url: String,
    subscriptions: Map<String, Value>,
    include_events_from: Value,
    ignore_source_id: Option<String>,
    is_enabled: bool,
    created_ms: i64,
    modified_ms: i64,
}

impl Webhooks {
    /// Whether anybody listens.
    pub(super) fn is_listening(&self) -> bool {
        self.hooks.iter().any(|hook| hook.is_enabled)
    }

    fn find(&self, id: Option<u64>) -> Result<&Hook, Refusal> {
        let mut hooks = self.hooks.iter();
        hooks
            .find(|hook| Some(hook.id) == id)
            .ok_or_else(Refusal::url_not_found)
    }

    fn put(&mut self, hook: Hook) {
        self.hooks.retain(|known| known.id != hook.id);
        self.hooks.push(hook);
        self.hooks.sort_by_key(|hook| hook.id);
    }

    fn cancel(&mut self, id: u64) {
        for hook in self.hooks.iter_mut().filter(|hook| hook.id == id) {
            hook.is_enabled = false;
        }
    }

    /// Refuses one more webhook than the edition has.
    fn make_room(&self, enabled: bool, edition: Edition) -> Result<(), Refusal> {
        let most = match edition {
            Edition::Enterprise => 10,
            Edition::Professional => 5,
            Edition::Standard | Edition::Express | Edition::Free => 0,
        };
        let live = self.hooks.iter().filter(|hook| hook.is_enabled).count();
        if most == 0 || self.hooks.len() >= MOST_CONFIGURED || (enabled && live >= most) {
            return Err(Refusal::license("Webhooks", edition.name()));
        }
        Ok(())
    }
}

impl Hook {
    fn json(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "name": self.name,
            "description": self.description,
            "url": self.url,
            "subscriptions": self.subscriptions,
            "includeEventsFrom": self.include_events_from,
            "ignoreSourceId": self.ignore_source_id,
            "isEnabled": self.is_enabled,
            "createdBy": Account::agent_id(0).to_string(),
            "createdTime": Iso(self.created_ms).to_string(),
            "modifiedTime": Iso(self.modified_ms).to_string(),
            "type": "CUSTOMER_WEBHOOK",
        })
    }

    /// Reads what is given; the url, if there is one.
    fn read(&mut self, content: &mut Content) {
        content.text("name", 100).replace(&mut self.name);
        content
            .text("description", 3_000)
            .replace(&mut self.description);
        content
            .text("ignoreSourceId", 250)
            .replace(&mut self.ignore_source_id);
        content.flag("isEnabled").set(&mut self.is_enabled);
        if let Some(from) = content.take("includeEventsFrom") {
            let known = json!(["AUTOMATION"]);
            if from == known || from == json!([]) {
                self.include_events_from = from;
            } else {
                content.invalid("includeEventsFrom");
            }
        }
        match content.text("url", 500) {
            Given::Is(url) if is_url(&url) => self.url = url,
            Given::Absent if !self.url.is_empty() => {}
            Given::Is(_) => content.invalid("url"),
            Given::Cleared | Given::Absent => content.missing("url"),
        }
        match content.take("subscriptions") {
            Some(Value::Object(wanted)) if !wanted.is_empty() => {
                let unknown = wanted
                    .iter()
                    .find(|(name, filter)| !event::is_known(name, filter));
                match unknown {
                    Some((name, _)) => content.invalid(&format!("subscriptions/{name}")),
                    None => self.subscriptions = wanted,
                }
            }
            Some(_) => content.invalid("subscriptions"),
            None => content.missing("subscriptions"),
        }
    }
}

fn is_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

pub(super) fn all(state: &State) -> Option<String> {
    let webhooks = state.webhooks();
    let hooks: Vec<Value> = webhooks.hooks.iter().map(Hook::json).collect();
    (!hooks.is_empty()).then(|| json!({ "data": hooks }).to_string())
}

pub(super) fn one(request: &Request<'_>) -> Result<String, Refusal> {
    let webhooks = request.state.webhooks();
    Ok(webhooks.find(request.id)?.json().to_string())
}

pub(super) async fn make(request: &Request<'_>) -> Result<String, Refusal> {
    let state = request.state;
    let now = state.now_ms();
    let mut hook = Hook {
        id: 0,
        name: None,
        description: None,
        url: String::new(),
        subscriptions: Map::new(),
        include_events_from: json!([]),
        ignore_source_id: None,
        is_enabled: true,
        created_ms: now,
        modified_ms: now,
    };
    let mut content = Content::parse(&request.body)?;
    hook.read(&mut content);
    content.finish()?;
    let edition = state.options.edition;
    state.webhooks().make_room(hook.is_enabled, edition)?;
    delivery::validate(&hook.url).await?;
    let mut webhooks = state.webhooks();
    hook.id = FIRST_ID + webhooks.made;
    webhooks.made += 1;
    let json = hook.json();
    webhooks.put(hook);
    Ok(json.to_string())
}

pub(super) async fn change(request: &Request<'_>) -> Result<String, Refusal> {
    let state = request.state;
    let before = state.webhooks().find(request.id)?.clone();
    let mut hook = before.clone();
    let mut content = Content::parse(&request.body)?;
    hook.read(&mut content);
    content.finish()?;
    if hook.is_enabled && !before.is_enabled {
        let edition = state.options.edition;
        state.webhooks().make_room(true, edition)?;
    }
    if hook.url != before.url {
        delivery::validate(&hook.url).await?;
    }
    hook.modified_ms = state.now_ms();
    let json = hook.json();
    state.webhooks().put(hook);
    Ok(json.to_string())
}

pub(super) fn delete(request: &Request<'_>) -> Result<(), Refusal> {
    let mut webhooks = request.state.webhooks();
    let id = webhooks.find(request.id)?.id;
    webhooks.hooks.retain(|hook| hook.id != id);
    Ok(())
}
