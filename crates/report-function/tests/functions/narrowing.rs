use reports::Report;
use serde_json::json;

use crate::harness::{World, invoke, key};

#[tokio::test]
async fn a_ticket_in_the_event_narrows_and_has_keys_of_its_own() {
    let world = World::with_tickets(60).await;
    let ticket = world.zoho.ids("tickets", 1)[0].clone();
    let finished = world
        .run(Report::Threads, json!({"ticket_id": ticket}))
        .await;
    let prefix = format!("threads/ticket_id={ticket}/dt=");
    assert!(key(&finished).starts_with(&prefix), "{}", key(&finished));
    let manifest = finished.manifest_key.as_deref().unwrap();
    assert!(manifest.starts_with("threads/_runs/"), "{manifest}");
    let truth = world.truth(Report::Threads, &format!("ticket_ids={ticket}"));
    assert!(world.rows(&finished) == truth);
    assert!(
        world.pointer(Report::Threads).is_none(),
        "the report's own pointer must not move"
    );
}

#[tokio::test]
async fn an_id_in_the_environment_narrows_as_one_in_the_event_does() {
    let world = World::with_tickets(60).await;
    let department = world.zoho.ids("departments", 1)[0].clone();
    let function = world.function_with(Report::TicketTags, &[("DEPARTMENT_ID", &department)]);
    let finished = invoke(&function, json!({})).await.unwrap();
    let prefix = format!("ticket-tags/department_id={department}/dt=");
    assert!(key(&finished).starts_with(&prefix), "{}", key(&finished));
    assert!(
        world
            .rows(&finished)
            .iter()
            .all(|row| row.contains(&department))
    );
}

#[tokio::test]
async fn the_queue_is_open_unless_another_status_is_asked_for() {
    let world = World::with_tickets(300).await;
    let open = world.run(Report::QueueByStatus, json!({})).await;
    assert!(world.rows(&open) == world.truth(Report::QueueByStatus, "status=Open"));
    let closed = world
        .run(Report::QueueByStatus, json!({"status": "Closed"}))
        .await;
    assert!(world.rows(&closed) == world.truth(Report::QueueByStatus, "status=Closed"));
    let prefix = "queue-by-status/status=Closed/dt=";
    assert!(key(&closed).starts_with(prefix), "{}", key(&closed));
}
