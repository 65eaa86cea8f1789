use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::error::Error;
use crate::expression::Requirement;
use crate::item::{self, Attributes, Key};
use crate::time::ceil_second;

/// What must hold for a write to take place; if not, [`Error::Conflict`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// There is no such item, or it has expired.
    Absent,
    /// The item is as it was when it had this version.
    Version(u64),
    /// Whatever is there. For items that nobody changes by version.
    Any,
}

impl Condition {
    /// For what was read with this version, where 0 stands for "not there yet".
    pub fn of_version(version: u64) -> Self {
        match version {
            0 => Self::Absent,
            version => Self::Version(version),
        }
    }

    /// The version that an item put under this condition has.
    pub fn next_version(self) -> u64 {
        match self {
            Self::Absent => 1,
            Self::Version(version) => version + 1,
            Self::Any => 0,
        }
    }

    pub(crate) fn requirement(self) -> Requirement {
        match self {
            Self::Absent => Requirement::Absent,
            Self::Version(version) => Requirement::Version(version),
            Self::Any => Requirement::Nothing,
        }
    }
}

/// One change of one item, to be made alone or in a transaction.
#[derive(Clone)]
pub struct Write {
    pub(crate) key: Key,
    pub(crate) what: What,
}

#[derive(Clone)]
pub(crate) enum What {
    Put {
        attributes: Attributes,
        requirement: Requirement,
    },
    Delete(Requirement),
    Check(Requirement),
    Add {
        counters: BTreeMap<String, i64>,
        expires_at: Option<i64>,
    },
}

impl Write {
    /// Puts a whole item; its version is [`Condition::next_version`].
    pub fn put<T: Serialize>(key: Key, value: &T, condition: Condition) -> Result<Self, Error> {
        let mut attributes = item::encoded(&key, value)?;
        attributes.extend(key.attributes());
        attributes.insert(
            item::VERSION.to_owned(),
            item::number(&condition.next_version()),
        );
        Ok(Self {
            key,
            what: What::Put {
                attributes,
                requirement: condition.requirement(),
            },
        })
    }

    /// Deletes an item. Alone, one that is gone already counts as deleted.
    pub fn delete(key: Key, condition: Condition) -> Self {
        Self::deletion(key, condition.requirement())
    }

    pub(crate) fn deletion(key: Key, requirement: Requirement) -> Self {
        Self {
            key,
            what: What::Delete(requirement),
        }
    }

    /// Changes nothing, but makes its transaction depend on the condition.
    pub fn check(key: Key, condition: Condition) -> Self {
        Self {
            key,
            what: What::Check(condition.requirement()),
        }
    }

    /// Adds to counters of an item, from 0 if there is none. The item has no version.
    pub fn add(key: Key, counters: impl IntoIterator<Item = (String, i64)>) -> Self {
        let mut sums = BTreeMap::new();
        for (counter, n) in counters {
            *sums.entry(counter).or_default() += n;
        }
        Self {
            key,
            what: What::Add {
                counters: sums,
                expires_at: None,
            },
        }
    }

    /// From `at` on the item is absent; `DynamoDB` removes it within days.
    #[must_use]
    pub fn expires(mut self, at: Timestamp) -> Self {
        let second = ceil_second(at);
        match &mut self.what {
            What::Put { attributes, .. } => {
                attributes.insert(item::EXPIRES_AT.to_owned(), item::number(&second));
            }
            What::Add { expires_at, .. } => *expires_at = Some(second),
            What::Delete(_) | What::Check(_) => {}
        }
        self
    }

    /// Shows the item in the list `lpk`, in the order of `lsk`.
    #[must_use]
    pub fn listed(mut self, lpk: &str, lsk: &str) -> Self {
        if let What::Put { attributes, .. } = &mut self.what {
            attributes.insert(item::LPK.to_owned(), item::text(lpk));
            attributes.insert(item::LSK.to_owned(), item::text(lsk));
        }
        self
    }

    /// The item that this changes.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

/// Without the content, which may be personal.
impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, requirement) = match &self.what {
            What::Put { requirement, .. } => ("put", Some(requirement)),
            What::Delete(requirement) => ("delete", Some(requirement)),
            What::Check(requirement) => ("check", Some(requirement)),
            What::Add { .. } => ("add", None),
        };
        f.debug_struct("Write")
            .field("key", &self.key)
            .field("what", &what)
            .field("requirement", &requirement)
            .finish_non_exhaustive()
    }
}
