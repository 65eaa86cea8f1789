use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use lambda_kit::{ErrorType, Failure};
use serde::de::DeserializeOwned;
use tracing::{error, warn};
use vendor_http::Deadline;

/// What to do with a message after it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// SQS may delete it.
    Done,
    /// SQS delivers it again once its visibility timeout is over, and moves it to the dead-letter
    /// queue after the queue's `maxReceiveCount`.
    Again,
}

/// Handles the messages of a batch, `at_once` groups at a time, and tells SQS which ones to deliver
/// again: those that the handler says, those it panicked on, and those that `deadline` left no
/// time for. Messages about one thing, as `about` names it from a job, are handled one after the
/// other: together they would only get in each other's way.
///
/// # Errors
/// [`ErrorType::InvalidEvent`] for a message without an id that is to come again.
pub async fn each<'e, J, F, H>(
    event: &'e SqsEvent,
    at_once: usize,
    deadline: Deadline,
    about: impl Fn(J) -> String,
    handle: H,
) -> Result<SqsBatchResponse, Failure>
where
    J: DeserializeOwned,
    F: Future<Output = Verdict>,
    H: Fn(&'e SqsMessage) -> F,
{
    let handle = &handle;
    let groups = grouped(event, about).into_iter();
    let groups = groups.map(|messages| async move {
        let mut verdicts = Vec::new();
        for message in messages {
            let verdict = if deadline.has_passed() {
                Verdict::Again
            } else {
                let handled = AssertUnwindSafe(handle(message)).catch_unwind().await;
                handled.unwrap_or_else(|panic| panicked(&*panic))
            };
            verdicts.push((message, verdict));
        }
        verdicts
    });
    let verdicts: Vec<_> = stream::iter(groups)
        .buffer_unordered(at_once.max(1))
        .collect()
        .await;

    let mut response = SqsBatchResponse::default();
    for (message, verdict) in verdicts.into_iter().flatten() {
        if verdict == Verdict::Done {
            continue;
        }
        match message.message_id.as_deref() {
            Some(id) if !id.is_empty() => response.add_failure(id),
            // SQS would take an empty id for a failure of the whole batch; say so ourselves.
            _ => {
                return Err(Failure::new(
                    ErrorType::InvalidEvent,
                    "a message of the batch has no messageId; the event is none of SQS",
                ));
            }
        }
    }
    Ok(response)
}

/// The messages about each thing, in their order; one that names nothing is by itself.
fn grouped<J: DeserializeOwned>(
    event: &SqsEvent,
    about: impl Fn(J) -> String,
) -> Vec<Vec<&SqsMessage>> {
    let mut groups: Vec<(Option<String>, Vec<&SqsMessage>)> = Vec::new();
    for message in &event.records {
        let body = message.body.as_deref().unwrap_or_default();
        let thing = serde_json::from_str::<J>(body).ok().map(&about);
        let group = groups
            .iter_mut()
            .find(|(other, _)| thing.is_some() && *other == thing);
        match group {
            Some((_, messages)) => messages.push(message),
            None => groups.push((thing, vec![message])),
        }
    }
    groups.into_iter().map(|(_, messages)| messages).collect()
}

/// The job in a message. One that cannot be read is no one's: it would stay unreadable, so it is
/// logged and dropped.
pub fn job<T: DeserializeOwned>(message: &SqsMessage) -> Option<T> {
    let body = message.body.as_deref().unwrap_or_default();
    match serde_json::from_str(body) {
        Ok(job) => Some(job),
        Err(problem) => {
            error!(
                message_id = message.message_id.as_deref().unwrap_or_default(),
                line = problem.line(),
                column = problem.column(),
                body_bytes = body.len(),
                "a message holds no job of this queue and is dropped"
            );
            None
        }
    }
}

fn panicked(_what_it_says_may_quote_a_person: &(dyn Any + Send)) -> Verdict {
    warn!("a message's handler panicked; the message is delivered again");
    Verdict::Again
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Job {
        chat_id: String,
    }

    fn chat(job: Job) -> String {
        job.chat_id
    }

    fn event(ids: &[&str]) -> SqsEvent {
        let records: Vec<_> = ids
            .iter()
            .map(|id| json!({"messageId": id, "body": "{}"}))
            .collect();
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        let failures = response.batch_item_failures.iter();
        let mut ids: Vec<_> = failures.map(|f| f.item_identifier.as_str()).collect();
        ids.sort_unstable();
        ids
    }

    fn plenty() -> Deadline {
        Deadline::after(Duration::from_mins(1))
    }

    #[tokio::test]
    async fn only_the_failed_messages_come_again() {
        let event = event(&["good", "bad", "panics"]);
        let response = each(&event, 2, plenty(), chat, |message| async move {
            match message.message_id.as_deref() {
                Some("good") => Verdict::Done,
                Some("bad") => Verdict::Again,
                _ => panic!("a defect"),
            }
        })
        .await
        .unwrap();
        assert_eq!(failed(&response), ["bad", "panics"]);
    }

    #[tokio::test]
    async fn no_more_than_allowed_are_handled_at_once() {
        let event = event(&["1", "2", "3", "4", "5"]);
        let (now, most) = (Cell::new(0), Cell::new(0));
        each(&event, 2, plenty(), chat, |_| async {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.set(now.get() - 1);
            Verdict::Done
        })
        .await
        .unwrap();
        assert_eq!(most.get(), 2);
    }

    #[tokio::test]
    async fn messages_about_one_thing_wait_for_each_other() {
        let records: Vec<_> = ["a", "b", "a", "a"]
            .iter()
            .enumerate()
            .map(|(n, chat)| {
                let body = json!({"chat_id": chat}).to_string();
                json!({"messageId": n.to_string(), "body": body})
            })
            .collect();
        let event: SqsEvent = serde_json::from_value(json!({"Records": records})).unwrap();
        let (of_a, most) = (Cell::new(0), Cell::new(0));
        each(&event, 4, plenty(), chat, |message| {
            let one = u32::from(message.body.as_deref().unwrap().contains("\"a\""));
            let (of_a, most) = (&of_a, &most);
            async move {
                of_a.set(of_a.get() + one);
                most.set(most.get().max(of_a.get()));
                tokio::time::sleep(Duration::from_millis(5)).await;
                of_a.set(of_a.get() - one);
                Verdict::Done
            }
        })
        .await
        .unwrap();
        assert_eq!(most.get(), 1);
    }

    #[tokio::test]
    async fn what_there_is_no_time_for_comes_again() {
        let event = event(&["1", "2"]);
        let deadline = Deadline::after(Duration::from_millis(20));
        let response = each(&event, 1, deadline, chat, |_| async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            Verdict::Done
        })
        .await
        .unwrap();
        assert_eq!(failed(&response), ["2"]);
    }

    #[tokio::test]
    async fn an_event_that_is_none_of_sqs_fails_whole() {
        let event = event(&[""]);
        let refused = each(&event, 1, plenty(), chat, |_| async { Verdict::Again }).await;
        assert_eq!(refused.unwrap_err().error_type, ErrorType::InvalidEvent);
    }
}
