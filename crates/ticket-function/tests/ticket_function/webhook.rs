//! `salesiq-webhook`: three formats, and trouble.

use axum::http::StatusCode;
use serde_json::{Value, json};
use simulators::zoho::{Fault, FaultRule};
use std::time::Instant;

use crate::world::{SOON, World, flat};

/// What a visitor says for a new password.
pub(crate) const PASSWORD: [&str; 3] = ["I forgot my password", "john.doe@company.com", "1234"];

#[tokio::test]
async fn a_chat_becomes_a_ticket_while_the_visitor_waits() {
    let world = World::start().await;
    let answer = world.say(&world.webhook(), "chat_1", &PASSWORD).await;
    assert_eq!(answer["status"], "success");
    assert_eq!(answer["ticket_created"], true, "{answer}");
    let tickets = world.zoho.written_tickets();
    assert_eq!(tickets.len(), 1);
    assert_eq!(answer["ticket_id"], tickets[0]["id"]);
    assert_eq!(tickets[0]["subject"], "Password Reset - John Doe");
    assert_eq!(tickets[0]["cf"]["cf_salesiq_chat_id"], "chat_1");
    let jobs = world.post.take("ticket-jobs");
    assert!(
        jobs.iter().any(|job| job.delay_s == 5),
        "the inline attempt goes first: {jobs:?}"
    );
}

#[tokio::test]
async fn each_format_is_answered_in_its_own_form() {
    let world = World::start().await;
    let hook = world.webhook();
    let visitor = json!({"id": "v1", "name": "Ann", "email": "ann@example.com", "active_conversation_id": "c1", "language": "en"});
    let zobot = |handler: &str, text: &str, request: &str| json!({"handler": handler, "operation": "message", "visitor": visitor, "message": {"text": text}, "request": {"id": request}});
    let answer = world
        .post_flat(&hook, &flat("flat", "My disk is full"))
        .await
        .json();
    for key in [
        "status",
        "response",
        "ticket_created",
        "escalate",
        "timestamp",
    ] {
        assert!(!answer[key].is_null(), "{key}: {answer}");
    }
    let answer = world
        .post_flat(&hook, &zobot("message", "My disk is full", "r1"))
        .await
        .json();
    assert_eq!(answer["action"], "reply", "{answer}");
    assert!(answer["replies"][0].is_string(), "{answer}");
    let event = json!({"entity_type": "conversation", "event": "conversation.visitor.replied", "entity_id": "c2", "attempt": 1,
        "entity": {"id": "c2", "visitor": {"id": "v2"}, "message": {"text": "hello"}}});
    let answer = world.post_flat(&hook, &event).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({"status": "success"}))
    );
}

#[tokio::test]
async fn a_delivery_that_comes_again_is_answered_as_before_and_changes_nothing() {
    let world = World::start().await;
    let hook = world.webhook();
    let mut body = flat("chat_1", "I forgot my password");
    body["message_id"] = "m-1".into();
    let first = world.post_flat(&hook, &body).await.json();
    let items = world.aws.items(crate::world::TABLE);
    let again = world.post_flat(&hook, &body).await.json();
    assert_eq!(first, again);
    let session = |items: &[Value]| {
        items
            .iter()
            .filter(|item| item["pk"].to_string().contains("CHAT#"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        session(&items),
        session(&world.aws.items(crate::world::TABLE))
    );
}

#[tokio::test]
async fn a_slow_desk_does_not_keep_the_visitor_waiting() {
    let world = World::start().await;
    let hook = world.webhook();
    world.say(&hook, "chat_1", &PASSWORD[..2]).await;
    world
        .zoho
        .add_fault(FaultRule::always(Fault::Stall { seconds: 20.0 }));
    let began = Instant::now();
    let answer = world.say(&hook, "chat_1", &PASSWORD[2..]).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(answer["ticket_created"], false, "{answer}");
    assert_eq!(answer["pending"], true, "{answer}");
    assert!(!world.post.take("ticket-jobs").is_empty());
}

#[tokio::test]
async fn trouble_of_ours_is_an_apology_to_a_bot_and_503_to_who_sends_again() {
    let world = World::start().await;
    let hook = world.webhook();
    // Warm, so that only the table is in trouble.
    world.post_flat(&hook, &flat("chat_0", "hello")).await;
    world
        .aws
        .inject(simulators::aws::Fault::internal_error("GetItem"));
    let answer = world.post_flat(&hook, &flat("chat_1", "hello")).await;
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.text
    );
    assert_eq!(answer.code(), "unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    let zobot = json!({"handler": "message", "operation": "message", "message": {"text": "hallo"},
        "visitor": {"id": "v1", "active_conversation_id": "c1", "language": "de"}, "request": {"id": "r1"}});
    let answer = world.post_flat(&hook, &zobot).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["action"], "reply");
    assert!(
        answer.json()["replies"][0]
            .as_str()
            .unwrap()
            .contains("noch einmal")
    );
}

#[tokio::test]
async fn one_chat_cannot_send_without_end() {
    let world = World::start().await;
    let hook = world.webhook_with(&[("WEBHOOK_RATE_PER_CHAT", "3")]);
    let mut statuses = Vec::new();
    // Two minutes at most are touched, so of eight some are refused.
    for n in 0..8 {
        let answer = world
            .post_flat(&hook, &flat("chat_1", &format!("hello {n}")))
            .await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses[0], StatusCode::OK);
    assert!(
        statuses.contains(&StatusCode::TOO_MANY_REQUESTS),
        "{statuses:?}"
    );
    let other = world.post_flat(&hook, &flat("chat_2", "hello")).await;
    assert_eq!(other.status, StatusCode::OK);
}
