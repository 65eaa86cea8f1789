//! A Zoho account, an AWS account, and both functions between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use clock::{Clock as _, SystemClock};
use desk_events_function::{Clients, DeskEvents, DeskWebhook, Queue, QueueError, Sending};
use http_body_util::BodyExt as _;
use lambda_kit::{Aws, Env, Failure};
use lambda_runtime::Context;
use serde_json::{Value, json};
use simulators::zoho::{Options, Simulator};
use state::{Retention, State, SystemEntropy, Table};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

pub(crate) const BUCKET: &str = "zoho-reports-000000000000";
pub(crate) const TABLE: &str = "deskbridge-state";

/// A queue that keeps what it takes, or takes nothing.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bodies: Mutex<Vec<String>>,
    down: Mutex<bool>,
}

impl Kept {
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    pub(crate) fn go_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }
}

impl Queue for Kept {
    fn send<'a>(&'a self, bodies: &'a [String]) -> Sending<'a> {
        let down = *self.down.lock().unwrap();
        if !down {
            self.bodies.lock().unwrap().extend_from_slice(bodies);
        }
        let refused = QueueError {
            variable: "DESK_EVENTS_QUEUE_URL",
            why: "it is down".to_owned(),
        };
        let outcome = if down { Err(refused) } else { Ok(()) };
        let outcomes = vec![outcome; bodies.len()];
        Box::pin(async move { outcomes })
    }
}

/// A delivery as Zoho sent it.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    pub(crate) token: String,
    pub(crate) body: String,
}

pub(crate) struct World {
    pub(crate) zoho: Simulator,
    pub(crate) aws: simulators::aws::Aws,
    pub(crate) queue: Arc<Kept>,
    pub(crate) notifications: Arc<Kept>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let aws = simulators::aws::Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        aws.create_table(TABLE);
        let options = Options {
            custom_fields: vec!["cf_salesiq_chat_id".to_owned()],
            ..Options::with_tickets(20)
        };
        let zoho = Simulator::start(options).await.unwrap();
        let options = zoho.options();
        let secret = json!({
            "client_id": options.client_id,
            "client_secret": options.client_secret,
            "code": options.code,
            "org_id": options.org_id,
        });
        aws.put_secret("zoho_auth", &secret.to_string());
        Self {
            zoho,
            aws,
            queue: Arc::default(),
            notifications: Arc::default(),
        }
    }

    pub(crate) fn clients(&self) -> Clients {
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::v2026_01_12())
                    .endpoint_url(self.aws.origin())
                    .credentials_provider(Credentials::new("test", "test", None, None, "test"))
                    .region(Region::new("us-east-1"))
            };
        }
        let s3 = client!(aws_sdk_s3).force_path_style(true).build();
        Clients {
            aws: Aws {
                s3: aws_sdk_s3::Client::from_conf(s3),
                secrets: aws_sdk_secretsmanager::Client::from_conf(
                    client!(aws_sdk_secretsmanager).build(),
                ),
            },
            dynamodb: aws_sdk_dynamodb::Client::from_conf(client!(aws_sdk_dynamodb).build()),
            sqs: aws_sdk_sqs::Client::from_conf(client!(aws_sdk_sqs).build()),
        }
    }

    fn env(&self, settings: &[(&str, &str)]) -> Env {
        let origin = self.zoho.origin();
        let mut env = BTreeMap::from([
            ("BUCKET", BUCKET),
            ("STATE_TABLE", TABLE),
            ("ZOHO_ACCOUNTS_URL", origin.as_str()),
            ("ZOHO_DESK_URL", origin.as_str()),
        ]);
        env.extend(settings.iter().copied());
        env.into_iter().collect()
    }

    pub(crate) fn state(&self) -> State {
        let table = Table::new(self.clients().dynamodb, TABLE, Arc::new(SystemClock));
        State::new(&table, Retention::default(), Arc::new(SystemEntropy))
    }

    /// The routes of `desk-webhook`.
    pub(crate) fn webhook(&self, settings: &[(&str, &str)]) -> Router {
        let env = self.env(settings);
        let queue = Arc::clone(&self.queue) as Arc<dyn Queue>;
        DeskWebhook::with_queue(&env, &self.clients(), Arc::new(SystemClock), queue)
            .unwrap()
            .router()
    }

    /// The function `desk-events`.
    pub(crate) fn events(&self, settings: &[(&str, &str)]) -> DeskEvents {
        let notifications = Arc::clone(&self.notifications) as Arc<dyn Queue>;
        DeskEvents::with_notifications(
            &self.env(settings),
            &self.clients(),
            Arc::new(SystemClock),
            Some(notifications),
        )
    }

    pub(crate) async fn invoke(&self, event: Value) -> Result<Value, Failure> {
        invoke(&self.events(&[]), event).await
    }

    /// Registers an address that keeps what Zoho delivers, lets a ticket change, and returns the
    /// delivery.
    pub(crate) async fn captured(&self) -> Captured {
        type Seen = Arc<Mutex<Vec<Captured>>>;
        let seen = Seen::default();
        let take = async |Shared(seen): Shared<Seen>, headers: HeaderMap, body: Bytes| {
            seen.lock().unwrap().push(Captured {
                token: headers["x-zdesk-jwt"].to_str().unwrap().to_owned(),
                body: String::from_utf8(body.to_vec()).unwrap(),
            });
        };
        let routes = Router::new()
            .route("/", get(async || StatusCode::OK).post(take))
            .with_state(Arc::clone(&seen));
        let url = serve(routes).await;
        self.invoke(json!({"register": {"url": url}}))
            .await
            .unwrap();
        self.change_ticket();
        within("a delivery", || seen.lock().unwrap().first().cloned()).await
    }

    /// Changes a ticket and returns its id.
    pub(crate) fn change_ticket(&self) -> String {
        use simulators::zoho::{Change, Entity, Mutation};
        let ids = self.zoho.ids("tickets", 1);
        let change = Mutation::of_ids(Entity::Tickets, Change::Modify, ids);
        self.zoho.mutate(&change).remove(0)
    }

    /// Keys of stored batches of events.
    pub(crate) fn stored(&self) -> Vec<String> {
        let keys = self.aws.keys(BUCKET).into_iter();
        keys.filter(|key| key.starts_with("desk_events/dt="))
            .collect()
    }

    /// The records of all stored batches.
    pub(crate) fn records(&self) -> Vec<Value> {
        let read = |key: String| self.aws.object(BUCKET, &key).unwrap();
        self.stored()
            .into_iter()
            .map(read)
            .flat_map(|bytes| {
                let text = String::from_utf8(bytes.to_vec()).unwrap();
                let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
                lines.collect::<Vec<Value>>()
            })
            .collect()
    }
}

