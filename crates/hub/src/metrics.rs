use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use crate::run::{Run, RunStatus};

/// Durations are counted in classes whose upper bounds double: 1 s, 2 s … about 36 hours.
const CLASSES: u32 = 18;
const CLASS: &str = "duration_class_";
const STREAM: &str = "stream#";

/// What syncs did on one day, or in all, in UTC.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Syncs ended.
    pub runs: u64,
    /// Of these, those that did everything.
    pub succeeded: u64,
    /// Of these, those that did not.
    pub failed: u64,
    /// Rows read.
    pub rows: u64,
    /// Rows that could not be taken in.
    pub failed_rows: u64,
    /// Records found to be gone.
    pub deleted: u64,
    /// Requests and statements.
    pub requests: u64,
    /// Time of all runs together.
    pub duration_ms: u64,
    /// Of one run on average.
    pub average_duration_ms: u64,
    /// Half of the runs took no longer, to within a factor of two.
    pub p50_duration_ms: u64,
    /// 95 of 100 runs took no longer, to within a factor of two.
    pub p95_duration_ms: u64,
    /// By stream.
    pub streams: BTreeMap<String, StreamFigures>,
}

/// What syncs did with one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamFigures {
    /// Rows read.
    pub rows: u64,
    /// Rows that could not be taken in.
    pub failed_rows: u64,
    /// Records found to be gone.
    pub deleted: u64,
    /// Runs in which the stream failed.
    pub failed: u64,
}

/// Figures of a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// In UTC.
    pub date: Date,
    /// What happened.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of an integration over some days.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// First day.
    pub start_date: Date,
    /// Last day, included.
    pub end_date: Date,
    /// All days together.
    pub totals: Figures,
    /// Days with at least one run, oldest first.
    pub days: Vec<Day>,
}

/// The counters of a day's item; flat, because `DynamoDB` only adds to top-level numbers.
pub(crate) type Counters = BTreeMap<String, i64>;

/// What an ended run adds to its day.
pub(crate) fn counters(run: &Run) -> Counters {
    let mut all = Counters::new();
    let mut add = |name: String, count: u64| {
        if count > 0 {
            *all.entry(name).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
        }
    };
    add("runs".to_owned(), 1);
    let outcome = if run.status == RunStatus::Succeeded {
        "succeeded"
    } else {
        "failed"
    };
    add(outcome.to_owned(), 1);
    add("requests".to_owned(), run.used.requests);
    let took = duration_ms(run);
    add("duration_ms".to_owned(), took);
    add(format!("{CLASS}{:02}", class(took)), 1);
    for stream in &run.streams {
        let failed = u64::from(stream.error.is_some());
        for (name, count) in [
            ("rows", stream.rows),
            ("failed_rows", stream.failed_rows),
            ("deleted", stream.deleted),
        ] {
            add(name.to_owned(), count);
            add(format!("{STREAM}{name}#{}", stream.name), count);
        }
        add(format!("{STREAM}failed#{}", stream.name), failed);
    }
    all
}

impl Metrics {
    pub(crate) fn of(start: Date, end: Date, days: &[(Date, Counters)]) -> Self {
        let mut sums = Counters::new();
        for (name, count) in days.iter().flat_map(|(_, counters)| counters) {
            *sums.entry(name.clone()).or_default() += count;
        }
        let days = days.iter().map(|(date, counters)| Day {
            date: *date,
            figures: Figures::of(counters),
        });
        Self {
            start_date: start,
            end_date: end,
            totals: Figures::of(&sums),
            days: days.collect(),
        }
    }
}

