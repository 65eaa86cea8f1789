//! A deployment in memory: AWS, Zoho Desk, the queues, and the four functions as `main` builds
//! them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use clock::{Clock, SystemClock};
use lambda_kit::{Aws, Env};
use lambda_runtime::Context;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use simulators::salesiq::Signer;
use simulators::zoho::{Options, Simulator};
use state::{Retention, Scope, State, SystemEntropy, Table};
use ticket_function::{
    Clients, SalesiqWebhook, SendNotifications, Service, TicketWorker, api_router,
};
use tower::ServiceExt as _;

use crate::post::{Post, Queued};

pub(crate) const BUCKET: &str = "zoho-reports-000000000000";
pub(crate) const TABLE: &str = "deskbridge-state";
pub(crate) const SHARED: &str = "fixture-shared-secret-0001";
const SIGNING: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) struct World {
    pub(crate) zoho: Simulator,
    pub(crate) aws: simulators::aws::Aws,
    pub(crate) post: Post,
    pub(crate) clock: Arc<dyn Clock>,
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
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::at(Arc::new(SystemClock)).await
    }

    pub(crate) async fn at(clock: Arc<dyn Clock>) -> Self {
        let aws = simulators::aws::Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        aws.create_table(TABLE);
        let zoho = Simulator::start(Options::with_tickets(20)).await.unwrap();
        let options = zoho.options();
        let secret = json!({
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "redirect_uri": "https://example.com/callback",
            "code": options.code,
            "org_id": options.org_id,
        });
        aws.put_secret("zoho_auth", &secret.to_string());
        aws.put_secret(
            "salesiq_webhook",
            &json!({"shared_secrets": [SHARED], "signing_secrets": [SIGNING]}).to_string(),
        );
        let world = Self {
            zoho,
            aws,
            post: Post::start().await,
            clock,
        };
        world.configure(&world.settings());
        world
    }

    /// Settings that work.
    pub(crate) fn settings(&self) -> Value {
        json!({
            "department_id": self.zoho.ids("departments", 1)[0],
            "from_email": "Support <support@company.com>",
            "support_email": "team@company.com",
            "public_url": "https://support.company.com",
            "custom_fields": {"automation_source": "AceBuddy"},
        })
    }

    pub(crate) fn configure(&self, settings: &Value) {
        self.aws
            .put_object(BUCKET, "_config/ticketing.json", settings.to_string());
    }

    pub(crate) fn env(&self, more: &[(&str, &str)]) -> Env {
        let zoho = self.zoho.origin();
        let queue = |name: &str| format!("{}/000000000000/{name}", self.post.origin());
        let (jobs, mails) = (queue("ticket-jobs"), queue("notifications"));
        let usual = [
            ("BUCKET", BUCKET),
            ("STATE_TABLE", TABLE),
            ("TICKET_JOBS_QUEUE_URL", &jobs),
            ("NOTIFICATIONS_QUEUE_URL", &mails),
            ("ZOHO_ACCOUNTS_URL", &zoho),
            ("ZOHO_DESK_URL", &zoho),
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
        let post = config(self.post.origin());
        let s3 = aws_sdk_s3::config::Builder::from(&aws)
            .force_path_style(true)
            .build();
        Clients {
            aws: Aws {
                s3: aws_sdk_s3::Client::from_conf(s3),
                secrets: aws_sdk_secretsmanager::Client::new(&aws),
            },
            dynamodb: aws_sdk_dynamodb::Client::new(&aws),
            sqs: aws_sdk_sqs::Client::new(&post),
            ses: aws_sdk_sesv2::Client::new(&post),
        }
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        self.service_with(&[])
    }

    pub(crate) fn service_with(&self, more: &[(&str, &str)]) -> Arc<Service> {
        Service::new(&self.env(more), &self.clients(), Arc::clone(&self.clock)).unwrap()
    }

    pub(crate) fn state(&self) -> State {
        let table = Table::new(self.clients().dynamodb, TABLE, Arc::clone(&self.clock));
        State::new(&table, Retention::default(), Arc::new(SystemEntropy))
    }

    pub(crate) fn webhook(&self) -> Router {
        self.webhook_with(&[])
    }

    pub(crate) fn webhook_with(&self, more: &[(&str, &str)]) -> Router {
        let service = self.service_with(more);
        SalesiqWebhook::new(&self.env(more), &self.clients(), service)
            .unwrap()
            .router()
    }

    pub(crate) fn api(&self) -> Router {
        api_router(&self.env(&[]), self.service()).unwrap()
    }

    pub(crate) fn worker(&self) -> TicketWorker {
        TicketWorker::new(&self.env(&[]), self.service()).unwrap()
    }

    pub(crate) fn sender(&self) -> SendNotifications {
        SendNotifications::new(&self.env(&[]), &self.clients(), self.service()).unwrap()
    }

    /// A key with these scopes.
    pub(crate) async fn key(&self, scopes: &[Scope]) -> String {
        let keys = self.state().api_keys;
        let issued = keys.issue("tests", scopes.iter().copied(), None).await;
        issued.unwrap().key.expose_secret().to_owned()
    }

    /// A key of a tenant's, which opens integrations and nothing here.
    pub(crate) async fn tenant_key(&self) -> String {
        let tenant = state::TenantId::parse("acme").unwrap();
        let all = [Scope::Read, Scope::Write, Scope::Admin];
        let keys = self.state().api_keys;
        let issued = keys.issue_tenant("tests", tenant, all, None).await;
        issued.unwrap().key.expose_secret().to_owned()
    }

    /// A key for the visitor of a chat.
    pub(crate) async fn visitor_key(&self, chat: &str) -> String {
        let chat = state::ChatId::parse(chat).unwrap();
        let hour = jiff::SignedDuration::from_hours(1);
        let issued = self
            .state()
            .api_keys
            .issue_visitor("visitor", &chat, hour)
            .await;
        issued.unwrap().key.expose_secret().to_owned()
    }

    /// Says `texts` in a chat, one after the other, and gives the last answer.
    pub(crate) async fn say(&self, hook: &Router, chat: &str, texts: &[&str]) -> Value {
        let mut last = Value::Null;
        for text in texts {
            let body = flat(chat, text);
            let answer = self.post_flat(hook, &body).await;
            assert_eq!(answer.status, StatusCode::OK, "{text}: {}", answer.text);
            last = answer.json();
        }
        last
    }

    pub(crate) async fn post_flat(&self, hook: &Router, body: &Value) -> Answer {
        self.signed(hook, body.to_string().as_bytes()).await
    }

    /// Posts a body with the shared secret.
    pub(crate) async fn signed(&self, hook: &Router, body: &[u8]) -> Answer {
        let request = Request::post("/webhook/salesiq")
            .header("content-type", "application/json")
            .header("x-webhook-secret", SHARED)
            .body(Body::from(body.to_vec()))
            .unwrap();
        call(hook, request).await
    }

    /// Runs both queues until they are empty, as Lambda does.
    pub(crate) async fn drain(&self) {
        let (worker, sender) = (self.worker(), self.sender());
        for _ in 0..10 {
            let jobs = self.post.take("ticket-jobs");
            let mails = self.post.take("notifications");
            if jobs.is_empty() && mails.is_empty() {
                return;
            }
            let answer = worker.invoke(batch(&jobs), context()).await.unwrap();
            assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
            let answer = sender.invoke(batch(&mails), context()).await.unwrap();
            assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
        }
        panic!("the queues do not become empty");
    }
}

