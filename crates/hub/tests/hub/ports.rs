//! The ports in memory, with a process that dies at any of their calls.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hub::{
    Alert, Alerts, Job, Owner, Platform, PortError, Ported, Queue, Schedule, Schedules, Vault,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Notify;

/// What a call does to the process that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    Before,
    After,
}

#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) schedules: BTreeMap<String, Schedule>,
    pub(crate) jobs: VecDeque<(Job, Duration)>,
    pub(crate) alerts: Vec<Alert>,
    /// Calls made so far.
    pub(crate) calls: u32,
    /// At which call the process dies, and how.
    pub(crate) dies: Option<(u32, Death)>,
    /// Ports that refuse, by name.
    pub(crate) down: Vec<&'static str>,
}

/// All ports but the connector.
#[derive(Clone, Default)]
pub(crate) struct Ports {
    kept: Arc<Mutex<Kept>>,
    died: Arc<Notify>,
}

impl Ports {
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// Ends when a process died.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    fn call<'a, T: Send + 'a>(
        &'a self,
        port: &'static str,
        effect: impl FnOnce(&mut Kept) -> T + Send + 'a,
    ) -> Ported<'a, T> {
        Box::pin(async move {
            let death = {
                let mut kept = self.kept();
                kept.calls += 1;
                let calls = kept.calls;
                kept.dies.filter(|(at, _)| *at == calls).map(|(_, how)| how)
            };
            if death == Some(Death::Before) {
                return self.die().await;
            }
            let result = {
                let mut kept = self.kept();
                if kept.down.contains(&port) {
                    return Err(PortError::transient(format!("{port} is down: try again")));
                }
                effect(&mut kept)
            };
            if death.is_some() {
                return self.die().await;
            }
            Ok(result)
        })
    }

    async fn die<T>(&self) -> Result<T, PortError> {
        self.died.notify_one();
        std::future::pending().await
    }
}

impl Vault for Ports {
    fn put<'a>(&'a self, owner: &'a Owner, document: &'a SecretString) -> Ported<'a, ()> {
        self.call("vault", |kept| {
            let text = document.expose_secret().to_owned();
            kept.secrets.insert(owner.secret_name(), text);
        })
    }

    fn read<'a>(&'a self, owner: &'a Owner) -> Ported<'a, Option<SecretString>> {
        self.call("vault", |kept| {
            let text = kept.secrets.get(&owner.secret_name());
            text.map(|text| text.clone().into())
        })
    }

    fn delete<'a>(&'a self, owner: &'a Owner) -> Ported<'a, ()> {
        self.call("vault", |kept| {
            kept.secrets.remove(&owner.secret_name());
        })
    }
}

impl Schedules for Ports {
    fn put<'a>(&'a self, schedule: &'a Schedule, _: &'a Platform) -> Ported<'a, ()> {
        self.call("schedules", |kept| {
            let name = schedule.owner.schedule_name();
            kept.schedules.insert(name, schedule.clone());
        })
    }

    fn remove<'a>(&'a self, owner: &'a Owner) -> Ported<'a, ()> {
        self.call("schedules", |kept| {
            kept.schedules.remove(&owner.schedule_name());
        })
    }
}

impl Queue for Ports {
    fn send<'a>(&'a self, job: &'a Job, _: &'a Platform, delay: Duration) -> Ported<'a, ()> {
        self.call("queue", move |kept| {
            kept.jobs.push_back((job.clone(), delay));
        })
    }
}

impl Alerts for Ports {
    fn raise<'a>(&'a self, alert: &'a Alert) -> Ported<'a, ()> {
        self.call("alerts", |kept| kept.alerts.push(alert.clone()))
    }
}
