use axum::http::StatusCode;
use serde_json::{Value, json};
use simulators::aws::Fault;
use simulators::zoho::Deliveries;

use crate::harness::{Captured, World, fixture, send, serve, within};

fn posted(captured: &Captured) -> Value {
    let mut event = fixture("desk-webhook/ticket-add", &[("token", &captured.token)]);
    event["body"] = captured.body.clone().into();
    event
}

#[tokio::test]
async fn zoho_may_try_the_address_without_a_token_and_nothing_is_stored() {
    let world = World::start().await;
    let routes = world.webhook(&[]);
    for name in ["validation-get", "validation-head", "validation-post"] {
        let event = fixture(&format!("desk-webhook/{name}"), &[]);
        assert_eq!(send(&routes, &event).await.0, StatusCode::OK, "{name}");
    }
    for body in ["", " ", "[]", "{ }"] {
        let mut event = fixture("desk-webhook/validation-post", &[]);
        event["body"] = body.into();
        assert_eq!(send(&routes, &event).await.0, StatusCode::OK, "{body:?}");
    }
    assert!(world.queue.bodies().is_empty());
    assert!(world.aws.items(crate::harness::TABLE).is_empty());
}

#[tokio::test]
async fn what_zoho_delivers_goes_to_the_queue_once_and_without_content() {
    let world = World::start().await;
    let origin = serve(world.webhook(&[])).await;
    let url = format!("{origin}/webhook/desk");
    world.zoho.set_deliveries(Deliveries {
        duplicate: 1.0,
        times_in_ms: true,
        ..Deliveries::default()
    });
    world
        .invoke(json!({"register": {"url": url}}))
        .await
        .unwrap();
    let id = world.change_ticket();
    within("the second delivery", || {
        (world.zoho.deliveries().len() == 2).then_some(())
    })
    .await;
    let answers: Vec<_> = world.zoho.deliveries();
    assert!(
        answers.iter().all(|it| it.status == Some(200)),
        "{answers:?}"
    );
    let bodies = world.queue.bodies();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let notice: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(notice["event_type"], "Ticket_Update");
    assert_eq!(notice["ticket_id"], id.as_str());
    assert_eq!(notice["org_id"], "700000001");
    assert!(!bodies[0].contains("subject") && !bodies[0].contains('@'));
}

#[tokio::test]
async fn only_good_tokens_and_readable_events_come_in() {
    let world = World::start().await;
    let captured = world.captured().await;
    let routes = world.webhook(&[]);
    for (name, status, code) in [
        ("bad-no-token", 401, "token_missing"),
        ("bad-forged-token", 401, "token_malformed"),
        ("bad-not-json", 400, "not_json"),
        ("bad-not-utf8", 400, "not_utf8"),
        ("bad-shape", 422, "unknown_shape"),
        ("bad-other-organisation", 422, "invalid_field"),
        ("bad-deep", 400, "too_deep"),
        ("bad-method", 405, "method_not_allowed"),
        ("bad-route", 404, "not_found"),
    ] {
        let values = [("token", captured.token.as_str()), ("ticket_id", "1")];
        let event = fixture(&format!("desk-webhook/{name}"), &values);
        let (answered, body) = send(&routes, &event).await;
        assert_eq!(answered.as_u16(), status, "{name} {body}");
        assert_eq!(body["error"]["code"], code, "{name}");
        assert_eq!(body["success"], false, "{name}");
    }
    let mut large = posted(&captured);
    large["body"] = format!("[{}]", " ".repeat(1024 * 1024)).into();
    assert_eq!(send(&routes, &large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.queue.bodies().is_empty());
    for name in ["ticket-add", "ticket-delete"] {
        let values = [("token", captured.token.as_str()), ("ticket_id", "42")];
        let event = fixture(&format!("desk-webhook/{name}"), &values);
        let (status, body) = send(&routes, &event).await;
        assert_eq!(
            (status, &body["queued"]),
            (StatusCode::OK, &json!(1)),
            "{name} {body}"
        );
    }
}

#[tokio::test]
async fn a_token_of_another_organisation_or_webhook_is_refused() {
    let world = World::start().await;
    let captured = world.captured().await;
    let event = posted(&captured);
    let elsewhere = world.webhook(&[("ZOHO_DESK_ORG_ID", "700000002")]);
    let (status, body) = send(&elsewhere, &event).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["error"]["code"], "token_issuer");

    let (head, rest) = captured.token.split_at(captured.token.len() - 8);
    let mut forged = event.clone();
    forged["headers"]["x-zdesk-jwt"] =
        format!("{head}{}", rest.chars().rev().collect::<String>()).into();
    let routes = world.webhook(&[]);
    let (status, _) = send(&routes, &forged).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    // Another webhook of the same account takes our place in the table.
    let other = json!({
        "pk": {"S": "DESK_WEBHOOK"}, "sk": {"S": "REGISTRATION"}, "version": {"N": "0"},
        "webhook_id": {"S": "20480000000009999"}, "registered_at": {"S": "2026-06-01T00:00:00Z"},
    });
    assert!(world.aws.put_item(crate::harness::TABLE, other));
    let (status, body) = send(&world.webhook(&[]), &event).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["error"]["code"], "token_audience");
    assert!(world.queue.bodies().is_empty());
}

#[tokio::test]
async fn a_queue_that_is_down_asks_for_another_delivery_and_forgets_this_one() {
    let world = World::start().await;
    let captured = world.captured().await;
    let routes = world.webhook(&[]);
    let event = posted(&captured);
    world.queue.go_down(true);
    let (status, body) = send(&routes, &event).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    world.queue.go_down(false);
    let (status, body) = send(&routes, &event).await;
    assert_eq!((status, &body["queued"]), (StatusCode::OK, &json!(1)));
    let (status, body) = send(&routes, &event).await;
    assert_eq!((status, &body["queued"]), (StatusCode::OK, &json!(0)));
    assert_eq!(world.queue.bodies().len(), 1);
}

#[tokio::test]
async fn events_are_not_lost_because_those_seen_before_cannot_be_looked_up() {
    let world = World::start().await;
    let captured = world.captured().await;
    let routes = world.webhook(&[]);
    world.aws.inject(Fault::deny("dynamodb:PutItem"));
    world.aws.inject(Fault::deny("PutItem"));
    let (status, body) = send(&routes, &posted(&captured)).await;
    assert_eq!(
        (status, &body["queued"]),
        (StatusCode::OK, &json!(1)),
        "{body}"
    );
}

#[tokio::test]
async fn where_the_path_has_a_secret_nothing_else_comes_in() {
    let world = World::start().await;
    let captured = world.captured().await;
    let secret = "correct-horse-battery";
    world
        .aws
        .put_secret("desk_webhook", &json!({"path_secret": secret}).to_string());
    let routes = world.webhook(&[("DESK_WEBHOOK_SECRET_ID", "desk_webhook")]);
    for (path, status) in [
        ("/webhook/desk".to_owned(), 401),
        ("/webhook/desk/correct-horse-batterz".to_owned(), 401),
        (format!("/webhook/desk/{secret}"), 200),
    ] {
        let mut event = posted(&captured);
        event["rawPath"] = path.as_str().into();
        event["requestContext"]["http"]["path"] = path.as_str().into();
        let (answered, body) = send(&routes, &event).await;
        assert_eq!(answered.as_u16(), status, "{path} {body}");
        assert!(!body.to_string().contains("horse"), "{body}");
    }
    assert_eq!(world.queue.bodies().len(), 1);
}
