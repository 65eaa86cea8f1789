use engine::Used;
use jiff::Timestamp;
use lake::RunId;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::definition::{Definition, Mapping, StreamChoice, Switch};
use crate::health::Health;
use crate::owner::IntegrationId;
use crate::run::{Run, RunError, RunKind, RunStatus, StreamRun, Trigger};
use crate::settings::MASK;

/// Some of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// In the order of the list.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// How an integration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrationStatus {
    /// It works.
    Active,
    /// It is switched off, or lacks credentials.
    Inactive,
    /// Its last sync or check failed.
    Error,
}

/// An integration as callers see it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Integration {
    /// Names it among those of its tenant.
    pub id: IntegrationId,
    /// For people.
    pub name: String,
    /// Its platform.
    #[serde(rename = "type")]
    pub platform: String,
    /// How it is.
    pub status: IntegrationStatus,
    /// Its settings, with `***` for each secret that is stored.
    pub config: Map<String, Value>,
    /// When a sync last succeeded.
    pub last_sync: Option<Timestamp>,
    /// Minutes between two syncs.
    pub sync_interval: u32,
    /// Why the last sync or check failed, and what to do.
    pub error_message: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it, or what is known of it, last changed.
    pub updated_at: Timestamp,
    /// The streams to sync; the platform's default ones if empty.
    pub streams: Vec<StreamChoice>,
    /// How rows are changed on their way in.
    pub mapping: Mapping,
    /// Hours after which a stream with a cursor is read in full again; 0 for never.
    pub full_every: u32,
    /// The sync or import that is queued or under way; of a single integration only.
    pub current_run: Option<RunView>,
    /// Syncs failed in a row.
    pub consecutive_failures: u32,
    /// Whether it is on its way out.
    pub removing: bool,
    /// Changes with each change of the definition; for optimistic changes.
    pub version: u64,
}

impl Integration {
    pub(crate) fn of(
        definition: Definition,
        version: u64,
        health: Health,
        run: Option<Run>,
    ) -> Self {
        let status = match (definition.switch, &health.error) {
            (Switch::Inactive, _) => IntegrationStatus::Inactive,
            (Switch::Active, Some(_)) => IntegrationStatus::Error,
            (Switch::Active, None) => IntegrationStatus::Active,
        };
        let mut config = definition.config;
        for name in definition.secrets {
            config.insert(name, MASK.into());
        }
        Self {
            id: definition.id,
            name: definition.name,
            platform: definition.platform,
            status,
            config,
            last_sync: health.last_sync,
            sync_interval: definition.sync_interval,
            error_message: health.error.map(|error| error.message),
            created_at: definition.created_at,
            updated_at: health
                .updated_at
                .map_or(definition.updated_at, |at| at.max(definition.updated_at)),
            streams: definition.streams,
            mapping: definition.mapping,
            full_every: definition.full_every,
            current_run: run.map(Run::view),
            consecutive_failures: health.failures,
            removing: definition.removal.is_some(),
            version,
        }
    }
}

/// A removal that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Removing {
    /// What is removed.
    pub id: IntegrationId,
}

/// A run as callers see it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// What it is about.
    pub kind: RunKind,
    /// Who started it.
    pub trigger: Trigger,
    /// How far it is.
    pub status: RunStatus,
    /// What is going on, for people.
    pub stage: String,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When this was written.
    pub updated_at: Timestamp,
    /// Whether everything is read, whatever is known.
    pub full: bool,
    /// Its streams.
    pub streams: Vec<StreamRun>,
    /// Why it failed.
    pub error: Option<RunError>,
    /// What it used of the platform.
    pub used: Used,
    /// What came out of a check or an action.
    pub result: Option<Value>,
}

impl Run {
    /// What callers see of it.
    #[must_use]
    pub fn view(self) -> RunView {
        RunView {
            id: self.id,
            kind: self.kind,
            trigger: self.trigger,
            status: self.status,
            stage: self.stage,
            created_at: self.created_at,
            started_at: self.started_at,
            ended_at: self.ended_at,
            updated_at: self.updated_at,
            full: self.full,
            streams: self.streams,
            error: self.error,
            used: self.used,
            result: self.result,
        }
    }
}
