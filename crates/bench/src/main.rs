#![doc = include_str!("../README.md")]
#![expect(clippy::print_stdout, reason = "a command's output")]

mod credits;
mod export;
mod figures;
mod hostile;
mod hub;
mod million;
mod million_rows;
mod proc;
mod process;
mod servers;
mod sources;
mod stored;
mod throttle;
mod webhook;
mod world;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde_json::{Map, Value, json};

use export::{Export, Plan, exported};
use figures::{Goal, Spread, megabytes};
use hub::Binaries;
use process::{Place, Started, hello_ms};
use world::World;

/// Measures a release binary of a function.
#[derive(Parser)]
struct Options {
    /// The binary of the function `tickets`.
    #[arg(long, default_value = "target/release/tickets")]
    function: PathBuf,
    /// Starts to measure.
    #[arg(long, default_value_t = 40)]
    starts: usize,
    /// Latencies of the vendor, milliseconds.
    #[arg(long, value_delimiter = ',', default_value = "40,100,250")]
    latency_ms: Vec<u32>,
    /// Calls in flight.
    #[arg(long, value_delimiter = ',', default_value = "5,10,25")]
    concurrency: Vec<u32>,
    /// How long an export of the block `speed` should take, seconds.
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// The binary of the function `salesiq-webhook`.
    #[arg(long, default_value = "target/release/salesiq-webhook")]
    webhook: PathBuf,
    /// The folder of the hub's three binaries.
    #[arg(long, default_value = "target/release")]
    hub: PathBuf,
    /// Only these blocks.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Block>,
    /// Also a million tickets, and a million rows, in invocations of at most a minute: some 20 minutes more.
    #[arg(long)]
    million: bool,
    /// Where the figures go as JSON.
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Block {
    /// Size of the binaries.
    Size,
    /// Start of the process, and first TLS hello.
    Start,
    /// Rows a second at several latencies and numbers of calls in flight.
    Speed,
    /// Processor time for each format.
    Formats,
    /// Peak memory of small and large exports.
    Memory,
    /// Credits of a full and of an incremental run.
    Credits,
    /// Calls of a chat bot.
    Webhook,
    /// Peak memory when the vendor answers what no honest one would.
    Hostile,
    /// The integrations hub: calls of its API, rows a second of each source.
    Hub,
    /// A million tickets in many invocations; never without being asked for.
    Million,
    /// A million rows of PostgreSQL in many invocations; never without being asked for.
    MillionRows,
}

type Failure = Box<dyn Error + Send + Sync>;

/// What the blocks found.
#[derive(Default)]
struct Report {
    figures: Map<String, Value>,
    goals: Vec<Goal>,
}

impl Report {
    fn put(&mut self, name: &str, value: Value) {
        self.figures.insert(name.to_owned(), value);
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let mut report = Report::default();
    report.put("load_before", proc::load()?.into());
    println!("load of the machine: {}", proc::load()?);
    if options.runs(Block::Size) {
        sizes(&options, &mut report)?;
    }
    if options.runs(Block::Start) {
        starts(&options, &mut report).await?;
    }
    if options.runs(Block::Speed) {
        speed(&options, &mut report).await?;
    }
    if options.runs(Block::Formats) {
        formats(&options, &mut report).await?;
    }
    if options.runs(Block::Memory) {
        memory(&options, &mut report).await?;
    }
    if options.runs(Block::Credits) {
        credits::compared(&options.function, &mut report).await?;
    }
    if options.runs(Block::Hostile) {
        hostile::answers(&options.function, &mut report).await?;
    }
    if options.runs(Block::Webhook) {
        webhook::calls(&options.webhook, &mut report).await?;
    }
    let hub = options.hub_binaries();
    if options.runs(Block::Hub) {
        hub::figures(&hub, &mut report).await?;
    }
    let mut exact = true;
    if options.runs(Block::Million) {
        exact &= million::both_ways(&options.function, &mut report).await?;
    }
    if options.runs(Block::MillionRows) {
        exact &= million_rows::followed(&hub, &mut report).await?;
    }
    println!("\ngoals");
    for goal in &report.goals {
        println!("  {goal}");
    }
    println!("\nload of the machine: {}", proc::load()?);
    report.put("load_after", proc::load()?.into());
    report.put("goals", json!(report.goals));
    let figures = Value::Object(report.figures);
    std::fs::write(&options.json, format!("{figures:#}\n"))?;
    println!("figures are in {}", options.json.display());
    if exact {
        Ok(())
    } else {
        Err("the stored rows are not the rows of the source".into())
    }
}

impl Options {
    fn runs(&self, block: Block) -> bool {
        match block {
            Block::Million | Block::MillionRows => self.million || self.only.contains(&block),
            _ => self.only.is_empty() || self.only.contains(&block),
        }
    }
}

impl Options {
    fn hub_binaries(&self) -> Binaries {
        Binaries {
            api: self.hub.join("integrations-api"),
            http: self.hub.join("integrations-worker"),
            database: self.hub.join("database-worker"),
        }
    }
}

const MOST_BINARY_MB: f64 = 12.0;

fn sizes(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let bytes = std::fs::metadata(&options.function)?.len();
    println!("\nbinaries");
    println!("  tickets: {bytes} bytes, {:.2} MB", megabytes(bytes));
    let folder = options.function.parent().unwrap_or(Path::new("."));
    let mut others = proc::programs(folder)?;
    others.retain(|(name, _)| *name != options.function.file_name().unwrap_or_default());
    others.sort_by_key(|(_, bytes)| *bytes);
    if let (Some((small, least)), Some((large, most))) = (others.first(), others.last()) {
        println!(
            "  {} others: {least} ({}) to {most} bytes ({})",
            others.len(),
            small.display(),
            large.display()
        );
    }
    let others: Map<String, Value> = others
        .into_iter()
        .map(|(name, bytes)| (name.to_string_lossy().into_owned(), bytes.into()))
        .collect();
    report.put("binary_bytes", bytes.into());
    report.put("other_binaries_bytes", others.into());
    report.goals.push(Goal::at_most(
        "size of tickets, MB",
        megabytes(bytes),
        MOST_BINARY_MB,
    ));
    Ok(())
}

const MOST_START_MS: f64 = 25.0;
const HELLOS: usize = 10;

async fn starts(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let world = World::with_tickets(1, Duration::ZERO, None).await?;
    let mut starts = Vec::with_capacity(options.starts);
    for _ in 0..options.starts {
        let started = Started::new(&options.function, &Place::of(&world, 1)).await?;
        starts.push(started.start_up_ms);
    }
    let mut hellos = Vec::with_capacity(HELLOS);
    for _ in 0..HELLOS {
        hellos.push(hello_ms(&options.function).await?);
    }
    let (starts, hellos) = (Spread::of(starts), Spread::of(hellos));
    println!("\nstart, ms: median (least to most)");
    println!(
        "  process to first Runtime API call, of {}: {starts}",
        options.starts
    );
    println!("  connection to first TLS hello, of {HELLOS}: {hellos}");
    report.put("start_ms", json!(starts));
    report.put("tls_hello_ms", json!(hellos));
    report.goals.push(Goal::at_most(
        "start to first Runtime API call, ms",
        starts.median,
        MOST_START_MS,
    ));
    Ok(())
}

const MOST_TIMES_BOUND: f64 = 1.15;
/// Below it the processor is what limits, not the vendor.
const VENDOR_BOUND_MS: u32 = 100;

async fn speed(options: &Options, report: &mut Report) -> Result<(), Failure> {
    println!("\nspeed: full exports\n{}", Export::HEAD);
    let mut exports = Vec::new();
    for &latency_ms in &options.latency_ms {
        for &concurrency in &options.concurrency {
            let pages = options.seconds * 1_000 * concurrency / latency_ms;
            exports.push(line(options, Plan::new(pages * 100, latency_ms, concurrency)).await?);
        }
    }
    let worst = exports
        .iter()
        .filter(|export| export.latency_ms >= VENDOR_BOUND_MS)
        .map(|export| export.times_bound)
        .fold(0.0, f64::max);
    if worst > 0.0 {
        let name = "time over bound at 100 ms and more, the worst";
        report
            .goals
            .push(Goal::at_most(name, worst, MOST_TIMES_BOUND));
    }
    report.put("speed", json!(exports));
    Ok(())
}

async fn formats(options: &Options, report: &mut Report) -> Result<(), Failure> {
    println!("\nformats\n{}", Export::HEAD);
    let mut exports = Vec::new();
    for format in ["json", "jsonl", "jsonl.gz"] {
        let plan = Plan::new(100_000, 40, 10).in_format(format);
        exports.push(line(options, plan).await?);
    }
    report.put("formats", json!(exports));
    Ok(())
}

const MOST_MEMORY_MB: f64 = 64.0;
const MOST_GROWTH: f64 = 1.1;

async fn memory(options: &Options, report: &mut Report) -> Result<(), Failure> {
    println!("\nmemory\n{}", Export::HEAD);
    let mut exports = Vec::new();
    for tickets in [10_000, 100_000, 1_000_000] {
        exports.push(line(options, Plan::new(tickets, 40, 10)).await?);
    }
    let peaks = || exports.iter().map(|export| export.peak_mb);
    let most = peaks().fold(0.0, f64::max);
    let least = peaks().fold(f64::INFINITY, f64::min);
    report
        .goals
        .push(Goal::at_most("peak memory, MB", most, MOST_MEMORY_MB));
    report.goals.push(Goal::at_most(
        "peak memory of 1,000,000 tickets over that of 10,000",
        most / least,
        MOST_GROWTH,
    ));
    report.put("memory", json!(exports));
    Ok(())
}

async fn line(options: &Options, plan: Plan) -> Result<Export, Failure> {
    let export = exported(&options.function, plan).await?;
    println!("{export}");
    Ok(export)
}
