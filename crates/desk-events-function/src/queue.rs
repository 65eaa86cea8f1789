use std::fmt;
use std::future::Future;
use std::pin::Pin;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use thiserror::Error;

use lambda_kit::causes;

/// Most messages in one call: SQS, `SendMessageBatch`.
const MOST_MESSAGES: usize = 10;

/// Most bytes of all messages in one call: the least that SQS ever allowed.
const MOST_BYTES: usize = 256 * 1024;

/// A queue did not take messages.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the queue of {variable} took no message: {why}")]
pub struct QueueError {
    /// The environment variable with its URL.
    pub variable: &'static str,
    /// Cause and next step.
    pub why: String,
}

/// The future of [`Queue::send`].
pub type Sending<'a> = Pin<Box<dyn Future<Output = Vec<Result<(), QueueError>>> + Send + 'a>>;

/// Takes messages and delivers each at least once.
pub trait Queue: Send + Sync + fmt::Debug {
    /// Takes `bodies`; tells for each, in their order, whether it did.
    fn send<'a>(&'a self, bodies: &'a [String]) -> Sending<'a>;
}

/// A queue in Amazon SQS.
#[derive(Debug, Clone)]
pub struct Sqs {
    client: Client,
    url: String,
    variable: &'static str,
}

impl Sqs {
    /// The queue with `url`, the value of the environment variable `variable`.
    pub fn new(client: Client, url: impl Into<String>, variable: &'static str) -> Self {
        Self {
            client,
            url: url.into(),
            variable,
        }
    }

    async fn send_all(&self, bodies: &[String]) -> Vec<Result<(), QueueError>> {
        let mut outcomes = Vec::with_capacity(bodies.len());
        for range in batches(bodies) {
            outcomes.extend(self.send_batch(&bodies[range]).await);
        }
        outcomes
    }

    async fn send_batch(&self, bodies: &[String]) -> Vec<Result<(), QueueError>> {
        let failed = |why: String| {
            Err(QueueError {
                variable: self.variable,
                why,
            })
        };
        let entries = bodies.iter().enumerate().map(|(n, body)| {
            SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(body)
                .build()
        });
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return vec![failed(error.to_string()); bodies.len()],
        };
        let call = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        let answer = match Box::pin(call.send()).await {
            Ok(answer) => answer,
            Err(error) => {
                let why = match error.code() {
                    Some("AccessDenied" | "AccessDeniedException") => {
                        "allow the function's role sqs:SendMessage on it".to_owned()
                    }
                    Some("AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist") => {
                        "it does not exist; deploy the stack again".to_owned()
                    }
                    Some(code) => format!("SQS answered {code}"),
                    None => causes(&error),
                };
                return vec![failed(why); bodies.len()];
            }
        };
        // What SQS names neither way was not taken either.
        let mut outcomes = vec![failed("SQS did not mention it".to_owned()); bodies.len()];
        for taken in answer.successful() {
            if let Some(outcome) = slot(&mut outcomes, taken.id()) {
                *outcome = Ok(());
            }
        }
        for refused in answer.failed() {
            if let Some(outcome) = slot(&mut outcomes, refused.id()) {
                *outcome = failed(format!("SQS answered {}", refused.code()));
            }
        }
        outcomes
    }
}

fn slot<'a, T>(outcomes: &'a mut [T], id: &str) -> Option<&'a mut T> {
    outcomes.get_mut(id.parse::<usize>().ok()?)
}

/// Cuts messages into what one call may carry.
fn batches(bodies: &[String]) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (n, body) in bodies.iter().enumerate() {
        let full = n - start == MOST_MESSAGES || bytes + body.len() > MOST_BYTES;
        if full && n > start {
            ranges.push(start..n);
            (start, bytes) = (n, 0);
        }
        bytes += body.len();
    }
    if start < bodies.len() {
        ranges.push(start..bodies.len());
    }
    ranges
}

impl Queue for Sqs {
    fn send<'a>(&'a self, bodies: &'a [String]) -> Sending<'a> {
        Box::pin(self.send_all(bodies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_carries_ten_messages_and_256_kib() {
        let sized = |sizes: &[usize]| -> Vec<_> {
            let bodies: Vec<_> = sizes.iter().map(|size| "x".repeat(*size)).collect();
            batches(&bodies)
        };
        assert_eq!(sized(&[]), []);
        assert_eq!(sized(&[1; 11]), [0..10, 10..11]);
        assert_eq!(sized(&[1; 21]), [0..10, 10..20, 20..21]);
        assert_eq!(sized(&[200_000, 62_144, 1]), [0..2, 2..3]);
        assert_eq!(sized(&[300_000, 1]), [0..1, 1..2]);
    }
}
