use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock as _, ManualClock};
use jiff::{SignedDuration, Timestamp};
use lake::{Begin, Format, Lake, Manifest, Mode, Outcome, RunId, RunSpec};
use records::{Counts, Error, FailedRow, ImportRow, Merged, Query, Record, Records, StreamRecords};
use serde_json::value::RawValue;
use simulators::aws::{Aws, Hang};
use tokio::time::Instant;

pub(crate) const BUCKET: &str = "zoho-reports-1";
pub(crate) const ROOT: &str = "integrations/tenant=acme/integration=7/";
pub(crate) const STREAM: &str = "contacts";
pub(crate) const CURRENT: &str = "integrations/tenant=acme/integration=7/contacts/current/";

/// So small that a few dozen rows take several passes and several segments.
const BATCH_BYTES: usize = 1500;
const SEGMENT_BYTES: u64 = 900;

pub(crate) struct Bench {
    pub(crate) aws: Aws,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) lake: Lake,
    pub(crate) records: StreamRecords,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::seeded(0).await
    }

    pub(crate) async fn seeded(seed: u64) -> Self {
        let aws = Aws::start_seeded(seed).await.unwrap();
        aws.create_bucket(BUCKET);
        let clock = Arc::new(ManualClock::at("2026-03-04T05:00:00Z".parse().unwrap()));
        let s3 = client(aws.origin());
        let lake = Lake::new(s3.clone(), BUCKET, clock.clone());
        let records = Records::new(s3, BUCKET, clock.clone())
            .with_batch_bytes(BATCH_BYTES)
            .with_segment_bytes(SEGMENT_BYTES)
            .of(ROOT, STREAM)
            .unwrap();
        Self {
            lake: lake.under(ROOT).unwrap(),
            aws,
            clock,
            records,
        }
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// A committed run of `(id, data)`.
    pub(crate) async fn run<'r>(
        &self,
        name: &str,
        rows: impl IntoIterator<Item = (&'r str, &'r str)>,
    ) -> Manifest {
        self.run_as(name, Format::JsonlGz, rows).await
    }

    pub(crate) async fn run_as<'r>(
        &self,
        name: &str,
        format: Format,
        rows: impl IntoIterator<Item = (&'r str, &'r str)>,
    ) -> Manifest {
        let now = self.clock.now();
        let spec = RunSpec {
            report: STREAM.to_owned(),
            partitions: vec![],
            run: run_id(name),
            group: None,
            request: name.to_owned(),
            started_at: now,
            expires_at: now + SignedDuration::from_mins(15),
            format,
        };
        let Begin::Claimed(mut run) = self.lake.begin(spec).await.unwrap() else {
            panic!("{name} is not new");
        };
        for (id, data) in rows {
            run.write(with_id(id, data).as_bytes()).await.unwrap();
        }
        run.commit(outcome(now)).await.unwrap()
    }

    pub(crate) async fn merge(&self, manifest: &Manifest, full: bool) -> Counts {
        self.merge_with(manifest, full, &[]).await
    }

    pub(crate) async fn merge_with(
        &self,
        manifest: &Manifest,
        full: bool,
        failed: &[FailedRow],
    ) -> Counts {
        done(self.records.merge(manifest, full, failed, far()).await)
    }

    /// All records that `query` asks for, by pages of its limit.
    pub(crate) async fn all(&self, query: Query) -> Vec<Record> {
        let mut query = query;
        let mut all = Vec::new();
        for _ in 0..10_000 {
            let page = self.records.page(&query).await.unwrap();
            assert!(page.records.len() <= query.limit);
            all.extend(page.records);
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return all,
            }
        }
        panic!("the pages do not end");
    }

    /// What lies in the folder of the records is what the index names.
    pub(crate) fn assert_no_strays(&self, case: &str) {
        let keys = self.aws.keys(BUCKET);
        let index = self.aws.object(BUCKET, &format!("{CURRENT}index.json"));
        let index = String::from_utf8(index.unwrap().to_vec()).unwrap();
        let mut objects = 0;
        for key in keys
            .iter()
            .filter(|key| key.ends_with(".jsonl.gz") && key.starts_with(CURRENT))
        {
            assert!(
                index.contains(&format!("{key:?}")),
                "{case}: {key} is a stray"
            );
            objects += 1;
        }
        assert_eq!(
            index.matches("\"key\":").count(),
            objects,
            "{case}: objects are missing"
        );
    }

    /// Kills a process at its `nth` mutating request; false if it has fewer.
    pub(crate) async fn killed_at(
        &self,
        nth: u64,
        how: Hang,
        process: impl Future<Output = Result<Merged, Error>> + Send + 'static,
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

pub(crate) fn client(origin: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("id", "key", None, None, "test"))
        .endpoint_url(origin)
        .force_path_style(true)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(4)
                .with_initial_backoff(Duration::from_millis(1)),
        )
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

pub(crate) fn run_id(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

pub(crate) fn outcome(until: Timestamp) -> Outcome {
    Outcome {
        mode: Mode::Full,
        since: None,
        until,
        complete: true,
        reasons: vec![],
        warnings: vec![],
        requests: 1,
        credits: 1,
        retries: 0,
        watermark: None,
    }
}

/// A row as it lies in the lake.
pub(crate) fn with_id(id: &str, data: &str) -> String {
    let id = serde_json::to_string(id).unwrap();
    let rest = &data[1..];
    let comma = if rest.trim_start() == "}" { "" } else { "," };
    format!("{{\"_external_id\":{id}{comma}{rest}")
}

pub(crate) fn far() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

pub(crate) fn done(merged: Result<Merged, Error>) -> Counts {
    match merged.unwrap() {
        Merged::Done(counts) => counts,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn everything() -> Query {
    Query {
        limit: 7,
        include_deleted: true,
        ..Query::default()
    }
}

pub(crate) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

pub(crate) fn import_row(id: &str, data: &str) -> ImportRow {
    ImportRow {
        external_id: id.to_owned(),
        data: raw(data),
    }
}

pub(crate) fn failure(id: &str, error: &str) -> FailedRow {
    FailedRow {
        external_id: id.to_owned(),
        error: error.to_owned(),
    }
}

pub(crate) fn data(record: &Record) -> Option<&str> {
    record.data.as_deref().map(RawValue::get)
}

pub(crate) fn ids(records: &[Record]) -> Vec<&str> {
    let mut ids: Vec<&str> = records
        .iter()
        .map(|record| record.external_id.as_str())
        .collect();
    ids.sort_unstable();
    ids
}

/// Rows of some size, `ids` of one `version`.
pub(crate) fn rows(ids: std::ops::Range<u32>, version: &str) -> Vec<(String, String)> {
    ids.map(|n| {
        let data = format!(
            "{{\"n\": {n}.0, \"v\":\"{version}\", \"filler\":\"{}\"}}",
            "ü".repeat(20)
        );
        (format!("id-{n}"), data)
    })
    .collect()
}

pub(crate) fn borrowed(rows: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    rows.iter().map(|(id, data)| (id.as_str(), data.as_str()))
}
