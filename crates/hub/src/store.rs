use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use lake::RunId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use state::{
    Condition, Cursor, Key, Lease, Leases, Order, Paging, Range, Stored, Table, TenantId, Write,
};

use crate::definition::Definition;
use crate::error::Error;
use crate::health::Health;
use crate::metrics::Counters;
use crate::owner::{IntegrationId, Owner};
use crate::run::Run;
use crate::stream_state::StreamState;
use crate::view::Listed;

const RUNS_DAYS: i64 = 90;
const FIGURES_DAYS: i64 = 1095;
const KEYS_HOURS: i64 = 24;

/// How often a change is made anew that another process came before.
pub(crate) const ATTEMPTS: u32 = 8;

/// Items of the table. Every partition key begins with the tenant.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) table: Table,
    leases: Leases,
}

/// What an idempotency key was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    /// SHA-256 of the request.
    pub(crate) digest: String,
    pub(crate) integration: IntegrationId,
    pub(crate) run: Option<RunId>,
}

/// An idempotency key on its way.
#[derive(Debug)]
pub(crate) struct Once {
    pub(crate) key: Key,
    pub(crate) digest: String,
}

impl Store {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            leases: Leases::new(table.clone()),
            table,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.table.now()
    }

    /// The next id of a tenant's. Some may stay unused.
    pub(crate) async fn next_id(&self, tenant: &TenantId) -> Result<IntegrationId, Error> {
        let key = Key::new(tenant_pk(tenant), "NEXT");
        let now = self.table.add(&key, &[("next", 1)], None).await?;
        now.get("next")
            .and_then(|next| u64::try_from(*next).ok())
            .map(IntegrationId)
            .ok_or(Error::Defect("the counter of integrations has no number"))
    }

    pub(crate) async fn definition(
        &self,
        owner: &Owner,
    ) -> Result<Option<Stored<Definition>>, Error> {
        Ok(self.table.get(&definition_key(owner)).await?)
    }

    pub(crate) async fn definitions(
        &self,
        tenant: &TenantId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<Stored<Definition>>, Error> {
        let paging = Paging::first(limit).after(parsed(cursor)?);
        self.page(&tenant_pk(tenant), Range::Prefix(INTEGRATION), &paging)
            .await
    }

    pub(crate) fn put_definition(
        tenant: &TenantId,
        definition: &Definition,
        condition: Condition,
    ) -> Result<Write, Error> {
        let key = definition_key(&Owner::new(tenant.clone(), definition.id));
        Ok(Write::put(key, definition, condition)?)
    }

    pub(crate) async fn health(&self, owner: &Owner) -> Result<Stored<Health>, Error> {
        let key = health_key(owner);
        match self.table.get(&key).await? {
            Some(stored) => Ok(stored),
            None => Ok(absent(key)),
        }
    }

    /// The health of the integrations between two ids, by id.
    pub(crate) async fn healths(
        &self,
        tenant: &TenantId,
        first: IntegrationId,
        last: IntegrationId,
    ) -> Result<BTreeMap<String, Health>, Error> {
        let (first, last) = (numbered(HEALTH, first), numbered(HEALTH, last));
        let all: Vec<Stored<Health>> = self
            .all(&tenant_pk(tenant), Range::Between(&first, &last))
            .await?;
        Ok(all
            .into_iter()
            .map(|stored| (stored.key.sk, stored.value))
            .collect())
    }

    pub(crate) fn health_sk(id: IntegrationId) -> String {
        numbered(HEALTH, id)
    }

    pub(crate) fn put_health(owner: &Owner, health: &Stored<Health>) -> Result<Write, Error> {
        let condition = Condition::of_version(health.version);
        Ok(Write::put(health_key(owner), &health.value, condition)?)
    }

    /// Changes the health, whoever else does so meanwhile.
    pub(crate) async fn change_health(
        &self,
        owner: &Owner,
        mut change: impl FnMut(&mut Health),
    ) -> Result<Health, Error> {
        let mut attempt = 0;
        loop {
            let mut health = self.health(owner).await?;
            change(&mut health.value);
            match self.table.write(Self::put_health(owner, &health)?).await {
                Ok(()) => return Ok(health.value),
                Err(error) if error.is_conflict() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) async fn run(
        &self,
        owner: &Owner,
        run: &RunId,
    ) -> Result<Option<Stored<Run>>, Error> {
        Ok(self.table.get(&run_key(owner, run)).await?)
    }

    pub(crate) async fn runs(
        &self,
        owner: &Owner,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<Stored<Run>>, Error> {
        let paging = Paging::newest(limit).after(parsed(cursor)?);
        self.page(&owner_pk(owner), Range::Prefix(RUN), &paging)
            .await
    }

    pub(crate) fn put_run(owner: &Owner, run: &Run, condition: Condition) -> Result<Write, Error> {
        let until = later(run.created_at, SignedDuration::from_hours(24 * RUNS_DAYS));
        Ok(Write::put(run_key(owner, &run.id), run, condition)?.expires(until))
    }

    /// Writes a run over what was read, and tells its new version.
    pub(crate) async fn save_run(&self, owner: &Owner, run: &mut Stored<Run>) -> Result<(), Error> {
        let condition = Condition::of_version(run.version);
        self.table
            .write(Self::put_run(owner, &run.value, condition)?)
            .await?;
        run.version = condition.next_version();
        Ok(())
    }

    pub(crate) fn count(owner: &Owner, day: Date, counters: Counters, now: Timestamp) -> Write {
        let key = Key::new(owner_pk(owner), format!("{DAY}{day}"));
        let until = later(now, SignedDuration::from_hours(24 * FIGURES_DAYS));
        Write::add(key, counters).expires(until)
    }

    pub(crate) async fn days(
        &self,
        owner: &Owner,
        start: Date,
        end: Date,
    ) -> Result<Vec<(Date, Counters)>, Error> {
        let (first, last) = (format!("{DAY}{start}"), format!("{DAY}{end}"));
        let all: Vec<Stored<BTreeMap<String, serde_json::Value>>> = self
            .all(&owner_pk(owner), Range::Between(&first, &last))
            .await?;
        Ok(all.into_iter().filter_map(day_of).collect())
    }

    pub(crate) async fn streams(&self, owner: &Owner) -> Result<Vec<Stored<StreamState>>, Error> {
        self.all(&owner_pk(owner), Range::Prefix(STREAM)).await
    }

    pub(crate) async fn stream(
        &self,
        owner: &Owner,
        slug: &str,
    ) -> Result<Option<Stored<StreamState>>, Error> {
        Ok(self.table.get(&stream_key(owner, slug)).await?)
    }

    pub(crate) async fn save_stream(
        &self,
        owner: &Owner,
        stream: &mut Stored<StreamState>,
    ) -> Result<(), Error> {
        let condition = Condition::of_version(stream.version);
        let write = Write::put(stream.key.clone(), &stream.value, condition)?;
        debug_assert_eq!(stream.key.pk, owner_pk(owner));
        self.table.write(write).await?;
        stream.version = condition.next_version();
        Ok(())
    }

    pub(crate) async fn used(&self, once: &Once) -> Result<Option<Used>, Error> {
        let Some(stored) = self.table.get::<Used>(&once.key).await? else {
            return Ok(None);
        };
        if stored.value.digest == once.digest {
            Ok(Some(stored.value))
        } else {
            Err(Error::KeyReused)
        }
    }

    pub(crate) fn use_once(
        &self,
        once: &Once,
        integration: IntegrationId,
        run: Option<&RunId>,
    ) -> Result<Write, Error> {
        let used = Used {
            digest: once.digest.clone(),
            integration,
            run: run.cloned(),
        };
        let until = later(self.now(), SignedDuration::from_hours(KEYS_HOURS));
        Ok(Write::put(once.key.clone(), &used, Condition::Absent)?.expires(until))
    }

    pub(crate) async fn lease(
        &self,
        owner: &Owner,
        what: &str,
        holder: &str,
        length: SignedDuration,
    ) -> Result<Option<Lease>, Error> {
        let name = format!("{}#{what}", owner_pk(owner));
        Ok(self.leases.claim(&name, holder, length).await?)
    }

    pub(crate) async fn release(&self, lease: Lease) -> Result<(), Error> {
        Ok(self.leases.release(lease).await?)
    }

    /// Deletes everything of an integration, its definition last, so that a process that dies in
    /// the middle leaves something to go on with.
    pub(crate) async fn remove_all(&self, owner: &Owner) -> Result<(), Error> {
        let pk = owner_pk(owner);
        loop {
            let page = self
                .table
                .query::<BTreeMap<String, serde_json::Value>>(&pk, Range::All, &Paging::first(100))
                .await?;
            if page.items.is_empty() {
                break;
            }
            let writes = page
                .items
                .into_iter()
                .map(|stored| Write::delete(stored.key, Condition::Any));
            self.table.transact(writes.collect()).await?;
        }
        self.table.delete(health_key(owner)).await?;
        Ok(self.table.delete(definition_key(owner)).await?)
    }

    async fn page<T: DeserializeOwned>(
        &self,
        pk: &str,
        range: Range<'_>,
        paging: &Paging,
    ) -> Result<Listed<Stored<T>>, Error> {
        let page = self.table.query(pk, range, paging).await?;
        Ok(Listed {
            items: page.items,
            next: page.next.map(|next| next.to_string()),
        })
    }

    async fn all<T: DeserializeOwned>(
        &self,
        pk: &str,
        range: Range<'_>,
    ) -> Result<Vec<Stored<T>>, Error> {
        let mut paging = Paging {
            order: Order::Ascending,
            ..Paging::first(1000)
        };
        let mut all = Vec::new();
        loop {
            let page = self.table.query(pk, range, &paging).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => paging.cursor = Some(next),
                None => return Ok(all),
            }
        }
    }
}

const INTEGRATION: &str = "INTEGRATION#";
const HEALTH: &str = "HEALTH#";
const RUN: &str = "RUN#";
const STREAM: &str = "STREAM#";
const DAY: &str = "DAY#";

pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn parsed(cursor: Option<&str>) -> Result<Option<Cursor>, Error> {
    Ok(cursor.map(Cursor::parse).transpose()?)
}

fn tenant_pk(tenant: &TenantId) -> String {
    format!("TENANT#{tenant}")
}

fn owner_pk(owner: &Owner) -> String {
    format!("TENANT#{}#{INTEGRATION}{}", owner.tenant, owner.integration)
}

/// So many digits that ids sort as numbers do.
fn numbered(prefix: &str, id: IntegrationId) -> String {
    format!("{prefix}{:020}", id.0)
}

fn definition_key(owner: &Owner) -> Key {
    let sk = numbered(INTEGRATION, owner.integration);
    Key::new(tenant_pk(&owner.tenant), sk)
}

fn health_key(owner: &Owner) -> Key {
    let sk = numbered(HEALTH, owner.integration);
    Key::new(tenant_pk(&owner.tenant), sk)
}

fn run_key(owner: &Owner, run: &RunId) -> Key {
    Key::new(owner_pk(owner), format!("{RUN}{run}"))
}

pub(crate) fn stream_key(owner: &Owner, slug: &str) -> Key {
    Key::new(owner_pk(owner), format!("{STREAM}{slug}"))
}

/// Where an idempotency key lies; only its digest is stored.
pub(crate) fn once_key(tenant: &TenantId, operation: &str, key: &str) -> Key {
    let digest = crate::digest::hex_of(&[operation.as_bytes(), key.as_bytes()]);
    Key::new(tenant_pk(tenant), format!("ONCE#{digest}"))
}

fn absent<T: Default>(key: Key) -> Stored<T> {
    Stored::absent(key, T::default())
}

fn day_of(stored: Stored<BTreeMap<String, serde_json::Value>>) -> Option<(Date, Counters)> {
    let date = stored.key.sk.strip_prefix(DAY)?.parse().ok()?;
    let own = ["version", "expires_at"];
    let counters = stored
        .value
        .into_iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name, value.as_i64()?)));
    Some((date, counters.collect()))
}
