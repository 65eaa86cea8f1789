use engine::FieldKind;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use crate::row::unquoted;

/// In the order of their bits, which are stored: add at the end only.
const KINDS: [FieldKind; 13] = [
    FieldKind::Boolean,
    FieldKind::Integer,
    FieldKind::Decimal,
    FieldKind::Number,
    FieldKind::Text,
    FieldKind::Date,
    FieldKind::Time,
    FieldKind::Timestamp,
    FieldKind::LocalTimestamp,
    FieldKind::Bytes,
    FieldKind::Object,
    FieldKind::List,
    FieldKind::Mixed,
];

/// The kinds of values that a field had. Nulls leave no trace here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) fn of(kind: FieldKind) -> Self {
        let bit = KINDS.iter().position(|known| *known == kind);
        Self(bit.map_or(0, |bit| 1 << bit))
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The one kind that holds all of them.
    pub(crate) fn kind(self) -> FieldKind {
        let within = |kinds: &[FieldKind]| {
            let allowed = kinds
                .iter()
                .fold(Self::default(), |all, kind| all.and(Self::of(*kind)));
            self.0 & !allowed.0 == 0
        };
        if self.0 == 0 {
            return FieldKind::Null;
        }
        if let Some(only) = KINDS.iter().find(|kind| Self::of(**kind) == self) {
            return *only;
        }
        let numbers = [FieldKind::Integer, FieldKind::Number];
        let texts = [
            FieldKind::Text,
            FieldKind::Decimal,
            FieldKind::Date,
            FieldKind::Time,
            FieldKind::Timestamp,
            FieldKind::LocalTimestamp,
            FieldKind::Bytes,
        ];
        if within(&numbers) {
            FieldKind::Number
        } else if within(&texts) {
            FieldKind::Text
        } else {
            FieldKind::Mixed
        }
    }
}

/// What a value is, by its JSON text alone. Text is a date or a time only in full ISO 8601.
pub(crate) fn kind_of(json: &str) -> FieldKind {
    match json.as_bytes().first() {
        Some(b'n') => FieldKind::Null,
        Some(b't' | b'f') => FieldKind::Boolean,
        Some(b'{') => FieldKind::Object,
        Some(b'[') => FieldKind::List,
        Some(b'"') => kind_of_text(json),
        _ if json.contains(['.', 'e', 'E']) => FieldKind::Number,
        _ => FieldKind::Integer,
    }
}

fn kind_of_text(json: &str) -> FieldKind {
    // Most texts fail on their first bytes, before anything is parsed.
    let bytes = &json.as_bytes()[1..json.len() - 1];
    let dashed = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(n, byte)| match n {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !dashed || bytes.len() > 40 {
        return FieldKind::Text;
    }
    let Some(text) = unquoted(json) else {
        return FieldKind::Text;
    };
    if bytes.len() == 10 {
        return match text.parse::<Date>() {
            Ok(_) => FieldKind::Date,
            Err(_) => FieldKind::Text,
        };
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') {
        FieldKind::Text
    } else if text.parse::<Timestamp>().is_ok() {
        FieldKind::Timestamp
    } else if text.parse::<DateTime>().is_ok() {
        FieldKind::LocalTimestamp
    } else {
        FieldKind::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart() {
        for (json, kind) in [
            ("null", FieldKind::Null),
            ("true", FieldKind::Boolean),
            ("-12", FieldKind::Integer),
            ("12345678901234567890123", FieldKind::Integer),
            ("1.0", FieldKind::Number),
            ("1e5", FieldKind::Number),
            ("{}", FieldKind::Object),
            ("[]", FieldKind::List),
            ("\"\"", FieldKind::Text),
            ("\"12\"", FieldKind::Text),
            ("\"2026-01-31\"", FieldKind::Date),
            ("\"2026-02-30\"", FieldKind::Text),
            ("\"2026-01-31T09:15:00Z\"", FieldKind::Timestamp),
            ("\"2026-01-31T09:15:00.123+02:00\"", FieldKind::Timestamp),
            ("\"2026-01-31 09:15:00\"", FieldKind::LocalTimestamp),
            ("\"2026-01-31T09:15:00\"", FieldKind::LocalTimestamp),
            ("\"2026-01-31 was a Saturday\"", FieldKind::Text),
            ("\"2026-01-31-7\"", FieldKind::Text),
            ("\"31.01.2026\"", FieldKind::Text),
            ("\"2026-01-3\\u0031\"", FieldKind::Text),
            ("\"ü\"", FieldKind::Text),
        ] {
            assert_eq!(kind_of(json), kind, "{json}");
        }
    }

    #[test]
    fn several_kinds_have_one_that_holds_them() {
        use FieldKind::{Boolean, Date, Integer, Mixed, Null, Number, Object, Text, Timestamp};
        for (kinds, together) in [
            (&[][..], Null),
            (&[Null, Null], Null),
            (&[Null, Integer], Integer),
            (&[Integer, Number], Number),
            (&[Date, Timestamp], Text),
            (&[Date, Text], Text),
            (&[Integer, Text], Mixed),
            (&[Boolean, Object], Mixed),
            (&[Mixed, Mixed], Mixed),
        ] {
            let all = kinds
                .iter()
                .fold(Kinds::default(), |all, kind| all.and(Kinds::of(*kind)));
            assert_eq!(all.kind(), together, "{kinds:?}");
        }
    }
}
