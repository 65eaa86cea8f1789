use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use clock::{Clock as _, SystemClock};
use jiff::SignedDuration;
use lake::{Begin, Format, Lake, Manifest, RunSpec};
use records::{Merged, Records};
use sha2::{Digest as _, Sha256};
use simulators::aws::Aws;

use crate::harness::{BUCKET, ROOT, STREAM, client, outcome, run_id};

const ROWS: u32 = 1_000_000;

/// The stand-in of S3 in a process of its own, so that its memory is not measured.
struct StandIn {
    child: Child,
    /// Open until the end: libtest says something after a minute, and would die of a closed pipe.
    _said: Lines<BufReader<ChildStdout>>,
    origin: String,
}

impl StandIn {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "bench::stand_in"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let origin = said
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| Some(line.split_once("origin=")?.1.to_owned()));
        Self {
            child,
            _said: said,
            origin: origin.unwrap(),
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test]
#[ignore = "the other process of the measurement below"]
async fn stand_in() {
    let aws = Aws::start().await.unwrap();
    aws.create_bucket(BUCKET);
    println!("\norigin={}", aws.origin());
    let until_closed = || std::io::stdin().read_to_end(&mut Vec::new());
    let _ = tokio::task::spawn_blocking(until_closed).await;
}

/// `cargo test -p records --release -- --ignored --nocapture a_million`
#[tokio::test]
#[ignore = "a measurement"]
async fn a_million_rows_of_200_bytes() {
    let stand_in = StandIn::start();
    let s3 = client(&stand_in.origin);
    let clock = Arc::new(SystemClock);
    let lake = Lake::new(s3.clone(), BUCKET, clock.clone())
        .under(ROOT)
        .unwrap();
    let records = Records::new(s3, BUCKET, clock).of(ROOT, STREAM).unwrap();
    for (name, version, expected) in [("r1", 0, 0), ("r2", 0, 0), ("r3", 1, ROWS / 100)] {
        let manifest = write(&lake, name, version).await;
        let begun = Instant::now();
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_mins(15);
        let merged = records.merge(&manifest, true, &[], deadline).await.unwrap();
        let took = begun.elapsed();
        let Merged::Done(counts) = merged else {
            panic!("{merged:?}");
        };
        assert_eq!(counts.synced, u64::from(ROWS));
        println!(
            "{name}: {expected} rows changed, {:.1} s, {:.0} rows/s, peak RSS {} MB",
            took.as_secs_f64(),
            f64::from(ROWS) / took.as_secs_f64(),
            peak_rss_mb()
        );
    }
    assert!(peak_rss_mb() < 80, "{} MB", peak_rss_mb());
}

/// A run of all rows, of which every hundredth has the version.
async fn write(lake: &Lake, name: &str, version: u32) -> Manifest {
    let now = SystemClock.now();
    let spec = RunSpec {
        report: STREAM.to_owned(),
        partitions: vec![],
        run: run_id(name),
        group: None,
        request: name.to_owned(),
        started_at: now,
        expires_at: now + SignedDuration::from_mins(15),
        format: Format::JsonlGz,
    };
    let Begin::Claimed(mut run) = lake.begin(spec).await.unwrap() else {
        panic!("{name} is not new");
    };
    let mut row = String::new();
    for n in 0..ROWS {
        row.clear();
        let version = if n % 100 == 0 { version } else { 0 };
        let noise = hex::encode(Sha256::digest((n + version * ROWS).to_be_bytes()));
        let _ = write!(
            row,
            "{{\"_external_id\":\"{n}\",\"id\":{n},\"name\":\"Customer number {n}\",\"noise\":\"{noise}\",\"note\":\"{}\"}}",
            "a word and another ".repeat(3)
        );
        run.write(row.as_bytes()).await.unwrap();
    }
    run.commit(outcome(now)).await.unwrap()
}

fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}
