use std::fmt;
use std::time::Duration;

use engine::Source;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::Value;
use vendor_http::Deadline;

use crate::job::Job;
use crate::owner::Owner;
use crate::platforms::Platform;
use crate::run::RunError;
use crate::secret::Credentials;

/// A failure behind a port. The message tells the next step, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    message: String,
    transient: bool,
}

impl PortError {
    /// A failure that passes by itself.
    pub fn transient(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            transient: true,
        }
    }

    /// A failure that somebody must cure.
    pub fn lasting(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            transient: false,
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        self.transient
    }
}

/// The answer of a port.
pub type Ported<'a, T> = BoxFuture<'a, Result<T, PortError>>;

/// Keeps one secret for each integration. What it holds is a JSON document of this crate's.
pub trait Vault: Send + Sync {
    /// Makes the secret, or replaces what it holds.
    fn put<'a>(&'a self, owner: &'a Owner, document: &'a SecretString) -> Ported<'a, ()>;

    /// What it holds; `None` if there is none.
    fn read<'a>(&'a self, owner: &'a Owner) -> Ported<'a, Option<SecretString>>;

    /// Deletes it at once, without a time to recover it in. One that is gone counts as deleted.
    fn delete<'a>(&'a self, owner: &'a Owner) -> Ported<'a, ()>;
}

/// When an integration syncs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Whose.
    pub owner: Owner,
    /// Minutes from one run to the next, 1 to 10080.
    pub every_minutes: u32,
    /// Whether it fires.
    pub enabled: bool,
    /// What it puts on the platform's queue.
    pub job: Job,
}

/// Keeps one schedule for each integration.
pub trait Schedules: Send + Sync {
    /// Makes the schedule, or brings it up to date.
    fn put<'a>(&'a self, schedule: &'a Schedule, platform: &'a Platform) -> Ported<'a, ()>;

    /// Removes it. One that is gone counts as removed.
    fn remove<'a>(&'a self, owner: &'a Owner) -> Ported<'a, ()>;
}

/// Hands jobs to the workers: at least once each, in any order.
pub trait Queue: Send + Sync {
    /// Puts `job` on the queue of the platform's worker, visible after `delay`, which is at most
    /// 15 minutes.
    fn send<'a>(&'a self, job: &'a Job, platform: &'a Platform, delay: Duration) -> Ported<'a, ()>;
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Which integration.
    pub owner: Owner,
    /// Its platform.
    pub platform: &'static str,
    /// How many of its syncs have failed in a row.
    pub failures: u32,
    /// Why the last one did.
    pub error: RunError,
}

/// Tells operators.
pub trait Alerts: Send + Sync {
    /// Sends the alert.
    fn raise<'a>(&'a self, alert: &'a Alert) -> Ported<'a, ()>;
}

/// What a source is made of.
#[derive(Debug)]
pub struct Connection<'a> {
    /// Whose.
    pub owner: &'a Owner,
    /// Which platform.
    pub platform: &'static Platform,
    /// Its settings, by their names in [`engine::PlatformInfo`], secrets left out.
    pub config: &'a Value,
    /// The secret settings.
    pub credentials: &'a Credentials,
    /// Tokens that the source gets for itself, such as those of OAuth.
    pub tokens: crate::tokens::TokenStore,
    /// By when the process ends: what the source does after connecting too.
    pub deadline: Deadline,
}

/// Makes sources. The only place that knows drivers.
pub trait Connector: Send + Sync {
    /// The source of an integration.
    fn connect<'a>(
        &'a self,
        connection: Connection<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Source>, engine::Error>>;
}
