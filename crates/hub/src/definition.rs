use std::collections::BTreeMap;
use std::fmt;

use engine::Problem;
use jiff::Timestamp;
use mapping::{Rules, within};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json_text;
use crate::owner::IntegrationId;

/// Minutes between two syncs, if nobody says.
const SYNC_INTERVAL: u32 = 60;
/// A week.
const LONGEST_INTERVAL: u32 = 10_080;
/// Hours between two full runs of a stream with a cursor, if nobody says.
const FULL_EVERY: u32 = 24;
const LONGEST_FULL_EVERY: u32 = 8760;
const MOST_STREAMS: usize = 500;
const MOST_NAME_CHARS: usize = 200;

/// A stream to sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Choice")]
pub struct StreamChoice {
    /// The platform's name for it.
    pub name: String,
    /// Only these fields; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// `"leads"`, or `{"name": "leads", "fields": ["email"]}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Choice {
    Name(String),
    Fields {
        name: String,
        #[serde(default)]
        fields: Vec<String>,
    },
}

impl From<Choice> for StreamChoice {
    fn from(choice: Choice) -> Self {
        let (name, fields) = match choice {
            Choice::Name(name) => (name, Vec::new()),
            Choice::Fields { name, fields } => (name, fields),
        };
        Self { name, fields }
    }
}

/// How streams are changed on their way in, by stream.
pub type Mapping = BTreeMap<String, Rules>;

/// Whether an integration syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// On its schedule, and when asked.
    Active,
    /// Never.
    Inactive,
}

/// A body that creates an integration: `{name, type, config}` with the secrets in `config`, or
/// `{platform, name, credentials, config}`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewIntegration {
    /// For people.
    pub name: Option<String>,
    /// The platform's name or an alias of it.
    #[serde(rename = "type", alias = "platform")]
    pub platform: Option<String>,
    /// Settings.
    pub config: Option<Map<String, Value>>,
    /// Secret settings.
    pub credentials: Option<Map<String, Value>>,
    /// Minutes between two syncs; 60 if absent.
    pub sync_interval: Option<u32>,
    /// Whether it syncs; active if absent.
    pub status: Option<Switch>,
    /// The streams to sync; the platform's default ones if absent.
    pub streams: Option<Vec<StreamChoice>>,
    /// How rows are changed on their way in: [`mapping::Rules`] by stream.
    pub mapping: Option<Map<String, Value>>,
    /// Hours after which a stream with a cursor is read in full again; 24 if absent, 0 for never.
    pub full_every: Option<u32>,
}

/// What is to be changed of an integration; what is absent stays.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// For people.
    pub name: Option<String>,
    /// Settings to put over those that are there; `null` removes one, `***` leaves a secret.
    pub config: Option<Map<String, Value>>,
    /// Secret settings, likewise.
    pub credentials: Option<Map<String, Value>>,
    /// Minutes between two syncs.
    pub sync_interval: Option<u32>,
    /// Whether it syncs.
    pub status: Option<Switch>,
    /// The streams to sync; an empty list for the platform's default ones.
    pub streams: Option<Vec<StreamChoice>>,
    /// How rows are changed on their way in, in place of what is there: [`mapping::Rules`] by
    /// stream.
    pub mapping: Option<Map<String, Value>>,
    /// Hours after which a stream with a cursor is read in full again.
    pub full_every: Option<u32>,
}

/// Names of what is there; values may be secret.
impl fmt::Debug for NewIntegration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewIntegration")
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What becomes of the data of an integration that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataFate {
    /// Rows and records stay in the bucket.
    #[default]
    Keep,
    /// Current records go too.
    Delete,
}

/// A removal under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removal {
    pub(crate) data: DataFate,
    /// How often revoking was tried.
    pub(crate) attempts: u32,
}

/// An integration as its owner defined it. Workers never write it, except to remove it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Definition {
    pub(crate) id: IntegrationId,
    pub(crate) name: String,
    pub(crate) platform: String,
    #[serde(with = "json_text")]
    pub(crate) config: Map<String, Value>,
    /// Which secrets the vault holds.
    pub(crate) secrets: Vec<String>,
    pub(crate) switch: Switch,
    pub(crate) sync_interval: u32,
    pub(crate) full_every: u32,
    #[serde(with = "json_text")]
    pub(crate) streams: Vec<StreamChoice>,
    #[serde(with = "json_text")]
    pub(crate) mapping: Mapping,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    pub(crate) removal: Option<Removal>,
}

