//! A deployment in memory: AWS, Zoho Desk, the queues, and the functions as `main` builds them.

use std::path::Path;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lambda_events::sqs::SqsEvent;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use clock::{Clock, SystemClock};
use hub::WorkerKind;
use hub_function::{Clients, HttpConnector, HubWorker, Setup};
use lambda_kit::{Aws, Env};
use lambda_runtime::Context;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use simulators::zoho::{Options, Simulator};
use state::{Scope, State, SystemEntropy, Table, TenantId};
use tower::ServiceExt as _;

use crate::post::{Post, Queued};

pub(crate) const BUCKET: &str = "zoho-reports-000000000000";
pub(crate) const TABLE: &str = "deskbridge-state";
pub(crate) const GROUP: &str = "deskbridge-integrations";

pub(crate) struct World {
    pub(crate) zoho: Simulator,
    pub(crate) aws: simulators::aws::Aws,
    pub(crate) post: Post,
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let aws = simulators::aws::Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        aws.create_table(TABLE);
        Self {
            zoho: Simulator::start(Options::with_tickets(20)).await.unwrap(),
            aws,
            post: Post::start().await,
        }
    }

    pub(crate) fn env(&self, more: &[(&str, &str)]) -> Env {
        let zoho = self.zoho.origin();
        let queue = |name: &str| format!("{}/000000000000/{name}", self.post.origin());
        let (jobs, databases) = (queue("integration-jobs"), queue("database-jobs"));
        let usual = [
            ("BUCKET", BUCKET),
            ("STATE_TABLE", TABLE),
            ("SECRET_PREFIX", "test/"),
            ("INTEGRATION_JOBS_QUEUE_URL", &jobs),
            (
                "INTEGRATION_JOBS_QUEUE_ARN",
                "arn:aws:sqs:us-east-1:000000000000:integration-jobs",
            ),
            ("DATABASE_JOBS_QUEUE_URL", &databases),
            (
                "DATABASE_JOBS_QUEUE_ARN",
                "arn:aws:sqs:us-east-1:000000000000:database-jobs",
            ),
            ("SCHEDULE_GROUP", GROUP),
            (
                "SCHEDULE_ROLE_ARN",
                "arn:aws:iam::000000000000:role/schedules",
            ),
            (
                "SCHEDULE_DLQ_ARN",
                "arn:aws:sqs:us-east-1:000000000000:dead",
            ),
            (
                "ALERT_TOPIC_ARN",
                "arn:aws:sns:us-east-1:000000000000:alerts",
            ),
            ("ZOHO_ACCOUNTS_URL", &zoho),
            ("ZOHO_DESK_URL", &zoho),
            ("CREDIT_RESERVE_PERCENT", "0"),
            ("API_RATE_PER_KEY", "10000"),
            ("API_RATE_PER_ADDRESS", "10000"),
        ];
        usual.into_iter().chain(more.iter().copied()).collect()
    }

    pub(crate) fn clients(&self) -> Clients {
        let config = |origin: &str| {
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .endpoint_url(origin)
                .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                    "test", "test", None, None, "test",
                )))
                .region(Region::new("us-east-1"))
                .build()
        };
        let aws = config(self.aws.origin());
        let s3 = aws_sdk_s3::config::Builder::from(&aws)
            .force_path_style(true)
            .build();
        let kit = Aws {
            s3: aws_sdk_s3::Client::from_conf(s3),
            secrets: aws_sdk_secretsmanager::Client::new(&aws),
        };
        Clients {
            dynamodb: aws_sdk_dynamodb::Client::new(&aws),
            ..Clients::of(kit, &config(self.post.origin()))
        }
    }

    pub(crate) fn setup(&self, more: &[(&str, &str)]) -> Setup {
        Setup::new(self.env(more), self.clients(), Arc::new(SystemClock)).unwrap()
    }

    pub(crate) fn api(&self) -> Router {
        self.setup(&[]).router().unwrap()
    }

    pub(crate) fn worker(&self) -> HubWorker {
        let setup = self.setup(&[]);
        let connector = HttpConnector::new(&setup).unwrap();
        setup.worker(WorkerKind::Http, Arc::new(connector)).unwrap()
    }

    pub(crate) fn state(&self) -> State {
        let table = Table::new(self.clients().dynamodb, TABLE, Arc::new(SystemClock));
        State::new(&table, state::Retention::default(), Arc::new(SystemEntropy))
    }

    /// The API, and an administrator's key of the tenant `acme`.
    pub(crate) async fn admin(&self) -> (Router, String) {
        (self.api(), self.key("acme", &[Scope::Admin]).await)
    }

    /// A tenant's key with these scopes.
    pub(crate) async fn key(&self, tenant: &str, scopes: &[Scope]) -> String {
        let tenant = TenantId::parse(tenant).unwrap();
        let issued = self
            .state()
            .api_keys
            .issue_tenant("tests", tenant, scopes.iter().copied(), None)
            .await;
        issued.unwrap().key.expose_secret().to_owned()
    }

    /// A body that makes an integration of the simulated Zoho Desk.
    pub(crate) fn desk(&self) -> Value {
        let options = self.zoho.options();
        json!({
            "name": "Support desk", "type": "zoho_desk", "streams": ["departments"],
            "credentials": {
                "client_id": options.client_id, "client_secret": options.client_secret,
                "code": options.code, "org_id": options.org_id,
                "redirect_uri": "https://example.com/callback",
            },
        })
    }

    /// Makes that integration and gives its id.
    pub(crate) async fn make_desk(&self, api: &Router, key: &str) -> u64 {
        let body = self.desk();
        let made = ask(api, key, "POST /api/integrations", Some(&body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.json()["id"].as_u64().unwrap()
    }

    /// Runs the worker until its queue is empty, as Lambda does.
    pub(crate) async fn drain(&self) {
        self.drain_of(0).await;
    }

    /// The same with what waits no longer than `delay_s`.
    pub(crate) async fn drain_of(&self, delay_s: u64) {
        let worker = self.worker();
        for _ in 0..20 {
            let jobs = self.post.take("integration-jobs", delay_s);
            if jobs.is_empty() {
                return;
            }
            let answer = worker.invoke(batch(&jobs), context(60_000)).await.unwrap();
            assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
        }
        panic!("the queue does not become empty");
    }

    /// Asks while a worker is there to do what is asked for.
    pub(crate) async fn ask_worked(
        &self,
        api: &Router,
        key: &str,
        route: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let asking = ask_with(api, key, route, body, headers);
        let mut asking = std::pin::pin!(asking);
        loop {
            let pause = tokio::time::sleep(std::time::Duration::from_millis(20));
            tokio::select! {
                answer = &mut asking => return answer,
                () = pause => self.drain().await,
            }
        }
    }
}

pub(crate) async fn call(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

/// A request of the API with a key.
pub(crate) async fn ask(router: &Router, key: &str, route: &str, body: Option<&Value>) -> Answer {
    ask_with(router, key, route, body, &[]).await
}

/// The same with more headers.
pub(crate) async fn ask_with(
    router: &Router,
    key: &str,
    route: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Answer {
    call(router, request(key, route, body, headers)).await
}

pub(crate) fn request(
    key: &str,
    route: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let (method, path) = route.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if !key.is_empty() {
        request = request.header("x-api-key", key);
    }
    let typed = headers.iter().any(|(name, _)| *name == "content-type");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        // A body that is no JSON is given as text.
        Some(Value::String(text)) if typed => Body::from(text.clone()),
        Some(body) => {
            if !typed {
                request = request.header("content-type", "application/json");
            }
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    request.body(body).unwrap()
}

/// A file below `events/`.
pub(crate) fn event(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// The names of the files in `events/<function>`.
pub(crate) fn events(function: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let files = std::fs::read_dir(root.join(function)).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// Calls a router with an event of API Gateway, as Lambda does.
pub(crate) async fn invoke(router: &Router, event: &str) -> Answer {
    let request = lambda_http::request::from_str(event).unwrap();
    let request = request.map(|body| match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    });
    call(router, request).await
}

/// An invocation that Lambda stops in `left_ms`.
pub(crate) fn context(left_ms: i64) -> Context {
    let mut context = Context::default();
    let ends = SystemClock.now().as_millisecond() + left_ms;
    context.deadline = u64::try_from(ends).unwrap();
    context
}

pub(crate) fn batch(messages: &[Queued]) -> SqsEvent {
    let records: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(n, message)| {
            json!({"messageId": format!("m-{n}"), "receiptHandle": format!("r-{n}"), "body": message.body})
        })
        .collect();
    serde_json::from_value(json!({"Records": records})).unwrap()
}
