use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use ticketing::{Job, Outbox, OutboxError, OutboxFuture};

/// The two queues in Amazon SQS.
#[derive(Debug, Clone)]
pub struct SqsOutbox {
    client: Client,
    ticket_jobs: Option<String>,
    notifications: Option<String>,
}

/// SQS takes no longer delay for one message.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

impl SqsOutbox {
    /// The queues by their URLs. A job for a queue without one is refused.
    pub fn new(client: Client, ticket_jobs: Option<String>, notifications: Option<String>) -> Self {
        Self {
            client,
            ticket_jobs,
            notifications,
        }
    }

    async fn deliver(&self, job: &Job, delay: Duration) -> Result<(), OutboxError> {
        let (url, variable, body) = match job {
            Job::Ticket(job) => (
                self.ticket_jobs.as_ref(),
                "TICKET_JOBS_QUEUE_URL",
                serde_json::to_string(job),
            ),
            Job::Notification(job) => (
                self.notifications.as_ref(),
                "NOTIFICATIONS_QUEUE_URL",
                serde_json::to_string(job),
            ),
        };
        let url = url.ok_or_else(|| {
            OutboxError(format!(
                "no queue is configured; set the environment variable {variable}"
            ))
        })?;
        let body = body.map_err(|error| OutboxError(error.to_string()))?;
        let delay_s = delay.min(LONGEST_DELAY).as_millis().div_ceil(1000);
        let send = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .delay_seconds(i32::try_from(delay_s).unwrap_or(0));
        Box::pin(send.send()).await.map(|_| ()).map_err(|error| {
            OutboxError(match error.code() {
                Some("AccessDenied" | "AccessDeniedException") => {
                    format!("allow the function's role sqs:SendMessage on the queue of {variable}")
                }
                Some("AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist") => {
                    format!("the queue of {variable} does not exist; deploy the stack again")
                }
                Some(code) => format!("SQS answered {code}"),
                None => lambda_kit::causes(&error),
            })
        })
    }
}

impl Outbox for SqsOutbox {
    fn send<'a>(&'a self, job: &'a Job, delay: Duration) -> OutboxFuture<'a> {
        Box::pin(self.deliver(job, delay))
    }
}
