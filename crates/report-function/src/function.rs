use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::Clock;
use credentials::{Broker, BrokerConfig, SecretId, SecretStore};
use jiff::Timestamp;
use lake::{Lake, RunId, Status};
use lambda_kit::{Aws, Env, ErrorType, Failure, Metric, Unit};
use lambda_runtime::Context;
use reports::{Answer, Event, Finished, Invocation, Report, Runner, Stops};
use serde_json::Value;
use tracing::{Instrument, error, info, info_span, warn};
use vendor_http::{Client, Deadline, Usage};
use zoho_desk::Desk;

use crate::credits::SharedCredits;
use crate::{Config, failure};

/// A report function: what lives as long as its process.
#[derive(Debug)]
pub struct Function {
    report: Report,
    /// The deployed function's name, which tells two installations in one account apart.
    name: String,
    clock: Arc<dyn Clock>,
    warm: AtomicBool,
    /// Settings that make no sense fail every invocation with their name, not the start.
    ready: Result<Ready, Failure>,
}

#[derive(Debug)]
struct Ready {
    config: Config,
    aws: Aws,
    desk_http: Client,
    token_http: Client,
    brokers: Mutex<HashMap<SecretId, Broker>>,
}

/// Time kept for committing or clearing away: a tenth of what there is, within these bounds.
const LEAST_RESERVE: Duration = Duration::from_millis(300);
const MOST_RESERVE: Duration = Duration::from_secs(15);

/// Time for finishing what was begun before reading stops: a tenth of what there is, at most this.
const MOST_WIND_DOWN: Duration = Duration::from_secs(20);

impl Function {
    /// Reads the settings and builds the vendor's clients, once.
    pub fn new(report: Report, env: &Env, aws: Aws, clock: Arc<dyn Clock>) -> Self {
        let ready = Config::from_env(env).and_then(|config| Ready::new(config, aws));
        Self {
            report,
            name: env
                .text("AWS_LAMBDA_FUNCTION_NAME")
                .unwrap_or(report.name())
                .to_owned(),
            clock,
            warm: AtomicBool::new(false),
            ready,
        }
    }

    /// Answers one invocation; logs and counts its outcome.
    pub async fn invoke(&self, payload: Value, context: Context) -> Result<Answer, Failure> {
        let span = info_span!(
            "invocation",
            service = self.name,
            function_request_id = context.request_id,
            cold_start = !self.warm.swap(true, Ordering::Relaxed),
        );
        Box::pin(self.measured(payload, &context))
            .instrument(span)
            .await
    }

    async fn measured(&self, payload: Value, context: &Context) -> Result<Answer, Failure> {
        let began = self.clock.now();
        let used = || {
            self.ready
                .as_ref()
                .map_or(Usage::default(), |ready| ready.desk_http.usage())
        };
        let before = used();
        let outcome = self.run(&payload, context, began, before).await;
        let (now, usage) = (self.clock.now(), used().since(before));
        let duration_ms = u64::try_from(now.duration_since(began).as_millis()).unwrap_or(0);
        log(&outcome, usage, duration_ms);
        self.count(&outcome, usage, now, duration_ms);
        outcome
    }

