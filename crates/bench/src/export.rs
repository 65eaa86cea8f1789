use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use crate::figures::megabytes;
use crate::process::{Place, Started};
use crate::world::World;
use crate::{Failure, proc};

/// The vendor's largest page.
const PAGE: f64 = 100.0;

/// What the vendor's latency and the calls in flight leave possible, seconds.
pub(crate) fn bound_seconds(rows: u64, latency: Duration, concurrency: u32) -> f64 {
    (rows as f64 / PAGE).ceil() * latency.as_secs_f64() / f64::from(concurrency)
}

/// A full export to be measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    tickets: u32,
    latency_ms: u32,
    concurrency: u32,
    format: &'static str,
}

impl Plan {
    pub(crate) fn new(tickets: u32, latency_ms: u32, concurrency: u32) -> Self {
        Self {
            tickets,
            latency_ms,
            concurrency,
            format: "json",
        }
    }

    pub(crate) fn in_format(self, format: &'static str) -> Self {
        Self { format, ..self }
    }
}

/// One line of a table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Export {
    rows: u64,
    pub(crate) latency_ms: u32,
    concurrency: u32,
    format: &'static str,
    requests: u64,
    refusals: u64,
    connections: u64,
    seconds: f64,
    rows_per_second: f64,
    bound_seconds: f64,
    pub(crate) times_bound: f64,
    /// Time of a call in the middle half of the export, beside the latency alone.
    steady: f64,
    cpu_ms_per_100k_rows: f64,
    /// Processor time of the simulators, which use the same processors.
    simulators_cpu_seconds: f64,
    pub(crate) peak_mb: f64,
    /// Answers of the vendor by the second: shows a slow start, stalls and a long tail.
    answers_by_second: Vec<u64>,
}

/// Exports an account that is made for it, in one invocation of a new process.
pub(crate) async fn exported(function: &Path, plan: Plan) -> Result<Export, Failure> {
    let latency = Duration::from_millis(plan.latency_ms.into());
    let world = World::with_tickets(plan.tickets, latency, None).await?;
    let place = Place::of(&world, plan.concurrency).in_format(plan.format);
    let function = Started::new(function, &place).await?;
    let before = (function.cpu()?, proc::cpu("self")?);
    let event = json!({"full": true});
    let (result, elapsed) = function.invoke(&event, Duration::from_mins(15)).await?;
    let cpu = function.cpu()?.saturating_sub(before.0).as_secs_f64();
    let simulators = proc::cpu("self")?.saturating_sub(before.1);
    let number = |key: &str| result[key].as_u64().unwrap_or(0);
    let rows = number("rows");
    if rows != u64::from(plan.tickets) || result["complete"] != true {
        return Err(format!("{rows} rows of {} tickets: {result}", plan.tickets).into());
    }
    let stats = world.zoho.stats();
    let answers_by_second: Vec<u64> = stats.seconds.iter().map(|second| second.requests).collect();
    let most_per_second = f64::from(plan.concurrency) / latency.as_secs_f64();
    let bound_seconds = bound_seconds(rows, latency, plan.concurrency);
    let seconds = elapsed.as_secs_f64();
    Ok(Export {
        rows,
        latency_ms: plan.latency_ms,
        concurrency: plan.concurrency,
        format: plan.format,
        requests: number("requests"),
        refusals: stats.refused("TOO_MANY_REQUESTS"),
        connections: stats.connections,
        seconds,
        rows_per_second: rows as f64 / seconds,
        bound_seconds,
        times_bound: seconds / bound_seconds,
        steady: most_per_second / middle(&answers_by_second),
        cpu_ms_per_100k_rows: cpu * 1_000.0 * 100_000.0 / rows as f64,
        simulators_cpu_seconds: simulators.as_secs_f64(),
        peak_mb: megabytes(function.peak()?),
        answers_by_second,
    })
}

/// Answers a second without start and tail; the average if it is all too short for that.
fn middle(by_second: &[u64]) -> f64 {
    let quarter = by_second.len() / 4;
    let middle = by_second.get(quarter..by_second.len() - quarter);
    let middle = middle.unwrap_or(by_second);
    middle.iter().sum::<u64>() as f64 / middle.len() as f64
}

impl Export {
    pub(crate) const HEAD: &str = "   tickets  ms calls format   requests conns  seconds   rows/s   bound x bound  steady  CPU ms/100k  peak MB  sim CPU s";
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>10} {:>3} {:>5} {:<8} {:>8} {:>5} {:>8.2} {:>8.0} {:>7.2} {:>7.2} {:>7.2} {:>12.0} {:>8.1} {:>10.1}",
            self.rows,
            self.latency_ms,
            self.concurrency,
            self.format,
            self.requests,
            self.connections,
            self.seconds,
            self.rows_per_second,
            self.bound_seconds,
            self.times_bound,
            self.steady,
            self.cpu_ms_per_100k_rows,
            self.peak_mb,
            self.simulators_cpu_seconds,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_and_tail_do_not_count_for_the_middle() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(middle(&[1, 10, 10, 10, 10, 10, 10, 2]), 10.0));
        assert!(close(middle(&[4, 6]), 5.0));
    }

    #[test]
    fn the_bound_counts_whole_pages() {
        let bound = bound_seconds(1_001, Duration::from_millis(100), 2);
        assert!((bound - 0.55).abs() < 1e-9, "{bound}");
    }
}
