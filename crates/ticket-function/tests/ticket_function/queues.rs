//! `ticket-worker` and `send-notifications`.

use serde_json::json;
use simulators::zoho::{Fault, FaultRule};
use state::Scope;
use ticket_function::{SendNotifications, TicketWorker};

use crate::post::Queued;
use crate::webhook::PASSWORD;
use crate::world::{World, ask, batch, context, failed};

fn job(body: &serde_json::Value) -> Queued {
    Queued {
        queue: String::new(),
        body: body.to_string(),
        delay_s: 0,
    }
}

/// A chat whose ticket is due while Desk does not answer.
async fn due(world: &World) {
    world.zoho.add_fault(FaultRule::always(Fault::ServerError));
    let answer = world.say(&world.webhook(), "chat_1", &PASSWORD).await;
    assert_eq!(answer["pending"], true, "{answer}");
    world.zoho.clear_faults();
}

#[tokio::test]
async fn the_queue_makes_the_ticket_that_the_visitor_could_not_wait_for() {
    let world = World::start().await;
    due(&world).await;
    assert!(world.zoho.written_tickets().is_empty());
    world.drain().await;
    assert_eq!(world.zoho.written_tickets().len(), 1);
    let mails = world.post.mails();
    assert_eq!(mails.len(), 2, "{mails:?}");
    assert!(
        mails
            .iter()
            .any(|mail| mail.contains("customer@company.com"))
    );
    assert!(mails.iter().any(|mail| mail.contains("team@company.com")));
    let answer = world.say(&world.webhook(), "chat_1", &["thanks"]).await;
    assert_eq!(answer["ticket_created"], true, "{answer}");
}

#[tokio::test]
async fn the_same_job_twice_is_one_ticket_and_one_set_of_mails() {
    let world = World::start().await;
    due(&world).await;
    let jobs = world.post.take("ticket-jobs");
    let twice: Vec<Queued> = jobs.iter().chain(&jobs).cloned().collect();
    // The second of two at once finds the first at work and comes again.
    world
        .worker()
        .invoke(batch(&twice), context())
        .await
        .unwrap();
    let answer = world
        .worker()
        .invoke(batch(&twice), context())
        .await
        .unwrap();
    assert!(failed(&answer).len() < twice.len());
    assert_eq!(world.zoho.written_tickets().len(), 1);
    let mails = world.post.take("notifications");
    let twice: Vec<Queued> = mails.iter().chain(&mails).cloned().collect();
    world
        .sender()
        .invoke(batch(&twice), context())
        .await
        .unwrap();
    world
        .sender()
        .invoke(batch(&twice), context())
        .await
        .unwrap();
    assert_eq!(world.post.mails().len(), 2);
}

#[tokio::test]
async fn only_what_may_still_be_done_comes_again() {
    let world = World::start().await;
    due(&world).await;
    let mut jobs = world.post.take("ticket-jobs");
    jobs.truncate(1);
    let now = world.clock.now();
    jobs.push(job(
        &json!({"chat_id": "chat_1", "version": 99, "queued_at": now}),
    ));
    jobs.push(job(
        &json!({"chat_id": "never", "version": 1, "queued_at": "2020-01-01T00:00:00Z"}),
    ));
    jobs.push(job(&json!("no job")));
    let answer = world
        .worker()
        .invoke(batch(&jobs), context())
        .await
        .unwrap();
    // m-1 is not committed yet; m-2 never will be, and m-3 is nothing.
    assert!(failed(&answer).contains(&"m-1"), "{answer:?}");
    assert!(!failed(&answer).contains(&"m-2"), "{answer:?}");
    assert!(!failed(&answer).contains(&"m-3"), "{answer:?}");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_now_comes_again_and_one_refused_for_good_does_not() {
    let world = World::start().await;
    world.say(&world.webhook(), "chat_1", &PASSWORD).await;
    let worker_jobs = world.post.take("ticket-jobs");
    world
        .worker()
        .invoke(batch(&worker_jobs), context())
        .await
        .unwrap();
    let mails = world.post.take("notifications");
    assert_eq!(mails.len(), 2, "{mails:?}");
    let (first, second) = (&mails[..1], &mails[1..]);

    // The client tries three times by itself.
    for _ in 0..6 {
        world.post.refuse_next_mail(429, "TooManyRequestsException");
    }
    let answer = world
        .sender()
        .invoke(batch(first), context())
        .await
        .unwrap();
    assert_eq!(failed(&answer), ["m-0"]);
    world.post.allow_mails();
    let answer = world
        .sender()
        .invoke(batch(first), context())
        .await
        .unwrap();
    assert!(failed(&answer).is_empty());
    assert_eq!(world.post.mails().len(), 1);

    world.post.refuse_next_mail(400, "BadRequestException");
    let answer = world
        .sender()
        .invoke(batch(second), context())
        .await
        .unwrap();
    assert!(failed(&answer).is_empty());
    let answer = world
        .sender()
        .invoke(batch(second), context())
        .await
        .unwrap();
    assert!(failed(&answer).is_empty());
    assert_eq!(
        world.post.mails().len(),
        1,
        "what is given up stays given up"
    );
    let admin = world.key(&[Scope::Admin]).await;
    let trail = ask(
        &world.api(),
        &admin,
        "GET /admin/audit?target=chat:chat_1&limit=100",
        None,
    )
    .await;
    assert!(trail.text.contains("mail.failed"), "{}", trail.text);
}

#[tokio::test]
async fn mails_can_be_switched_off() {
    let world = World::start().await;
    world.say(&world.webhook(), "chat_1", &PASSWORD).await;
    let jobs = world.post.take("ticket-jobs");
    world
        .worker()
        .invoke(batch(&jobs), context())
        .await
        .unwrap();
    let env = world.env(&[("MAIL_TRANSPORT", "off")]);
    let sender = SendNotifications::new(&env, &world.clients(), world.service()).unwrap();
    let mails = world.post.take("notifications");
    let answer = sender.invoke(batch(&mails), context()).await.unwrap();
    assert!(failed(&answer).is_empty());
    assert!(world.post.mails().is_empty());
}

#[tokio::test]
async fn settings_that_make_no_sense_are_named() {
    let world = World::start().await;
    for (name, value) in [("MAIL_TRANSPORT", "pigeon"), ("MAIL_CONCURRENCY", "0")] {
        let env = world.env(&[(name, value)]);
        let refused = SendNotifications::new(&env, &world.clients(), world.service()).unwrap_err();
        assert!(refused.message.contains(name), "{refused}");
    }
    let env = world.env(&[("WORKER_CONCURRENCY", "many")]);
    let refused = TicketWorker::new(&env, world.service()).unwrap_err();
    assert!(refused.message.contains("WORKER_CONCURRENCY"), "{refused}");
}
