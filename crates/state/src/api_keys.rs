use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::error::Error;
use crate::ids::ChatId;
use crate::item::{Key, Stored};
use crate::secret::{Entropy, digest, id, secret};
use crate::table::{Order, Paging, Range, Table};
use crate::tenant::TenantId;
use crate::time::{after, days_after, sortable};
use crate::write::{Condition, Write};

const PREFIX: &str = "dbk_";
const ID_CHARS: usize = 12;
const SECRET_CHARS: usize = 43;
const LISTING: &str = "KEYS";

/// How long an expired key stays known, so that its owner is told why it does not work.
const KEPT_DAYS: u32 = 30;

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read tickets, sessions and statistics.
    Read,
    /// Make and change tickets, close sessions.
    Write,
    /// Manage keys, export and erase; everything else too.
    Admin,
}

/// What a key lets its client reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// All chats and tickets, as far as the scopes go.
    Service(BTreeSet<Scope>),
    /// Reading one chat and its tickets, without what is internal.
    Visitor(ChatId),
    /// One tenant's integrations and their data, as far as the scopes go; no chat, no ticket.
    Tenant {
        /// Whose.
        tenant: TenantId,
        /// How far.
        scopes: BTreeSet<Scope>,
    },
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The key's id, 12 hex digits.
    pub id: String,
    /// The name given to it, for the audit trail.
    pub name: String,
    /// What it may reach.
    pub grant: Grant,
}

/// A new key: the only time that it can be read.
#[derive(Debug)]
pub struct IssuedKey {
    /// Whom it is for.
    pub client: Client,
    /// `dbk_<id>_<secret>`.
    pub key: SecretString,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// What is known of a key, without anything to use it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Whom it is for.
    pub client: Client,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// When somebody revoked it.
    pub revoked_at: Option<Timestamp>,
}

/// Why a key lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Not of the form of a key.
    #[error("this is not an API key: send one of the form dbk_<id>_<secret>")]
    Malformed,
    /// No such key, or another secret.
    #[error("the API key is not known: ask an administrator for a new one")]
    Unknown,
    /// Its time is over.
    #[error("the API key has expired: ask an administrator for a new one")]
    Expired,
    /// Somebody revoked it.
    #[error("the API key was revoked: ask an administrator for a new one")]
    Revoked,
}

