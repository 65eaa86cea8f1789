//! The integrations hub: its API's calls, and rows a second of each source through a worker.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use simulators::aws::Aws;

use crate::figures::{Goal, Spread, megabytes};
use crate::process::{Place, Started};
use crate::sources::Sources;
use crate::throttle::{Pauses, Throttle};
use crate::world::World;
use crate::{Failure, Report};

const TABLE: &str = "state";
const TENANT: &str = "bench";
/// The template's default for the API.
const API_MEMORY_MB: u32 = 256;
/// The template's default for the workers.
pub(crate) const WORKER_MEMORY_MB: u32 = 512;
const CALLS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_LEGS: usize = 100;

/// Binaries of the hub's functions.
pub(crate) struct Binaries {
    pub(crate) api: PathBuf,
    pub(crate) http: PathBuf,
    pub(crate) database: PathBuf,
}

/// A hub whose functions run here, one process each.
pub(crate) struct Hub {
    world: World,
    place: Place,
    api: Started,
    key: String,
}

/// A sync, all its legs together.
#[derive(Debug, Serialize)]
pub(crate) struct Synced {
    pub(crate) rows: u64,
    pub(crate) legs: usize,
    pub(crate) seconds: f64,
    pub(crate) longest_leg_seconds: f64,
    pub(crate) rows_per_second: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mb: f64,
}

impl Hub {
    pub(crate) async fn start(binaries: &Binaries, tickets: u32) -> Result<Self, Failure> {
        let world = World::with_tickets(tickets, Duration::ZERO, None).await?;
        world.aws.create_table(TABLE);
        let key = key(&world.aws)?;
        let place = place(&world);
        let api = Started::new(&binaries.api, &place).await?;
        Ok(Self {
            world,
            place,
            api,
            key,
        })
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// An answer of the API with its body, and how long it took.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Value, String, Duration), Failure> {
        let event = event(method, path, &self.key, body);
        let (answer, elapsed) = self.api.invoke(&event, PATIENCE).await?;
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        let text = answer["body"].as_str().unwrap_or_default();
        let text = if answer["isBase64Encoded"] == true {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text)?;
            String::from_utf8(bytes)?
        } else {
            text.to_owned()
        };
        if status >= 300 {
            return Err(format!("{method} {path}: {status} {text}").into());
        }
        Ok((answer["headers"].clone(), text, elapsed))
    }

    async fn json(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let (_, text, _) = self.call(method, path, body).await?;
        Ok(serde_json::from_str(&text)?)
    }

    pub(crate) async fn create(&self, body: &Value) -> Result<u64, Failure> {
        let made = self.json("POST", "", Some(body)).await?;
        made["id"].as_u64().ok_or_else(|| "no id".into())
    }

    /// Syncs by a worker in invocations of at most `leg`, to the end.
    pub(crate) async fn sync(
        &self,
        id: u64,
        worker: &Started,
        queue: &str,
        leg: Duration,
    ) -> Result<Synced, Failure> {
        let url = queue_url(&self.world, queue);
        let before = self.world.aws.messages(&url).len();
        let cpu = worker.cpu()?;
        let begun = self
            .json("POST", &format!("/{id}/sync"), Some(&json!({})))
            .await?;
        let run = begun["run"]["id"].as_str().unwrap_or_default().to_owned();
        let mut legs = Vec::new();
        while let Some(job) = self.world.aws.messages(&url).get(before + legs.len()) {
            let (answer, elapsed) = worker.invoke(&batch(job), leg).await?;
            if answer["batchItemFailures"]
                .as_array()
                .is_some_and(|failed| !failed.is_empty())
            {
                return Err(format!("the worker could not: {answer}").into());
            }
            legs.push(elapsed.as_secs_f64());
            if legs.len() == MOST_LEGS {
                return Err("no end in sight".into());
            }
        }
        let run = self.json("GET", &format!("/{id}/runs/{run}"), None).await?;
        if run["status"] != "succeeded" {
            return Err(format!("the sync ended with {run}").into());
        }
        let streams = run["streams"].as_array().into_iter().flatten();
        let rows = streams.filter_map(|stream| stream["rows"].as_u64()).sum();
        let seconds: f64 = legs.iter().sum();
        Ok(Synced {
            rows,
            legs: legs.len(),
            seconds,
            longest_leg_seconds: legs.iter().copied().fold(0.0, f64::max),
            rows_per_second: rows as f64 / seconds,
            cpu_seconds: worker.cpu()?.saturating_sub(cpu).as_secs_f64(),
            peak_mb: megabytes(worker.peak()?),
        })
    }

    pub(crate) async fn worker(&self, binary: &Path) -> Result<Started, Failure> {
        Started::new(binary, &self.place).await
    }
}

impl Synced {
    fn line(&self, name: &str) {
        println!(
            "  {name}: {} rows in {:.1} s, {:.0} rows/s, {} legs, {:.1} s of processor time, peak {:.1} MB",
            self.rows,
            self.seconds,
            self.rows_per_second,
            self.legs,
            self.cpu_seconds,
            self.peak_mb
        );
    }
}

/// Rows of each source.
const ROWS: u32 = 100_000;
const LEG: Duration = Duration::from_mins(15);
pub(crate) const HTTP: &str = "integration-jobs";
pub(crate) const DATABASES: &str = "database-jobs";

