//! A Zoho account, an AWS account, and functions that use them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use clock::{Clock, SystemClock};
use jiff::Timestamp;
use lambda_kit::{Aws, Env, Failure};
use lambda_runtime::Context;
use report_function::Function;
use reports::{Answer, Finished, Report};
use serde_json::{Value, json};
use simulators::zoho::{Options, Simulator};

pub(crate) const BUCKET: &str = "zoho-reports-000000000000";
pub(crate) const SECRET: &str = "zoho_auth";

pub(crate) struct World {
    pub(crate) zoho: Simulator,
    pub(crate) aws: simulators::aws::Aws,
}

impl World {
    /// An account of `tickets` tickets and what goes with them, and a secret with a grant code.
    pub(crate) async fn with_tickets(tickets: u32) -> Self {
        Self::of(Options::with_tickets(tickets)).await
    }

    pub(crate) async fn of(options: Options) -> Self {
        let aws = simulators::aws::Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        let world = Self {
            zoho: Simulator::start(options).await.unwrap(),
            aws,
        };
        world
            .aws
            .put_secret(SECRET, &world.good_secret().to_string());
        world
    }

    pub(crate) fn good_secret(&self) -> Value {
        let options = self.zoho.options();
        json!({
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "redirect_uri": "https://example.com/callback",
            "code": options.code,
            "org_id": options.org_id,
        })
    }

    pub(crate) fn clients(&self) -> Aws {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let region = Region::new("us-east-1");
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(self.aws.origin())
            .credentials_provider(credentials.clone())
            .region(region.clone())
            .force_path_style(true)
            .build();
        let secrets = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(self.aws.origin())
            .credentials_provider(credentials)
            .region(region)
            .build();
        Aws {
            s3: aws_sdk_s3::Client::from_conf(s3),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets),
        }
    }

    pub(crate) fn function(&self, report: Report) -> Function {
        self.function_with(report, &[])
    }

    pub(crate) fn function_with(&self, report: Report, settings: &[(&str, &str)]) -> Function {
        self.function_of(report, settings, Arc::new(SystemClock))
    }

    /// The function as it will be when the clock shows what `clock` does.
    pub(crate) fn function_at(&self, report: Report, clock: Arc<dyn Clock>) -> Function {
        self.function_of(report, &[], clock)
    }

    pub(crate) fn function_of(
        &self,
        report: Report,
        settings: &[(&str, &str)],
        clock: Arc<dyn Clock>,
    ) -> Function {
        let origin = self.zoho.origin();
        let mut env = BTreeMap::from([
            ("BUCKET", BUCKET),
            ("ZOHO_ACCOUNTS_URL", origin.as_str()),
            ("ZOHO_DESK_URL", origin.as_str()),
            ("MAX_CONCURRENCY", "10"),
            ("CREDIT_RESERVE_PERCENT", "0"),
        ]);
        env.extend(settings.iter().copied());
        let env: Env = env.into_iter().collect();
        Function::new(report, &env, self.clients(), clock)
    }

    pub(crate) async fn run(&self, report: Report, event: Value) -> Finished {
        invoke(&self.function(report), event).await.unwrap()
    }

    /// The stored rows of a run, sorted.
    pub(crate) fn rows(&self, finished: &Finished) -> Vec<String> {
        sorted(
            self.objects(finished)
                .iter()
                .flat_map(|key| self.rows_in(key)),
        )
    }

    /// The data objects of a run.
    pub(crate) fn objects(&self, finished: &Finished) -> Vec<String> {
        let manifest = self
            .json(finished.manifest_key.as_deref().unwrap())
            .unwrap();
        let keys = manifest["keys"].as_array().unwrap();
        assert_eq!(
            Some(keys[0]["key"].as_str().unwrap()),
            finished.key.as_deref()
        );
        keys.iter()
            .map(|entry| entry["key"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn rows_in(&self, key: &str) -> Vec<String> {
        let stored = self.aws.object(BUCKET, key).unwrap();
        let mut text = String::new();
        if key.contains(".gz") {
            flate2::read::GzDecoder::new(stored.as_ref())
                .read_to_string(&mut text)
                .unwrap();
        } else {
            text = String::from_utf8(stored.to_vec()).unwrap();
        }
        let text = text.trim_end();
        let lines: Vec<&str> = if key.contains(".jsonl") {
            text.lines().collect()
        } else {
            let inner = text.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
            let rows = inner.trim().split(",\n");
            rows.filter(|row| !row.is_empty()).collect()
        };
        lines.into_iter().map(str::to_owned).collect()
    }

    /// A JSON object of the bucket.
    pub(crate) fn json(&self, key: &str) -> Option<Value> {
        let stored = self.aws.object(BUCKET, key)?;
        Some(serde_json::from_slice(&stored).unwrap())
    }

    /// The rows that a complete report must hold, with their parents' ids, sorted.
    pub(crate) fn truth(&self, report: Report, query: &str) -> Vec<String> {
        let rows = self.zoho.truth(report.name(), query).unwrap();
        sorted(rows.into_iter().map(|truth| match truth.parent {
            Some((key, id)) if !truth.row.contains(&format!("\"{key}\":")) => {
                format!("{{\"{key}\":\"{id}\",{}", &truth.row[1..])
            }
            _ => truth.row,
        }))
    }

    /// Keys that a reader of the report can see.
    pub(crate) fn visible(&self, report: Report) -> Vec<String> {
        let prefix = format!("{}/", report.name());
        let keys = self.aws.keys(BUCKET).into_iter();
        keys.filter(|key| key.starts_with(&prefix) && !key.contains("/_open/"))
            .collect()
    }

    pub(crate) fn pointer(&self, report: Report) -> Option<Value> {
        self.json(&format!("{}/_latest.json", report.name()))
    }
}

pub(crate) async fn invoke(function: &Function, event: Value) -> Result<Finished, Failure> {
    invoke_within(function, event, Duration::from_mins(2)).await
}

pub(crate) async fn invoke_within(
    function: &Function,
    event: Value,
    time: Duration,
) -> Result<Finished, Failure> {
    match answer(function, event, time).await? {
        Answer::Run(finished) => Ok(*finished),
        Answer::Plan(planned) => panic!("a plan: {planned:?}"),
    }
}

pub(crate) async fn answer(
    function: &Function,
    event: Value,
    time: Duration,
) -> Result<Answer, Failure> {
    let mut context = Context::default();
    let ends =
        Timestamp::from_millisecond(now().as_millisecond() + time.as_millis() as i64).unwrap();
    context.deadline = ends.as_millisecond() as u64;
    context.invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:test".into();
    function.invoke(event, context).await
}

/// The data object of a run that is at its end.
pub(crate) fn key(finished: &Finished) -> &str {
    finished.key.as_deref().unwrap()
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn sorted(rows: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.into_iter().collect();
    rows.sort_unstable();
    rows
}

/// The machine's clock, put forward.
#[derive(Debug)]
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

pub(crate) fn ahead(by: Duration) -> Arc<dyn Clock> {
    Arc::new(Ahead(by))
}
