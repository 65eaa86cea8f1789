use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Dialect, From, Statement, Value};

/// What a cursor counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorKind {
    /// Moments, such as `timestamptz`.
    Moment,
    /// Clock readings without a zone, such as `datetime`.
    LocalMoment,
    /// Days.
    Day,
    /// Whole numbers: a sequence, a row version.
    Whole,
    /// Anything else that is ordered.
    Other,
}

/// The greatest cursor that was seen, from which the next run reads on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// It.
    pub at: Value,
    /// Where the next run begins, itself included: `at` less the lag, for rows that were committed
    /// later than others with greater cursors.
    pub low: Value,
    /// When it was seen first, in the database's seconds since 1970; `None`: the database is a file
    /// of which nobody knows how old it is.
    pub seen: Option<i64>,
    /// It was read again after the lag, so nothing up to it can appear any more.
    pub settled: bool,
}

impl Mark {
    /// The mark after this one, given what was seen now: the same cursor, long enough after it was
    /// seen first, is settled.
    #[must_use]
    pub fn followed_by(&self, mut now: Self, lag: Duration) -> Self {
        if now.at != self.at {
            return now;
        }
        let lag = i64::try_from(lag.as_secs()).unwrap_or(i64::MAX);
        now.settled = self.settled
            || matches!((self.seen, now.seen), (Some(then), Some(now)) if now - then > lag);
        // The lag counts from when it was seen first.
        now.seen = self.seen.or(now.seen);
        now
    }

    /// Asks for three columns: the greatest cursor, the same less the lag (or again itself), and
    /// the database's time. Cursors in the future are left out: one typing error would otherwise
    /// hide all changes until then.
    pub fn statement(
        dialect: Dialect,
        from: &From,
        column: &str,
        kind: CursorKind,
        lag: Duration,
    ) -> Statement {
        let greatest = format!("max({})", dialect.column(column));
        let lag = Lag::of(dialect, kind, lag);
        let lower = match &lag.back {
            Some(back) => format!("{greatest} - {back}"),
            None => greatest.clone(),
        };
        let (greatest, lower, now) = match dialect {
            Dialect::PostgreSql => (
                format!("{greatest}::text"),
                format!("({lower})::text"),
                "extract(epoch from clock_timestamp())::bigint::text",
            ),
            Dialect::MySql => (greatest, lower, "UNIX_TIMESTAMP()"),
            Dialect::Sqlite => (greatest, lower, "NULL"),
        };
        let not_later = match &lag.not_later {
            Some(limit) => format!(" WHERE {} <= {limit}", dialect.column(column)),
            None => String::new(),
        };
        Statement {
            text: format!(
                "SELECT {greatest}, {lower}, {now} FROM {}{not_later}",
                from.sql(dialect)
            ),
            parameters: Vec::new(),
        }
    }
}

/// `value` less `overlap`, for cursors that are whole numbers.
pub fn lowered(value: &Value, overlap: u32) -> Option<Value> {
    let low = value.whole()? - i128::from(overlap);
    Some(match value {
        Value::UInt(_) => Value::UInt(u64::try_from(low).unwrap_or(0)),
        Value::Text(_) => Value::Text(low.max(i128::from(i64::MIN)).to_string()),
        _ => Value::Int(i64::try_from(low).unwrap_or(i64::MIN)),
    })
}

struct Lag {
    back: Option<String>,
    not_later: Option<String>,
}

impl Lag {
    fn of(dialect: Dialect, kind: CursorKind, lag: Duration) -> Self {
        let seconds = lag.as_secs();
        let days = seconds.div_ceil(86_400);
        // No clock on earth is more than 14 hours ahead of UTC.
        let (back, not_later) = match (dialect, kind) {
            (Dialect::PostgreSql, CursorKind::Moment) => (
                Some(format!("interval '{seconds} seconds'")),
                Some("now()".to_owned()),
            ),
            (Dialect::PostgreSql, CursorKind::LocalMoment) => (
                Some(format!("interval '{seconds} seconds'")),
                Some("(now() AT TIME ZONE 'UTC') + interval '14 hours'".to_owned()),
            ),
            (Dialect::PostgreSql, CursorKind::Day) => {
                (Some(days.to_string()), Some("current_date + 1".to_owned()))
            }
            (Dialect::MySql, CursorKind::Moment) => (
                Some(format!("INTERVAL {seconds} SECOND")),
                Some("CURRENT_TIMESTAMP(6)".to_owned()),
            ),
            (Dialect::MySql, CursorKind::LocalMoment) => (
                Some(format!("INTERVAL {seconds} SECOND")),
                Some("UTC_TIMESTAMP(6) + INTERVAL 14 HOUR".to_owned()),
            ),
            (Dialect::MySql, CursorKind::Day) => (
                Some(format!("INTERVAL {days} DAY")),
                Some("UTC_DATE() + INTERVAL 1 DAY".to_owned()),
            ),
            (Dialect::Sqlite, _) | (_, CursorKind::Whole | CursorKind::Other) => (None, None),
        };
        Self { back, not_later }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: i64, seen: i64) -> Mark {
        Mark {
            at: Value::Int(at),
            low: Value::Int(at - 10),
            seen: Some(seen),
            settled: false,
        }
    }

    #[test]
    fn a_mark_seen_again_after_the_lag_is_settled() {
        let lag = Duration::from_secs(30);
        assert!(!mark(5, 100).followed_by(mark(5, 130), lag).settled);
        let settled = mark(5, 100).followed_by(mark(5, 131), lag);
        assert!(settled.settled);
        assert!(settled.followed_by(mark(5, 132), lag).settled);
        assert!(!settled.followed_by(mark(6, 133), lag).settled);
    }

    #[test]
    fn runs_in_quick_succession_settle_it_in_the_end() {
        let lag = Duration::from_secs(30);
        let mut at = mark(5, 100);
        for seen in [110, 120, 130] {
            at = at.followed_by(mark(5, seen), lag);
            assert!(!at.settled);
        }
        assert!(at.followed_by(mark(5, 140), lag).settled);
    }

    #[test]
    fn a_file_is_never_settled() {
        let file = Mark {
            seen: None,
            ..mark(5, 0)
        };
        assert!(!file.followed_by(file.clone(), Duration::ZERO).settled);
    }

    #[test]
    fn whole_numbers_are_lowered_within_their_range() {
        assert!(lowered(&Value::Int(5), 10) == Some(Value::Int(-5)));
        assert!(lowered(&Value::UInt(5), 10) == Some(Value::UInt(0)));
        assert!(lowered(&Value::Int(i64::MIN), 10) == Some(Value::Int(i64::MIN)));
        assert!(lowered(&Value::Text("12".into()), 10) == Some(Value::Text("2".into())));
        assert!(lowered(&Value::Text("x".into()), 10).is_none());
    }
}
