//! What readers and later runs see of a run, whatever happens to it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not recognise as tests"
)]

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock as _, ManualClock};
use jiff::{SignedDuration, Timestamp};
use lake::{
    Begin, Error, Format, Lake, Manifest, Mode, Outcome, Partition, Pointer, Run, RunId, RunSpec,
    Status,
};
use sha2::{Digest as _, Sha256};
use simulators::aws::{Aws, Fault, Hang};

const BUCKET: &str = "zoho-reports-1";
const REPORT: &str = "tickets";
const LATEST: &str = "tickets/_latest.json";
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Rows enough for one call with small parts, and for several.
const SMALL: u64 = 2;
const LARGE: u64 = 40;
const SMALL_PART: usize = 512;

struct Bench {
    aws: Aws,
    clock: Arc<ManualClock>,
    lake: Lake,
}

impl Bench {
    async fn start() -> Self {
        Self::seeded(0).await
    }

    /// A bucket, and a lake whose parts are small.
    async fn seeded(seed: u64) -> Self {
        let aws = Aws::start_seeded(seed).await.unwrap();
        aws.create_bucket(BUCKET);
        aws.set_min_part_bytes(SMALL_PART);
        let clock = Arc::new(ManualClock::at("2026-03-04T05:00:00Z".parse().unwrap()));
        let lake = Lake::new(client(&aws), BUCKET, clock.clone()).with_part_bytes(SMALL_PART);
        Self { aws, clock, lake }
    }

    fn spec(&self, run: &str) -> RunSpec {
        let now = self.clock.now();
        RunSpec {
            report: REPORT.to_owned(),
            partitions: vec![],
            run: RunId::parse(run).unwrap(),
            started_at: now,
            expires_at: now + LIFETIME,
            format: Format::Jsonl,
        }
    }

    async fn claim(&self, run: &str) -> Box<Run> {
        claimed(self.lake.begin(self.spec(run)).await.unwrap())
    }

    fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }

    async fn pointer(&self) -> Option<Pointer> {
        self.lake.pointer(REPORT, &[]).await.unwrap()
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        self.aws
            .object(BUCKET, key)
            .unwrap_or_else(|| panic!("{key} is missing"))
            .to_vec()
    }

    fn keys_with(&self, part: &str) -> Vec<String> {
        let mut keys = self.aws.keys(BUCKET);
        keys.retain(|key| key.contains(part));
        keys
    }

    /// The manifest that readers reach, its objects checked against it.
    fn read_latest(&self) -> Manifest {
        let pointer: Pointer = serde_json::from_slice(&self.bytes(LATEST)).unwrap();
        let manifest: Manifest =
            serde_json::from_slice(&self.bytes(&pointer.manifest_key)).unwrap();
        assert_eq!(manifest.run, pointer.run);
        assert_eq!(manifest.keys.len(), pointer.keys.len());
        self.check_objects(&manifest);
        manifest
    }

    fn check_objects(&self, manifest: &Manifest) {
        for entry in &manifest.keys {
            let bytes = self.bytes(&entry.key);
            assert_eq!(bytes.len() as u64, entry.bytes);
            assert_eq!(hex::encode(Sha256::digest(&bytes)), entry.sha256);
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
            assert_eq!(lines as u64, entry.rows, "lines of {}", entry.key);
        }
    }

    /// Every visible object belongs to a manifest, and nothing is under way.
    fn assert_settled(&self, case: &str) {
        let mut described = vec![];
        for key in self.keys_with("/_runs/") {
            let manifest: Manifest = serde_json::from_slice(&self.bytes(&key)).unwrap();
            self.check_objects(&manifest);
            described.extend(manifest.keys.into_iter().map(|entry| entry.key));
        }
        described.sort();
        assert_eq!(self.keys_with("dt="), described, "{case}: visible objects");
        assert_eq!(self.keys_with("/_open/"), [""; 0], "{case}: open records");
        assert_eq!(self.aws.open_uploads(BUCKET), [""; 0], "{case}: uploads");
    }
}

fn client(aws: &Aws) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .endpoint_url(aws.origin())
        .force_path_style(true)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(1)),
        )
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn claimed(begin: Begin) -> Box<Run> {
    match begin {
        Begin::Claimed(run) => run,
        other => panic!("not claimed: {other:?}"),
    }
}

fn outcome(until: Timestamp) -> Outcome {
    Outcome {
        mode: Mode::Incremental,
        since: None,
        until,
        status: Status::Complete,
        complete: true,
        reasons: vec![],
        warnings: vec![],
        requests: 3,
        credits: 9,
        retries: 1,
        watermark: Some(until),
    }
}