    fn count(
        &self,
        outcome: &Result<Answer, Failure>,
        usage: Usage,
        now: Timestamp,
        duration_ms: u64,
    ) {
        let finished = match outcome {
            Ok(Answer::Run(finished)) => Some(finished),
            _ => None,
        };
        let is = |holds: fn(&Finished) -> bool| {
            u64::from(finished.is_some_and(|finished| holds(finished)))
        };
        let rows = finished.map_or(0, |finished| finished.rows);
        let count = |name, value| Metric {
            name,
            unit: Unit::Count,
            value,
        };
        let mut metrics = vec![
            // A run that goes on counts its rows at its end.
            count("Rows", is(|run| run.status == Status::Complete) * rows),
            count("Requests", usage.requests),
            count("Credits", usage.credits),
            count("Retries", usage.retries),
            count("RunsCompleted", is(|run| run.status == Status::Complete)),
            count("RunsPartial", is(|run| run.status == Status::Partial)),
            count("RunsFailed", u64::from(outcome.is_err())),
            count(
                "RunsIncomplete",
                is(|run| run.manifest_key.is_some() && !run.complete),
            ),
            Metric {
                name: "DurationMs",
                unit: Unit::Milliseconds,
                value: duration_ms,
            },
        ];
        let budget = self
            .ready
            .as_ref()
            .ok()
            .map(|ready| ready.desk_http.budget());
        if let Some(remaining) = budget.and_then(vendor_http::Budget::remaining) {
            metrics.push(count("CreditsRemaining", remaining));
        }
        lambda_kit::emit(&self.name, now, &metrics);
    }

    async fn run(
        &self,
        payload: &Value,
        context: &Context,
        now: Timestamp,
        used_before: Usage,
    ) -> Result<Answer, Failure> {
        let ready = self.ready.as_ref().map_err(Clone::clone)?;
        let event = Event::read(payload, now)
            .map_err(|error| Failure::new(ErrorType::InvalidEvent, error))?;
        let time_left = lambda_kit::time_left(context, now);
        let reserve = (time_left / 10).clamp(LEAST_RESERVE, MOST_RESERVE);
        let deadline = Deadline::after(time_left.saturating_sub(reserve));
        let stops = Stops {
            soon: deadline.minus((time_left / 10).min(MOST_WIND_DOWN)),
            now: deadline,
        };
        let bucket = ready.bucket(context)?;

        let broker = ready.broker(&event, &bucket, Arc::clone(&self.clock))?;
        let secret = broker
            .secret(deadline)
            .await
            .map_err(|error| Failure::new(failure::of_token(error.kind()), error))?;
        let org = secret
            .org_id()
            .as_str()
            .parse()
            .map_err(|why| Failure::new(ErrorType::SecretInvalid, format!("`org_id` {why}")))?;
        let credits = SharedCredits::new(ready.aws.s3.clone(), &bucket, secret.org_id().as_str());
        // A warm process may have last heard of the credits on another day.
        ready.desk_http.budget().forget();
        credits.tell(ready.desk_http.budget(), now).await;
        let desk = Desk::new(
            ready.desk_http.clone(),
            Arc::new(broker),
            ready.config.desk.clone(),
            org,
            deadline,
        );
        ready.learn_credits(&desk, secret.org_id().as_str()).await;

        let lake = Lake::new(ready.aws.s3.clone(), bucket, Arc::clone(&self.clock));
        let runner = Runner::new(lake, Arc::clone(&self.clock), ready.config.settings.clone());
        let invocation = Invocation {
            desk: &desk,
            http: &ready.desk_http,
            used_before,
            stops,
            run: random_run()?,
            ends_at: now
                .saturating_add(jiff::SignedDuration::try_from(time_left).unwrap_or_default())
                .unwrap_or(Timestamp::MAX),
        };
        let outcome = runner.run(self.report, &event, invocation).await;
        let now = self.clock.now();
        credits.leave(ready.desk_http.budget(), now).await;
        outcome.map_err(|error| failure::of_report(&error, self.report, now))
    }
}

impl Ready {
    fn new(config: Config, aws: Aws) -> Result<Self, Failure> {
        let http = |settings| {
            Client::new(settings).map_err(|error| Failure::new(ErrorType::Internal, error))
        };
        Ok(Self {
            desk_http: http(vendor_http::Settings {
                max_concurrency: config.max_concurrency,
                credit_reserve_percent: config.credit_reserve_percent,
                seed: random_seed(),
                ..vendor_http::Settings::default()
            })?,
            token_http: http(vendor_http::Settings {
                attempts: 3,
                max_body: 64 * 1024,
                seed: random_seed(),
                ..vendor_http::Settings::default()
            })?,
            aws,
            brokers: Mutex::default(),
            config,
        })
    }

