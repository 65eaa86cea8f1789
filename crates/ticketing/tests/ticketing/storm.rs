//! Many chats at once, a bad network on both sides.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::json;
use simulators::zoho::{Fault, FaultRule};
use state::TicketState;
use webhook::salesiq::Delivery;

use crate::world::{World, comments, flat};

const CHATS: usize = 200;
const WORKERS: usize = 6;

/// What one visitor says; the last message comes when the ticket is due already.
fn script(n: usize) -> Vec<String> {
    let after = format!("By the way, note-{n}-x");
    let said: &[&str] = match n % 3 {
        0 => &["I forgot my password", "user-%-x", "1234"],
        1 => &["My disk is full", "qwertz-%-x", "100 GB"],
        _ => &["Server is slow", "qwertz-%-x", "CPU 95 RAM 80 disk 60"],
    };
    let mut texts: Vec<String> = said
        .iter()
        .map(|text| text.replace('%', &n.to_string()))
        .collect();
    texts.push(after);
    texts
}

/// Every message once to three times, with the same id each time, in any order.
fn deliveries(n: usize, rng: &mut fastrand::Rng) -> Vec<Delivery> {
    let mut all = Vec::new();
    for (nth, text) in script(n).iter().enumerate() {
        let more = json!({
            "sequence": nth + 1,
            "message_id": format!("chat-{n}-m{nth}"),
            "visitor_email": format!("visitor{}@company.com", n % 120),
            "visitor_name": format!("Visitor {n}"),
            "visitor_id": format!("v-{n}"),
        });
        let delivery = flat(&format!("chat-{n}-x"), text, &more);
        for _ in 0..rng.usize(1..=3) {
            all.push(delivery.clone());
        }
    }
    rng.shuffle(&mut all);
    all
}

/// Sends deliveries two at a time; one that fails comes again.
async fn chat(world: &World, mut deliveries: Vec<Delivery>, mut rng: fastrand::Rng) {
    while !deliveries.is_empty() {
        tokio::time::sleep(Duration::from_millis(rng.u64(0..40))).await;
        let two: Vec<Delivery> = deliveries.drain(..deliveries.len().min(2)).collect();
        let answers = two.iter().map(|delivery| world.deliver(delivery));
        let answers = futures_util::future::join_all(answers).await;
        for (delivery, answer) in two.into_iter().zip(answers) {
            match answer {
                Ok(_) => {}
                Err(error) => {
                    assert!(error.is_transient(), "{error}");
                    deliveries.push(delivery);
                }
            }
        }
    }
}

async fn worker(world: World, done: std::sync::Arc<std::sync::atomic::AtomicBool>) {
    use std::sync::atomic::Ordering;
    loop {
        match world.queue.begin() {
            Some(job) => {
                world.work(job).await;
                world.queue.worked();
            }
            None if done.load(Ordering::Relaxed) && world.queue.is_idle() => return,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_chats_in_disorder_have_one_ticket_each_and_lose_nothing() {
    let seed: u64 = std::option_env!("TICKETING_SEED")
        .and_then(|s| s.parse().ok())
        .unwrap_or(42);
    println!("seed {seed}");
    let began = Instant::now();
    let world = World::with(|portal| portal.seed = seed, json!({})).await;
    let lost = Fault::LoseAnswer { status: None };
    world.zoho.add_fault(FaultRule::sometimes(0.1, lost));
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| tokio::spawn(worker(world.clone(), done.clone())))
        .collect();

    let mut rng = fastrand::Rng::with_seed(seed);
    let mut chats = Vec::new();
    for n in 0..CHATS {
        let deliveries = deliveries(n, &mut rng);
        let (world, rng) = (world.clone(), rng.fork());
        chats.push(tokio::spawn(
            async move { chat(&world, deliveries, rng).await },
        ));
    }
    for chat in chats {
        chat.await.unwrap();
    }
    println!("all said after {:?}", began.elapsed());
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for worker in workers {
        tokio::time::timeout(Duration::from_mins(5), worker)
            .await
            .unwrap()
            .unwrap();
    }
    println!("all settled after {:?}", began.elapsed());

    let tickets = world.tickets_by_chat();
    assert_eq!(tickets.len(), CHATS);
    for n in 0..CHATS {
        check(&world, n, &tickets[&format!("chat-{n}-x")]).await;
    }
    let mails = world.mails().await;
    let mut sent = HashSet::new();
    for mail in &mails {
        assert!(
            sent.insert((mail.job.chat_id.clone(), mail.job.kind)),
            "twice: {:?}",
            mail.job
        );
        let n: usize = mail.job.chat_id.split('-').nth(1).unwrap().parse().unwrap();
        assert_only_of(n, &mail.text);
    }
    let approvals = (0..CHATS).filter(|n| n % 3 == 1).count();
    assert_eq!(mails.len(), 2 * CHATS + approvals);
    let stats = world.figures.between(None, None).await.unwrap();
    assert_eq!(stats.tickets_created, CHATS as u64);
    assert_eq!(stats.workflow_completion_rate, Some(1.0));
}

async fn check(world: &World, n: usize, tickets: &[serde_json::Value]) {
    let chat = format!("chat-{n}-x");
    assert_eq!(tickets.len(), 1, "{chat}");
    let ticket = &tickets[0];
    let records = world.records(&chat).await;
    assert_eq!(records.len(), 1, "{chat}");
    let TicketState::Made { id, .. } = &records[0].state else {
        panic!("{chat}: {:?}", records[0]);
    };
    assert_eq!(ticket["id"], *id);
    assert_eq!(ticket["email"], format!("visitor{}@company.com", n % 120));
    assert_eq!(ticket["cf"]["cf_salesiq_visitor_id"], format!("v-{n}"));

    let history = comments(ticket);
    let mut counts: HashMap<String, usize> = HashMap::new();
    for text in world.history(&chat).await {
        *counts.entry(text).or_default() += 1;
    }
    for text in script(n) {
        assert_eq!(counts.get(&text), Some(&1), "{chat}: {text} in {counts:?}");
    }
    for (text, count) in &counts {
        // Each line is time, speaker, text; times are ` UTC `.
        let lines = ["Customer", "Bot"].map(|speaker| format!(" UTC {speaker}: {text}\n"));
        let there: usize = lines
            .iter()
            .map(|line| history.matches(line.as_str()).count())
            .sum();
        assert_eq!(there, *count, "{chat}: {text} in {history}");
    }
    assert_only_of(n, &history);
    assert_only_of(n, ticket["description"].as_str().unwrap());
    assert_only_of(n, ticket["subject"].as_str().unwrap());
}

/// No word of another chat: all their words end in `-<number>-x`.
fn assert_only_of(n: usize, text: &str) {
    for (at, _) in text.match_indices("-x") {
        let number = text[..at].rsplit('-').next().unwrap();
        assert_eq!(number, n.to_string(), "chat {n} sees {text}");
    }
}