fn row(number: u64) -> String {
    let noise = hex::encode(Sha256::digest(number.to_be_bytes()));
    format!(r#"{{"id":"{number}","subject":"Grüße №{number} 🌍 {noise}"}}"#)
}

/// Writes and commits, or abandons as a caller does on an error.
async fn fill(mut run: Box<Run>, rows: u64, until: Timestamp) -> Result<Manifest, Error> {
    for number in 0..rows {
        if let Err(error) = run.write(row(number).as_bytes()).await {
            let _ = run.abandon().await;
            return Err(error);
        }
    }
    run.commit(outcome(until)).await
}

async fn whole_run(lake: Lake, spec: RunSpec, rows: u64) -> Result<Manifest, Error> {
    let until = spec.started_at;
    match lake.begin(spec).await? {
        Begin::Claimed(run) => fill(run, rows, until).await,
        Begin::Finished(manifest) => Ok(*manifest),
        Begin::Busy { until } => panic!("busy until {until}"),
    }
}

impl Bench {
    async fn run(&self, name: &str, rows: u64) -> Result<Manifest, Error> {
        whole_run(self.lake.clone(), self.spec(name), rows).await
    }

    /// Kills a run at its `nth` mutating request; false if it has fewer.
    async fn run_killed_at(&self, name: &str, rows: u64, nth: u64, how: Hang) -> bool {
        self.aws.hang_from(nth, how);
        let mut process = tokio::spawn(whole_run(self.lake.clone(), self.spec(name), rows));
        let killed = tokio::select! {
            () = self.aws.hung() => true,
            end = &mut process => {
                end.unwrap().unwrap();
                false
            }
        };
        if killed {
            process.abort();
            let _ = process.await;
        }
        self.aws.heal();
        killed
    }
}

#[tokio::test]
async fn rows_come_back_byte_by_byte_in_every_format() {
    for format in [Format::Json, Format::Jsonl, Format::JsonlGz] {
        let bench = Bench::start().await;
        // Compressed bytes come in lumps of some 30 KiB.
        let many = if format == Format::JsonlGz { 4000 } else { 400 };
        for count in [0, 1, many] {
            let spec = RunSpec {
                format,
                ..bench.spec(&format!("r{count}"))
            };
            let mut run = claimed(bench.lake.begin(spec).await.unwrap());
            for number in 0..count {
                run.write(row(number).as_bytes()).await.unwrap();
            }
            assert_eq!(run.rows(), count);
            let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();

            let rows: Vec<_> = (0..count).map(row).collect();
            let lines = rows.iter().flat_map(|row| [row, "\n"]).collect::<String>();
            let stored = bench.bytes(&manifest.key);
            let (text, expected) = match format {
                Format::Json => (stored.clone(), format!("[{}]\n", rows.join(",\n"))),
                Format::Jsonl => (stored.clone(), lines),
                Format::JsonlGz => {
                    let mut text = vec![];
                    flate2::read::GzDecoder::new(&stored[..])
                        .read_to_end(&mut text)
                        .unwrap();
                    (text, lines)
                }
            };
            assert!(text == expected.as_bytes(), "{format}, {count} rows");
            assert_eq!(manifest.rows, count);
            assert_eq!(manifest.bytes, stored.len() as u64);
            assert_eq!(manifest.sha256, hex::encode(Sha256::digest(&stored)));
            assert!(manifest.key.ends_with(&format!(".{format}")));
            let content_type = bench.aws.content_type(BUCKET, &manifest.key).unwrap();
            assert!(content_type.starts_with("application/"), "{content_type}");
        }
        assert!(
            bench.aws.calls("UploadPart") > 2,
            "{format}: {many} rows take several parts"
        );
    }
}

#[tokio::test]
async fn seventeen_mebibytes_travel_in_the_parts_that_aws_accepts() {
    let bench = Bench::start().await;
    bench.aws.set_min_part_bytes(5 << 20);
    let lake = Lake::new(client(&bench.aws), BUCKET, bench.clock.clone());
    let mut run = claimed(lake.begin(bench.spec("big")).await.unwrap());
    let row = format!("\"{}\"", "é".repeat(32 << 10));
    let mut expected = Sha256::new();
    while run.bytes() < 17 << 20 {
        run.write(row.as_bytes()).await.unwrap();
        expected.update(&row);
        expected.update("\n");
    }
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
    assert_eq!(manifest.sha256, hex::encode(expected.finalize()));
    assert_eq!(bench.aws.calls("UploadPart"), 3);
    bench.read_latest();
    bench.assert_settled("17 MiB");
}

#[tokio::test]
async fn a_run_is_told_in_full_by_its_manifest_and_pointer() {
    let bench = Bench::start().await;
    let partitions = vec![Partition::new("ticket_id", "1 2")];
    let spec = RunSpec {
        report: "threads".to_owned(),
        partitions: partitions.clone(),
        format: Format::Json,
        ..bench.spec("a1")
    };
    let mut run = claimed(bench.lake.begin(spec).await.unwrap());
    run.write_child(br#"{"id":"7"}"#, &[("ticketId", "12")])
        .await
        .unwrap();
    bench.pass(SignedDuration::from_secs(5));
    let full = Outcome {
        mode: Mode::Full,
        reasons: vec!["sampled".to_owned()],
        complete: false,
        status: Status::Partial,
        ..outcome(bench.clock.now())
    };
    let manifest = run.commit(full).await.unwrap();

    let key = "threads/ticket_id=1%202/dt=2026-03-04/20260304T050000Z-a1.json";
    assert_eq!(manifest.key, key);
    assert_eq!(bench.bytes(key), b"[{\"ticketId\":\"12\",\"id\":\"7\"}]\n");
    assert_eq!(manifest.manifest_key, "threads/_runs/a1.json");
    let stored: serde_json::Value =
        serde_json::from_slice(&bench.bytes("threads/_runs/a1.json")).unwrap();
    assert_eq!(stored["status"], "partial");
    assert_eq!(stored["started_at"], "2026-03-04T05:00:00Z");
    assert_eq!(stored["finished_at"], "2026-03-04T05:00:05Z");
    assert_eq!(stored["format"], "json");
    let run_id = RunId::parse("a1").unwrap();
    assert_eq!(
        bench.lake.finished("threads", &run_id).await.unwrap(),
        Some(manifest.clone())
    );

    let pointer = bench.lake.pointer("threads", &partitions).await.unwrap();
    let pointer = pointer.unwrap();
    assert_eq!(pointer.keys, [key]);
    assert_eq!(
        pointer.full_run.unwrap().manifest_key,
        manifest.manifest_key
    );
    assert!(!pointer.complete);
    assert_eq!(
        bench.lake.pointer("threads", &[]).await.unwrap(),
        None,
        "a limited run does not move the report's own pointer"
    );
}

#[tokio::test]
async fn a_process_killed_anywhere_leaves_the_previous_run_and_the_next_one_clears_up() {
    for rows in [SMALL, LARGE] {
        for how in [Hang::BeforeEffect, Hang::AfterEffect] {
            let mut points = 0;
            for nth in 1.. {
                let case = format!("{rows} rows, request {nth}, {how:?}");
                let bench = Bench::start().await;
                bench.run("r1", rows).await.unwrap();
                bench.pass(SignedDuration::from_mins(1));
                if !bench.run_killed_at("r2", rows, nth, how).await {
                    break;
                }
                points += 1;

                let seen = bench.read_latest();
                assert!(["r1", "r2"].contains(&seen.run.as_str()), "{case}");
                bench.pass(LIFETIME);
                let next = bench.run("r3", rows).await.unwrap();
                assert_eq!(next.rows, rows, "{case}");
                assert_eq!(bench.read_latest().run.as_str(), "r3", "{case}");
                bench.assert_settled(&case);
                if seen.run.as_str() == "r2" {
                    bench.check_objects(&seen);
                }
            }
            assert!(points >= 5, "{rows} rows have {points} points");
        }
    }
}

#[tokio::test]
async fn the_same_run_started_again_after_a_kill_waits_then_takes_over() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        for nth in 1.. {
            let case = format!("request {nth}, {how:?}");
            let bench = Bench::start().await;
            let spec = bench.spec("r2");
            if !bench.run_killed_at("r2", LARGE, nth, how).await {
                break;
            }
            let opened = !bench.keys_with("/_open/").is_empty();
            let pointed = bench.pointer().await.is_some();
            match bench.lake.begin(spec).await.unwrap() {
                Begin::Claimed(run) => {
                    assert!(!opened, "{case}");
                    run.abandon().await.unwrap();
                }
                Begin::Busy { .. } => assert!(opened && !pointed, "{case}"),
                Begin::Finished(_) => assert!(pointed, "{case}"),
            }
            bench.pass(LIFETIME + SignedDuration::from_mins(1));
            bench.run("r2", LARGE).await.unwrap();
            assert_eq!(bench.read_latest().rows, LARGE, "{case}");
            assert_eq!(bench.keys_with("dt=").len(), 1, "{case}");
            bench.assert_settled(&case);
        }
    }
}

