use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use tracing::warn;

/// When a message that failed comes again: soon after its first failure, since most of what fails
/// passes by itself, and then ever later. The queue's own visibility timeout, which must outlast
/// the function, is what remains where SQS cannot be told.
#[derive(Debug, Clone)]
pub struct Patience {
    client: Client,
    queue_url: Option<String>,
}

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_hours(1);

impl Patience {
    /// For the queue with this URL; without one nothing is put off.
    pub fn new(client: Client, queue_url: Option<&str>) -> Self {
        Self {
            client,
            queue_url: queue_url.map(str::to_owned),
        }
    }

    /// Puts off what `response` names.
    pub async fn put_off(&self, event: &SqsEvent, response: &SqsBatchResponse) {
        let entries = entries(event, response);
        let Some(url) = self.queue_url.as_ref().filter(|_| !entries.is_empty()) else {
            return;
        };
        let put_off = self
            .client
            .change_message_visibility_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send();
        match put_off.await {
            Ok(answer) if answer.failed().is_empty() => {}
            Ok(answer) => warn!(
                messages = answer.failed().len(),
                "messages come again after the queue's visibility timeout"
            ),
            Err(failure) => warn!(
                error = lambda_kit::causes(&failure),
                "messages come again after the queue's visibility timeout; allow the role sqs:ChangeMessageVisibility"
            ),
        }
    }
}

fn entries(
    event: &SqsEvent,
    response: &SqsBatchResponse,
) -> Vec<ChangeMessageVisibilityBatchRequestEntry> {
    let failures = &response.batch_item_failures;
    let failed = |message: &&SqsMessage| {
        let id = message.message_id.as_deref();
        failures
            .iter()
            .any(|failure| id == Some(failure.item_identifier.as_str()))
    };
    let entry = |(nth, message): (usize, &SqsMessage)| {
        let seconds = i32::try_from(delay(deliveries(message)).as_secs()).unwrap_or(i32::MAX);
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(nth.to_string())
            .receipt_handle(message.receipt_handle.as_deref()?)
            .visibility_timeout(seconds)
            .build()
            .ok()
    };
    let failed = event.records.iter().filter(failed).enumerate();
    failed.filter_map(entry).collect()
}

/// How often a message was delivered so far, this time included.
fn deliveries(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn delay(deliveries: u32) -> Duration {
    let doublings = deliveries.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_comes_again_after_seconds_at_first_and_after_an_hour_at_last() {
        let seconds = |deliveries| delay(deliveries).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [5, 10, 20, 40]);
        assert_eq!([10, 11, 1_000].map(seconds), [2_560, 3_600, 3_600]);
    }

    #[test]
    fn only_failed_messages_are_put_off() {
        let event: SqsEvent = serde_json::from_value(json!({"Records": [
            {"messageId": "a", "receiptHandle": "ra", "attributes": {"ApproximateReceiveCount": "1"}},
            {"messageId": "b", "receiptHandle": "rb", "attributes": {"ApproximateReceiveCount": "3"}},
        ]}))
        .unwrap();
        let mut response = SqsBatchResponse::default();
        response.add_failure("b");
        let entries = entries(&event, &response);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].receipt_handle(), "rb");
        assert_eq!(entries[0].visibility_timeout(), Some(20));
    }
}
