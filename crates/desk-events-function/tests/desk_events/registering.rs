use serde_json::{Value, json};

use crate::harness::{World, fixture, invoke, serve};

/// `event` with the address of a webhook that answers.
fn at(mut event: Value, url: &str) -> Value {
    event["register"]["url"] = url.into();
    event
}

#[tokio::test]
async fn registering_twice_makes_one_webhook() {
    let world = World::start().await;
    let url = format!("{}/webhook/desk", serve(world.webhook(&[])).await);
    let sample = at(fixture("desk-events-register", &[]), &url);
    let first = world.invoke(sample.clone()).await.unwrap();
    assert_eq!(first["status"], "created");
    assert_eq!(first["webhook"]["events"].as_array().unwrap().len(), 4);
    let second = world
        .invoke(at(json!({"register": {}}), &url))
        .await
        .unwrap();
    assert_eq!(second["status"], "updated");
    assert_eq!(second["webhook"]["id"], first["webhook"]["id"]);
    assert_eq!(second["webhook"]["events"].as_array().unwrap().len(), 3);

    let status = world
        .invoke(fixture("desk-events-status", &[]))
        .await
        .unwrap();
    assert_eq!(status["status"], "registered");
    assert_eq!(status["audience_checked"], true);
    let removed = world
        .invoke(fixture("desk-events-unregister", &[]))
        .await
        .unwrap();
    assert_eq!(removed["status"], "removed");
    for (order, expected) in [("status", "absent"), ("unregister", "absent")] {
        let outcome = world.invoke(json!({order: {}})).await.unwrap();
        assert_eq!(outcome["status"], expected);
        assert_eq!(outcome["audience_checked"], false);
    }
}

#[tokio::test]
async fn the_path_secret_becomes_part_of_the_address_and_is_shown_nowhere() {
    let world = World::start().await;
    let secret = json!({"path_secret": "correct-horse-battery"});
    world.aws.put_secret("desk_webhook", &secret.to_string());
    let settings = [("DESK_WEBHOOK_SECRET_ID", "desk_webhook")];
    let url = format!("{}/webhook/desk", serve(world.webhook(&settings)).await);
    let events = world.events(&settings);
    let outcome = invoke(&events, at(json!({"register": {}}), &url))
        .await
        .unwrap();
    assert_eq!(outcome["status"], "created");
    assert!(!outcome.to_string().contains("horse"), "{outcome}");
    world.change_ticket();
    crate::harness::within("the event", || world.queue.bodies().pop()).await;
}

#[tokio::test]
async fn an_address_that_does_not_answer_is_not_registered() {
    let world = World::start().await;
    let order = at(json!({"register": {}}), "http://127.0.0.1:9/webhook/desk");
    let failure = world.invoke(order).await.unwrap_err();
    assert!(!failure.message.is_empty());
    let status = world.invoke(json!({"status": {}})).await.unwrap();
    assert_eq!(status["status"], "absent");
}
