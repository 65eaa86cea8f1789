use std::collections::BTreeMap;
use std::fmt;

use engine::{Field, FieldKind};
use serde::{Deserialize, Serialize};

use crate::Schema;

/// How a field of a stream changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its name.
    pub field: String,
    /// What became of it.
    #[serde(flatten)]
    pub what: What,
}

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its values are of another kind.
    KindChanged {
        /// What they were.
        from: FieldKind,
        /// What they are now, all together.
        to: FieldKind,
    },
    /// It may be null or missing now, and could not before.
    BecameNullable,
}

/// What changed since `known`, first the fields that are known, then the new ones.
///
/// `complete` says whether `seen` is of every row there is; only then can a field be gone. Of rows
/// that were merely observed, a field that shows only some of its kinds has not changed: none of the
/// last ten numbers having a fraction does not make them integers. Where both schemas are declared
/// by the source, any difference counts.
pub fn drift(known: &Schema, seen: &Schema, complete: bool) -> Vec<Change> {
    let declared = known.is_declared() && seen.is_declared();
    // Without rows nothing is known of fields; without a past, everything would be new.
    let nothing_seen = seen.rows() == 0 && !seen.is_declared();
    let nothing_known = known.rows() == 0 && !known.is_declared();
    if nothing_seen || nothing_known {
        return Vec::new();
    }
    let together = {
        let mut together = known.clone();
        together.merge(seen);
        by_name(&together)
    };
    let now = by_name(seen);
    let before = known.fields();
    let mut changes = Vec::new();
    for field in &before {
        let mut push = |what| {
            changes.push(Change {
                field: field.name.clone(),
                what,
            });
        };
        let Some(found) = now.get(&field.name) else {
            if complete && !seen.is_truncated() {
                push(What::Removed);
            }
            continue;
        };
        let widened = together
            .get(&field.name)
            .map_or(found.kind, |both| both.kind);
        let to = if declared || complete {
            found.kind
        } else {
            widened
        };
        if (declared && found.kind != field.kind) || widened != field.kind {
            push(What::KindChanged {
                from: field.kind,
                to,
            });
        }
        if found.nullable && !field.nullable {
            push(What::BecameNullable);
        }
    }
    if !known.is_truncated() {
        let new = seen.fields().into_iter();
        changes.extend(
            new.filter(|field| !before.iter().any(|old| old.name == field.name))
                .map(|field| Change {
                    field: field.name,
                    what: What::Added,
                }),
        );
    }
    changes
}

fn by_name(schema: &Schema) -> BTreeMap<String, Field> {
    let fields = schema.fields().into_iter();
    fields.map(|field| (field.name.clone(), field)).collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.field;
        match self.what {
            What::Added => write!(f, "field `{name}` is new"),
            What::Removed => write!(f, "field `{name}` is gone"),
            What::KindChanged { from, to } => {
                write!(f, "field `{name}` was {} and is {}", word(from), word(to))
            }
            What::BecameNullable => write!(f, "field `{name}` may be null or missing now"),
        }
    }
}

fn word(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Boolean => "boolean",
        FieldKind::Integer => "integer",
        FieldKind::Decimal => "decimal",
        FieldKind::Number => "number",
        FieldKind::Text => "text",
        FieldKind::Date => "date",
        FieldKind::Time => "time",
        FieldKind::Timestamp => "timestamp",
        FieldKind::LocalTimestamp => "local timestamp",
        FieldKind::Bytes => "bytes",
        FieldKind::Object => "object",
        FieldKind::List => "list",
        FieldKind::Null => "only null",
        FieldKind::Mixed => "of several kinds",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(rows: &[&str]) -> Schema {
        let mut schema = Schema::default();
        for row in rows {
            schema.observe(serde_json::from_str(row).unwrap());
        }
        schema
    }

    fn told(known: &Schema, seen: &Schema, complete: bool) -> Vec<String> {
        let changes = drift(known, seen, complete);
        changes.iter().map(Change::to_string).collect()
    }

    #[test]
    fn changes_of_rows_are_told() {
        let known = observed(&[r#"{"id":1,"price":1.5,"due":"2026-01-31","note":null}"#]);
        for (row, complete, expected) in [
            (
                r#"{"id":2,"price":2.5,"due":"2026-01-31","note":null}"#,
                true,
                &[][..],
            ),
            (
                r#"{"id":2,"price":2,"due":"2026-01-31","note":null}"#,
                true,
                &[],
            ),
            (
                r#"{"id":"a","price":1.5,"due":"soon","note":"x"}"#,
                true,
                &[
                    "field `id` was integer and is text",
                    "field `due` was date and is text",
                    "field `note` was only null and is text",
                ],
            ),
            (
                r#"{"id":"a","price":1.5,"due":"2026-01-31","note":null}"#,
                false,
                &["field `id` was integer and is of several kinds"],
            ),
            (r#"{"id":2,"price":1.5}"#, false, &[]),
            (
                r#"{"id":2,"price":null,"size":3}"#,
                true,
                &[
                    "field `price` may be null or missing now",
                    "field `due` is gone",
                    "field `note` is gone",
                    "field `size` is new",
                ],
            ),
        ] {
            assert_eq!(told(&known, &observed(&[row]), complete), expected, "{row}");
        }
    }

    #[test]
    fn without_rows_or_a_past_nothing_changed() {
        let some = observed(&[r#"{"id":1}"#]);
        assert!(drift(&some, &Schema::default(), true).is_empty());
        assert!(drift(&Schema::default(), &some, true).is_empty());
    }

    #[test]
    fn a_declared_field_that_narrows_has_changed() {
        let declared = |kind, nullable| {
            Schema::of(&[Field {
                name: "price".to_owned(),
                kind,
                nullable,
                native: None,
            }])
        };
        let text = declared(FieldKind::Text, false);
        let date = declared(FieldKind::Date, true);
        assert_eq!(
            told(&text, &date, true),
            [
                "field `price` was text and is date",
                "field `price` may be null or missing now"
            ]
        );
        assert!(drift(&text, &text, true).is_empty());
        assert_eq!(
            told(&text, &Schema::of(&[]), true),
            ["field `price` is gone"]
        );
    }

    #[test]
    fn changes_are_stored_flat() {
        let change = Change {
            field: "price".to_owned(),
            what: What::KindChanged {
                from: FieldKind::Integer,
                to: FieldKind::Mixed,
            },
        };
        let stored = serde_json::to_value(&change).unwrap();
        assert_eq!(
            stored,
            serde_json::json!({"field": "price", "change": "kind_changed", "from": "integer", "to": "mixed"})
        );
        assert_eq!(serde_json::from_value::<Change>(stored).unwrap(), change);
    }
}
