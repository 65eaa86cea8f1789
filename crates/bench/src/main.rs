#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a command's output")]

mod measured;
mod process;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde_json::json;

use measured::{Export, Spread};
use process::World;

/// Measures a release binary of a function.
#[derive(Parser)]
struct Options {
    /// The binary of the function `tickets`.
    #[arg(long, default_value = "target/release/tickets")]
    function: PathBuf,
    /// Sizes of the accounts to export, tickets.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000")]
    tickets: Vec<u32>,
    /// The vendor's latency, milliseconds.
    #[arg(long, default_value_t = 40)]
    latency_ms: u64,
    /// Calls in flight.
    #[arg(long, default_value_t = 10)]
    concurrency: u32,
    /// Starts to measure.
    #[arg(long, default_value_t = 40)]
    starts: usize,
    /// Where the figures go as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let bytes = std::fs::metadata(&options.function)?.len();
    println!("{:<44} {:>12}", "binary size of tickets, bytes", bytes);

    let starts = start_times(&options).await?;
    println!(
        "{:<44} {:>12}",
        "start to first Runtime API call, ms",
        starts.to_string()
    );

    println!(
        "\n{:>9} {:>9} {:>8} {:>9} {:>9} {:>9} {:>11} {:>9}",
        "tickets", "requests", "seconds", "rows/s", "bound s", "x bound", "CPU ms/100k", "peak MB"
    );
    let mut exports = Vec::new();
    for &tickets in &options.tickets {
        let export = export(&options, tickets).await?;
        println!("{export}");
        exports.push(export);
    }
    let figures = json!({
        "binary_bytes": bytes,
        "start_ms": starts,
        "latency_ms": options.latency_ms,
        "concurrency": options.concurrency,
        "exports": exports,
    });
    std::fs::write(&options.json, format!("{figures:#}\n"))?;
    println!("\nfigures are in {}", options.json.display());
    Ok(())
}

async fn start_times(options: &Options) -> Result<Spread, Failure> {
    let world = World::with_tickets(1, Duration::ZERO).await?;
    let mut times = Vec::with_capacity(options.starts);
    for _ in 0..options.starts {
        times.push(world.start(&options.function, 1).await?.started_ms);
    }
    Ok(Spread::of(times))
}

async fn export(options: &Options, tickets: u32) -> Result<Export, Failure> {
    let latency = Duration::from_millis(options.latency_ms);
    let world = World::with_tickets(tickets, latency).await?;
    let function = world.start(&options.function, options.concurrency).await?;
    let run = function.export().await?;
    if run.rows != u64::from(tickets) {
        return Err(format!("{} rows of {tickets} tickets", run.rows).into());
    }
    Ok(Export::new(run, latency, options.concurrency))
}
