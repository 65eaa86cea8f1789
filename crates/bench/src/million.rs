use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::export::bound_seconds;
use crate::figures::{Goal, megabytes};
use crate::process::{Place, Started};
use crate::stored::{Agreement, compared};
use crate::world::World;
use crate::{Failure, Report};

const TICKETS: u32 = 1_000_000;
const LATENCY: Duration = Duration::from_millis(250);
const CONCURRENCY: u32 = 10;
const INVOCATION: Duration = Duration::from_mins(1);
/// A run that takes as many makes no progress.
const MOST_INVOCATIONS: usize = 40;
const MOST_TIMES_BOUND: f64 = 1.15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Processes {
    OneForAll,
    OneEach,
}

#[derive(Debug, Serialize)]
struct LongRun {
    processes: Processes,
    partial_invocations: usize,
    invocation_seconds: Vec<f64>,
    seconds: f64,
    bound_seconds: f64,
    times_bound: f64,
    requests: u64,
    refusals: u64,
    objects: usize,
    peak_mb: f64,
    agreement: Agreement,
}

/// Exports a million tickets in invocations of a minute, by one warm process and by a new process
/// for each; whether all rows were right.
pub(crate) async fn both_ways(function: &Path, report: &mut Report) -> Result<bool, Failure> {
    println!(
        "\n{TICKETS} tickets in invocations of {} s, {} ms, {CONCURRENCY} calls",
        INVOCATION.as_secs(),
        LATENCY.as_millis()
    );
    let mut runs = Vec::new();
    for processes in [Processes::OneForAll, Processes::OneEach] {
        let run = export(function, processes).await?;
        run.print();
        let of = match processes {
            Processes::OneForAll => "one process",
            Processes::OneEach => "a process for each invocation",
        };
        report.goals.push(Goal::at_most(
            format!("time over bound of the long run, {of}"),
            run.times_bound,
            MOST_TIMES_BOUND,
        ));
        runs.push(run);
    }
    let exact = runs.iter().all(|run| run.agreement.is_exact());
    report.put("million", json!(runs));
    Ok(exact)
}

async fn export(binary: &Path, processes: Processes) -> Result<LongRun, Failure> {
    let world = World::with_tickets(TICKETS, LATENCY, Some(CONCURRENCY as usize)).await?;
    let place = Place::of(&world, CONCURRENCY);
    let event = json!({"full": true});
    let (mut peak, mut invocation_seconds) = (0, Vec::new());
    let mut function = Started::new(binary, &place).await?;
    let last = loop {
        let (result, elapsed) = function.invoke(&event, INVOCATION).await?;
        peak = peak.max(function.peak()?);
        invocation_seconds.push(elapsed.as_secs_f64());
        if result["status"] == "complete" {
            break result;
        }
        if invocation_seconds.len() == MOST_INVOCATIONS {
            return Err(format!("no end in sight: {result}").into());
        }
        if processes == Processes::OneEach {
            function = Started::new(binary, &place).await?;
        }
    };
    let seconds = invocation_seconds.iter().sum();
    let bound_seconds = bound_seconds(TICKETS.into(), LATENCY, CONCURRENCY);
    let (objects, agreement) = agreement(&world, &last)?;
    Ok(LongRun {
        processes,
        partial_invocations: invocation_seconds.len() - 1,
        invocation_seconds,
        seconds,
        bound_seconds,
        times_bound: seconds / bound_seconds,
        requests: last["requests"].as_u64().unwrap_or(0),
        refusals: world.zoho.stats().refused("TOO_MANY_REQUESTS"),
        objects,
        peak_mb: megabytes(peak),
        agreement,
    })
}

fn agreement(world: &World, result: &Value) -> Result<(usize, Agreement), Failure> {
    let key = result["manifest_key"].as_str().ok_or("no manifest")?;
    let keys = crate::stored::objects(world, key)?;
    Ok((keys.len(), compared(world, &keys)?))
}

impl LongRun {
    fn print(&self) {
        let seconds: Vec<String> = self
            .invocation_seconds
            .iter()
            .map(|seconds| format!("{seconds:.1}"))
            .collect();
        println!("  {:?}", self.processes);
        println!(
            "    partial invocations: {}, seconds of each: {}",
            self.partial_invocations,
            seconds.join(" ")
        );
        println!(
            "    in invocations: {:.1} s, bound {:.1} s, {:.2} times",
            self.seconds, self.bound_seconds, self.times_bound
        );
        println!(
            "    requests: {}, {} refused; objects: {}; peak memory: {:.1} MB",
            self.requests, self.refusals, self.objects, self.peak_mb
        );
        println!("    rows: {}", self.agreement);
    }
}
