use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use engine::Problem;
use jiff::Timestamp;
use lake::RunId;
use records::Records;
use secrecy::SecretString;
use serde_json::Value;
use state::{Condition, Entropy, Stored, Table, TenantId};
use tracing::warn;

use crate::definition::{DataFate, Definition, NewIntegration, Patch, Removal, Switch};
use crate::error::Error;
use crate::health::Health;
use crate::job::Job;
use crate::owner::{IntegrationId, Owner};
use crate::platforms::{Platform, Platforms};
use crate::ports::{Queue, Schedule, Schedules, Vault};
use crate::run::Run;
use crate::secret::{Credentials, SecretDocument};
use crate::settings::{self, Completeness};
use crate::store::{Once, Store, once_key};
use crate::view::{Integration, Listed, Removing};

/// When what a process that died left is looked after: the longest that a queue can wait. Nothing
/// that makes or changes an integration takes so long.
pub(crate) const SETTLE_AFTER: Duration = Duration::from_mins(15);

/// What the hub is made of.
pub struct HubParts {
    /// Its state.
    pub table: Table,
    /// Secrets.
    pub vault: Arc<dyn Vault>,
    /// Schedules.
    pub schedules: Arc<dyn Schedules>,
    /// The workers' queues.
    pub queue: Arc<dyn Queue>,
    /// Current records.
    pub records: Records,
    /// What can be integrated.
    pub platforms: Platforms,
    /// For ids and salts.
    pub entropy: Arc<dyn Entropy>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The integrations of all tenants: what an API does. Every method takes the tenant of the caller's
/// key, and reaches nothing else. Clones share everything.
#[derive(Clone)]
pub struct Hub {
    pub(crate) store: Store,
    pub(crate) vault: Arc<dyn Vault>,
    pub(crate) schedules: Arc<dyn Schedules>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) records: Records,
    pub(crate) platforms: Platforms,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

impl Hub {
    /// A hub of these parts.
    pub fn new(parts: HubParts) -> Self {
        Self {
            store: Store::new(parts.table),
            vault: parts.vault,
            schedules: parts.schedules,
            queue: parts.queue,
            records: parts.records,
            platforms: parts.platforms,
            entropy: parts.entropy,
            clock: parts.clock,
        }
    }

    /// What can be integrated, as JSON.
    pub fn templates(&self) -> Vec<Value> {
        self.platforms.templates()
    }

    /// The tenant's integrations by id.
    pub async fn list(
        &self,
        tenant: &TenantId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<Integration>, Error> {
        let page = self.store.definitions(tenant, limit, cursor).await?;
        let (Some(first), Some(last)) = (page.items.first(), page.items.last()) else {
            return Ok(Listed {
                items: Vec::new(),
                next: page.next,
            });
        };
        let (first, last) = (first.value.id, last.value.id);
        let mut healths = self.store.healths(tenant, first, last).await?;
        let items = page.items.into_iter().map(|stored| {
            let sk = Store::health_sk(stored.value.id);
            let health = healths.remove(&sk).unwrap_or_default();
            Integration::of(stored.value, stored.version, health, None)
        });
        Ok(Listed {
            items: items.collect(),
            next: page.next,
        })
    }

    /// One integration, with how far its current run is.
    pub async fn get(&self, tenant: &TenantId, id: IntegrationId) -> Result<Integration, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let stored = self.found(&owner).await?;
        self.shown(&owner, stored).await
    }

    /// Creates an integration: secret, record, schedule, in this order. What fails is taken back;
    /// should the process die in between, the job sent first does it. The same `idempotency_key`
    /// gives the same integration again, for a day.
    pub async fn create(
        &self,
        tenant: &TenantId,
        mut new: NewIntegration,
        idempotency_key: Option<&str>,
    ) -> Result<Integration, Error> {
        let (platform, config, credentials) = self.accepted(&mut new)?;
        let asked = format!(
            "{:?} {} {}",
            new.name,
            platform.info.name,
            Value::from(config.clone())
        );
        let once = idempotency_key.map(|key| Once {
            key: once_key(tenant, "create", key),
            digest: crate::digest::hex_of(&[asked.as_bytes()]),
        });
        if let Some(once) = &once
            && let Some(used) = self.store.used(once).await?
        {
            return self.get(tenant, used.integration).await;
        }
        let id = self.store.next_id(tenant).await?;
        let owner = Owner::new(tenant.clone(), id);
        let mut document = SecretDocument::new(self.salt()?);
        document.credentials = credentials;
        let secrets = stored_secrets(platform, &document.credentials);
        let definition = new.define(id, platform.info.name, config, secrets, self.clock.now());
        self.settle_later(&owner, platform).await?;
        self.vault.put(&owner, &document.to_text()).await?;
        if let Err(error) = self.record(&owner, &definition, once.as_ref()).await {
            return self.undo_create(&owner, error, once.as_ref()).await;
        }
        if let Err(error) = self.schedule(&owner, &definition, platform).await {
            return self.undo_create(&owner, error, None).await;
        }
        Ok(Integration::of(definition, 1, Health::default(), None))
    }

