use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::expression::Requirement;
use crate::item::Key;
use crate::table::Table;
use crate::time::after;
use crate::write::{Condition, What, Write};

/// The right to be the only one at something until it is released or expires.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    name: String,
    holder: String,
    write_id: String,
    expires_at: Timestamp,
}

/// Claims and releases leases.
#[derive(Debug, Clone)]
pub struct Leases {
    table: Table,
}

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    holder: String,
}

impl Lease {
    /// What it is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Until when nobody else gets it; rounded up to a whole second.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl Leases {
    /// The leases of a table.
    pub fn new(table: Table) -> Self {
        Self { table }
    }

    /// Takes the lease if nobody has it. `holder` is for people who look into the table.
    pub async fn claim(
        &self,
        name: &str,
        holder: &str,
        length: SignedDuration,
    ) -> Result<Option<Lease>, Error> {
        match self
            .take(name, holder, length, Condition::Absent.requirement())
            .await
        {
            Ok(lease) => Ok(Some(lease)),
            Err(Error::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Holds a lease for longer, from now; a conflict if somebody else took it meanwhile.
    pub async fn renew(&self, lease: Lease, length: SignedDuration) -> Result<Lease, Error> {
        let requirement = Requirement::WrittenBy(lease.write_id);
        self.take(&lease.name, &lease.holder, length, requirement)
            .await
    }

    /// Gives a lease back. One that somebody else took after it expired stays theirs.
    pub async fn release(&self, lease: Lease) -> Result<(), Error> {
        let requirement = Requirement::WrittenBy(lease.write_id);
        match self
            .table
            .delete_under(&key(&lease.name), &requirement)
            .await
        {
            Err(Error::Conflict { .. }) => Ok(()),
            other => other,
        }
    }

    async fn take(
        &self,
        name: &str,
        holder: &str,
        length: SignedDuration,
        requirement: Requirement,
    ) -> Result<Lease, Error> {
        let expires_at = after(self.table.now(), length);
        let held = Held {
            holder: holder.to_owned(),
        };
        let write = Write::put(key(name), &held, Condition::Any)?.expires(expires_at);
        let What::Put { attributes, .. } = write.what else {
            return Err(Error::Malformed {
                key: write.key.to_string(),
                why: "a lease is put",
            });
        };
        let write_id = self
            .table
            .put_under(&write.key, attributes, &requirement)
            .await?;
        Ok(Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            write_id,
            expires_at,
        })
    }
}

fn key(name: &str) -> Key {
    Key::new(format!("LEASE#{name}"), "LEASE")
}
