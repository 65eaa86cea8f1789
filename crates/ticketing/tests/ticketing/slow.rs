//! A Desk that is slow, silent or refuses.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use notify::Kind;
use serde_json::json;
use simulators::zoho::{Fault, FaultRule};
use state::TicketState;
use ticketing::{Settled, TicketJob};
use vendor_http::Deadline;

use crate::world::{World, comments, flat};

#[tokio::test]
async fn the_visitor_is_answered_in_time_by_a_slow_desk_and_told_the_number_later() {
    let world = World::start().await;
    world
        .zoho
        .add_fault(FaultRule::next(1, Fault::Stall { seconds: 30.0 }).on("POST tickets"));
    world.talk("c", &["I forgot my password", "john.doe"]).await;
    let began = Instant::now();
    let reply = world.say("c", "1234").await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert!(reply.pending && !reply.ticket_created);
    assert!(
        reply.text.last().unwrap().contains("being logged"),
        "{:?}",
        reply.text
    );
    // A message while the ticket is being made.
    let meanwhile = world.say("c", "It is quite urgent").await;
    assert!(!meanwhile.ticket_created);
    world.zoho.clear_faults();
    world.drain().await;
    let tickets = world.desk_tickets("c");
    assert_eq!(tickets.len(), 1);
    assert!(comments(&tickets[0]).contains("It is quite urgent"));
    let next = world.say("c", "Any news?").await;
    assert!(
        next.text[0].contains(tickets[0]["ticketNumber"].as_str().unwrap()),
        "{:?}",
        next.text
    );
    assert!(next.ticket_created);
    let after = world.say("c", "And now?").await;
    assert!(!after.ticket_created, "told once");
}

#[tokio::test]
async fn a_ticket_whose_answer_got_lost_is_found_and_not_made_again() {
    let world = World::start().await;
    let lost = || Fault::LoseAnswer { status: None };
    world
        .zoho
        .add_fault(FaultRule::next(1, lost()).on("POST tickets"));
    // Search does not know the new contact and its ticket yet.
    world.zoho.set_search_lag(Duration::from_mins(1));
    let delivery = |text: &str| {
        flat(
            "c",
            text,
            &json!({"visitor_email": "brand.new@company.com"}),
        )
    };
    for text in ["I forgot my password", "john.doe", "1234"] {
        world.deliver(&delivery(text)).await.unwrap();
    }
    world
        .zoho
        .add_fault(FaultRule::next(1, lost()).on("POST tickets/{id}/comments"));
    world.drain().await;
    let tickets = world.desk_tickets("c");
    assert_eq!(tickets.len(), 1);
    assert_eq!(comments(&tickets[0]).matches("[deskbridge c/1").count(), 1);
    let TicketState::Made { id, .. } = &world.records("c").await[0].state else {
        panic!("not made");
    };
    assert_eq!(tickets[0]["id"], *id);
    assert_eq!(world.mails().await.len(), 2);
}

#[tokio::test]
async fn a_refused_ticket_is_told_to_support_and_not_tried_for_ever() {
    let names = json!({"salesiq_visitor_id": "cf_no_such_field"});
    let world = World::with(|_| {}, json!({"custom_field_names": names})).await;
    let reply = world
        .talk("c", &["I forgot my password", "john.doe", "1234"])
        .await;
    assert!(!reply.ticket_created);
    world.drain().await;
    assert!(world.desk_tickets("c").is_empty());
    let record = &world.records("c").await[0];
    let TicketState::Failed { why, .. } = &record.state else {
        panic!("{record:?}");
    };
    assert!(why.contains("cf_no_such_field"), "{why}");
    let mails = world.mails().await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].job.kind, Kind::SupportAlert);
    assert!(
        mails[0].text.contains("did not take this ticket"),
        "{}",
        mails[0].text
    );
}

#[tokio::test]
async fn a_desk_that_is_down_gets_the_ticket_when_it_is_back() {
    let world = World::start().await;
    world
        .zoho
        .add_fault(FaultRule::always(Fault::ConnectionReset));
    let reply = world
        .talk("c", &["I forgot my password", "john.doe", "1234"])
        .await;
    assert!(reply.pending);
    let job = world.queue.forget_tickets().pop().unwrap();
    let soon = Deadline::after(Duration::from_millis(700));
    let settled = world.tickets.settle(&job, soon).await.unwrap();
    assert!(matches!(settled, Settled::Later(_)), "{settled:?}");
    world.zoho.clear_faults();
    world.queue.put(job, Duration::ZERO);
    world.drain().await;
    assert_eq!(world.desk_tickets("c").len(), 1);
}

#[tokio::test]
async fn a_job_ahead_of_its_commit_waits_and_one_without_is_dropped() {
    let world = World::start().await;
    world.say("c", "I forgot my password").await;
    let now: Timestamp = clock::Clock::now(&*world.clock);
    let job = |version, queued_at| TicketJob {
        chat_id: "c".to_owned(),
        version,
        queued_at,
    };
    let soon = || Deadline::after(Duration::from_secs(5));
    let old = now - SignedDuration::from_secs(121);
    for (job, expected) in [
        (job(1, now), Settled::Done),
        (job(2, now), Settled::NotYet),
        (job(2, old), Settled::Dropped),
    ] {
        assert_eq!(world.tickets.settle(&job, soon()).await.unwrap(), expected);
    }
}
