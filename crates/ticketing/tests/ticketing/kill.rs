//! Processes that die anywhere.

use std::time::Duration;

use serde_json::json;
use simulators::zoho::{Fault, FaultRule};
use vendor_http::Deadline;

use crate::world::{World, comments, flat};

/// Where in the life of a chat a process dies, and how: its future is dropped after so many
/// microseconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_processes_die_each_chat_has_one_ticket_and_each_message_one_comment() {
    let seed: u64 = std::option_env!("TICKETING_SEED")
        .and_then(|s| s.parse().ok())
        .unwrap_or(7);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::start().await;
    let chats: Vec<String> = (0..40).map(|n| format!("kill-{n}")).collect();
    let lives = chats.iter().map(|chat| {
        let world = world.clone();
        let mut rng = rng.fork();
        async move { live(&world, chat, &mut rng).await }
    });
    let lives: Vec<_> = lives.collect();
    futures_util::future::join_all(lives).await;
    // The lost answers of the dead are looked for with Desk's answers lost now and then, too.
    world
        .zoho
        .add_fault(FaultRule::sometimes(0.1, Fault::LoseAnswer { status: None }).on_writes());
    work_and_die(&world, &mut rng).await;
    world.zoho.clear_faults();
    tokio::time::timeout(Duration::from_mins(1), world.drain())
        .await
        .unwrap();
    let by_chat = world.tickets_by_chat();
    for chat in &chats {
        let tickets = by_chat.get(chat).map_or(&[][..], Vec::as_slice);
        assert_eq!(tickets.len(), 1, "{chat}: {} tickets", tickets.len());
        let history = comments(&tickets[0]);
        for text in [
            "Customer: I forgot my password",
            "Customer: john.doe",
            "Customer: 1234",
        ] {
            assert_eq!(
                history.matches(text).count(),
                1,
                "{chat}: {text} in {history}"
            );
        }
    }
}

/// Three messages; each is sent until it is answered, and its process dies now and then.
async fn live(world: &World, chat: &str, rng: &mut fastrand::Rng) {
    let email = format!("{chat}@company.com");
    for (nth, text) in ["I forgot my password", "john.doe", "1234"]
        .iter()
        .enumerate()
    {
        let more = json!({"message_id": format!("m{nth}"), "visitor_email": email});
        let delivery = flat(chat, text, &more);
        for attempt in 0.. {
            let life = Duration::from_micros(rng.u64(0..40_000) * (attempt + 1));
            if let Ok(Ok(_)) = tokio::time::timeout(life, world.deliver(&delivery)).await {
                break;
            }
        }
    }
}

async fn work_and_die(world: &World, rng: &mut fastrand::Rng) {
    let mut deaths = 0;
    while deaths < 150 && !world.queue.is_idle() {
        let Some(job) = world.queue.next_ticket() else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let life = Duration::from_micros(rng.u64(0..60_000));
        let deadline = Deadline::after(Duration::from_secs(5));
        let worked = tokio::time::timeout(life, world.tickets.work(&job, deadline)).await;
        if !matches!(worked, Ok(Ok(ticketing::Worked::Done))) {
            // The queue delivers it again.
            world.queue.put(job, Duration::from_millis(20));
            deaths += 1;
        }
    }
    println!("{deaths} deaths");
}
