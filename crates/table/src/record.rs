use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::schema::{Kind, Table};

/// What makes a row the same row in another run; the same rule by which a run drops rows that it
/// meets twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// A numeric `id`.
    Number(u64),
    /// The digest of any other identifying text.
    Text([u8; 16]),
}

impl Identity {
    fn of_text(text: &str) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&Sha256::digest(text)[..16]);
        Self::Text(short)
    }
}

/// The value of one field, read as its column's kind; `None` where it is missing, null or
/// something else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Option<Cow<'a, str>>),
    Integer(Option<i64>),
    Number(Option<f64>),
    Boolean(Option<bool>),
    /// Milliseconds since 1970.
    Time(Option<i64>),
}

/// One record of a report, taken apart as far as its table's columns need it.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) identity: Identity,
    fields: Vec<Option<&'a RawValue>>,
}

/// A row that is something else than one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a row is not one JSON object (column {place})")]
pub(crate) struct NotARecord {
    place: usize,
}

/// Reads the records of one table.
#[derive(Debug)]
pub(crate) struct RecordReader {
    table: &'static Table,
    positions: HashMap<&'static str, usize>,
}

/// Keys that identify a record, whether or not they are columns.
const ID: &str = "id";
const TICKET: &str = "ticketId";
const THREAD: &str = "threadId";

impl RecordReader {
    pub(crate) fn new(table: &'static Table) -> Self {
        let positions = table.fields.iter().enumerate();
        Self {
            table,
            positions: positions.map(|(n, field)| (field.name, n)).collect(),
        }
    }

    /// Reads `json`, which must be one JSON object.
    pub(crate) fn read<'a>(&self, json: &'a [u8]) -> Result<Record<'a>, NotARecord> {
        let json = std::str::from_utf8(json).map_err(|error| NotARecord {
            place: error.valid_up_to(),
        })?;
        // The parser's own message may quote the record.
        let unreadable = |error: serde_json::Error| NotARecord {
            place: error.column(),
        };
        let mut parser = serde_json::Deserializer::from_str(json);
        let head = parser
            .deserialize_map(HeadVisitor(self))
            .map_err(unreadable)?;
        parser.end().map_err(unreadable)?;
        let identity = head.identity(json);
        Ok(Record {
            identity,
            fields: head.fields,
        })
    }

    /// The values of `record` in the order of the table's fields.
    pub(crate) fn values<'r, 'a: 'r>(
        &'r self,
        record: &'r Record<'a>,
    ) -> impl Iterator<Item = Value<'a>> + 'r {
        let fields = self.table.fields.iter().zip(&record.fields);
        fields.map(|(column, json)| Value::read(column.kind, *json))
    }
}

impl<'a> Value<'a> {
    fn read(kind: Kind, json: Option<&'a RawValue>) -> Self {
        let json = json.map(RawValue::get);
        let text = || json.and_then(unquoted);
        match kind {
            Kind::Text => Self::Text(text()),
            Kind::Integer => Self::Integer(plain(json).and_then(|digits| digits.parse().ok())),
            Kind::Number => Self::Number(
                plain(json)
                    .filter(|digits| {
                        !digits.contains(|c: char| c.is_alphabetic() && c != 'e' && c != 'E')
                    })
                    .and_then(|digits| digits.parse().ok())
                    .filter(|number: &f64| number.is_finite()),
            ),
            Kind::Boolean => Self::Boolean(plain(json).and_then(|word| word.parse().ok())),
            Kind::Time => Self::Time(
                text()
                    .and_then(|text| text.parse::<Timestamp>().ok())
                    .map(Timestamp::as_millisecond),
            ),
        }
    }
}

/// The content of a JSON string.
fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// A JSON scalar without the quotes it may have.
fn plain(json: Option<&str>) -> Option<&str> {
    let json = json?;
    Some(
        json.strip_prefix('"')
            .and_then(|json| json.strip_suffix('"'))
            .unwrap_or(json),
    )
}

#[derive(Debug, Default)]
struct Head<'a> {
    fields: Vec<Option<&'a RawValue>>,
    id: Option<&'a RawValue>,
    ticket: Option<&'a RawValue>,
    thread: Option<&'a RawValue>,
}

impl Head<'_> {
    fn identity(&self, json: &str) -> Identity {
        let plain = |value: Option<&RawValue>| {
            plain(value.map(RawValue::get))
                .filter(|text| *text != "null")
                .map(str::to_owned)
        };
        if let Some(id) = plain(self.id).filter(|id| !id.is_empty()) {
            return id
                .parse()
                .map_or_else(|_| Identity::of_text(&id), Identity::Number);
        }
        match (plain(self.ticket), plain(self.thread)) {
            // E-mail failure alerts have no id.
            (Some(ticket), Some(thread)) => Identity::of_text(&format!("{ticket}/{thread}")),
            _ => Identity::of_text(json),
        }
    }
}

struct HeadVisitor<'t>(&'t RecordReader);

