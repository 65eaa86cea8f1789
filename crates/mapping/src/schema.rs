use std::collections::BTreeMap;

use engine::{Field, FieldKind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::kind::{Kinds, kind_of};
use crate::row::Row;

/// As many fields as a schema keeps; further ones are only noted as left out.
pub const MAX_FIELDS: usize = 500;
/// Longer names are no names, but data in the wrong place.
const MAX_NAME: usize = 256;

/// The fields of a stream's rows, as they were seen or as the source declares them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    rows: u64,
    fields: BTreeMap<String, Seen>,
    #[serde(default, skip_serializing_if = "is_false")]
    truncated: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    declared: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    /// Its place among the fields: they are listed in the order in which they were first seen.
    at: u16,
    kinds: Kinds,
    /// How many rows have it.
    rows: u64,
    #[serde(default, skip_serializing_if = "is_false")]
    nulls: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    native: Option<String>,
}

// serde's signature.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Schema {
    /// The schema that the source declares; rows need not be observed then.
    pub fn of(fields: &[Field]) -> Self {
        let mut schema = Self {
            declared: true,
            ..Self::default()
        };
        for field in fields {
            let kinds = Kinds::of(field.kind);
            if let Some(seen) = schema.entry(&field.name) {
                seen.kinds = kinds;
                seen.nulls = field.nullable;
                seen.native.clone_from(&field.native);
            }
        }
        schema
    }

    /// Takes note of a row's fields. What is no object has none.
    pub fn observe(&mut self, row: &RawValue) {
        let Ok(row) = Row::read(row.get()) else {
            return;
        };
        self.rows += 1;
        for field in row.fields() {
            let kind = kind_of(&field.value);
            if let Some(seen) = self.entry(&field.name()) {
                seen.rows += 1;
                seen.kinds = seen.kinds.and(Kinds::of(kind));
                seen.nulls |= kind == FieldKind::Null;
            }
        }
    }

    /// Adds what another schema of the same stream knows, as if its rows were observed here.
    pub fn merge(&mut self, other: &Self) {
        for (name, theirs) in other.in_order() {
            if let Some(ours) = self.entry(name) {
                ours.rows += theirs.rows;
                ours.kinds = ours.kinds.and(theirs.kinds);
                ours.nulls |= theirs.nulls;
                ours.native = theirs.native.clone().or(ours.native.take());
            }
        }
        self.rows += other.rows;
        self.truncated |= other.truncated;
        self.declared |= other.declared;
    }

    /// The fields in the order in which they were first seen.
    pub fn fields(&self) -> Vec<Field> {
        let fields = self.in_order().into_iter().map(|(name, seen)| Field {
            name: name.to_owned(),
            kind: seen.kinds.kind(),
            nullable: self.is_nullable(seen),
            native: seen.native.clone(),
        });
        fields.collect()
    }

    /// Whether there were more fields than the [`MAX_FIELDS`] that are kept.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Rows observed.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub(crate) fn is_declared(&self) -> bool {
        self.declared
    }

    fn in_order(&self) -> Vec<(&str, &Seen)> {
        let mut fields: Vec<(&str, &Seen)> = self
            .fields
            .iter()
            .map(|(name, seen)| (name.as_str(), seen))
            .collect();
        fields.sort_by_key(|(_, seen)| seen.at);
        fields
    }

    fn is_nullable(&self, seen: &Seen) -> bool {
        seen.nulls || seen.rows < self.rows
    }

    /// The entry of `name`, which a new one is made for while there is room.
    fn entry(&mut self, name: &str) -> Option<&mut Seen> {
        if !self.fields.contains_key(name) {
            let at = self.fields.len();
            if at >= MAX_FIELDS || name.len() > MAX_NAME {
                self.truncated = true;
                return None;
            }
            let new = Seen {
                at: at as u16,
                kinds: Kinds::default(),
                rows: 0,
                nulls: false,
                native: None,
            };
            self.fields.insert(name.to_owned(), new);
        }
        self.fields.get_mut(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn observed(rows: &[&str]) -> Schema {
        let mut schema = Schema::default();
        for row in rows {
            schema.observe(serde_json::from_str(row).unwrap());
        }
        schema
    }

    fn field(name: &str, kind: FieldKind, nullable: bool) -> Field {
        Field {
            name: name.to_owned(),
            kind,
            nullable,
            native: None,
        }
    }

    #[test]
    fn fields_are_found_with_kind_and_nulls_in_the_order_of_the_source() {
        let schema = observed(&[
            r#"{"id":1,"name":"x","paid":null,"due":"2026-01-31"}"#,
            r#"{"id":2,"name":null,"due":"2026-02-01","more":{}}"#,
        ]);
        assert_eq!(
            schema.fields(),
            [
                field("id", FieldKind::Integer, false),
                field("name", FieldKind::Text, true),
                field("paid", FieldKind::Null, true),
                field("due", FieldKind::Date, false),
                field("more", FieldKind::Object, true),
            ]
        );
    }

    #[test]
    fn fields_are_bounded_and_that_is_noted() {
        let row = |from: usize, to: usize| {
            let fields: Vec<String> = (from..to).map(|n| format!("\"f{n}\":1")).collect();
            format!("{{{}}}", fields.join(","))
        };
        let mut schema = observed(&[&row(0, MAX_FIELDS)]);
        assert!(!schema.is_truncated());
        schema.merge(&observed(&[&row(MAX_FIELDS, MAX_FIELDS + 5)]));
        assert!(schema.is_truncated());
        assert_eq!(schema.fields().len(), MAX_FIELDS);
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(MAX_NAME + 1));
        assert!(observed(&[&long]).is_truncated());
    }

    #[test]
    fn what_is_stored_is_what_was_known() {
        let mut schema = observed(&[r#"{"id":1,"at":"2026-01-31T00:00:00Z"}"#, "{}"]);
        schema.merge(&Schema::of(&[Field {
            native: Some("numeric(38,18)".to_owned()),
            ..field("price", FieldKind::Decimal, true)
        }]));
        let stored = serde_json::to_string(&schema).unwrap();
        assert_eq!(serde_json::from_str::<Schema>(&stored).unwrap(), schema);
    }

    fn rows() -> impl Strategy<Value = Vec<String>> {
        let value = proptest::sample::select(vec![
            "null",
            "1",
            "1.5",
            "true",
            "\"x\"",
            "\"2026-01-31\"",
            "{}",
        ]);
        let row = proptest::collection::btree_map("[a-e]", value, 0..5).prop_map(|fields| {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            format!("{{{}}}", fields.join(","))
        });
        proptest::collection::vec(row, 0..8)
    }

    proptest! {
        #[test]
        fn legs_of_a_run_know_together_what_one_would_know(first in rows(), second in rows()) {
            let text = |rows: &[String]| -> Schema {
                observed(&rows.iter().map(String::as_str).collect::<Vec<_>>())
            };
            let mut merged = text(&first);
            merged.merge(&text(&second));
            let all: Vec<String> = first.into_iter().chain(second).collect();
            let mut whole = text(&all).fields();
            let mut merged = merged.fields();
            whole.sort_by(|a, b| a.name.cmp(&b.name));
            merged.sort_by(|a, b| a.name.cmp(&b.name));
            prop_assert_eq!(merged, whole);
        }
    }
}
