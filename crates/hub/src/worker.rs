use std::sync::Arc;
use std::time::Duration;

use engine::{Kind, Source};
use ingest::Stops;
use jiff::{SignedDuration, Timestamp};
use lake::{Lake, RunId};
use serde_json::Value;
use state::{Condition, Lease, Stored};
use tracing::{info, warn};

use crate::definition::{Definition, Switch};
use crate::error::Error;
use crate::health::Health;
use crate::hub::{Hub, changed};
use crate::job::{Job, Task};
use crate::metrics;
use crate::owner::Owner;
use crate::ports::{Alert, Alerts, Connection, Connector};
use crate::run::{Run, RunError, RunKind, RunStatus, Trigger};
use crate::secret::SecretDocument;
use crate::store::Store;
use crate::tokens::TokenStore;

mod intake;
mod settle;
mod single;
mod stream;
mod sync;

/// The lease that runs of one integration take turns by.
const TURN: &str = "run";
/// What a process may live on after its end is due.
const GRACE: SignedDuration = SignedDuration::from_secs(30);
/// When to look again whether another run is over.
const BUSY: Duration = Duration::from_secs(15);
/// How often a change is made anew that another process came before.
const ATTEMPTS: u32 = 5;

/// What a worker is made of.
pub struct WorkerParts {
    /// State, secrets, schedules, records.
    pub hub: Hub,
    /// The bucket; every integration has a root of its own in it.
    pub lake: Lake,
    /// Makes sources.
    pub connector: Arc<dyn Connector>,
    /// Tells operators.
    pub alerts: Arc<dyn Alerts>,
}

/// Carries out jobs. One job at a time; another process may have the same one.
pub struct Worker {
    hub: Hub,
    lake: Lake,
    connector: Arc<dyn Connector>,
    alerts: Arc<dyn Alerts>,
}

/// How long a process may work.
#[derive(Debug, Clone, Copy)]
pub struct Shift {
    /// When to stop reading.
    pub stops: Stops,
    /// When the process is dead for certain.
    pub ends_at: Timestamp,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worked {
    /// There is nothing left to do.
    Done,
    /// Another run is under way, or a vendor asked for patience: the same job is due again in so
    /// long.
    Again(Duration),
    /// Time is up: this job goes on.
    Continue(Job),
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// One integration at work.
struct At<'a> {
    owner: &'a Owner,
    definition: &'a Definition,
    shift: Shift,
}

impl Worker {
    /// A worker of these parts.
    pub fn new(parts: WorkerParts) -> Self {
        Self {
            hub: parts.hub,
            lake: parts.lake,
            connector: parts.connector,
            alerts: parts.alerts,
        }
    }

    /// Carries out a job, or as much of it as the shift allows. A job may come any number of times.
    ///
    /// After a transient error the job is to be done again; others need a person.
    pub async fn work(&self, job: &Job, shift: Shift) -> Result<Worked, Error> {
        let owner = &job.owner;
        let Some(stored) = self.hub.store.definition(owner).await? else {
            self.forget(owner).await?;
            return Ok(Worked::Done);
        };
        if job.task == Task::Settle {
            return self.settle(owner, stored, shift).await;
        }
        if stored.value.removal.is_some() {
            return Ok(Worked::Done);
        }
        let at = At {
            owner,
            definition: &stored.value,
            shift,
        };
        match &job.task {
            Task::Run { run, kind } => self.run(&at, run, *kind).await,
            Task::Scheduled => Box::pin(self.scheduled(&at)).await,
            Task::Settle => Ok(Worked::Done),
        }
    }

    async fn run(&self, at: &At<'_>, run: &RunId, kind: RunKind) -> Result<Worked, Error> {
        match kind {
            RunKind::Sync => self.sync(at, run).await,
            RunKind::Import => self.import(at, run).await,
            RunKind::Check => self.check(at, run).await,
            RunKind::Act => self.act(at, run).await,
        }
    }

    /// Makes the sync that is due, unless one is under way. One whose job was lost is gone on with.
    async fn scheduled(&self, at: &At<'_>) -> Result<Worked, Error> {
        if at.definition.switch == Switch::Inactive {
            return Ok(Worked::Done);
        }
        let health = self.hub.store.health(at.owner).await?;
        if let Some(current) = self.hub.current(at.owner, &health.value).await? {
            info!(owner = %at.owner, run = %current.value.id, "a sync is under way: the schedule's turn is skipped");
            return match self.sync(at, &current.value.id).await? {
                // Whoever is at it has a job of its own.
                Worked::Again(_) => Ok(Worked::Done),
                other => Ok(other),
            };
        }
        let now = self.hub.clock.now();
        let half = SignedDuration::from_secs(i64::from(at.definition.sync_interval) * 30);
        let last = health.value.scheduled_at;
        if last.is_some_and(|last| now.duration_since(last) < half) {
            info!(owner = %at.owner, "this turn of the schedule was taken before");
            return Ok(Worked::Done);
        }
        let mut run = self.hub.new_run(RunKind::Sync)?;
        run.trigger = Trigger::Schedule;
        let mut writes = self.hub.turn(at.owner, health, &run.id, Some(now)).await?;
        writes.push(Store::put_run(at.owner, &run, Condition::Absent)?);
        match self.hub.store.table.transact(writes).await {
            Ok(()) => self.sync(at, &run.id).await,
            // A caller started one this moment.
            Err(error) if error.is_conflict() => Ok(Worked::Done),
            Err(error) => Err(error.into()),
        }
    }