pub(crate) async fn invoke(function: &DeskEvents, event: Value) -> Result<Value, Failure> {
    let mut context = Context::default();
    context.deadline = (SystemClock.now().as_millisecond() + 60_000) as u64;
    context.invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:test".into();
    function.invoke(event, context).await
}

/// Serves `routes` on a free port until the test ends.
pub(crate) async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    origin
}

/// Waits for `what` until it is there.
pub(crate) async fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = look() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not come within 10 s");
}

/// Sends an event of API Gateway through `routes`, as Lambda does.
pub(crate) async fn send(routes: &Router, event: &Value) -> (StatusCode, Value) {
    let request: Request<Body> = lambda_http::request::from_str(&event.to_string())
        .unwrap()
        .map(|body| Body::from(body.to_vec()));
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// A file of `events/`, with each `{name}` replaced.
pub(crate) fn fixture(path: &str, values: &[(&str, &str)]) -> Value {
    let path = format!("{}/../../events/{path}.json", env!("CARGO_MANIFEST_DIR"));
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    serde_json::from_str(&text).unwrap()
}

/// A batch of SQS with these bodies; each message's id is its number.
pub(crate) fn batch(bodies: &[String]) -> Value {
    let records: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| json!({"messageId": format!("m{n}"), "body": body}))
        .collect();
    json!({"Records": records})
}

/// The ids of the messages to be delivered again.
pub(crate) fn failed(response: &Value) -> Vec<&str> {
    let failures = response["batchItemFailures"].as_array().unwrap();
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap())
        .collect()
}
