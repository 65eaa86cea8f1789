//! The function, built as in `main`, against a local stand-in of S3 with runs that a lake wrote.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use clock::{Clock as _, SystemClock};
use compact_function::{Finished, Function};
use jiff::{SignedDuration, Timestamp};
use lake::{Begin, Format, Lake, Mode, Outcome, RunId, RunSpec};
use lambda_kit::{Env, ErrorType, Failure};
use lambda_runtime::Context;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};
use simulators::aws::{Aws, Fault};

const BUCKET: &str = "zoho-reports-000000000000";

struct World {
    aws: Aws,
}

impl World {
    async fn start() -> Self {
        let aws = Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        Self { aws }
    }

    fn client(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(self.aws.origin())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .region(Region::new("us-east-1"))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A committed run of `report` with rows of these ids.
    async fn commit(&self, report: &str, run: &str, mode: Mode, ids: std::ops::Range<u32>) {
        let clock = Arc::new(SystemClock);
        let now = clock.now();
        let lake = Lake::new(self.client(), BUCKET, clock);
        let spec = RunSpec {
            report: report.to_owned(),
            partitions: vec![],
            run: RunId::parse(run).unwrap(),
            group: None,
            request: run.to_owned(),
            started_at: now,
            expires_at: now + SignedDuration::from_mins(5),
            format: Format::JsonlGz,
        };
        let Begin::Claimed(mut run) = lake.begin(spec).await.unwrap() else {
            panic!("{run} is taken");
        };
        for id in ids {
            let row = json!({"id": id.to_string(), "subject": "a"}).to_string();
            run.write(row.as_bytes()).await.unwrap();
        }
        let outcome = Outcome {
            mode,
            since: (mode == Mode::Incremental).then_some(now),
            until: now,
            complete: true,
            reasons: vec![],
            warnings: vec![],
            requests: 1,
            credits: 1,
            retries: 0,
            watermark: Some(now),
        };
        run.commit(outcome).await.unwrap();
    }

    async fn invoke(&self, event: Value) -> Result<Finished, Failure> {
        self.invoke_with(&[("BUCKET", BUCKET)], event).await
    }

    async fn invoke_with(
        &self,
        settings: &[(&str, &str)],
        event: Value,
    ) -> Result<Finished, Failure> {
        let env: Env = settings.iter().copied().collect();
        let function = Function::new(&env, self.client(), Arc::new(SystemClock));
        let mut context = Context::default();
        context.deadline = in_ms(Duration::from_mins(2));
        context.invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:test".into();
        function.invoke(event, context).await
    }

    fn rows_of(&self, report: &str) -> i64 {
        let key = format!("current/{report}/{report}.parquet");
        let stored = self.aws.object(BUCKET, &key).unwrap();
        let reader = SerializedFileReader::new(stored).unwrap();
        reader.metadata().file_metadata().num_rows()
    }
}

fn in_ms(time: Duration) -> u64 {
    let ends: Timestamp = SystemClock.now() + time;
    ends.as_millisecond() as u64
}

#[tokio::test]
async fn the_runs_of_a_report_become_its_table() {
    let world = World::start().await;
    world.commit("tickets", "a1", Mode::Full, 0..30).await;
    world
        .commit("tickets", "b2", Mode::Incremental, 25..40)
        .await;
    let finished = world.invoke(json!({"report": "tickets"})).await.unwrap();
    let table = &finished.tables[0];
    assert_eq!((table.rows, table.deleted, table.runs), (40, 0, 2));
    assert_eq!(world.rows_of("tickets"), 40);
    let answer = serde_json::to_value(&finished).unwrap();
    assert_eq!(
        answer["tables"][0]["key"],
        "current/tickets/tickets.parquet"
    );
    assert_eq!(answer["skipped"], json!([]));

    world.commit("tickets", "c3", Mode::Full, 0..38).await;
    let finished = world.invoke(json!({"report": "tickets"})).await.unwrap();
    let table = &finished.tables[0];
    assert_eq!((table.rows, table.deleted, table.runs), (40, 2, 1));
    let finished = world.invoke(json!({"report": "tickets"})).await.unwrap();
    assert_eq!(finished.tables[0].runs, 0);
}

#[tokio::test]
async fn without_a_report_all_that_have_run_are_compacted() {
    let world = World::start().await;
    world.commit("agents", "a1", Mode::Full, 0..3).await;
    world.commit("threads", "b2", Mode::Incremental, 0..5).await;
    let account_bucket: [(&str, &str); 0] = [];
    let finished = world.invoke_with(&account_bucket, json!({})).await.unwrap();
    let reports: Vec<_> = finished.tables.iter().map(|table| table.report).collect();
    assert_eq!(reports, ["agents", "threads"]);
    assert_eq!(finished.skipped.len(), table::TABLES.len() - 2);
    assert!(finished.skipped[0].why.contains("never run"));
    assert_eq!((world.rows_of("agents"), world.rows_of("threads")), (3, 5));
}

#[tokio::test]
async fn a_report_that_fails_does_not_keep_the_others_from_their_tables() {
    let world = World::start().await;
    world.commit("accounts", "a1", Mode::Full, 0..3).await;
    world.commit("tickets", "b2", Mode::Full, 0..5).await;
    let keys = world.aws.keys(BUCKET).into_iter();
    let broken = keys
        .into_iter()
        .find(|key| key.starts_with("accounts/dt="))
        .unwrap();
    world.aws.put_object(BUCKET, &broken, "[]");
    let failure = world.invoke(json!({})).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Internal);
    assert!(failure.message.contains(&broken), "{failure}");
    assert_eq!(world.rows_of("tickets"), 5);
}