impl Figures {
    fn of(counters: &Counters) -> Self {
        let get = |name: &str| number(counters.get(name));
        let runs = get("runs");
        let mut figures = Self {
            runs,
            succeeded: get("succeeded"),
            failed: get("failed"),
            rows: get("rows"),
            failed_rows: get("failed_rows"),
            deleted: get("deleted"),
            requests: get("requests"),
            duration_ms: get("duration_ms"),
            average_duration_ms: get("duration_ms").checked_div(runs).unwrap_or(0),
            p50_duration_ms: percentile(counters, 50),
            p95_duration_ms: percentile(counters, 95),
            streams: BTreeMap::new(),
        };
        for (name, count) in counters {
            let parts = name
                .strip_prefix(STREAM)
                .and_then(|rest| rest.split_once('#'));
            let Some((what, stream)) = parts else {
                continue;
            };
            let of_stream = figures.streams.entry(stream.to_owned()).or_default();
            let count = number(Some(count));
            match what {
                "rows" => of_stream.rows = count,
                "failed_rows" => of_stream.failed_rows = count,
                "deleted" => of_stream.deleted = count,
                "failed" => of_stream.failed = count,
                _ => {}
            }
        }
        figures
    }
}

fn number(count: Option<&i64>) -> u64 {
    count
        .and_then(|count| u64::try_from(*count).ok())
        .unwrap_or(0)
}

fn duration_ms(run: &Run) -> u64 {
    let (Some(started), Some(ended)) = (run.started_at, run.ended_at) else {
        return 0;
    };
    u64::try_from(ended.duration_since(started).as_millis()).unwrap_or(0)
}

/// The class whose upper bound is `1 s << class`.
fn class(took_ms: u64) -> u32 {
    (0..CLASSES)
        .find(|class| took_ms <= 1000 << class)
        .unwrap_or(CLASSES)
}

/// Upper bound of the class that the run at `percent` lies in.
fn percentile(counters: &Counters, percent: u64) -> u64 {
    let counts: Vec<_> = (0..=CLASSES)
        .map(|class| number(counters.get(&format!("{CLASS}{class:02}"))))
        .collect();
    let rank = (counts.iter().sum::<u64>() * percent).div_ceil(100);
    let mut sum = 0;
    for (bound, count) in (0..).map(|class| 1000_u64 << class).zip(counts) {
        sum += count;
        if count > 0 && sum >= rank {
            return bound;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{RunKind, StreamRun, Trigger};
    use jiff::{SignedDuration, Timestamp};
    use lake::RunId;

    fn run(seconds: i64, rows: u64, failed: bool) -> Run {
        let begun = Timestamp::UNIX_EPOCH;
        let id = RunId::parse("1").unwrap();
        let mut run = Run::queued(id, RunKind::Sync, Trigger::Manual, begun);
        run.begin(begun);
        run.used.requests = 2;
        run.streams = vec![StreamRun {
            rows,
            ..StreamRun::waiting("leads")
        }];
        let error = failed.then(|| crate::RunError::new(engine::Kind::Upstream, "down"));
        run.end(error, begun + SignedDuration::from_secs(seconds));
        run
    }

    #[test]
    fn days_add_up_to_totals() {
        let day = |n: i8| Date::constant(2026, 3, n);
        let mut first = counters(&run(1, 10, false));
        for (name, count) in counters(&run(100, 5, true)) {
            *first.entry(name).or_default() += count;
        }
        let second = counters(&run(3, 1, false));
        let metrics = Metrics::of(day(1), day(2), &[(day(1), first), (day(2), second)]);
        let totals = &metrics.totals;
        assert_eq!((totals.runs, totals.succeeded, totals.failed), (3, 2, 1));
        assert_eq!((totals.rows, totals.requests), (16, 6));
        assert_eq!(totals.streams["leads"].rows, 16);
        assert_eq!(
            (totals.duration_ms, totals.average_duration_ms),
            (104_000, 34_666)
        );
        assert_eq!(
            (totals.p50_duration_ms, totals.p95_duration_ms),
            (4000, 128_000)
        );
        assert_eq!(metrics.days[0].figures.rows, 15);
    }

    #[test]
    fn nothing_is_nothing() {
        let day = Date::constant(2026, 3, 1);
        assert_eq!(Metrics::of(day, day, &[]).totals, Figures::default());
    }
}