/// Headers of Standard Webhooks for `body`, sent at `now`.
pub(crate) fn standard(id: &str, body: &[u8], now: jiff::Timestamp) -> Vec<(&'static str, String)> {
    let signer = Signer::standard_webhooks(SIGNING).unwrap();
    signer.headers(id, now, body).unwrap()
}

pub(crate) fn flat(chat: &str, text: &str) -> Value {
    json!({
        "chat_id": chat,
        "visitor_id": "visitor_456",
        "visitor_email": "customer@company.com",
        "visitor_name": "John Doe",
        "visitor_phone": "555-1234",
        "message": text,
        "visitor_email_verified": true,
    })
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
    let (method, path) = route.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if !key.is_empty() {
        request = request.header("x-api-key", key);
    }
    let body = match body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    call(router, request.body(body).unwrap()).await
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

pub(crate) fn context() -> Context {
    let mut context = Context::default();
    let ends = SystemClock.now().as_millisecond() + 60_000;
    context.deadline = u64::try_from(ends).unwrap();
    context
}

pub(crate) fn batch(messages: &[Queued]) -> SqsEvent {
    let records: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(n, message)| json!({"messageId": format!("m-{n}"), "body": message.body}))
        .collect();
    serde_json::from_value(json!({"Records": records})).unwrap()
}

pub(crate) fn failed(answer: &SqsBatchResponse) -> Vec<&str> {
    let failures = answer.batch_item_failures.iter();
    let mut ids: Vec<_> = failures.map(|f| f.item_identifier.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// Long enough for what must not be waited for.
pub(crate) const SOON: Duration = Duration::from_millis(4600);