/// Issues and verifies API keys, of which only digests are stored.
#[derive(Debug, Clone)]
pub struct ApiKeys {
    table: Table,
    entropy: Arc<dyn Entropy>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Record {
    id: String,
    name: String,
    grant: Grant,
    sha256: String,
    created_at: Timestamp,
    valid_until: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl Scope {
    fn is_in(self, scopes: &BTreeSet<Self>) -> bool {
        scopes.contains(&self) || scopes.contains(&Self::Admin)
    }
}

impl Client {
    /// Whether the client may do what needs this scope, in any chat.
    pub fn allows(&self, scope: Scope) -> bool {
        match &self.grant {
            Grant::Service(scopes) => scope.is_in(scopes),
            Grant::Visitor(_) | Grant::Tenant { .. } => false,
        }
    }

    /// The tenant whose integrations the client may reach; `None` for all who reach none.
    pub fn tenant(&self) -> Option<&TenantId> {
        match &self.grant {
            Grant::Tenant { tenant, .. } => Some(tenant),
            Grant::Service(_) | Grant::Visitor(_) => None,
        }
    }

    /// Whether the client may do what needs this scope, with its tenant's integrations.
    pub fn allows_in_tenant(&self, scope: Scope) -> bool {
        match &self.grant {
            Grant::Tenant { scopes, .. } => scope.is_in(scopes),
            Grant::Service(_) | Grant::Visitor(_) => false,
        }
    }

    /// Whether the client may read this chat and its tickets.
    pub fn may_see(&self, chat: &ChatId) -> bool {
        match &self.grant {
            Grant::Service(_) => self.allows(Scope::Read),
            Grant::Visitor(own) => own == chat,
            Grant::Tenant { .. } => false,
        }
    }

    /// Whether internal notes must be kept from the client.
    pub fn is_visitor(&self) -> bool {
        matches!(self.grant, Grant::Visitor(_))
    }
}

impl ApiKeys {
    /// The keys of a table.
    pub fn new(table: Table, entropy: Arc<dyn Entropy>) -> Self {
        Self { table, entropy }
    }

    /// A key for a program; it works until it is revoked or `ttl` is over.
    pub async fn issue(
        &self,
        name: &str,
        scopes: impl IntoIterator<Item = Scope>,
        ttl: Option<SignedDuration>,
    ) -> Result<IssuedKey, Error> {
        let grant = Grant::Service(scopes.into_iter().collect());
        self.issue_for(name, grant, ttl).await
    }

    /// A key for a program of one tenant's; it works until it is revoked or `ttl` is over.
    pub async fn issue_tenant(
        &self,
        name: &str,
        tenant: TenantId,
        scopes: impl IntoIterator<Item = Scope>,
        ttl: Option<SignedDuration>,
    ) -> Result<IssuedKey, Error> {
        let scopes = scopes.into_iter().collect();
        self.issue_for(name, Grant::Tenant { tenant, scopes }, ttl)
            .await
    }

    /// A key for the visitor of one chat. Such keys always expire.
    pub async fn issue_visitor(
        &self,
        name: &str,
        chat: &ChatId,
        ttl: SignedDuration,
    ) -> Result<IssuedKey, Error> {
        let grant = Grant::Visitor(chat.clone());
        self.issue_for(name, grant, Some(ttl)).await
    }

    /// Whose key this is; [`Error::KeyRefused`] if it lets nobody in.
    pub async fn verify(&self, key: &SecretString) -> Result<Client, Error> {
        let (id, secret) = parts(key.expose_secret()).ok_or(KeyRefusal::Malformed)?;
        let stored: Option<Stored<Record>> = self.table.get(&item_key(id)).await?;
        let given = digest(secret);
        let Some(stored) = stored else {
            return Err(KeyRefusal::Unknown.into());
        };
        let record = stored.value;
        if !bool::from(given.as_bytes().ct_eq(record.sha256.as_bytes())) {
            return Err(KeyRefusal::Unknown.into());
        }
        if record.revoked_at.is_some() {
            return Err(KeyRefusal::Revoked.into());
        }
        if record
            .valid_until
            .is_some_and(|until| until <= self.table.now())
        {
            return Err(KeyRefusal::Expired.into());
        }
        Ok(record.client())
    }

    /// Makes a key useless from now on; false if there is none with this id.
    pub async fn revoke(&self, id: &str) -> Result<bool, Error> {
        let Some(stored) = self.table.get::<Record>(&item_key(id)).await? else {
            return Ok(false);
        };
        let mut record = stored.value;
        record.revoked_at = record.revoked_at.or(Some(self.table.now()));
        let condition = Condition::Version(stored.version);
        self.table.write(write(&record, condition)?).await?;
        Ok(true)
    }

    /// All keys of programs, newest first; visitors' keys are too many and too short-lived.
    pub async fn list(&self) -> Result<Vec<KeyInfo>, Error> {
        let mut keys = Vec::new();
        let mut paging = Paging {
            order: Order::Descending,
            ..Paging::first(500)
        };
        loop {
            let page = self
                .table
                .query_listing(LISTING, Range::All, &paging)
                .await?;
            let infos = page.items.into_iter();
            keys.extend(infos.map(|stored: Stored<Record>| stored.value.info()));
            match page.next {
                Some(next) => paging.cursor = Some(next),
                None => return Ok(keys),
            }
        }
    }

    async fn issue_for(
        &self,
        name: &str,
        grant: Grant,
        ttl: Option<SignedDuration>,
    ) -> Result<IssuedKey, Error> {
        let id = id(self.entropy.as_ref())?;
        let secret = secret(self.entropy.as_ref())?;
        let secret = secret.expose_secret();
        let now = self.table.now();
        let record = Record {
            id: id.clone(),
            name: name.to_owned(),
            grant,
            sha256: digest(secret),
            created_at: now,
            valid_until: ttl.map(|ttl| after(now, ttl)),
            revoked_at: None,
        };
        self.table.write(write(&record, Condition::Absent)?).await?;
        Ok(IssuedKey {
            client: record.client(),
            key: format!("{PREFIX}{id}_{secret}").into(),
            expires_at: record.valid_until,
        })
    }
}

impl Record {
    fn client(&self) -> Client {
        Client {
            id: self.id.clone(),
            name: self.name.clone(),
            grant: self.grant.clone(),
        }
    }

    fn info(&self) -> KeyInfo {
        KeyInfo {
            client: self.client(),
            created_at: self.created_at,
            expires_at: self.valid_until,
            revoked_at: self.revoked_at,
        }
    }
}

fn write(record: &Record, condition: Condition) -> Result<Write, Error> {
    let mut write = Write::put(item_key(&record.id), record, condition)?;
    if let Some(until) = record.valid_until {
        write = write.expires(days_after(until, KEPT_DAYS));
    }
    Ok(match record.grant {
        Grant::Service(_) | Grant::Tenant { .. } => {
            let lsk = format!("{}#{}", sortable(record.created_at), record.id);
            write.listed(LISTING, &lsk)
        }
        Grant::Visitor(_) => write,
    })
}

fn item_key(id: &str) -> Key {
    Key::new(format!("KEY#{id}"), "KEY")
}

/// Id and secret of a key.
fn parts(key: &str) -> Option<(&str, &str)> {
    let (id, secret) = key.strip_prefix(PREFIX)?.split_once('_')?;
    let id_fits = id.len() == ID_CHARS && id.bytes().all(|b| b.is_ascii_hexdigit());
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let secret_fits = secret.len() == SECRET_CHARS && secret.bytes().all(fits);
    (id_fits && secret_fits).then_some((id, secret))
}
