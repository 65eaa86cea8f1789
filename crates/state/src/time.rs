use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Sorts as text as it does in time.
pub(crate) fn sortable(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The day in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

pub(crate) fn days_after(at: Timestamp, days: u32) -> Timestamp {
    after(at, SignedDuration::from_hours(24 * i64::from(days)))
}

pub(crate) fn after(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// Whole epoch seconds, up: an item lives at least as long as asked for.
pub(crate) fn ceil_second(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_sorts_like_time() {
        let times = [
            "2026-03-04T05:00:00Z",
            "2026-03-04T05:00:00.007Z",
            "2026-03-04T05:00:00.07Z",
            "2026-03-04T05:00:01Z",
        ];
        let texts = times.map(|at| sortable(at.parse().unwrap()));
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[0], "2026-03-04T05:00:00.000Z");
    }

    #[test]
    fn a_started_second_counts() {
        for (at, second) in [("1970-01-01T00:00:07Z", 7), ("1970-01-01T00:00:07.1Z", 8)] {
            assert_eq!(ceil_second(at.parse().unwrap()), second);
        }
    }
}
