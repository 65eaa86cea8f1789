use clock::{Clock as _, SystemClock};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use simulators::zoho::{Change, Entity, Mutation};
use state::{ChatId, Contact, Origin, TicketRecord, TicketState};

use crate::harness::{World, batch, failed};

fn origin(email: Option<&str>) -> Origin {
    Origin {
        source: "AceBuddy".into(),
        workflow: "password_reset".into(),
        title: "Password Reset".into(),
        subject: "Password Reset - Ann".into(),
        priority: "Medium".into(),
        category: "Account Management".into(),
        answers: Value::Null,
        escalated: false,
        approval: None,
        contact: Contact {
            name: None,
            email: email.map(str::to_owned),
            phone: None,
        },
    }
}

/// A ticket of ours, made two hours ago.
async fn ours(world: &World, id: &str, email: Option<&str>) -> ChatId {
    let now = SystemClock.now();
    let chat: ChatId = "chat_1".parse().unwrap();
    let mut record = TicketRecord::due(chat.clone(), 1, origin(email), now);
    record.state = TicketState::Made {
        id: id.to_owned(),
        number: "1042".to_owned(),
        web_url: None,
        made_at: now - SignedDuration::from_hours(2),
    };
    world.state().tickets.save(record).await.unwrap();
    chat
}

fn set_status(world: &World, id: &str, status: &str) {
    let mutation = Mutation {
        status: Some(status.to_owned()),
        ..Mutation::of_ids(Entity::Tickets, Change::Modify, vec![id.to_owned()])
    };
    assert_eq!(world.zoho.mutate(&mutation), [id]);
}

async fn told(world: &World, id: &str) {
    let body = json!({
        "event_type": "Ticket_Update", "event_time": "2026-06-01T12:00:05Z",
        "received_at": "2026-06-01T12:00:10Z", "org_id": "700000001", "entity": "Ticket",
        "id": id, "ticket_id": id,
    });
    let response = world.invoke(batch(&[body.to_string()])).await.unwrap();
    assert_eq!(failed(&response), [""; 0]);
}

async fn resolved(world: &World) -> u64 {
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let days = world.state().counters.days(today, today).await.unwrap();
    days.iter().map(|day| day.resolved.count).sum()
}

#[tokio::test]
async fn a_closed_ticket_is_counted_and_asked_about_once() {
    let world = World::start().await;
    let id = world.zoho.ids("tickets", 1).remove(0);
    let chat = ours(&world, &id, Some("ann@example.com")).await;
    set_status(&world, &id, "Open");
    told(&world, &id).await;
    let load = async || world.state().tickets.load(&chat, 1).await.unwrap().unwrap();
    let record = load().await;
    assert_eq!(record.status.as_deref(), Some("Open"));
    assert_eq!((record.closed_at, resolved(&world).await), (None, 0));
    assert!(world.notifications.bodies().is_empty());

    set_status(&world, &id, "Closed");
    for _ in 0..3 {
        told(&world, &id).await;
    }
    let record = load().await;
    assert_eq!(record.status.as_deref(), Some("Closed"));
    assert_eq!(record.status_type.as_deref(), Some("Closed"));
    assert!(record.closed_at.is_some() && record.mails.contains_key("survey"));
    assert_eq!(resolved(&world).await, 1);
    let bodies = world.notifications.bodies();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let job: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(
        job,
        json!({"kind": "survey", "chat_id": "chat_1", "ticket": 1})
    );

    set_status(&world, &id, "Open");
    told(&world, &id).await;
    assert_eq!(load().await.closed_at, None);
    set_status(&world, &id, "Closed");
    told(&world, &id).await;
    assert_eq!(
        world.notifications.bodies().len(),
        1,
        "nobody is asked twice"
    );
}

#[tokio::test]
async fn nobody_is_asked_without_an_address() {
    let world = World::start().await;
    let id = world.zoho.ids("tickets", 1).remove(0);
    ours(&world, &id, None).await;
    set_status(&world, &id, "Closed");
    told(&world, &id).await;
    assert_eq!(resolved(&world).await, 1);
    assert!(world.notifications.bodies().is_empty());
}

#[tokio::test]
async fn an_event_comes_again_until_the_survey_is_queued() {
    let world = World::start().await;
    let id = world.zoho.ids("tickets", 1).remove(0);
    ours(&world, &id, Some("ann@example.com")).await;
    set_status(&world, &id, "Closed");
    world.notifications.go_down(true);
    let body = json!({
        "event_type": "Ticket_Update", "event_time": "2026-06-01T12:00:05Z",
        "received_at": "2026-06-01T12:00:10Z", "org_id": "700000001", "entity": "Ticket",
        "id": id, "ticket_id": id,
    });
    let response = world.invoke(batch(&[body.to_string()])).await.unwrap();
    assert_eq!(failed(&response), ["m0"]);
    assert_eq!(resolved(&world).await, 0);
    world.notifications.go_down(false);
    told(&world, &id).await;
    assert_eq!(resolved(&world).await, 1);
    assert_eq!(world.notifications.bodies().len(), 1);
}
