use std::collections::HashMap;
use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cursor::Cursor;
use crate::error::Error;

pub(crate) type Attributes = HashMap<String, AttributeValue>;

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const VERSION: &str = "version";
pub(crate) const EXPIRES_AT: &str = "expires_at";
pub(crate) const LPK: &str = "lpk";
pub(crate) const LSK: &str = "lsk";
/// Random for each write, so that a write whose answer got lost is recognised as our own.
pub(crate) const WRITE: &str = "write_id";

const RESERVED: [&str; 7] = [PK, SK, VERSION, EXPIRES_AT, LPK, LSK, WRITE];

/// Where an item lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    /// A key of both parts.
    pub fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    pub(crate) fn attributes(&self) -> Attributes {
        HashMap::from([
            (PK.to_owned(), text(&self.pk)),
            (SK.to_owned(), text(&self.sk)),
        ])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// An item as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// Where it lies.
    pub key: Key,
    /// The number to name in [`crate::Condition::Version`] for a change of what was read.
    pub version: u64,
    /// When it stops being there.
    pub expires_at: Option<Timestamp>,
    /// Its content.
    pub value: T,
    pub(crate) listing: Option<(String, String)>,
}

impl<T> Stored<T> {
    /// Content that is not in the table yet: its version is 0.
    pub fn absent(key: Key, value: T) -> Self {
        Self {
            key,
            version: 0,
            expires_at: None,
            value,
            listing: None,
        }
    }

    /// A cursor to the items after this one in the list it was read from by
    /// [`crate::Table::query_listing`].
    pub fn listing_cursor(&self) -> Cursor {
        Cursor::at(&self.key, self.listing.as_ref())
    }

    /// The same item with other content.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Stored<U> {
        Stored {
            key: self.key,
            version: self.version,
            expires_at: self.expires_at,
            value: change(self.value),
            listing: self.listing,
        }
    }
}

pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(crate) fn number(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The content's attributes, without the table's own.
pub(crate) fn encoded<T: Serialize>(key: &Key, value: &T) -> Result<Attributes, Error> {
    let malformed = |why| Error::Malformed {
        key: key.to_string(),
        why,
    };
    let attributes: Attributes = serde_dynamo::to_item(value)
        .map_err(|_| malformed("its content cannot be written as attributes"))?;
    if RESERVED.iter().any(|name| attributes.contains_key(*name)) {
        return Err(malformed(
            "its content uses an attribute of the table's own",
        ));
    }
    Ok(attributes)
}

pub(crate) fn expires_at(attributes: &Attributes) -> Option<i64> {
    attributes.get(EXPIRES_AT)?.as_n().ok()?.parse().ok()
}

pub(crate) fn is_expired(attributes: &Attributes, now: Timestamp) -> bool {
    expires_at(attributes).is_some_and(|at| at <= now.as_second())
}

pub(crate) fn string(attributes: &Attributes, name: &str) -> Option<String> {
    Some(attributes.get(name)?.as_s().ok()?.clone())
}

pub(crate) fn key_of(attributes: &Attributes) -> Option<Key> {
    Some(Key::new(string(attributes, PK)?, string(attributes, SK)?))
}

/// Why an item does not read is never told by its content, which may be personal.
pub(crate) fn decoded<T: DeserializeOwned>(attributes: Attributes) -> Result<Stored<T>, Error> {
    let key = key_of(&attributes).ok_or_else(|| Error::Malformed {
        key: "an item".to_owned(),
        why: "it has no pk and sk of type string",
    })?;
    let expires_at = expires_at(&attributes).and_then(|second| Timestamp::from_second(second).ok());
    let version = attributes
        .get(VERSION)
        .and_then(|value| value.as_n().ok()?.parse().ok())
        .unwrap_or_default();
    let listing = string(&attributes, LPK).zip(string(&attributes, LSK));
    let value = serde_dynamo::from_item(attributes).map_err(|_| Error::Malformed {
        key: key.to_string(),
        why: "its attributes are not those of its kind",
    })?;
    Ok(Stored {
        key,
        version,
        expires_at,
        value,
        listing,
    })
}
