use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clock::Clock;
use credentials::SecretId;
use desk_account::DeskAccount;
use jiff::Timestamp;
use lake::{Lake, RunId, Status};
use lambda_kit::{Aws, Env, ErrorType, Failure, Metric, Unit};
use lambda_runtime::Context;
use reports::{Answer, Event, Finished, Invocation, Report, Runner, Stops};
use serde_json::Value;
use tracing::{Instrument, error, info, info_span, warn};
use vendor_http::{Deadline, Usage};

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
    account: DeskAccount,
    settings: reports::Settings,
    s3: aws_sdk_s3::Client,
}

/// Time kept for committing or clearing away: a tenth of what there is, within these bounds.
const LEAST_RESERVE: Duration = Duration::from_millis(300);
const MOST_RESERVE: Duration = Duration::from_secs(15);

/// Time for finishing what was begun before reading stops: a tenth of what there is, at most this.
const MOST_WIND_DOWN: Duration = Duration::from_secs(20);

impl Function {
    /// Reads the settings and builds the vendor's clients, once.
    pub fn new(report: Report, env: &Env, aws: Aws, clock: Arc<dyn Clock>) -> Self {
        let ready = Config::from_env(env).and_then(|config| {
            Ok(Ready {
                s3: aws.s3.clone(),
                account: DeskAccount::new(config.account, aws, Arc::clone(&clock))?,
                settings: config.settings,
            })
        });
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
                .map_or(Usage::default(), |ready| ready.account.usage())
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
            .map(|ready| ready.account.http().budget());
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
        let bucket = ready.account.settings().bucket(context)?;
        let secret = secret_of(&event)?;
        let visit = ready
            .account
            .begin(secret.as_ref(), &bucket, deadline)
            .await?;

        let lake = Lake::new(ready.s3.clone(), bucket, Arc::clone(&self.clock));
        let runner = Runner::new(lake, Arc::clone(&self.clock), ready.settings.clone());
        let invocation = Invocation {
            desk: visit.desk(),
            used_before,
            stops,
            run: random_run()?,
            ends_at: now
                .saturating_add(jiff::SignedDuration::try_from(time_left).unwrap_or_default())
                .unwrap_or(Timestamp::MAX),
        };
        let outcome = runner.run(self.report, &event, invocation).await;
        visit.finish().await;
        let now = self.clock.now();
        outcome.map_err(|error| failure::of_report(&error, self.report, now))
    }
}

/// The secret that the event names, if it names one.
fn secret_of(event: &Event) -> Result<Option<SecretId>, Failure> {
    let parsed = event.secret_id.as_deref().map(str::parse);
    parsed
        .transpose()
        .map_err(|error| Failure::new(ErrorType::InvalidEvent, format!("`secret_id` {error}")))
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