#[tokio::test]
async fn a_process_killed_while_it_clears_up_is_cleared_up_after() {
    // 4: parts sent; then object, manifest and pointer are there, in turn.
    for first in [4, 10, 11, 12, 13, 14] {
        for how in [Hang::BeforeEffect, Hang::AfterEffect] {
            for nth in 1.. {
                let case = format!("first at {first}, then at {nth}, {how:?}");
                let bench = Bench::start().await;
                bench.run("r1", SMALL).await.unwrap();
                bench.pass(SignedDuration::from_mins(1));
                let interrupted = bench
                    .run_killed_at("r2", LARGE, first, Hang::AfterEffect)
                    .await;
                bench.pass(LIFETIME);
                if !bench.run_killed_at("r3", SMALL, nth, how).await {
                    break;
                }
                bench.read_latest();
                bench.pass(LIFETIME);
                bench.run("r4", SMALL).await.unwrap();
                assert_eq!(bench.read_latest().run.as_str(), "r4", "{case}");
                bench.assert_settled(&case);
                if !interrupted {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn runs_that_overlap_all_succeed_and_the_newest_is_shown() {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for order in orders {
        let bench = Bench::start().await;
        let mut runs = vec![];
        for name in ["r0", "r1", "r2"] {
            runs.push(Some(bench.claim(name).await));
            bench.pass(SignedDuration::from_mins(1));
        }
        // The middle one reached furthest.
        let start: Timestamp = "2026-03-04T04:00:00Z".parse().unwrap();
        let until = [1, 9, 5].map(|hours| start + SignedDuration::from_hours(hours));
        for which in order {
            let run = runs[which].take().unwrap();
            fill(run, LARGE, until[which]).await.unwrap();
        }
        let pointer = bench.pointer().await.unwrap();
        assert_eq!(pointer.run.as_str(), "r2", "{order:?}");
        assert_eq!(pointer.watermark, Some(until[1]), "{order:?}");
        assert_eq!(bench.keys_with("dt=").len(), 3, "{order:?}");
        bench.read_latest();
        bench.assert_settled("overlap");
    }
}

#[tokio::test]
async fn runs_that_commit_at_the_same_moment_all_succeed() {
    let bench = Bench::start().await;
    bench
        .aws
        .inject(Fault::conflict("PutObject").on(LATEST).times(4));
    let mut runs = vec![];
    for name in ["r0", "r1", "r2", "r3"] {
        runs.push(bench.claim(name).await);
        bench.pass(SignedDuration::from_mins(1));
    }
    let now = bench.clock.now();
    let commits: Vec<_> = runs
        .into_iter()
        .map(|run| tokio::spawn(fill(run, SMALL, now)))
        .collect();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    assert_eq!(bench.read_latest().run.as_str(), "r3");
    assert_eq!(bench.keys_with("dt=").len(), 4);
    bench.assert_settled("together");
}

#[tokio::test]
async fn the_same_run_twice_is_one_run() {
    let bench = Bench::start().await;
    let (one, other) = tokio::join!(
        bench.lake.begin(bench.spec("r1")),
        bench.lake.begin(bench.spec("r1"))
    );
    let (run, busy) = match (one.unwrap(), other.unwrap()) {
        (Begin::Claimed(run), busy) | (busy, Begin::Claimed(run)) => (run, busy),
        neither => panic!("{neither:?}"),
    };
    let Begin::Busy { until } = busy else {
        panic!("{busy:?}")
    };
    assert_eq!(until, bench.clock.now() + LIFETIME);
    let run_id = RunId::parse("r1").unwrap();
    assert_eq!(bench.lake.finished(REPORT, &run_id).await.unwrap(), None);

    let manifest = fill(run, LARGE, bench.clock.now()).await.unwrap();
    bench.pass(SignedDuration::from_mins(1));
    match bench.lake.begin(bench.spec("r1")).await.unwrap() {
        Begin::Finished(found) => assert_eq!(*found, manifest),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.keys_with("dt="), [manifest.key]);
    bench.assert_settled("twice");
}

#[tokio::test]
async fn a_process_that_outlived_its_time_does_not_disturb_its_successor() {
    let bench = Bench::start().await;
    let spec = bench.spec("r1");
    let mut slow = claimed(bench.lake.begin(spec.clone()).await.unwrap());
    for number in 0..LARGE {
        slow.write(row(number).as_bytes()).await.unwrap();
    }
    bench.pass(LIFETIME);
    let successor = RunSpec {
        expires_at: bench.clock.now() + LIFETIME,
        ..spec
    };
    let successor = claimed(bench.lake.begin(successor).await.unwrap());
    let manifest = fill(successor, SMALL, bench.clock.now()).await.unwrap();

    let error = slow.commit(outcome(bench.clock.now())).await.unwrap_err();
    assert!(matches!(error, Error::Expired { .. }), "{error}");
    assert_eq!(bench.read_latest(), manifest);
    bench.assert_settled("outlived");
}

#[tokio::test]
async fn an_abandoned_run_leaves_no_trace() {
    for rows in [0, SMALL, LARGE] {
        let bench = Bench::start().await;
        let mut run = bench.claim("r1").await;
        for number in 0..rows {
            run.write(row(number).as_bytes()).await.unwrap();
        }
        run.abandon().await.unwrap();
        assert_eq!(bench.aws.keys(BUCKET), [""; 0]);
        assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);
        bench.run("r1", rows).await.unwrap();
    }
}

#[tokio::test]
async fn a_denied_call_names_itself_and_leaves_nothing() {
    for (rows, action, prefix, named) in [
        (SMALL, "ListBucket", "tickets/_open/", "s3:ListBucket"),
        (SMALL, "PutObject", "tickets/_open/", "s3:PutObject"),
        (SMALL, "GetObject", "tickets/_runs/", "s3:GetObject"),
        (SMALL, "PutObject", "tickets/dt=", "s3:PutObject"),
        (SMALL, "PutObject", "tickets/_runs/", "s3:PutObject"),
        (SMALL, "GetObject", LATEST, "s3:GetObject"),
        (SMALL, "PutObject", LATEST, "s3:PutObject"),
        (
            LARGE,
            "CreateMultipartUpload",
            "tickets/dt=",
            "s3:PutObject",
        ),
        (LARGE, "UploadPart", "tickets/dt=", "s3:PutObject"),
        (
            LARGE,
            "CompleteMultipartUpload",
            "tickets/dt=",
            "s3:PutObject",
        ),
        (LARGE, "PutObject", "tickets/_runs/", "s3:PutObject"),
        (LARGE, "PutObject", LATEST, "s3:PutObject"),
    ] {
        let case = format!("{action} on {prefix}, {rows} rows");
        let bench = Bench::start().await;
        bench.run("r1", SMALL).await.unwrap();
        bench.pass(SignedDuration::from_mins(1));
        bench.aws.inject(Fault::deny(action).on(prefix));
        let error = bench.run("r2", rows).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{case}: {error}");
        assert!(!error.is_transient());
        let message = error.to_string();
        assert!(
            message.contains(named) && message.contains(prefix),
            "{message}"
        );

        bench.aws.heal();
        assert_eq!(bench.read_latest().run.as_str(), "r1", "{case}");
        bench.assert_settled(&case);
        bench.run("r2", rows).await.unwrap();
    }
}

#[tokio::test]
async fn lost_answers_are_recognised() {
    for rows in [SMALL, LARGE] {
        for prefix in ["tickets/_open/", "tickets/dt=", "tickets/_runs/", LATEST] {
            // 1: the client's retry meets its own write. 3: the client gives up.
            for times in [1, 3] {
                let case = format!("{prefix} {times} times, {rows} rows");
                let bench = Bench::start().await;
                bench.run("r1", SMALL).await.unwrap();
                bench.pass(SignedDuration::from_mins(1));
                for action in ["PutObject", "CompleteMultipartUpload"] {
                    bench
                        .aws
                        .inject(Fault::lose_answer(action).on(prefix).times(times));
                }
                match bench.run("r2", rows).await {
                    Ok(manifest) => assert_eq!(bench.read_latest(), manifest, "{case}"),
                    // A part whose answers all get lost is a part that failed.
                    Err(error) => assert!(
                        error.is_transient() && rows == LARGE && prefix == "tickets/dt=",
                        "{case}: {error}"
                    ),
                }
                bench.aws.heal();
                bench.assert_settled(&case);
            }
        }
    }
}

#[tokio::test]
async fn a_pointer_that_may_still_move_keeps_the_run_until_it_expires() {
    let bench = Bench::start().await;
    bench.run("r1", SMALL).await.unwrap();
    bench.pass(SignedDuration::from_mins(1));
    bench
        .aws
        .inject(Fault::internal_error("PutObject").on(LATEST));
    let error = bench.run("r2", SMALL).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    bench.aws.heal();
    assert_eq!(bench.read_latest().run.as_str(), "r1");
    assert_eq!(
        bench.keys_with("dt=").len(),
        2,
        "readers may be sent to the second object at any moment"
    );
    bench.pass(LIFETIME);
    bench.run("r3", SMALL).await.unwrap();
    assert_eq!(bench.keys_with("r2"), [""; 0]);
    bench.assert_settled("undecided");
}

#[tokio::test]
async fn an_upload_that_cannot_be_completed_is_aborted() {
    let bench = Bench::start().await;
    bench.aws.inject(Fault::failing_complete());
    let error = bench.run("r1", LARGE).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(bench.aws.keys(BUCKET), [""; 0]);
    assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);
}

#[tokio::test]
async fn storms_of_refusals_end_in_a_run_or_in_nothing() {
    for seed in 0..8 {
        let bench = Bench::seeded(seed).await;
        bench.run("r0", SMALL).await.unwrap();
        for attempt in 1..=3 {
            bench
                .aws
                .inject(Fault::slow_down("*").with_probability(0.45));
            bench.pass(LIFETIME);
            let result = bench.run(&format!("r{attempt}"), LARGE).await;
            if let Err(error) = &result {
                assert!(error.is_transient(), "{error}");
            }
            bench.aws.heal();
            let seen = bench.read_latest();
            if let Ok(manifest) = result {
                assert_eq!(seen, manifest);
            }
        }
        bench.pass(LIFETIME);
        bench.run("r9", SMALL).await.unwrap();
        bench.assert_settled(&format!("seed {seed}"));
    }
}

#[tokio::test]
async fn a_bad_row_is_refused_by_number_and_the_run_goes_on() {
    let bench = Bench::start().await;
    let mut run = bench.claim("r1").await;
    run.write(b"{}").await.unwrap();
    for bad in [&b"{"[..], b"{} {}", b"{\"secret\":tru}", b"\xff"] {
        let error = run.write(bad).await.unwrap_err().to_string();
        assert!(
            error.contains("row 2") && !error.contains("secret"),
            "{error}"
        );
    }
    let error = run
        .write_child(b"[]", &[("ticketId", "1")])
        .await
        .unwrap_err();
    assert!(matches!(error, Error::InvalidRow { number: 2, .. }));
    run.write(b"{\"a\":\r\n1}").await.unwrap();
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
    assert_eq!(bench.bytes(&manifest.key), b"{}\n{\"a\":  1}\n");
}

#[tokio::test]
async fn messages_name_the_next_step() {
    let bench = Bench::start().await;
    let elsewhere = Lake::new(client(&bench.aws), "nowhere", bench.clock.clone());
    let error = elsewhere.begin(bench.spec("r1")).await.unwrap_err();
    assert!(matches!(error, Error::BucketMissing { .. }), "{error}");
    assert!(error.to_string().contains("nowhere") && error.to_string().contains("BUCKET"));

    bench.aws.put_object(BUCKET, LATEST, "{");
    let error = bench.lake.pointer(REPORT, &[]).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains(LATEST));

    let spec = RunSpec {
        report: "../x".to_owned(),
        ..bench.spec("r1")
    };
    let error = bench.lake.begin(spec).await.unwrap_err();
    assert!(matches!(error, Error::InvalidName(_)), "{error}");

    bench.aws.inject(Fault::slow_down("*"));
    let error = bench.lake.begin(bench.spec("r1")).await.unwrap_err();
    assert!(error.to_string().contains("SlowDown"), "{error}");
}

#[tokio::test]
async fn a_run_that_lost_a_part_cannot_be_committed() {
    let bench = Bench::start().await;
    let mut run = bench.claim("r1").await;
    bench
        .aws
        .inject(Fault::internal_error("CreateMultipartUpload"));
    let mut failures = 0;
    for number in 0..LARGE {
        failures += u32::from(run.write(row(number).as_bytes()).await.is_err());
    }
    assert!(failures > 1, "every write after the first failure fails");
    bench.aws.heal();
    let error = run.commit(outcome(bench.clock.now())).await.unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
    assert_eq!(bench.aws.keys(BUCKET), [""; 0]);
}