/// Start and calls of the API, then a first sync of each source.
pub(crate) async fn figures(binaries: &Binaries, report: &mut Report) -> Result<(), Failure> {
    let mut found = Map::new();
    println!("\nintegrations-api");
    let hub = Hub::start(binaries, ROWS / 10).await?;
    let mut starts = Vec::new();
    for _ in 0..10 {
        starts.push(Started::new(&binaries.api, &hub.place).await?.start_up_ms);
    }
    let starts = Spread::of(starts);
    println!("  process to first Runtime API call, ms: {starts}");
    found.insert("start_ms".to_owned(), json!(starts));

    let mut synced = Map::new();
    let sources = Sources::start(&hub, ROWS).await?;
    for source in &sources.all {
        let binary = match source.queue {
            HTTP => &binaries.http,
            _ => &binaries.database,
        };
        let worker = hub.worker(binary).await?;
        let id = hub.create(&source.body).await?;
        let done = hub.sync(id, &worker, source.queue, LEG).await?;
        done.line(source.name);
        synced.insert(source.name.to_owned(), json!(done));
    }
    found.insert("sources".to_owned(), synced.into());
    calls(&hub, &mut found, report).await?;
    report.put("hub", found.into());
    Ok(())
}

const MOST_CALL_MS: f64 = 50.0;

/// Warm calls at the template's memory; the stand-ins answer at once.
async fn calls(
    hub: &Hub,
    found: &mut Map<String, Value>,
    report: &mut Report,
) -> Result<(), Failure> {
    let throttle = Throttle::of(hub.api.process_id()?, API_MEMORY_MB)?;
    if throttle.is_none() {
        println!("  calls not throttled: that needs cgroups of version 1, and root");
    }
    let mut pauses = Pauses::default();
    println!("  {CALLS} calls each at {API_MEMORY_MB} MB, ms: median, 99 of 100");
    for (name, path) in [
        ("list", ""),
        ("get", "/1"),
        ("runs", "/1/runs"),
        ("metrics", "/1/metrics"),
        ("data, 10 records", "/1/data?limit=10"),
    ] {
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            pauses.pause().await;
            let (_, _, elapsed) = hub.call("GET", path, None).await?;
            times.push(elapsed.as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        let (p50, p99) = (times[CALLS / 2], times[CALLS * 99 / 100]);
        println!("    {name}: {p50:.1}, {p99:.1}");
        found.insert(format!("{name}_ms"), json!({"p50_ms": p50, "p99_ms": p99}));
        if name == "get" {
            report.goals.push(Goal::at_most(
                "hub API, one integration, 99 of 100, ms",
                p99,
                MOST_CALL_MS,
            ));
        }
    }
    Ok(())
}

/// A key of the tenant, stored as `make api-key` does.
fn key(aws: &Aws) -> Result<String, Failure> {
    let (id, secret) = ("0123456789ab", URL_SAFE_NO_PAD.encode([7_u8; 32]));
    let scopes: Vec<Value> = ["read", "write", "admin"]
        .map(|scope| json!({"S": scope}))
        .into();
    let stored = aws.put_item(
        TABLE,
        json!({
            "pk": {"S": format!("KEY#{id}")},
            "sk": {"S": "KEY"},
            "version": {"N": "1"},
            "id": {"S": id},
            "name": {"S": "bench"},
            "grant": {"M": {"tenant": {"M": {"tenant": {"S": TENANT}, "scopes": {"L": scopes}}}}},
            "sha256": {"S": hex::encode(Sha256::digest(secret.as_bytes()))},
            "created_at": {"S": "2026-01-01T00:00:00.000Z"},
            "valid_until": {"NULL": true},
            "revoked_at": {"NULL": true},
        }),
    );
    if !stored {
        return Err("the key could not be stored".into());
    }
    Ok(format!("dbk_{id}_{secret}"))
}

fn queue_url(world: &World, name: &str) -> String {
    format!("{}/000000000000/{name}", world.aws.origin())
}

fn place(world: &World) -> Place {
    let arn = |name: &str| format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    Place::of(world, 10)
        .with("STATE_TABLE", TABLE)
        .with("INTEGRATION_JOBS_QUEUE_URL", queue_url(world, HTTP))
        .with("INTEGRATION_JOBS_QUEUE_ARN", arn(HTTP))
        .with("DATABASE_JOBS_QUEUE_URL", queue_url(world, DATABASES))
        .with("DATABASE_JOBS_QUEUE_ARN", arn(DATABASES))
        .with(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            WORKER_MEMORY_MB.to_string(),
        )
        .with("SCHEDULE_GROUP", "bench")
        .with("SCHEDULE_ROLE_ARN", "arn:aws:iam::000000000000:role/bench")
        .with("ALLOWED_PRIVATE_ADDRESSES", "127.0.0.1")
        .with("API_RATE_PER_KEY", "1000000")
        .with("API_RATE_PER_ADDRESS", "1000000")
}

/// A batch of one message, as SQS hands it to Lambda.
fn batch(body: &str) -> Value {
    json!({"Records": [{
        "messageId": "m-1", "receiptHandle": "r-1", "body": body, "messageAttributes": {}, "md5OfBody": "",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795255200000", "SenderId": "x", "ApproximateFirstReceiveTimestamp": "1795255200000"},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs", "awsRegion": "us-east-1",
    }]})
}

/// What API Gateway makes of a request, payload version 2.0.
fn event(method: &str, path: &str, key: &str, body: Option<&Value>) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = format!("/api/integrations{path}");
    json!({
        "version": "2.0",
        "routeKey": "ANY /api/integrations/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"authorization": format!("Bearer {key}"), "content-type": "application/json"},
        "requestContext": {
            "accountId": "000000000000", "apiId": "a1", "domainName": "example.com", "domainPrefix": "a1",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench"},
            "requestId": "r1", "routeKey": "ANY /api/integrations/{proxy+}", "stage": "$default",
            "time": "21/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_255_200_000_i64,
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    })
}

/// Seconds since `began`, for progress on a long run.
pub(crate) fn since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}