#[tokio::test]
async fn failures_have_the_names_that_users_know() {
    let world = World::start().await;
    world.commit("tickets", "a1", Mode::Full, 0..3).await;
    let event = || json!({"report": "tickets"});
    let bucket = ("BUCKET", BUCKET);
    for (settings, event, error_type, names) in [
        (
            vec![bucket],
            json!({"report": "desk-route"}),
            ErrorType::InvalidEvent,
            "`report`",
        ),
        (
            vec![bucket, ("KEEP_DELETED_DAYS", "soon")],
            event(),
            ErrorType::InvalidEvent,
            "KEEP_DELETED_DAYS",
        ),
        (
            vec![("BUCKET", "elsewhere")],
            event(),
            ErrorType::StorageDenied,
            "elsewhere",
        ),
    ] {
        let failure = world.invoke_with(&settings, event).await.unwrap_err();
        assert_eq!(failure.error_type, error_type, "{failure}");
        assert!(failure.message.contains(names), "{failure}");
    }
    for (fault, error_type) in [
        (Fault::deny("PutObject"), ErrorType::StorageDenied),
        (Fault::deny("GetObject"), ErrorType::StorageDenied),
    ] {
        world.aws.inject(fault);
        let failure = world.invoke(event()).await.unwrap_err();
        assert_eq!(failure.error_type, error_type, "{failure}");
        world.aws.heal();
    }
    world.aws.inject(Fault::internal_error("PutObject"));
    let failure = world.invoke(event()).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Upstream, "{failure}");
}

#[tokio::test]
async fn rows_that_were_found_gone_are_dropped_after_the_days_that_are_set() {
    let world = World::start().await;
    world.commit("tickets", "a1", Mode::Full, 0..3).await;
    world.invoke(json!({})).await.unwrap();
    world.commit("tickets", "b2", Mode::Full, 0..2).await;
    for days in ["1", "0"] {
        let settings = [("BUCKET", BUCKET), ("KEEP_DELETED_DAYS", days)];
        let finished = world.invoke_with(&settings, json!({})).await.unwrap();
        assert_eq!(
            (finished.tables[0].rows, finished.tables[0].deleted),
            (3, 1)
        );
    }
}