/// A key, borrowed where it is written without escapes.
#[derive(Deserialize, Serialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for HeadVisitor<'_> {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
        let mut head = Head {
            fields: vec![None; self.0.positions.len()],
            ..Head::default()
        };
        while let Some(Key(key)) = map.next_key()? {
            let position = self.0.positions.get(key.as_ref());
            let identifies = matches!(key.as_ref(), ID | TICKET | THREAD);
            if position.is_none() && !identifies {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            match key.as_ref() {
                ID => head.id = Some(value),
                TICKET => head.ticket = Some(value),
                THREAD => head.thread = Some(value),
                _ => {}
            }
            if let Some(field) = position.and_then(|n| head.fields.get_mut(*n)) {
                *field = Some(value);
            }
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(report: &str) -> RecordReader {
        RecordReader::new(Table::of(report).unwrap())
    }

    fn identity(json: &str) -> Identity {
        reader("tickets").read(json.as_bytes()).unwrap().identity
    }

    fn value<'a>(reader: &RecordReader, name: &str, json: &'a str) -> Value<'a> {
        let record = reader.read(json.as_bytes()).unwrap();
        let n = reader.positions[name];
        reader.values(&record).nth(n).unwrap()
    }

    #[test]
    fn a_row_is_known_by_its_id_or_else_by_ticket_and_thread_or_else_by_itself() {
        assert_eq!(identity(r#"{"id":"42"}"#), Identity::Number(42));
        assert_eq!(identity(r#"{"x":1,"id":42}"#), Identity::Number(42));
        assert_eq!(identity(r#"{"\u0069d":"42"}"#), Identity::Number(42));
        assert_eq!(identity(r#"{"id":"a-1"}"#), Identity::of_text("a-1"));
        assert_eq!(
            identity(r#"{"id":null,"threadId":"2","ticketId":"1"}"#),
            Identity::of_text("1/2")
        );
        let whole = r#"{"name":"x"}"#;
        assert_eq!(identity(whole), Identity::of_text(whole));
        assert_ne!(identity(whole), identity(r#"{"name":"y"}"#));
    }

    #[test]
    fn values_are_read_as_their_column_says_or_are_null() {
        let tickets = reader("tickets");
        let entries = reader("ticket-time-entry");
        let text = |text: &'static str| Value::Text(Some(text.into()));
        for (reader, name, json, expected) in [
            (&tickets, "subject", r#""a\u00fc\/b""#, text("aü/b")),
            (&tickets, "subject", r#""""#, text("")),
            (&tickets, "subject", "null", Value::Text(None)),
            (&tickets, "subject", "7", Value::Text(None)),
            (&tickets, "subject", r#"{"a":"b"}"#, Value::Text(None)),
            (&tickets, "threadCount", r#""12""#, Value::Integer(Some(12))),
            (&tickets, "threadCount", "-3", Value::Integer(Some(-3))),
            (&tickets, "threadCount", "1.5", Value::Integer(None)),
            (&tickets, "threadCount", r#""many""#, Value::Integer(None)),
            (&tickets, "threadCount", "[1]", Value::Integer(None)),
            (&tickets, "isSpam", "true", Value::Boolean(Some(true))),
            (
                &tickets,
                "isSpam",
                r#""false""#,
                Value::Boolean(Some(false)),
            ),
            (&tickets, "isSpam", "1", Value::Boolean(None)),
            (
                &tickets,
                "createdTime",
                r#""1970-01-01T00:00:01.002Z""#,
                Value::Time(Some(1_002)),
            ),
            (&tickets, "createdTime", r#""soon""#, Value::Time(None)),
            (&tickets, "createdTime", "1002", Value::Time(None)),
            (&entries, "totalCost", "1.5E1", Value::Number(Some(15.0))),
            (
                &entries,
                "totalCost",
                r#""20.00""#,
                Value::Number(Some(20.0)),
            ),
            (&entries, "totalCost", r#""inf""#, Value::Number(None)),
            (&entries, "totalCost", r#""NaN""#, Value::Number(None)),
            (&entries, "totalCost", "true", Value::Number(None)),
        ] {
            let row = format!("{{\"id\":\"1\",\"{name}\":{json}}}");
            assert_eq!(value(reader, name, &row), expected, "{name}: {json}");
        }
        assert_eq!(value(&tickets, "subject", "{}"), Value::Text(None));
    }

    #[test]
    fn of_a_key_given_twice_the_last_value_counts() {
        let tickets = reader("tickets");
        let json = r#"{"status":"Open","status":"Closed"}"#;
        assert_eq!(
            value(&tickets, "status", json),
            Value::Text(Some("Closed".into()))
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for json in [
            "[]",
            "1",
            "\"secret\"",
            "null",
            "{",
            "{} {}",
            "{\"a\":\u{1}}",
        ] {
            let error = reader("tickets").read(json.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{json}");
        }
        assert!(reader("tickets").read(b"{\"a\":\"\xff\"}").is_err());
    }
}
