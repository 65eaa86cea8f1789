use serde_json::{Value, json};
use simulators::aws::Fault as AwsFault;
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation};

use crate::harness::{BUCKET, World, batch, failed, fixture, serve, within};

fn notice(event_type: &str, id: &str) -> String {
    json!({
        "event_type": event_type,
        "event_time": "2026-06-01T12:00:05Z",
        "received_at": "2026-06-01T12:00:10Z",
        "org_id": "700000001",
        "entity": "Ticket",
        "id": id,
        "ticket_id": id,
    })
    .to_string()
}

#[tokio::test]
async fn a_change_in_zoho_ends_as_the_ticket_itself_in_the_bucket() {
    let world = World::start().await;
    let origin = serve(world.webhook(&[])).await;
    let url = format!("{origin}/webhook/desk");
    world
        .invoke(json!({"register": {"url": url}}))
        .await
        .unwrap();
    let id = world.change_ticket();
    let bodies = within("the event", || {
        Some(world.queue.bodies()).filter(|bodies| !bodies.is_empty())
    })
    .await;
    let response = world.invoke(batch(&bodies)).await.unwrap();
    assert_eq!(failed(&response), [""; 0]);
    let records = world.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["event_type"], "Ticket_Update");
    assert_eq!(
        (&record["id"], &record["ticket_id"]),
        (&json!(id), &json!(id))
    );
    assert_eq!(record["deleted"], false);
    assert_eq!(record["ticket"]["id"], id.as_str());
    assert!(record["ticket"]["ticketNumber"].is_string());
}

#[tokio::test]
async fn the_sample_batch_is_stored_and_its_deleted_ticket_marked() {
    let world = World::start().await;
    let id = world.zoho.ids("tickets", 1).remove(0);
    let event = fixture("desk-events", &[("ticket_id", &id)]);
    let response = world.invoke(event.clone()).await.unwrap();
    assert_eq!(failed(&response), [""; 0]);
    let records = world.records();
    let of = |n: usize, key: &str| records[n][key].clone();
    assert_eq!(of(0, "ticket")["id"], id.as_str());
    assert_eq!(
        (of(1, "deleted"), of(1, "ticket")),
        (json!(true), Value::Null)
    );
    assert_eq!(
        (of(2, "entity"), of(2, "ticket")),
        (json!("Contact"), Value::Null)
    );
    let keys = world.stored();
    assert_eq!(keys.len(), 1);
    assert!(
        keys[0].starts_with("desk_events/dt=2026-06-01/20260601T120010Z-"),
        "{keys:?}"
    );
    let mark = world
        .aws
        .object(BUCKET, "desk_events/_deleted/tickets/900000000999999.json");
    let mark: Value = serde_json::from_slice(&mark.unwrap()).unwrap();
    assert_eq!(mark["id"], "900000000999999");
    assert!(mark["seen_at"].is_string());

    // The same messages once more, in another order.
    let mut again = event;
    again["Records"].as_array_mut().unwrap().reverse();
    let response = world.invoke(again).await.unwrap();
    assert_eq!(failed(&response), [""; 0]);
    assert_eq!(world.stored(), keys);
    assert_eq!(world.records(), records);
}

#[tokio::test]
async fn a_ticket_that_zoho_deleted_since_is_deleted_whatever_the_event_says() {
    let world = World::start().await;
    let ids = world.zoho.ids("tickets", 1);
    let delete = Mutation::of_ids(Entity::Tickets, Change::Delete, ids.clone());
    world.zoho.mutate(&delete);
    let bodies = [notice("Ticket_Update", &ids[0])];
    world.invoke(batch(&bodies)).await.unwrap();
    assert_eq!(world.records()[0]["deleted"], true);
    let mark = format!("desk_events/_deleted/tickets/{}.json", ids[0]);
    assert!(world.aws.object(BUCKET, &mark).is_some());
}

#[tokio::test]
async fn a_ticket_is_read_once_for_all_its_events() {
    let world = World::start().await;
    let id = world.zoho.ids("tickets", 1).remove(0);
    let bodies = ["Ticket_Add", "Ticket_Update", "Ticket_Comment_Add"].map(|it| notice(it, &id));
    world.invoke(batch(&[])).await.unwrap();
    world.zoho.reset_stats();
    world.invoke(batch(&bodies)).await.unwrap();
    assert_eq!(world.records().len(), 3);
    assert_eq!(world.zoho.stats().requests["tickets/{id}"], 1);
}

#[tokio::test]
async fn only_the_messages_that_failed_come_again() {
    let world = World::start().await;
    let id = world.zoho.ids("tickets", 1).remove(0);
    let bodies = [notice("Ticket_Update", &id), "{}".to_owned()];
    let response = world.invoke(batch(&bodies)).await.unwrap();
    assert_eq!(failed(&response), ["m1"]);
    assert_eq!(world.records().len(), 1);

    let unreadable = fixture("desk-events-unreadable", &[]);
    let response = world.invoke(unreadable).await.unwrap();
    assert_eq!(failed(&response).len(), 1);

    world
        .zoho
        .add_fault(FaultRule::always(Fault::MalformedJson).on("tickets/{id}"));
    let bodies = [
        notice("Ticket_Update", &id),
        notice("Contact_Update", &id)
            .replace(&format!("\"ticket_id\":\"{id}\""), "\"ticket_id\":null"),
    ];
    let response = world.invoke(batch(&bodies)).await.unwrap();
    assert_eq!(failed(&response), ["m0"]);
}

#[tokio::test]
async fn a_bucket_that_denies_keeps_all_messages_on_the_queue() {
    let world = World::start().await;
    let id = world.zoho.ids("tickets", 1).remove(0);
    world.invoke(batch(&[])).await.unwrap();
    world
        .aws
        .inject(AwsFault::deny("PutObject").on("desk_events/"));
    let response = world
        .invoke(batch(&[notice("Ticket_Update", &id)]))
        .await
        .unwrap();
    assert_eq!(failed(&response), ["m0"]);
}

#[tokio::test]
async fn what_is_no_event_of_the_function_is_refused() {
    let world = World::start().await;
    for event in [
        json!({}),
        json!("text"),
        json!({"Records": 7}),
        json!({"Records": [{"body": "{}"}]}),
        json!({"register": {}}),
        json!({"register": {"url": "ftp://x"}}),
        json!({"register": {"url": "https://x.example.com", "events": ["Ticket Add"]}}),
    ] {
        let failure = world.invoke(event.clone()).await.unwrap_err();
        assert_eq!(
            failure.error_type,
            lambda_kit::ErrorType::InvalidEvent,
            "{event} {failure}"
        );
    }
}