    fn bucket(&self, context: &Context) -> Result<String, Failure> {
        if let Some(bucket) = &self.config.bucket {
            return Ok(bucket.clone());
        }
        lambda_kit::account_of(context)
            .map(|account| format!("zoho-reports-{account}"))
            .ok_or_else(|| {
                Failure::new(
                    ErrorType::StorageDenied,
                    "no bucket is configured; set the environment variable BUCKET",
                )
            })
    }

    /// The broker of the event's secret, or else of the configured one. It is kept, with the token
    /// it knows, for the life of the process.
    fn broker(
        &self,
        event: &Event,
        bucket: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Broker, Failure> {
        let secret_id = match &event.secret_id {
            Some(id) => id.parse::<SecretId>().map_err(|error| {
                Failure::new(ErrorType::InvalidEvent, format!("`secret_id` {error}"))
            })?,
            None => self.config.secret_id.clone(),
        };
        let mut brokers = self.brokers.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = brokers.entry(secret_id.clone()).or_insert_with(|| {
            Broker::new(BrokerConfig {
                secret_id,
                store: SecretStore::new(self.aws.secrets.clone()),
                locks: (self.aws.s3.clone(), bucket.to_owned()),
                http: self.token_http.clone(),
                accounts: self.config.accounts.clone(),
                data_centre: self.config.data_centre,
                clock,
                seed: random_seed(),
            })
        });
        broker.begin_invocation();
        Ok(broker.clone())
    }

    /// A reserve is a share of the account's pool, which only the edition tells. One request in
    /// the life of a process, and only when there is a reserve to keep.
    async fn learn_credits(&self, desk: &Desk, org: &str) {
        let budget = self.desk_http.budget();
        if self.config.credit_reserve_percent == 0 || budget.pool().is_some() {
            return;
        }
        match desk.organizations().await {
            Ok(organizations) => {
                let ours = organizations
                    .iter()
                    .find(|organization| organization.id == org);
                if let Some(credits) = ours.and_then(zoho_desk::Organization::daily_credits) {
                    budget.learn_pool(credits);
                }
            }
            // The run itself will meet whatever is wrong and name it.
            Err(error) => {
                warn!(error = %error, "the account's edition is unknown; the credit reserve follows what is left");
            }
        }
    }
}

fn log(outcome: &Result<Answer, Failure>, usage: Usage, duration_ms: u64) {
    let finished = match outcome {
        Ok(Answer::Run(finished)) => finished,
        Ok(Answer::Plan(planned)) => {
            info!(
                rows = planned.rows,
                windows = planned.windows.len(),
                requests = usage.requests,
                duration_ms,
                "backfill planned"
            );
            return;
        }
        Err(failure) => {
            error!(
                error_type = failure.error_type.as_str(),
                error = failure.message,
                requests = usage.requests,
                duration_ms,
                "run failed"
            );
            return;
        }
    };
    let incomplete = finished.manifest_key.is_some() && !finished.complete;
    if incomplete {
        warn!(
            rows = finished.rows,
            key = finished.key,
            reasons = ?finished.reasons,
            requests = usage.requests,
            duration_ms,
            "run finished, with rows missing"
        );
        return;
    }
    info!(
        rows = finished.rows,
        key = finished.key,
        requests = usage.requests,
        credits = usage.credits,
        retries = usage.retries,
        duration_ms,
        "{}",
        match finished.status {
            Status::Complete => "run finished",
            Status::Partial => "run paused; the same event goes on",
        }
    );
}

fn random_run() -> Result<RunId, Failure> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new(ErrorType::Internal, error))?;
    RunId::from_bytes(&bytes).map_err(|error| Failure::new(ErrorType::Internal, error))
}

/// Without randomness from the system all processes would wait the same; better than not starting.
fn random_seed() -> u64 {
    let mut bytes = [0_u8; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}
