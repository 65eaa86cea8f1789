use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_kit::{Env, Failure};
use lambda_runtime::Context;
use serde_json::json;
use sqs_batch::{Verdict, each, job};
use state::{Entry, TicketState};
use ticketing::{Actor, Error, TicketJob, Tickets, Worked};
use tokio::time::Instant;
use tracing::{Instrument as _, error, info_span, warn};
use vendor_http::Deadline;

use crate::metrics::{count, duration_ms, emit};
use crate::service::Service;

/// The function `ticket-worker`: what lives as long as its process.
#[derive(Debug)]
pub struct TicketWorker {
    name: String,
    service: Arc<Service>,
    at_once: u32,
    warm: AtomicBool,
}

const AT_ONCE: u32 = 5;
/// Kept of Lambda's time for telling SQS which messages come again: a tenth, within these bounds.
const LEAST_RESERVE: Duration = Duration::from_millis(300);
const MOST_RESERVE: Duration = Duration::from_secs(5);

/// The time that handling messages may take.
pub(crate) fn deadline(context: &Context, service: &Service) -> Deadline {
    let time_left = lambda_kit::time_left(context, service.now());
    let reserve = (time_left / 10).clamp(LEAST_RESERVE, MOST_RESERVE);
    Deadline::after(time_left.saturating_sub(reserve))
}

/// What [`each`] keeps apart: work on one chat would only get in each other's way.
fn chat(job: TicketJob) -> String {
    job.chat_id
}

impl TicketWorker {
    /// Reads the settings: `WORKER_CONCURRENCY`, chats worked at once, 5 by default.
    pub fn new(env: &Env, service: Arc<Service>) -> Result<Self, Failure> {
        Ok(Self {
            name: crate::env::name(env, "ticket-worker"),
            at_once: crate::env::at_least_one(env, "WORKER_CONCURRENCY", AT_ONCE)?,
            service,
            warm: AtomicBool::new(false),
        })
    }

    /// Handles a batch of `ticket-jobs` and tells SQS which messages to deliver again.
    pub async fn invoke(
        &self,
        event: SqsEvent,
        context: Context,
    ) -> Result<SqsBatchResponse, Failure> {
        let span = info_span!(
            "invocation",
            service = self.name,
            function_request_id = context.request_id,
            cold_start = !self.warm.swap(true, Ordering::Relaxed),
        );
        let deadline = deadline(&context, &self.service);
        Box::pin(self.work(&event, deadline)).instrument(span).await
    }

    async fn work(
        &self,
        event: &SqsEvent,
        deadline: Deadline,
    ) -> Result<SqsBatchResponse, Failure> {
        let tickets = self.service.tickets().await.map_err(|problem| {
            error!(error = %problem, "the ticket settings cannot be used");
            Failure::from(problem)
        })?;
        each(event, self.at_once as usize, deadline, chat, |message| {
            self.settle(&tickets, message, deadline)
        })
        .await
    }

    async fn settle(&self, tickets: &Tickets, message: &SqsMessage, deadline: Deadline) -> Verdict {
        let Some(job) = job::<TicketJob>(message) else {
            return Verdict::Done;
        };
        let began = Instant::now();
        let before = self.made(&job).await;
        let outcome = tickets.work(&job, deadline).await;
        let created = match (before, self.made(&job).await) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => 0,
        };
        let verdict = match &outcome {
            Ok(Worked::Done) => Verdict::Done,
            Ok(Worked::Again) => Verdict::Again,
            Err(failure) => self.failed(&job, failure).await,
        };
        emit(
            &self.name,
            self.service.now(),
            &[
                duration_ms("TicketSettleDurationMs", began.elapsed()),
                count("TicketsCreated", created),
                count(
                    "JobsDone",
                    u64::from(verdict == Verdict::Done && outcome.is_ok()),
                ),
                count("JobsAgain", u64::from(verdict == Verdict::Again)),
                count(
                    "JobsDropped",
                    u64::from(verdict == Verdict::Done && outcome.is_err()),
                ),
            ],
        );
        verdict
    }

    /// Tickets that a chat has; a figure for the metrics, so a failure is none of the job's.
    async fn made(&self, job: &TicketJob) -> Option<u64> {
        let chat = state::ChatId::parse(job.chat_id.as_str()).ok()?;
        let records = self.service.state().tickets.of_chat(&chat).await.ok()?;
        let made = |record: &&state::TicketRecord| matches!(record.state, TicketState::Made { .. });
        u64::try_from(records.iter().filter(made).count()).ok()
    }

    /// What waiting or a person may mend comes again, and ends in the dead-letter queue, from
    /// which it is sent back once it is mended. What is wrong with the job itself does not.
    async fn failed(&self, job: &TicketJob, failure: &Error) -> Verdict {
        let chat = job.chat_id.as_str();
        match failure {
            failure if failure.is_transient() => {
                warn!(chat, error = %failure, "a ticket cannot be made for now");
                return Verdict::Again;
            }
            Error::Desk(_) | Error::State(_) => {
                error!(chat, error = %failure, "a ticket cannot be made until a person mends this");
                return Verdict::Again;
            }
            failure => error!(chat, error = %failure, "a job is dropped"),
        }
        let entry = Entry {
            at: self.service.now(),
            actor: Actor::Worker.name(),
            action: "ticket_job.dropped".to_owned(),
            target: format!("chat:{chat}"),
            details: json!({"version": job.version, "error": failure.to_string()}),
        };
        match self.service.state().audit.append(&entry).await {
            Ok(()) => Verdict::Done,
            Err(problem) => {
                error!(chat, error = %problem, "a dropped job could not be written to the audit trail; it comes again");
                Verdict::Again
            }
        }
    }
}