    /// Changes an integration; with `if_version` only that version of it.
    pub async fn patch(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        mut patch: Patch,
        if_version: Option<u64>,
    ) -> Result<Integration, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let mut stored = self.usable(&owner).await?;
        if if_version.is_some_and(|version| version != stored.version) {
            return Err(Error::Changed);
        }
        let platform = self.platform_of(&stored.value)?;
        let before = self.document(&owner).await?;
        let mut document = match &before {
            Some(document) => document.clone(),
            None => SecretDocument::new(self.salt()?),
        };
        let replaced = change(&mut stored.value, &mut document, &mut patch, platform)?;
        patch.apply(&mut stored.value, self.clock.now());
        self.settle_later(&owner, platform).await?;
        if replaced {
            self.vault.put(&owner, &document.to_text()).await?;
        }
        let condition = Condition::of_version(stored.version);
        let write = Store::put_definition(tenant, &stored.value, condition)?;
        if let Err(error) = self.store.table.write(write).await {
            if let (true, Some(before)) = (replaced, before) {
                self.vault.put(&owner, &before.to_text()).await?;
            }
            return Err(changed(error));
        }
        stored.version = condition.next_version();
        self.schedule(&owner, &stored.value, platform).await?;
        if replaced {
            let cured = |health: &mut Health| health.error = None;
            self.store.change_health(&owner, cured).await?;
        }
        self.shown(&owner, stored).await
    }

    /// Begins to remove an integration; a worker revokes what the vendor can revoke, then deletes
    /// secret, state and, if asked, records. Asking again does no harm.
    pub async fn delete(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        data: DataFate,
    ) -> Result<Removing, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let mut stored = self.found(&owner).await?;
        let platform = self.platform_of(&stored.value)?;
        self.settle_later(&owner, platform).await?;
        let already = stored.value.removal.as_ref().map(|removal| removal.data);
        if already.is_none_or(|before| before != data && data == DataFate::Delete) {
            stored.value.removal = Some(Removal { data, attempts: 0 });
            stored.value.switch = Switch::Inactive;
            stored.value.updated_at = self.clock.now();
            let condition = Condition::of_version(stored.version);
            let write = Store::put_definition(tenant, &stored.value, condition)?;
            self.store.table.write(write).await.map_err(changed)?;
        }
        // The worker does both again, should either fail here.
        if let Err(error) = self.schedules.remove(&owner).await {
            warn!(%owner, %error, "a schedule is removed later");
        }
        let job = Job::settle(owner);
        self.queue.send(&job, platform, Duration::ZERO).await?;
        Ok(Removing { id })
    }

    /// The platform, settings and credentials of a body, or everything that is wrong with it.
    fn accepted(&self, new: &mut NewIntegration) -> Result<Accepted, Error> {
        let mut problems = Vec::new();
        new.options().check(&mut problems);
        let mut sent = new.config.take().unwrap_or_default();
        let credentials = new.credentials.take().unwrap_or_default();
        let name = new.platform.as_deref().unwrap_or_default();
        let Some(platform) = self.platforms.named(name, &mut sent) else {
            let message = format!("must be one of {}", self.platforms.names());
            problems.push(Problem::new("type", message));
            return Err(Error::Invalid(problems));
        };
        let placed = settings::place(&platform.info, &sent, &credentials, &mut problems);
        let (mut config, mut kept) = (serde_json::Map::new(), Credentials::default());
        placed.apply(&mut config, &mut kept, &mut problems);
        let wanted = completeness(new.status.unwrap_or(Switch::Active));
        settings::check(&platform.info, &config, &kept, wanted, &mut problems);
        if problems.is_empty() {
            Ok((platform, config, kept))
        } else {
            Err(Error::Invalid(problems))
        }
    }

    async fn record(
        &self,
        owner: &Owner,
        definition: &Definition,
        once: Option<&Once>,
    ) -> Result<(), Error> {
        let put = Store::put_definition(&owner.tenant, definition, Condition::Absent)?;
        let mut writes = vec![put];
        if let Some(once) = once {
            writes.push(self.store.use_once(once, owner.integration, None)?);
        }
        Ok(self.store.table.transact(writes).await?)
    }

    /// Takes back what was made, unless the same request made it before.
    async fn undo_create(
        &self,
        owner: &Owner,
        error: Error,
        once: Option<&Once>,
    ) -> Result<Integration, Error> {
        let undone = async {
            self.store.remove_all(owner).await?;
            self.schedules.remove(owner).await?;
            self.vault.delete(owner).await?;
            Ok::<_, Error>(())
        };
        if let Err(failure) = undone.await {
            warn!(%owner, error = %failure, "what a failed creation left is looked after later");
        }
        if matches!(&error, Error::State(state) if state.is_conflict())
            && let Some(once) = once
            && let Some(used) = self.store.used(once).await?
        {
            return self.get(&owner.tenant, used.integration).await;
        }
        Err(error)
    }

    /// Has a worker look after the integration, should this process die before it is done.
    async fn settle_later(&self, owner: &Owner, platform: &Platform) -> Result<(), Error> {
        let job = Job::settle(owner.clone());
        Ok(self.queue.send(&job, platform, SETTLE_AFTER).await?)
    }

    /// Brings the schedule in line with the definition.
    pub(crate) async fn schedule(
        &self,
        owner: &Owner,
        definition: &Definition,
        platform: &Platform,
    ) -> Result<(), Error> {
        let schedule = Schedule {
            owner: owner.clone(),
            every_minutes: definition.sync_interval,
            enabled: definition.switch == Switch::Active,
            job: Job::scheduled(owner.clone()),
        };
        Ok(self.schedules.put(&schedule, platform).await?)
    }

    async fn shown(&self, owner: &Owner, stored: Stored<Definition>) -> Result<Integration, Error> {
        let health = self.store.health(owner).await?.value;
        let run = match &health.current_run {
            Some(run) => self.store.run(owner, run).await?,
            None => None,
        };
        let run = run
            .map(|run| run.value)
            .filter(|run: &Run| !run.status.has_ended());
        Ok(Integration::of(stored.value, stored.version, health, run))
    }

    /// The definition, of an integration on its way out too.
    pub(crate) async fn found(&self, owner: &Owner) -> Result<Stored<Definition>, Error> {
        let found = self.store.definition(owner).await?;
        found.ok_or(Error::NotFound("integration"))
    }

    /// The definition of an integration that can be used.
    pub(crate) async fn usable(&self, owner: &Owner) -> Result<Stored<Definition>, Error> {
        let stored = self.found(owner).await?;
        if stored.value.removal.is_some() {
            return Err(Error::Removing);
        }
        Ok(stored)
    }

    pub(crate) fn platform_of(&self, definition: &Definition) -> Result<&'static Platform, Error> {
        let found = self.platforms.find(&definition.platform);
        found.ok_or(Error::Defect(
            "an integration is of a platform that this version lacks",
        ))
    }

    pub(crate) async fn document(&self, owner: &Owner) -> Result<Option<SecretDocument>, Error> {
        let text = self.vault.read(owner).await?;
        Ok(text.as_ref().and_then(SecretDocument::parse))
    }

    /// Sorts like the moment it is made at, to the millisecond.
    pub(crate) fn new_run_id(&self, now: Timestamp) -> Result<RunId, Error> {
        let mut bytes = [0; 8];
        self.entropy
            .fill(&mut bytes)
            .map_err(state::Error::Entropy)?;
        let id = format!("{:012x}{}", now.as_millisecond().max(0), hex::encode(bytes));
        RunId::parse(id).map_err(|_| Error::Defect("a run's id is none"))
    }

    fn salt(&self) -> Result<SecretString, Error> {
        let mut bytes = [0; 32];
        self.entropy
            .fill(&mut bytes)
            .map_err(state::Error::Entropy)?;
        Ok(hex::encode(bytes).into())
    }
}

