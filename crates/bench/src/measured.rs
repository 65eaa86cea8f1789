use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// The least, the middle and the most of several measurements.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self {
            min: at(0),
            median: at(values.len() / 2),
            max: at(values.len().saturating_sub(1)),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ({:.1} to {:.1})", self.median, self.min, self.max)
    }
}

/// What a process used for one export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) rows: u64,
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: Duration,
    /// Largest resident set, bytes.
    pub(crate) peak: u64,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Export {
    rows: u64,
    requests: u64,
    seconds: f64,
    rows_per_second: f64,
    bound_seconds: f64,
    times_bound: f64,
    cpu_ms_per_100k_rows: f64,
    peak_mb: f64,
}

/// The vendor's largest page.
const PAGE: f64 = 100.0;

impl Export {
    pub(crate) fn new(run: Run, latency: Duration, concurrency: u32) -> Self {
        let rows = run.rows as f64;
        let seconds = run.elapsed.as_secs_f64();
        let pages = (rows / PAGE).ceil();
        let bound_seconds = pages * latency.as_secs_f64() / f64::from(concurrency);
        Self {
            rows: run.rows,
            requests: run.requests,
            seconds,
            rows_per_second: rows / seconds,
            bound_seconds,
            times_bound: seconds / bound_seconds,
            cpu_ms_per_100k_rows: run.cpu.as_secs_f64() * 1_000.0 * 100_000.0 / rows,
            peak_mb: run.peak as f64 / 1_048_576.0,
        }
    }
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>9} {:>9} {:>8.2} {:>9.0} {:>9.2} {:>9.2} {:>11.0} {:>9.1}",
            self.rows,
            self.requests,
            self.seconds,
            self.rows_per_second,
            self.bound_seconds,
            self.times_bound,
            self.cpu_ms_per_100k_rows,
            self.peak_mb
        )
    }
}
