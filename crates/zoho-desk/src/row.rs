use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The id of a ticket, agent, department: digits. Safe to put into a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntityId(String);

/// The id of a Zoho organisation (portal): digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrgId(String);

macro_rules! digits {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let valid = (1..=20).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_digit());
                valid
                    .then(|| Self(text.to_owned()))
                    .ok_or_else(|| concat!("must be a string of digits, ", $what).to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

digits!(EntityId, "e.g. \"900000000000101\"");
digits!(OrgId, "e.g. \"700000001\"");

/// What makes a row the same row on another page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RowKey {
    /// A numeric id, as all of today's are.
    Number(u64),
    /// Any other identifying text; the whole row where it has no identifying field.
    Text(Box<str>),
}

/// One record, and the few of its fields that a walk needs.
#[derive(Debug, Clone)]
pub struct Row {
    /// The record exactly as the vendor sent it.
    pub json: Box<RawValue>,
    /// Its identity.
    pub key: RowKey,
    /// `id`, where it is one that can name a parent.
    pub id: Option<EntityId>,
    /// `createdTime`, if there and readable.
    pub created: Option<Timestamp>,
    /// `modifiedTime`, if there and readable.
    pub modified: Option<Timestamp>,
}

/// The only fields of a record that are ever parsed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    ticket_id: Option<&'a RawValue>,
    #[serde(borrow)]
    thread_id: Option<&'a RawValue>,
    #[serde(borrow)]
    created_time: Option<&'a RawValue>,
    #[serde(borrow)]
    modified_time: Option<&'a RawValue>,
}

impl Row {
    /// Reads the head of `record`.
    pub(crate) fn read(record: &RawValue) -> Result<Self, serde_json::Error> {
        let head: Head<'_> = serde_json::from_str(record.get())?;
        let id = head.id.map(|id| unquoted(id).to_owned());
        let key = match (&id, head.ticket_id, head.thread_id) {
            (Some(id), _, _) if !id.is_empty() => id
                .parse()
                .map_or_else(|_| RowKey::Text(id.as_str().into()), RowKey::Number),
            // E-mail failure alerts have no id.
            (_, Some(ticket), Some(thread)) => {
                RowKey::Text(format!("{}/{}", unquoted(ticket), unquoted(thread)).into())
            }
            _ => RowKey::Text(record.get().into()),
        };
        Ok(Self {
            // A copy, so that one row that is kept does not keep its whole page.
            json: record.to_owned(),
            key,
            id: id.and_then(|id| id.parse().ok()),
            created: head.created_time.and_then(time),
            modified: head.modified_time.and_then(time),
        })
    }
}

fn unquoted(value: &RawValue) -> &str {
    match value.get() {
        "null" => "",
        text => text.trim_matches('"'),
    }
}

fn time(value: &RawValue) -> Option<Timestamp> {
    unquoted(value).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Row {
        Row::read(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_row_is_known_by_its_id_or_else_by_ticket_and_thread_or_else_by_itself() {
        for (record, key) in [
            (r#"{"id":"42"}"#, RowKey::Number(42)),
            (r#"{"id":42}"#, RowKey::Number(42)),
            (r#"{"id":"a-1"}"#, RowKey::Text("a-1".into())),
            (
                r#"{"id":null,"ticketId":"1","threadId":"2"}"#,
                RowKey::Text("1/2".into()),
            ),
            (r#"{"name":"x"}"#, RowKey::Text(r#"{"name":"x"}"#.into())),
        ] {
            assert_eq!(read(record).key, key, "{record}");
        }
    }

    #[test]
    fn times_are_read_and_odd_ones_are_left_out() {
        let row =
            read(r#"{"id":"1","createdTime":"2026-01-31T09:15:00.000Z","modifiedTime":"soon"}"#);
        assert_eq!(row.created, Some("2026-01-31T09:15:00Z".parse().unwrap()));
        assert_eq!(row.modified, None);
    }

    #[test]
    fn ids_are_digits_only() {
        for bad in [
            "",
            "12a",
            "-1",
            "1/2",
            "..",
            "１２",
            "123456789012345678901",
        ] {
            assert!(bad.parse::<EntityId>().is_err(), "{bad}");
        }
        assert!("900000000000101".parse::<EntityId>().is_ok());
    }
}
