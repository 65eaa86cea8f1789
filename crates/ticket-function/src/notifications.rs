use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_kit::{Env, Failure};
use lambda_runtime::Context;
use notify::{Envelope, Mail};
use sqs_batch::{Verdict, each, job};
use ticketing::{Error, NotificationJob, Notifications, Prepared};
use tracing::{Instrument as _, error, info, info_span, warn};
use vendor_http::Deadline;

use crate::clients::Clients;
use crate::mail::{Post, PostError};
use crate::metrics::{count, emit};
use crate::service::Service;
use crate::worker::deadline;

/// The function `send-notifications`: what lives as long as its process.
#[derive(Debug)]
pub struct SendNotifications {
    name: String,
    service: Arc<Service>,
    post: Post,
    at_once: u32,
    warm: AtomicBool,
}

const AT_ONCE: u32 = 5;
/// How long to wait for another mail about the same ticket, each time.
const WAITS: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(450),
];

/// What became of the mails of one job.
enum Outcome {
    /// All left.
    Sent(u64),
    /// It is not to be sent, or was sent before.
    Nothing,
    /// Another time.
    Later,
    /// Never.
    Failed,
}

/// What [`each`] keeps apart: mails of one chat go in one thread.
fn chat(job: NotificationJob) -> String {
    job.chat_id
}

impl SendNotifications {
    /// Reads the settings.
    ///
    /// | variable | default |
    /// |---|---|
    /// | `MAIL_TRANSPORT` | `ses`; `smtp` and `off` are the others |
    /// | `SES_CONFIGURATION_SET` | none |
    /// | `SMTP_SECRET_ID` | `smtp_auth` |
    /// | `MAIL_CONCURRENCY` | 5 mails at once |
    pub fn new(env: &Env, clients: &Clients, service: Arc<Service>) -> Result<Self, Failure> {
        Ok(Self {
            name: crate::env::name(env, "send-notifications"),
            post: Post::from_env(env, clients)?,
            at_once: crate::env::at_least_one(env, "MAIL_CONCURRENCY", AT_ONCE)?,
            service,
            warm: AtomicBool::new(false),
        })
    }

    /// Handles a batch of `notifications` and tells SQS which messages to deliver again.
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
        let notifications = self.service.notifications().await.map_err(|problem| {
            error!(error = %problem, "the ticket settings cannot be used");
            Failure::from(problem)
        })?;
        each(event, self.at_once as usize, deadline, chat, |message| {
            self.handle(&notifications, message)
        })
        .await
    }

    async fn handle(&self, notifications: &Notifications, message: &SqsMessage) -> Verdict {
        let Some(job) = job::<NotificationJob>(message) else {
            return Verdict::Done;
        };
        let outcome = match self.send(notifications, &job).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                log(&job, &failure);
                Outcome::Later
            }
        };
        let sent = match outcome {
            Outcome::Sent(mails) => mails,
            _ => 0,
        };
        emit(
            &self.name,
            self.service.now(),
            &[
                count("MailsSent", sent),
                count("MailsFailed", u64::from(matches!(outcome, Outcome::Failed))),
                count("MailsLater", u64::from(matches!(outcome, Outcome::Later))),
            ],
        );
        match outcome {
            Outcome::Sent(_) | Outcome::Nothing | Outcome::Failed => Verdict::Done,
            Outcome::Later => Verdict::Again,
        }
    }

    /// A job comes again until its mail is sent, given up on, or in the dead-letter queue.
    async fn send(
        &self,
        notifications: &Notifications,
        job: &NotificationJob,
    ) -> Result<Outcome, Error> {
        let (envelopes, mail) = match claim(notifications, job).await? {
            Prepared::Send { envelopes, mail } => (envelopes, mail),
            Prepared::Nothing => return Ok(Outcome::Nothing),
            Prepared::Busy => return Ok(Outcome::Later),
        };
        match self.post_all(&envelopes, &mail).await {
            Ok(0) => {
                info!(kind = %job.kind, "mails are off; none was sent");
                notifications.mark_sent(job).await?;
                Ok(Outcome::Nothing)
            }
            Ok(mails) => {
                notifications.mark_sent(job).await?;
                info!(kind = %job.kind, chat = job.chat_id, mails, "mail sent");
                Ok(Outcome::Sent(mails))
            }
            Err(problem) if problem.may_pass() => {
                complain(job, &problem);
                notifications.release(job).await?;
                Ok(Outcome::Later)
            }
            Err(problem) => {
                error!(kind = %job.kind, chat = job.chat_id, error = %problem, "a mail cannot be sent and is given up");
                notifications.mark_failed(job, &problem.to_string()).await?;
                Ok(Outcome::Failed)
            }
        }
    }

    /// One mail for each recipient. One whose address is refused does not keep the others from
    /// theirs; it fails the job where none got through.
    async fn post_all(&self, envelopes: &[Envelope], mail: &Mail) -> Result<u64, PostError> {
        let (mut sent, mut refused) = (0, None);
        for envelope in envelopes {
            match self.post.send(envelope, mail, self.service.now()).await {
                Ok(Some(_)) => sent += 1,
                Ok(None) => {}
                // What was sent already must not be sent again for the sake of the rest.
                Err(problem) if sent > 0 => {
                    error!(error = %problem, "one of several recipients got no mail");
                }
                Err(problem) if problem.may_pass() => return Err(problem),
                Err(problem) => refused = Some(problem),
            }
        }
        match refused {
            Some(problem) if sent == 0 => Err(problem),
            _ => Ok(sent),
        }
    }
}

fn complain(job: &NotificationJob, problem: &PostError) {
    let chat = job.chat_id.as_str();
    match problem {
        PostError::Mail(error) if error.is_transient() => {
            warn!(kind = %job.kind, chat, error = %problem, "a mail cannot be sent for now");
        }
        _ => {
            error!(kind = %job.kind, chat, error = %problem, "no mail can be sent until a person mends this");
        }
    }
}

fn log(job: &NotificationJob, failure: &Error) {
    let chat = job.chat_id.as_str();
    if failure.is_transient() {
        warn!(kind = %job.kind, chat, error = %failure, "a mail cannot be prepared for now");
    } else {
        error!(kind = %job.kind, chat, error = %failure, "a mail cannot be prepared");
    }
}

/// Another mail about the same ticket makes this one wait for a moment only. Who waited so long in
/// vain waits in the queue.
async fn claim(notifications: &Notifications, job: &NotificationJob) -> Result<Prepared, Error> {
    for wait in WAITS {
        match notifications.prepare(job).await? {
            Prepared::Busy => tokio::time::sleep(wait).await,
            prepared => return Ok(prepared),
        }
    }
    notifications.prepare(job).await
}