/// The parts of a body that are checked alike for a new integration and a change.
#[derive(Debug, Default)]
pub(crate) struct Options<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) sync_interval: Option<u32>,
    pub(crate) full_every: Option<u32>,
    pub(crate) streams: Option<&'a [StreamChoice]>,
    pub(crate) mapping: Option<&'a Map<String, Value>>,
}

impl NewIntegration {
    pub(crate) fn options(&self) -> Options<'_> {
        Options {
            name: Some(self.name.as_deref().unwrap_or_default()),
            sync_interval: self.sync_interval,
            full_every: self.full_every,
            streams: self.streams.as_deref(),
            mapping: self.mapping.as_ref(),
        }
    }

    pub(crate) fn define(
        self,
        id: IntegrationId,
        platform: &str,
        config: Map<String, Value>,
        secrets: Vec<String>,
        now: Timestamp,
    ) -> Definition {
        Definition {
            id,
            name: self.name.unwrap_or_default().trim().to_owned(),
            platform: platform.to_owned(),
            config,
            secrets,
            switch: self.status.unwrap_or(Switch::Active),
            sync_interval: self.sync_interval.unwrap_or(SYNC_INTERVAL),
            full_every: self.full_every.unwrap_or(FULL_EVERY),
            streams: self.streams.unwrap_or_default(),
            mapping: checked(&self.mapping.unwrap_or_default(), &mut Vec::new()),
            created_at: now,
            updated_at: now,
            removal: None,
        }
    }
}

impl Patch {
    pub(crate) fn options(&self) -> Options<'_> {
        Options {
            name: self.name.as_deref(),
            sync_interval: self.sync_interval,
            full_every: self.full_every,
            streams: self.streams.as_deref(),
            mapping: self.mapping.as_ref(),
        }
    }

    /// Puts everything but settings over what is there.
    pub(crate) fn apply(self, definition: &mut Definition, now: Timestamp) {
        if let Some(name) = self.name {
            name.trim().clone_into(&mut definition.name);
        }
        definition.sync_interval = self.sync_interval.unwrap_or(definition.sync_interval);
        definition.full_every = self.full_every.unwrap_or(definition.full_every);
        definition.switch = self.status.unwrap_or(definition.switch);
        if let Some(streams) = self.streams {
            definition.streams = streams;
        }
        if let Some(mapping) = self.mapping {
            definition.mapping = checked(&mapping, &mut Vec::new());
        }
        definition.updated_at = now;
    }
}

impl Options<'_> {
    pub(crate) fn check(&self, problems: &mut Vec<Problem>) {
        if let Some(name) = self.name {
            let name = name.trim();
            let chars = name.chars().count();
            if !(1..=MOST_NAME_CHARS).contains(&chars) || name.chars().any(char::is_control) {
                problems.push(Problem::new("name", "must have 1 to 200 characters"));
            }
        }
        if let Some(minutes) = self.sync_interval
            && !(1..=LONGEST_INTERVAL).contains(&minutes)
        {
            problems.push(Problem::new("syncInterval", "must be 1 to 10080 minutes"));
        }
        if self
            .full_every
            .is_some_and(|hours| hours > LONGEST_FULL_EVERY)
        {
            problems.push(Problem::new("fullEvery", "must be 0 (never) to 8760 hours"));
        }
        if let Some(streams) = self.streams {
            check_streams(streams, problems);
        }
        if let Some(mapping) = self.mapping {
            checked(mapping, problems);
        }
    }
}

/// The rules of a body; those that make no sense are left out, and told.
fn checked(mapping: &Map<String, Value>, problems: &mut Vec<Problem>) -> Mapping {
    // Whether rules make sense does not depend on the salt.
    let salt = SecretString::from("sixteen bytes, or more");
    let mut rules_of = Mapping::new();
    for (stream, value) in mapping {
        let read = Rules::read(value).and_then(|rules| rules.compile(&salt).map(|_| rules));
        match read {
            Ok(rules) => {
                rules_of.insert(stream.clone(), rules);
            }
            Err(found) => problems.extend(within(&format!("mapping.{stream}"), found)),
        }
    }
    rules_of
}

fn check_streams(streams: &[StreamChoice], problems: &mut Vec<Problem>) {
    if streams.len() > MOST_STREAMS {
        problems.push(Problem::new("streams", "must be 500 at most"));
    }
    let mut names: Vec<_> = streams.iter().map(|stream| stream.name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|two| two[0] == two[1]) {
        problems.push(Problem::new("streams", "must each be named once"));
    }
    if names.first().is_some_and(|name| name.is_empty()) {
        problems.push(Problem::new("streams", "must have a name each"));
    }
}
