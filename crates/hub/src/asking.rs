//! Runs that callers ask for, and what became of them.

use std::time::Duration;

use jiff::civil::Date;
use lake::RunId;
use serde::Deserialize;
use serde_json::Value;
use state::{Condition, Stored, TenantId, Write};
use vendor_http::Deadline;

use crate::definition::{Definition, Switch};
use crate::error::Error;
use crate::hub::Hub;
use crate::job::Job;
use crate::metrics::Metrics;
use crate::owner::{IntegrationId, Owner};
use crate::run::{ActionOrder, Run, RunError, RunKind, StreamRun, Trigger};
use crate::store::{ATTEMPTS, Once, Store, once_key};
use crate::view::Listed;

/// Parameters of an action lie in an item of the table until a worker has them.
const MOST_PARAMETER_BYTES: usize = 200_000;
const MOST_DAYS: i32 = 366;
const LOOK_FIRST: Duration = Duration::from_millis(150);
const LOOK_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// What a sync is to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SyncRequest {
    /// Everything, whatever is known.
    pub full: bool,
    /// These streams only; those of the integration if empty.
    pub streams: Vec<String>,
}

impl Hub {
    /// Has address and credentials tested.
    pub async fn start_check(&self, tenant: &TenantId, id: IntegrationId) -> Result<Run, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let stored = self.usable(&owner).await?;
        let run = self.new_run(RunKind::Check)?;
        self.queued(&owner, &stored.value, run, None, vec![]).await
    }

    /// Has the integration synced. [`Error::Busy`] while a sync is queued or under way.
    pub async fn start_sync(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        request: SyncRequest,
        idempotency_key: Option<&str>,
    ) -> Result<Run, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let stored = self.usable(&owner).await?;
        let asked = format!("{} {:?}", request.full, request.streams);
        let once = once(&owner, "sync", idempotency_key, &[asked.as_bytes()]);
        if let Some(run) = self
            .asked_before(&owner, &stored.value, once.as_ref())
            .await?
        {
            return Ok(run);
        }
        if stored.value.switch == Switch::Inactive {
            return Err(Error::Inactive);
        }
        let mut run = self.new_run(RunKind::Sync)?;
        run.full = request.full;
        run.only = request.streams;
        let mut attempt = 0;
        loop {
            let taken = self.take_turn(&owner, &run.id).await?;
            let queued = self.queued(&owner, &stored.value, run.clone(), once.as_ref(), taken);
            match queued.await {
                // The sync before this one ended between the look and the write.
                Err(Error::State(error)) if error.is_conflict() && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    /// Has an action of the platform carried out, at most once.
    pub async fn start_act(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        action: &str,
        parameters: Value,
        idempotency_key: Option<&str>,
    ) -> Result<Run, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let stored = self.usable(&owner).await?;
        let actions = self.platform_of(&stored.value)?.info.actions;
        if !actions.iter().any(|known| known.name == action) {
            let names: Vec<_> = actions.iter().map(|action| action.name).collect();
            let message = format!("must be one of: {}", names.join(", "));
            return Err(Error::invalid("action", message));
        }
        let text = parameters.to_string();
        if text.len() > MOST_PARAMETER_BYTES {
            return Err(Error::invalid("parameters", "are larger than 200 kB"));
        }
        let parts = [action.as_bytes(), text.as_bytes()];
        let once = once(&owner, "act", idempotency_key, &parts);
        if let Some(run) = self
            .asked_before(&owner, &stored.value, once.as_ref())
            .await?
        {
            return Ok(run);
        }
        let mut run = self.new_run(RunKind::Act)?;
        run.action = Some(ActionOrder {
            name: action.to_owned(),
            parameters: Some(parameters),
        });
        self.queued(&owner, &stored.value, run, once.as_ref(), vec![])
            .await
    }

    /// The run as it is once it has ended, or at `until`.
    pub async fn wait(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        run: &RunId,
        until: Deadline,
    ) -> Result<Run, Error> {
        let mut pause = LOOK_FIRST;
        loop {
            let now = self.run(tenant, id, run).await?;
            if now.status.has_ended() || !until.sleep(pause).await {
                return Ok(now);
            }
            pause = (pause * 2).min(LOOK_AT_MOST_EVERY);
        }
    }

    /// One run.
    pub async fn run(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        run: &RunId,
    ) -> Result<Run, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let found = self.store.run(&owner, run).await?;
        Ok(found.ok_or(Error::NotFound("run"))?.value)
    }

    /// The runs of the last 90 days, newest first.
    pub async fn runs(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<Run>, Error> {
        let owner = Owner::new(tenant.clone(), id);
        self.found(&owner).await?;
        let page = self.store.runs(&owner, limit, cursor).await?;
        Ok(Listed {
            items: page.items.into_iter().map(|run| run.value).collect(),
            next: page.next,
        })
    }

    /// What syncs did from `start` to `end`, both included, at most 366 days.
    pub async fn metrics(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        start: Date,
        end: Date,
    ) -> Result<Metrics, Error> {
        let owner = Owner::new(tenant.clone(), id);
        self.found(&owner).await?;
        let days = end.since(start).map_or(i32::MAX, |span| span.get_days());
        if !(0..MOST_DAYS).contains(&days) {
            let message = "must not lie before startDate, and at most 365 days after it";
            return Err(Error::invalid("endDate", message));
        }
        let days = self.store.days(&owner, start, end).await?;
        Ok(Metrics::of(start, end, &days))
    }

    pub(crate) fn new_run(&self, kind: RunKind) -> Result<Run, Error> {
        let now = self.clock.now();
        Ok(Run::queued(
            self.new_run_id(now)?,
            kind,
            Trigger::Manual,
            now,
        ))
    }

    /// The run that an idempotency key has made; if its job may have been lost, it is sent again.
    pub(crate) async fn asked_before(
        &self,
        owner: &Owner,
        definition: &Definition,
        once: Option<&Once>,
    ) -> Result<Option<Run>, Error> {
        let Some(once) = once else { return Ok(None) };
        let Some(run) = self.store.used(once).await?.and_then(|used| used.run) else {
            return Ok(None);
        };
        let found = self.store.run(owner, &run).await?;
        let run = found.ok_or(Error::NotFound("run"))?.value;
        if run.status == crate::RunStatus::Queued {
            self.send(owner, definition, &run).await?;
        }
        Ok(Some(run))
    }

    /// The writes that make `run` the current one, unless another is.
    async fn take_turn(&self, owner: &Owner, run: &RunId) -> Result<Vec<Write>, Error> {
        let health = self.store.health(owner).await?;
        if let Some(current) = self.current(owner, &health.value).await? {
            return Err(Error::Busy {
                run: current.value.id,
            });
        }
        self.turn(owner, health, run, None).await
    }

    /// The sync that is queued or under way. One whose process died is none.
    pub(crate) async fn current(
        &self,
        owner: &Owner,
        health: &crate::health::Health,
    ) -> Result<Option<Stored<Run>>, Error> {
        let Some(current) = &health.current_run else {
            return Ok(None);
        };
        let now = self.clock.now();
        let run = self.store.run(owner, current).await?;
        Ok(run.filter(|run| !run.value.status.has_ended() && !run.value.is_dead(now)))
    }

    /// Stores the record of a run, then sends its job.
    pub(crate) async fn queued(
        &self,
        owner: &Owner,
        definition: &Definition,
        run: Run,
        once: Option<&Once>,
        mut writes: Vec<Write>,
    ) -> Result<Run, Error> {
        writes.push(Store::put_run(owner, &run, Condition::Absent)?);
        if let Some(once) = once {
            writes.push(
                self.store
                    .use_once(once, owner.integration, Some(&run.id))?,
            );
        }
        if let Err(error) = self.store.table.transact(writes).await {
            // Somebody else was faster: with the same key, or with another sync.
            if error.is_conflict() {
                if let Some(run) = self.asked_before(owner, definition, once).await? {
                    return Ok(run);
                }
                let health = self.store.health(owner).await?.value;
                if let Some(current) = self.current(owner, &health).await? {
                    let run = current.value.id;
                    return Err(Error::Busy { run });
                }
            }
            return Err(error.into());
        }
        if let Err(error) = self.send(owner, definition, &run).await {
            self.give_up(owner, run).await?;
            return Err(error);
        }
        Ok(run)
    }

    pub(crate) async fn send(
        &self,
        owner: &Owner,
        definition: &Definition,
        run: &Run,
    ) -> Result<(), Error> {
        let platform = self.platform_of(definition)?;
        let job = Job::run(owner.clone(), run.id.clone(), run.kind);
        Ok(self.queue.send(&job, platform, Duration::ZERO).await?)
    }

    /// Ends a run whose job could not be sent.
    async fn give_up(&self, owner: &Owner, mut run: Run) -> Result<(), Error> {
        let error = RunError::new(
            engine::Kind::Internal,
            "its job could not be queued: start it again",
        );
        run.end(Some(error), self.clock.now());
        let write = Store::put_run(owner, &run, Condition::Version(1))?;
        self.store.table.write(write).await?;
        let ended = |health: &mut crate::health::Health| {
            if health.current_run.as_ref() == Some(&run.id) {
                health.current_run = None;
            }
        };
        self.store.change_health(owner, ended).await?;
        Ok(())
    }
}

pub(crate) fn once(
    owner: &Owner,
    operation: &str,
    key: Option<&str>,
    request: &[&[u8]],
) -> Option<Once> {
    let operation = format!("{operation} {}", owner.integration);
    key.map(|key| Once {
        key: once_key(&owner.tenant, &operation, key),
        digest: crate::digest::hex_of(request),
    })
}

impl Run {
    /// The stream of an import, and how many rows came.
    pub(crate) fn of_stream(mut self, stream: &str, rows: usize) -> Self {
        self.streams = vec![StreamRun {
            rows: rows as u64,
            ..StreamRun::waiting(stream)
        }];
        self
    }
}
