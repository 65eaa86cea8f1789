use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Region};
use clock::ManualClock;
use credentials::{Broker, BrokerConfig, DataCentre, SecretStore};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use simulators::aws::Aws;
use simulators::zoho::{AccountSize, Fault, FaultRule, Options, Simulator};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use vendor_http::{AccessToken, Deadline, TokenError, TokenErrorKind, TokenSource};

pub(crate) const SECRET: &str = "zoho_auth";
pub(crate) const BUCKET: &str = "zoho-reports-000000000000";
pub(crate) const LOCK: &str = "_locks/zoho_auth.json";

/// AWS and Zoho with a clock that only a test moves.
pub(crate) struct World {
    pub(crate) aws: Aws,
    pub(crate) zoho: Simulator,
    pub(crate) clock: Arc<ManualClock>,
}

/// What all tests have logged: this crate and its HTTP client in full, others from INFO up.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One log for the test binary: subscribers of single threads miss events at random.
pub(crate) fn log() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let sink = log.clone();
        let targets = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target("credentials", LevelFilter::TRACE)
            .with_target("vendor_http", LevelFilter::TRACE);
        let lines = tracing_subscriber::fmt::layer().json();
        let subscriber = tracing_subscriber::registry()
            .with(targets)
            .with(lines.with_writer(move || sink.clone()));
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    })
    .clone()
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        log();
        let clock = Arc::new(ManualClock::at(at("2026-03-01T00:00:00Z")));
        let mut options = Options {
            size: AccountSize::from_tickets(1),
            clock: Arc::<ManualClock>::clone(&clock),
            ..Options::default()
        };
        change(&mut options);
        let aws = Aws::start().await.unwrap();
        aws.create_bucket(BUCKET);
        Self {
            aws,
            zoho: Simulator::start(options).await.unwrap(),
            clock,
        }
    }

    /// A secret as a person fills it in, with `extra` fields.
    pub(crate) fn fill_in(&self, extra: &Value) {
        let mut secret = json!({
            "note": "owned by the helpdesk team",
            "client_id": self.zoho.options().client_id,
            "client_secret": self.zoho.options().client_secret,
            "org_id": 700_000_001,
        });
        secret
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        self.aws.put_secret(SECRET, &secret.to_string());
    }

    pub(crate) fn fill_in_code(&self) {
        self.fill_in(&json!({ "code": self.zoho.options().code }));
    }

    /// As after an earlier run whose token has expired.
    pub(crate) fn fill_in_expired(&self) {
        self.fill_in(&json!({
            "refresh_token": self.zoho.issue_refresh_token(),
            "access_token": "1000.expired",
            "expires_at": "2026-02-28T23:00:00Z",
        }));
    }

    /// The first process: exchanges the code.
    pub(crate) async fn first_run(&self) -> AccessToken {
        self.fill_in_code();
        self.process().token(soon()).await.unwrap()
    }

    /// What a new process has.
    pub(crate) fn process(&self) -> Broker {
        Broker::new(self.config())
    }

    pub(crate) fn config(&self) -> BrokerConfig {
        let settings = vendor_http::Settings {
            attempts: 3,
            backoff_base: Duration::from_millis(5),
            ..vendor_http::Settings::default()
        };
        BrokerConfig {
            secret_id: SECRET.parse().unwrap(),
            store: SecretStore::new(self.secrets()),
            locks: (self.s3(), BUCKET.into()),
            http: vendor_http::Client::new(settings).unwrap(),
            accounts: self.zoho.origin().parse().unwrap(),
            data_centre: Some(DataCentre::Us),
            clock: Arc::<ManualClock>::clone(&self.clock),
            seed: 7,
        }
    }

    fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("k", "s", None, None, "test"))
            .retry_config(retries())
            .endpoint_url(self.aws.origin());
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("k", "s", None, None, "test"))
            .retry_config(retries())
            .force_path_style(true)
            .endpoint_url(self.aws.origin());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    pub(crate) fn secret(&self) -> Value {
        serde_json::from_str(&self.aws.secret(SECRET).unwrap()).unwrap()
    }

    pub(crate) fn mints(&self) -> u64 {
        self.zoho.stats().mints()
    }

    pub(crate) fn token_requests(&self) -> u64 {
        let requests = self.zoho.stats().requests;
        requests.get("oauth/token").copied().unwrap_or_default()
    }

    pub(crate) fn puts(&self) -> u64 {
        self.aws.calls("PutSecretValue")
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// The token endpoint answers this until faults are cleared.
    pub(crate) fn zoho_answers(&self, body: &Value) {
        self.zoho.add_fault(FaultRule::always(Fault::MintAnswer {
            status: 200,
            body: body.to_string(),
        }));
    }

    /// The next token request is answered this late.
    pub(crate) fn zoho_stalls(&self, seconds: f64) {
        let stall = FaultRule::next(1, Fault::Stall { seconds });
        self.zoho.add_fault(stall.on("oauth/token"));
    }

    pub(crate) async fn until_token_requests(&self, count: u64) {
        while self.token_requests() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_initial_backoff(Duration::from_millis(5))
}

/// Asks `count` new processes for a token at the same time.
pub(crate) async fn storm(world: &World, count: usize) -> Vec<Result<AccessToken, TokenError>> {
    let processes = (0..count).map(|_| {
        let process = world.process();
        tokio::spawn(async move { process.token(soon()).await })
    });
    let processes: Vec<_> = processes.collect();
    let mut outcomes = Vec::new();
    for process in processes {
        outcomes.push(process.await.unwrap());
    }
    outcomes
}

/// The distinct tokens of outcomes that must all be good.
pub(crate) fn distinct(outcomes: Vec<Result<AccessToken, TokenError>>) -> BTreeSet<String> {
    let tokens = outcomes.into_iter().map(|outcome| outcome.unwrap());
    tokens.map(|token| token.expose().to_owned()).collect()
}

#[track_caller]
pub(crate) fn assert_fails(
    outcome: Result<AccessToken, TokenError>,
    kind: TokenErrorKind,
    phrases: &[&str],
) {
    let error = outcome.expect_err("no token");
    assert_eq!(error.kind, kind, "{}", error.message);
    for phrase in phrases {
        assert!(error.message.contains(phrase), "{}", error.message);
    }
}
