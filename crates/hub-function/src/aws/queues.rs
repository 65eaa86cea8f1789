use std::time::Duration;

use aws_sdk_sqs::Client;
use hub::{Job, Platform, PortError, Ported, Queue, WorkerKind};

use super::trouble::Trouble;

/// The queues of the two workers in Amazon SQS.
#[derive(Debug, Clone)]
pub struct SqsQueues {
    client: Client,
    urls: QueueUrls,
}

/// The queues by URL, as far as a function knows them.
#[derive(Debug, Clone, Default)]
pub struct QueueUrls {
    /// Of `integrations-worker`.
    pub integrations: Option<String>,
    /// Of `database-worker`.
    pub databases: Option<String>,
}

/// The queues by ARN, as far as a function knows them.
#[derive(Debug, Clone, Default)]
pub struct QueueArns {
    /// Of `integrations-worker`.
    pub integrations: Option<String>,
    /// Of `database-worker`.
    pub databases: Option<String>,
}

/// SQS takes no longer delay for one message.
const LONGEST_DELAY: Duration = Duration::from_mins(15);

impl SqsQueues {
    /// The queues by their URLs. A job for a queue without one is refused.
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    /// Puts `job` on the queue of a worker.
    pub(crate) async fn hand_over(
        &self,
        job: &Job,
        worker: WorkerKind,
        delay: Duration,
    ) -> Result<(), PortError> {
        let body = serde_json::to_string(job).map_err(PortError::lasting)?;
        let delay_s = delay.min(LONGEST_DELAY).as_millis().div_ceil(1000);
        let send = self
            .client
            .send_message()
            .queue_url(self.url(worker)?)
            .message_body(body)
            .delay_seconds(i32::try_from(delay_s).unwrap_or(0));
        Box::pin(send.send()).await.map_err(|error| {
            Trouble::of(
                &error,
                "handing a job to a worker",
                "sqs:SendMessage on its queue",
            )
        })?;
        Ok(())
    }

    fn url(&self, worker: WorkerKind) -> Result<&str, Trouble> {
        let (url, variable) = match worker {
            WorkerKind::Http => (&self.urls.integrations, "INTEGRATION_JOBS_QUEUE_URL"),
            WorkerKind::Database => (&self.urls.databases, "DATABASE_JOBS_QUEUE_URL"),
        };
        url.as_deref().ok_or_else(|| Trouble::unset(variable))
    }
}

impl QueueArns {
    pub(super) fn of(&self, platform: &Platform) -> Result<&str, Trouble> {
        let (arn, variable) = match platform.worker {
            WorkerKind::Http => (&self.integrations, "INTEGRATION_JOBS_QUEUE_ARN"),
            WorkerKind::Database => (&self.databases, "DATABASE_JOBS_QUEUE_ARN"),
        };
        arn.as_deref().ok_or_else(|| Trouble::unset(variable))
    }
}

impl Queue for SqsQueues {
    fn send<'a>(&'a self, job: &'a Job, platform: &'a Platform, delay: Duration) -> Ported<'a, ()> {
        Box::pin(self.hand_over(job, platform.worker, delay))
    }
}
