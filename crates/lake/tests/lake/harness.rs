use std::fmt::Debug;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock as _, ManualClock};
use jiff::{SignedDuration, Timestamp};
use lake::{
    Begin, Error, Format, Gathered, Lake, Manifest, Mode, Outcome, Pointer, Run, RunId, RunSpec,
};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};
use simulators::aws::{Aws, Hang};

pub(crate) const BUCKET: &str = "zoho-reports-1";
pub(crate) const REPORT: &str = "tickets";
pub(crate) const LATEST: &str = "tickets/_latest.json";
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Rows enough for one call with small parts, and for several.
pub(crate) const SMALL: u64 = 2;
pub(crate) const LARGE: u64 = 40;
pub(crate) const SMALL_PART: usize = 512;

pub(crate) struct Bench {
    pub(crate) aws: Aws,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) lake: Lake,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::seeded(0).await
    }

    /// A bucket, and a lake whose parts are small.
    pub(crate) async fn seeded(seed: u64) -> Self {
        let aws = Aws::start_seeded(seed).await.unwrap();
        aws.create_bucket(BUCKET);
        aws.set_min_part_bytes(SMALL_PART);
        let clock = Arc::new(ManualClock::at("2026-03-04T05:00:00Z".parse().unwrap()));
        let lake = Lake::new(client(&aws), BUCKET, clock.clone()).with_part_bytes(SMALL_PART);
        Self { aws, clock, lake }
    }

    pub(crate) fn spec(&self, run: &str) -> RunSpec {
        let now = self.clock.now();
        RunSpec {
            report: REPORT.to_owned(),
            partitions: vec![],
            run: id(run),
            group: None,
            request: "everything".to_owned(),
            started_at: now,
            expires_at: now + LIFETIME,
            format: Format::Jsonl,
        }
    }

    pub(crate) async fn claim(&self, run: &str) -> Box<Run> {
        claimed(self.lake.begin(self.spec(run)).await.unwrap())
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }

    pub(crate) async fn pointer(&self) -> Option<Pointer> {
        self.lake.pointer(REPORT, &[]).await.unwrap()
    }

    pub(crate) fn bytes(&self, key: &str) -> Vec<u8> {
        self.aws
            .object(BUCKET, key)
            .unwrap_or_else(|| panic!("{key} is missing"))
            .to_vec()
    }

    pub(crate) fn keys_with(&self, part: &str) -> Vec<String> {
        let mut keys = self.aws.keys(BUCKET);
        keys.retain(|key| key.contains(part));
        keys
    }

    /// The manifest that readers reach, its objects checked against it.
    pub(crate) fn read_latest(&self) -> Manifest {
        let pointer: Pointer = serde_json::from_slice(&self.bytes(LATEST)).unwrap();
        let manifest: Manifest =
            serde_json::from_slice(&self.bytes(&pointer.manifest_key)).unwrap();
        assert_eq!(manifest.run, pointer.run);
        assert_eq!(manifest.keys.len(), pointer.keys.len());
        self.check_objects(&manifest);
        manifest
    }

    pub(crate) fn check_objects(&self, manifest: &Manifest) {
        for entry in &manifest.keys {
            let bytes = self.bytes(&entry.key);
            assert_eq!(bytes.len() as u64, entry.bytes);
            assert_eq!(hex::encode(Sha256::digest(&bytes)), entry.sha256);
            let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
            assert_eq!(lines as u64, entry.rows, "lines of {}", entry.key);
        }
    }

    /// The rows of a run, in order, decoded from its objects.
    pub(crate) fn rows_of(&self, manifest: &Manifest) -> Vec<String> {
        let objects = manifest.keys.iter().map(|entry| self.bytes(&entry.key));
        objects
            .flat_map(|bytes| rows_in(manifest.format, &bytes))
            .collect()
    }

    pub(crate) fn assert_rows(&self, manifest: &Manifest, rows: std::ops::Range<u64>, case: &str) {
        assert_eq!(manifest.rows, rows.end - rows.start, "{case}");
        assert!(
            self.rows_of(manifest) == rows.map(row).collect::<Vec<_>>(),
            "{case}: rows"
        );
    }

    /// Every visible object belongs to a manifest, and nothing is under way.
    pub(crate) fn assert_settled(&self, case: &str) {
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

pub(crate) fn id(run: &str) -> RunId {
    RunId::parse(run).unwrap()
}

pub(crate) fn progress(next_row: u64) -> Box<RawValue> {
    to_raw_value(&next_row).unwrap()
}

/// Where a run goes on.
pub(crate) fn next_row(run: &Run) -> u64 {
    run.progress().map_or(0, |text| text.get().parse().unwrap())
}

pub(crate) async fn write(run: &mut Run, rows: std::ops::Range<u64>) -> Result<(), Error> {
    for number in rows {
        run.write(row(number).as_bytes()).await?;
    }
    Ok(())
}

pub(crate) fn gathered(gathered: Gathered) -> (Box<Run>, Vec<Box<RawValue>>) {
    match gathered {
        Gathered::Claimed { run, progress } => (run, progress),
        other => panic!("not claimed: {other:?}"),
    }
}

pub(crate) fn client(aws: &Aws) -> aws_sdk_s3::Client {
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

pub(crate) fn claimed(begin: Begin) -> Box<Run> {
    match begin {
        Begin::Claimed(run) => run,
        other => panic!("not claimed: {other:?}"),
    }
}

pub(crate) fn outcome(until: Timestamp) -> Outcome {
    Outcome {
        mode: Mode::Incremental,
        since: None,
        until,
        complete: true,
        reasons: vec![],
        warnings: vec![],
        requests: 3,
        credits: 9,
        retries: 1,
        watermark: Some(until),
    }
}

fn rows_in(format: Format, bytes: &[u8]) -> Vec<String> {
    let mut text = String::new();
    match format {
        Format::Json => {
            let rows: Vec<&RawValue> = serde_json::from_slice(bytes).unwrap();
            return rows.iter().map(|row| row.get().to_owned()).collect();
        }
        Format::Jsonl => bytes.as_ref().read_to_string(&mut text),
        Format::JsonlGz => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text),
    }
    .unwrap();
    text.lines().map(str::to_owned).collect()
}

pub(crate) fn row(number: u64) -> String {
    let noise = hex::encode(Sha256::digest(number.to_be_bytes()));
    format!(r#"{{"id":"{number}","subject":"Grüße №{number} 🌍 {noise}"}}"#)
}

/// Writes and commits, or abandons as a caller does on an error.
pub(crate) async fn fill(
    mut run: Box<Run>,
    rows: u64,
    until: Timestamp,
) -> Result<Manifest, Error> {
    for number in 0..rows {
        if let Err(error) = run.write(row(number).as_bytes()).await {
            let _ = run.abandon().await;
            return Err(error);
        }
    }
    run.commit(outcome(until)).await
}

pub(crate) async fn whole_run(lake: Lake, spec: RunSpec, rows: u64) -> Result<Manifest, Error> {
    let until = spec.started_at;
    match lake.begin(spec).await? {
        Begin::Claimed(run) => fill(run, rows, until).await,
        Begin::Finished(manifest) => Ok(*manifest),
        other => panic!("{other:?}"),
    }
}

impl Bench {
    pub(crate) async fn run(&self, name: &str, rows: u64) -> Result<Manifest, Error> {
        whole_run(self.lake.clone(), self.spec(name), rows).await
    }

    /// Kills a run at its `nth` mutating request; false if it has fewer.
    pub(crate) async fn run_killed_at(&self, name: &str, rows: u64, nth: u64, how: Hang) -> bool {
        let process = Box::pin(whole_run(self.lake.clone(), self.spec(name), rows));
        self.killed_at(nth, how, process).await
    }

    /// Kills a process at its `nth` mutating request; false if it has fewer.
    pub(crate) async fn killed_at<T: Debug + Send + 'static>(
        &self,
        nth: u64,
        how: Hang,
        process: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> bool {
        self.aws.hang_from(nth, how);
        let mut process = tokio::spawn(process);
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
