//! Every file of `events/` is a working event, or a refused one, of its function.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::SqsEvent;
use lambda_kit::ErrorType;
use state::Scope;

use crate::world::{World, context, event, events, failed, invoke};

/// What each file is answered with; a file without an expectation fails, and so does the reverse.
async fn answered(
    world: &World,
    function: &str,
    router: &axum::Router,
    expected: &[(&str, u16, &str)],
) {
    let key = world.key(&[Scope::Read, Scope::Write]).await;
    let mut expected: BTreeMap<String, (u16, &str)> = expected
        .iter()
        .map(|(name, status, code)| (format!("{name}.json"), (*status, *code)))
        .collect();
    for name in events(function) {
        let (status, code) = expected
            .remove(&name)
            .unwrap_or_else(|| panic!("{function}/{name} is in no test"));
        let event = event(&format!("{function}/{name}")).replace("{key}", &key);
        let answer = invoke(router, &event).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text);
        assert_eq!(answer.code(), code, "{name}: {}", answer.text);
    }
    assert!(expected.is_empty(), "no such files: {expected:?}");
}

#[tokio::test]
async fn events_of_salesiq_webhook() {
    let world = World::start().await;
    answered(
        &world,
        "salesiq-webhook",
        &world.webhook(),
        &[
            ("flat", 200, ""),
            ("flat-base64", 200, ""),
            ("flat-ordered", 200, ""),
            ("zobot-trigger", 200, ""),
            ("zobot-message", 200, ""),
            ("zobot-failure", 200, ""),
            ("event-replied", 200, ""),
            ("event-unknown", 200, ""),
            ("ping-get", 200, ""),
            ("ping-head", 200, ""),
            ("bad-unsigned", 401, "signature_missing"),
            ("bad-wrong-secret", 401, "secret_invalid"),
            ("bad-forged-signature", 401, "not_configured"),
            ("bad-stale", 401, "signature_invalid"),
            ("bad-not-json", 400, "not_json"),
            ("bad-media-type", 415, "unsupported_media_type"),
            ("bad-not-utf8", 400, "not_utf8"),
            ("bad-unknown-shape", 422, "unknown_shape"),
            ("bad-chat-id", 422, "invalid_field"),
            ("bad-too-long", 422, "message_too_long"),
            ("bad-deep", 400, "too_deep"),
            ("bad-method", 405, "method_not_allowed"),
        ],
    )
    .await;
}

#[tokio::test]
async fn events_of_ticket_api() {
    let world = World::start().await;
    world.say(&world.webhook(), "chat_123", &["hello"]).await;
    answered(
        &world,
        "ticket-api",
        &world.api(),
        &[
            ("create", 200, ""),
            ("create-base64", 200, ""),
            ("list", 200, ""),
            ("session", 200, ""),
            ("workflows", 200, ""),
            ("health", 200, ""),
            ("openapi", 200, ""),
            ("bad-no-key", 401, "unauthorized"),
            ("bad-wrong-key", 401, "unauthorized"),
            ("bad-json", 400, "invalid_json"),
            ("bad-media-type", 415, "unsupported_media_type"),
            ("bad-email", 422, "invalid_field"),
            ("bad-priority", 422, "invalid_field"),
            ("bad-nul", 422, "invalid_field"),
            ("bad-unknown-field", 422, "invalid_field"),
            ("bad-ticket-id", 422, "invalid_field"),
            ("bad-limit", 422, "invalid_field"),
            ("bad-parameter", 422, "invalid_field"),
            ("bad-route", 404, "not_found"),
            ("bad-method", 405, "method_not_allowed"),
        ],
    )
    .await;
}

fn batch(path: &str) -> SqsEvent {
    serde_json::from_str(&event(path)).unwrap()
}

#[tokio::test]
async fn events_of_ticket_worker() {
    let world = World::start().await;
    world.say(&world.webhook(), "chat_123", &["hello"]).await;
    let worker = world.worker();
    let mut seen = Vec::new();
    for name in [
        "bad-jobs.json",
        // The chat is there; the jobs are old, so what was not stored never will be.
        "duplicate.json",
        "empty.json",
        "mixed.json",
        "one.json",
    ] {
        let answer = worker
            .invoke(batch(&format!("ticket-worker/{name}")), context())
            .await
            .unwrap();
        // Of two at once one may find the other at work.
        let may_be_busy = name == "duplicate.json";
        assert!(
            may_be_busy || failed(&answer).is_empty(),
            "{name}: {answer:?}"
        );
        seen.push(name);
    }
    let bad = worker
        .invoke(batch("ticket-worker/bad-no-message-id.json"), context())
        .await;
    seen.insert(1, "bad-no-message-id.json");
    // It has to come again, and SQS could not be told which one it is.
    assert_eq!(bad.unwrap_err().error_type, ErrorType::InvalidEvent);
    assert_eq!(events("ticket-worker"), seen);
}

#[tokio::test]
async fn events_of_send_notifications() {
    let world = World::start().await;
    world
        .say(&world.webhook(), "chat_123", &crate::webhook::PASSWORD)
        .await;
    world.post.take("notifications");
    let sender = world.sender();
    let mut seen = Vec::new();
    for (name, mails) in [
        ("bad-jobs.json", 0),
        ("duplicate.json", 1),
        ("mails.json", 2),
        ("survey.json", 3),
        ("unknown-chat.json", 3),
    ] {
        sender
            .invoke(batch(&format!("send-notifications/{name}")), context())
            .await
            .unwrap();
        assert_eq!(world.post.mails().len(), mails, "{name}");
        seen.push(name);
    }
    assert_eq!(events("send-notifications"), seen);
}