type Accepted = (
    &'static Platform,
    serde_json::Map<String, Value>,
    Credentials,
);

/// Whoever does not sync may lack credentials.
fn completeness(switch: Switch) -> Completeness {
    match switch {
        Switch::Active => Completeness::Whole,
        Switch::Inactive => Completeness::WithoutSecrets,
    }
}

/// The names of the platform's secret settings that are there.
fn stored_secrets(platform: &Platform, credentials: &Credentials) -> Vec<String> {
    let settings = platform.info.settings.iter();
    let stored =
        settings.filter(|setting| setting.secret && credentials.get(setting.name).is_some());
    stored.map(|setting| setting.name.to_owned()).collect()
}

/// Puts the settings of a patch over what is there; tells whether secrets changed.
fn change(
    definition: &mut Definition,
    document: &mut SecretDocument,
    patch: &mut Patch,
    platform: &Platform,
) -> Result<bool, Error> {
    let mut problems = Vec::new();
    patch.options().check(&mut problems);
    let config = patch.config.take().unwrap_or_default();
    let credentials = patch.credentials.take().unwrap_or_default();
    let placed = settings::place(&platform.info, &config, &credentials, &mut problems);
    let replaced = placed.touches_secrets();
    if replaced {
        document.forget_tokens(&platform.info);
    }
    placed.apply(
        &mut definition.config,
        &mut document.credentials,
        &mut problems,
    );
    let wanted = completeness(patch.status.unwrap_or(definition.switch));
    settings::check(
        &platform.info,
        &definition.config,
        &document.credentials,
        wanted,
        &mut problems,
    );
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    definition.secrets = stored_secrets(platform, &document.credentials);
    Ok(replaced)
}

pub(crate) fn changed(error: state::Error) -> Error {
    if error.is_conflict() {
        Error::Changed
    } else {
        error.into()
    }
}