    /// Until when nobody else gets what this process holds.
    fn length(&self, shift: Shift) -> SignedDuration {
        let left = shift.ends_at.duration_since(self.hub.clock.now());
        left.max(SignedDuration::ZERO) + GRACE
    }

    async fn lease(
        &self,
        owner: &Owner,
        what: &str,
        holder: &str,
        shift: Shift,
    ) -> Result<Option<Lease>, Error> {
        let length = self.length(shift);
        self.hub.store.lease(owner, what, holder, length).await
    }

    /// The source of an integration, made of its settings and its secret.
    async fn connect(
        &self,
        at: &At<'_>,
        document: Option<&SecretDocument>,
    ) -> Result<Box<dyn Source>, engine::Error> {
        let Some(document) = document else {
            return Err(engine::Error::new(
                Kind::AuthRequired,
                "the credentials of this integration are gone: put them again by changing it",
            ));
        };
        let internal = |error: Error| engine::Error::new(Kind::Internal, error);
        let platform = self.hub.platform_of(at.definition).map_err(internal)?;
        let config = Value::Object(at.definition.config.clone());
        self.connector
            .connect(Connection {
                owner: at.owner,
                platform,
                config: &config,
                credentials: &document.credentials,
                tokens: TokenStore::new(self.hub.clone(), at.owner.clone()),
                deadline: at.shift.stops.now,
            })
            .await
    }

    /// Ends a sync: its record, the integration's health and the day's figures in one transaction.
    async fn finish(
        &self,
        at: &At<'_>,
        run: &mut Stored<Run>,
        error: Option<RunError>,
    ) -> Result<(), Error> {
        let now = self.hub.clock.now();
        run.value.end(error, now);
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut attempt = 0;
        let health = loop {
            let mut health = self.hub.store.health(at.owner).await?;
            health.value.synced(run.value.error.as_ref(), now);
            let condition = Condition::of_version(run.version);
            let writes = vec![
                Store::put_run(at.owner, &run.value, condition)?,
                Store::put_health(at.owner, &health)?,
                Store::count(at.owner, day, metrics::counters(&run.value), now),
            ];
            match self.hub.store.table.transact(writes).await {
                Ok(()) => break health.value,
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        };
        tell(at, &run.value);
        self.alarm(at, &run.value, &health).await;
        Ok(())
    }

    /// Tells operators of repeated failures. That they cannot be told is no reason to fail.
    async fn alarm(&self, at: &At<'_>, run: &Run, health: &Health) {
        let Some(error) = run.error.clone().filter(|_| health.is_alarming()) else {
            return;
        };
        let Ok(platform) = self.hub.platform_of(at.definition) else {
            return;
        };
        let alert = Alert {
            owner: at.owner.clone(),
            platform: platform.info.name,
            failures: health.failures,
            error,
        };
        if let Err(error) = self.alerts.raise(&alert).await {
            warn!(owner = %at.owner, %error, "an alert could not be sent");
        }
    }
}

fn tell(at: &At<'_>, run: &Run) {
    let duration_ms = run
        .started_at
        .zip(run.ended_at)
        .map_or(0, |(from, to)| to.duration_since(from).as_millis());
    let error_type = run.error.as_ref().map(|error| error.error_type.as_str());
    let (rows, requests) = (run.rows(), run.used.requests);
    let failed = run.status == RunStatus::Failed;
    info!(owner = %at.owner, run = %run.id, kind = ?run.kind, failed, error_type, rows, requests, duration_ms, "a run ended");
}

impl Hub {
    /// The writes that make `run` the current one; one that it replaces, whose process died, ends.
    pub(crate) async fn turn(
        &self,
        owner: &Owner,
        mut health: Stored<Health>,
        run: &RunId,
        scheduled_at: Option<Timestamp>,
    ) -> Result<Vec<state::Write>, Error> {
        let now = self.clock.now();
        let mut writes = Vec::new();
        if let Some(dead) = &health.value.current_run
            && let Some(mut dead) = self.store.run(owner, dead).await?
            && !dead.value.status.has_ended()
        {
            let message = "the worker ended in the middle; what was read before is as it was";
            dead.value
                .end(Some(RunError::new(Kind::Internal, message)), now);
            let condition = Condition::of_version(dead.version);
            writes.push(Store::put_run(owner, &dead.value, condition)?);
        }
        health.value.current_run = Some(run.clone());
        health.value.scheduled_at = scheduled_at.or(health.value.scheduled_at);
        health.value.updated_at = Some(now);
        writes.push(Store::put_health(owner, &health)?);
        Ok(writes)
    }

    /// Writes a definition over what was read.
    pub(crate) async fn save_definition(
        &self,
        owner: &Owner,
        stored: &mut Stored<Definition>,
    ) -> Result<(), Error> {
        let condition = Condition::of_version(stored.version);
        let write = Store::put_definition(&owner.tenant, &stored.value, condition)?;
        self.store.table.write(write).await.map_err(changed)?;
        stored.version = condition.next_version();
        Ok(())
    }
}
