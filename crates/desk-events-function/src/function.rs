use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use clock::Clock;
use desk_account::failure::{RouteFrom, of_desk};
use desk_account::{DeskAccount, Settings, Visit};
use jiff::Timestamp;
use lambda_kit::{Env, ErrorType, Failure, Metric, Unit};
use lambda_runtime::Context;
use serde_json::Value;
use tracing::{Instrument as _, error, info, info_span, warn};
use vendor_http::Deadline;

use crate::archive::{Archive, Record};
use crate::ledger::Ledger;
use crate::path_secret::PathSecret;
use crate::reading::{Reading, read_all};
use crate::register::{Order, Registrar};
use crate::registration::Registrations;
use crate::{Clients, Notice, Queue, Sqs, settings};

/// The function `desk-events`: works off the queue of events, and registers the webhook.
///
/// | variable | default |
/// |---|---|
/// | those of [`desk_account::Settings`] | |
/// | `STATE_TABLE` | required |
/// | `NOTIFICATIONS_QUEUE_URL` | none: nobody is asked how it was |
/// | `DESK_WEBHOOK_SECRET_ID` | none: the webhook's path needs no secret |
#[derive(Debug)]
pub struct DeskEvents {
    /// The deployed function's name.
    name: String,
    clock: Arc<dyn Clock>,
    warm: AtomicBool,
    /// Settings that make no sense fail every invocation with their name, not the start.
    ready: Result<Ready, Failure>,
}

#[derive(Debug)]
struct Ready {
    account: DeskAccount,
    s3: aws_sdk_s3::Client,
    ledger: Ledger,
    registrations: Registrations,
    path_secret: Option<PathSecret>,
}

/// Kept for writing what was read: a tenth of what there is, within these bounds.
const LEAST_RESERVE: Duration = Duration::from_millis(500);
const MOST_RESERVE: Duration = Duration::from_secs(10);

/// What a batch came to.
#[derive(Debug, Default)]
struct Tally {
    stored: usize,
    deleted: usize,
    surveys: usize,
}

/// One message of the batch that could be read.
struct Incoming<'e> {
    message_id: &'e str,
    notice: Notice,
}

impl DeskEvents {
    /// Reads the settings and builds what is needed. Nothing is sent.
    pub fn new(env: &Env, clients: &Clients, clock: Arc<dyn Clock>) -> Self {
        let notifications = env.text("NOTIFICATIONS_QUEUE_URL").map(|url| {
            let queue = Sqs::new(clients.sqs.clone(), url, "NOTIFICATIONS_QUEUE_URL");
            Arc::new(queue) as Arc<dyn Queue>
        });
        Self::with_notifications(env, clients, clock, notifications)
    }

    /// The same with another queue of notifications, or none.
    pub fn with_notifications(
        env: &Env,
        clients: &Clients,
        clock: Arc<dyn Clock>,
        notifications: Option<Arc<dyn Queue>>,
    ) -> Self {
        Self {
            name: settings::name(env, "desk-events"),
            ready: Ready::new(env, clients, Arc::clone(&clock), notifications),
            clock,
            warm: AtomicBool::new(false),
        }
    }

    /// Answers one invocation: a batch of SQS, or one of `{"register": {…}}`, `{"unregister": {}}`
    /// and `{"status": {}}`.
    pub async fn invoke(&self, payload: Value, context: Context) -> Result<Value, Failure> {
        let span = info_span!(
            "invocation",
            service = self.name,
            function_request_id = context.request_id,
            cold_start = !self.warm.swap(true, Ordering::Relaxed),
        );
        async {
            let outcome = Box::pin(self.run(payload, &context)).await;
            if let Err(failure) = &outcome {
                error!(
                    error_type = failure.error_type.as_str(),
                    error = failure.message,
                    "run failed"
                );
            }
            outcome
        }
        .instrument(span)
        .await
    }

    async fn run(&self, payload: Value, context: &Context) -> Result<Value, Failure> {
        let ready = self.ready.as_ref().map_err(Clone::clone)?;
        let now = self.clock.now();
        let time_left = lambda_kit::time_left(context, now);
        let reserve = (time_left / 10).clamp(LEAST_RESERVE, MOST_RESERVE);
        let deadline = Deadline::after(time_left.saturating_sub(reserve));
        let bucket = ready.account.settings().bucket(context)?;
        if payload.get("Records").is_none() {
            let order = Order::read(&payload)?;
            let visit = ready.account.begin(None, &bucket, deadline).await?;
            let registrar = Registrar {
                desk: visit.desk(),
                registrations: &ready.registrations,
                path_secret: ready.path_secret.as_ref(),
                now,
            };
            let outcome = registrar.carry_out(order).await;
            visit.finish().await;
            return outcome;
        }
        let event: SqsEvent = serde_json::from_value(payload)
            .map_err(|_| Failure::new(ErrorType::InvalidEvent, "`Records` are not those of SQS"))?;
        let response = self.work_off(ready, &event, &bucket, deadline).await?;
        serde_json::to_value(response).map_err(|error| Failure::new(ErrorType::Internal, error))
    }

    async fn work_off(
        &self,
        ready: &Ready,
        event: &SqsEvent,
        bucket: &str,
        deadline: Deadline,
    ) -> Result<SqsBatchResponse, Failure> {
        let began = self.clock.now();
        let (incoming, mut failed) = opened(&event.records)?;
        let visit = ready.account.begin(None, bucket, deadline).await?;
        let archive = Archive::new(ready.s3.clone(), bucket);
        let mut tally = Tally::default();
        let done = self
            .handle(ready, &visit, &archive, &incoming, &mut tally)
            .await;
        visit.finish().await;
        for one in &incoming {
            if !done.contains(one.message_id) {
                failed.push(one.message_id.to_owned());
            }
        }
        self.tell(&tally, event.records.len(), failed.len(), began);
        let mut response = SqsBatchResponse::default();
        for id in failed {
            response.add_failure(id);
        }
        Ok(response)
    }

    /// Reads the tickets again, brings our records up to date, writes the object. Tells which
    /// messages are done with.
    async fn handle(
        &self,
        ready: &Ready,
        visit: &Visit,
        archive: &Archive,
        incoming: &[Incoming<'_>],
        tally: &mut Tally,
    ) -> HashSet<String> {
        let tickets = incoming
            .iter()
            .filter_map(|one| one.notice.ticket_id.as_deref());
        let readings = read_all(visit.desk(), tickets).await;
        let now = self.clock.now();
        let mut records = Vec::new();
        for one in incoming {
            let ticket_id = one.notice.ticket_id.as_deref();
            let reading = match ticket_id.and_then(|id| readings.get(id)) {
                None => None,
                Some(Ok(reading)) => Some(reading),
                Some(Err(error)) => {
                    let failure = of_desk(error, RouteFrom::Code, now);
                    warn!(
                        error_type = failure.error_type.as_str(),
                        error = failure.message,
                        "a ticket could not be read; its event comes again"
                    );
                    continue;
                }
            };
            if let (Some(id), Some(reading)) = (ticket_id, reading) {
                match self.keep_up(ready, archive, id, reading).await {
                    Ok(survey) => tally.surveys += usize::from(survey),
                    Err(failure) => {
                        warn!(
                            error_type = failure.error_type.as_str(),
                            error = failure.message,
                            "an event's ticket could not be brought up to date; the event comes again"
                        );
                        continue;
                    }
                }
            }
            records.push(Record {
                message_id: one.message_id,
                notice: &one.notice,
                reading,
            });
        }
        if let Err(failure) = archive.write(&records).await {
            error!(
                error_type = failure.error_type.as_str(),
                error = failure.message,
                events = records.len(),
                "events could not be stored; they come again"
            );
            return HashSet::new();
        }
        tally.stored = records.len();
        tally.deleted = records.iter().filter(|record| record.is_deleted()).count();
        records
            .iter()
            .map(|record| record.message_id.to_owned())
            .collect()
    }

    /// Marks a deleted ticket, and tells our own record of any other. Whether the visitor was asked
    /// how it was.
    async fn keep_up(
        &self,
        ready: &Ready,
        archive: &Archive,
        id: &str,
        reading: &Reading,
    ) -> Result<bool, Failure> {
        match reading {
            Reading::Gone => {
                archive.mark_deleted(id, self.clock.now()).await?;
                Ok(false)
            }
            Reading::Found { ticket, .. } => {
                if ticket.is_trashed {
                    archive.mark_deleted(id, self.clock.now()).await?;
                }
                ready.ledger.update(ticket, self.clock.now()).await
            }
        }
    }

    fn tell(&self, tally: &Tally, received: usize, failed: usize, began: Timestamp) {
        let now = self.clock.now();
        let duration_ms = u64::try_from(now.duration_since(began).as_millis()).unwrap_or(0);
        info!(
            received,
            stored = tally.stored,
            deleted = tally.deleted,
            surveys = tally.surveys,
            failed,
            duration_ms,
            "events worked off"
        );
        let count = |name, value: usize| Metric {
            name,
            unit: Unit::Count,
            value: value as u64,
        };
        lambda_kit::emit_by(
            &[("Function", &self.name)],
            now,
            &[
                count("EventsStored", tally.stored),
                count("EventsFailed", failed),
                count("TicketsDeleted", tally.deleted),
                count("SurveysQueued", tally.surveys),
                Metric {
                    name: "DurationMs",
                    unit: Unit::Milliseconds,
                    value: duration_ms,
                },
            ],
        );
    }
}

impl Ready {
    fn new(
        env: &Env,
        clients: &Clients,
        clock: Arc<dyn Clock>,
        notifications: Option<Arc<dyn Queue>>,
    ) -> Result<Self, Failure> {
        let settings = Settings::from_env(env)?.without_reserve();
        let state = settings::state(env, clients, Arc::clone(&clock))?;
        let path_secret = settings::path_secret(env)?;
        Ok(Self {
            account: DeskAccount::new(settings, clients.aws.clone(), clock)?,
            s3: clients.aws.s3.clone(),
            ledger: Ledger::new(state.clone(), notifications),
            registrations: Registrations::new(state),
            path_secret: path_secret.map(|id| PathSecret::new(clients.aws.secrets.clone(), id)),
        })
    }
}

/// The messages that hold an event, and the ids of those that do not: they come again until the
/// queue gives them to its dead-letter queue, where somebody can look at them.
fn opened(messages: &[SqsMessage]) -> Result<(Vec<Incoming<'_>>, Vec<String>), Failure> {
    let (mut incoming, mut failed) = (Vec::new(), Vec::new());
    for message in messages {
        // SQS takes an empty id for a failure of the whole batch; say so ourselves.
        let id = message.message_id.as_deref().filter(|id| !id.is_empty());
        let message_id = id.ok_or_else(|| {
            Failure::new(
                ErrorType::InvalidEvent,
                "a record has no messageId; the event is none of SQS",
            )
        })?;
        let body = message.body.as_deref().unwrap_or_default();
        match serde_json::from_str(body) {
            Ok(notice) => incoming.push(Incoming { message_id, notice }),
            Err(problem) => {
                error!(
                    message_id,
                    line = problem.line(),
                    column = problem.column(),
                    body_bytes = body.len(),
                    "a message holds no event of this queue"
                );
                failed.push(message_id.to_owned());
            }
        }
    }
    Ok((incoming, failed))
}
