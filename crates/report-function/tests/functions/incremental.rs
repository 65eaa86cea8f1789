use reports::Report;
use serde_json::{Value, json};
use simulators::zoho::{Change, Entity, Mutation};

use crate::harness::World;

fn ids(rows: &[String]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            serde_json::from_str::<Value>(row).unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_second_run_reads_what_changed_and_costs_little() {
    let world = World::with_tickets(2_000).await;
    let first = world.run(Report::Tickets, json!({})).await;
    assert_eq!(first.since, None);
    let watermark = world.pointer(Report::Tickets).unwrap()["watermark"].clone();
    assert_eq!(watermark, json!(first.until));

    let second = world.run(Report::Tickets, json!({})).await;
    assert!(second.since.unwrap() < first.until, "it overlaps");
    let since = second.since.unwrap();
    let until = second.until;
    let truth = world.truth(Report::Tickets, &format!("since={since}&until={until}"));
    assert!(world.rows(&second) == truth);
    assert!(
        second.credits * 10 < first.credits,
        "{} of {}",
        second.credits,
        first.credits
    );

    let full = world.run(Report::Tickets, json!({"full": true})).await;
    assert_eq!(full.rows, 2_000);
}

#[tokio::test]
async fn a_window_in_the_past_is_read_and_leaves_the_watermark() {
    let world = World::with_tickets(500).await;
    world.run(Report::Tickets, json!({})).await;
    let before = world.pointer(Report::Tickets).unwrap()["watermark"].clone();
    let week_ago = crate::harness::now() - jiff::SignedDuration::from_hours(24 * 7);
    let finished = world
        .run(
            Report::Tickets,
            json!({"since": "2020-01-01", "until": week_ago}),
        )
        .await;
    let truth = world.truth(Report::Tickets, &format!("until={week_ago}"));
    assert!(!truth.is_empty());
    // The truth's bound is inclusive, ours is not; no row lies on it to the millisecond.
    assert_eq!(ids(&world.rows(&finished)), ids(&truth));
    assert_eq!(world.pointer(Report::Tickets).unwrap()["watermark"], before);
}

#[tokio::test]
async fn rows_that_change_while_they_are_read_are_neither_lost_nor_doubled() {
    use simulators::zoho::{Fault, FaultRule};
    for change in [Change::Create, Change::Modify, Change::Delete] {
        let world = World::with_tickets(1_500).await;
        let existed = ids(&world.truth(Report::Tickets, ""));
        world.zoho.add_fault(FaultRule::always(Fault::ChangeData {
            every: 2,
            mutation: Mutation::of(Entity::Tickets, change, 3),
        }));
        let finished = world.run(Report::Tickets, json!({})).await;
        world.zoho.clear_faults();
        let rows = ids(&world.rows(&finished));
        let mut distinct = rows.clone();
        distinct.dedup();
        assert_eq!(rows.len(), distinct.len(), "{change:?}: a row is doubled");
        let still_there = ids(&world.truth(Report::Tickets, ""));
        let missing: Vec<_> = existed
            .iter()
            .filter(|id| still_there.contains(id) && !rows.contains(id))
            .collect();
        assert!(
            missing.is_empty(),
            "{change:?}: {} rows are missing",
            missing.len()
        );
    }
}

#[tokio::test]
async fn the_same_occurrence_delivered_twice_is_one_run() {
    let world = World::with_tickets(80).await;
    let event = json!({"schedule": {"id": "contacts", "time": "2026-01-01T00:00:00Z"}});
    let first = world.run(Report::Contacts, event.clone()).await;
    let again = world.run(Report::Contacts, event.clone()).await;
    assert_eq!(first, simulated_retries(again, &first));
    let objects: Vec<_> = world.visible(Report::Contacts);
    assert_eq!(
        objects.len(),
        3,
        "one object, one manifest, one pointer: {objects:?}"
    );

    let (one, other) = (
        world.function(Report::Agents),
        world.function(Report::Agents),
    );
    let event = json!({"schedule": {"id": "agents", "time": "2026-01-01T00:00:00Z"}});
    let (one, other) = tokio::join!(
        crate::harness::invoke(&one, event.clone()),
        crate::harness::invoke(&other, event)
    );
    assert_eq!(one.unwrap().key, other.unwrap().key);
    assert_eq!(world.visible(Report::Agents).len(), 3);
}

/// Retries are counted in metrics and not part of what users see.
fn simulated_retries(
    mut finished: reports::Finished,
    like: &reports::Finished,
) -> reports::Finished {
    finished.retries = like.retries;
    finished
}

#[tokio::test]
async fn runs_that_overlap_all_succeed_and_the_newest_is_pointed_at() {
    let world = World::with_tickets(300).await;
    let functions: Vec<_> = (0..4).map(|_| world.function(Report::Contacts)).collect();
    let event = json!({"full": true});
    let (a, b, c, d) = tokio::join!(
        crate::harness::invoke(&functions[0], event.clone()),
        crate::harness::invoke(&functions[1], event.clone()),
        crate::harness::invoke(&functions[2], event.clone()),
        crate::harness::invoke(&functions[3], event.clone()),
    );
    let truth = world.truth(Report::Contacts, "");
    for finished in [a, b, c, d] {
        assert!(world.rows(&finished.unwrap()) == truth);
    }
    let pointer = world.pointer(Report::Contacts).unwrap();
    let manifests: Vec<_> = world
        .visible(Report::Contacts)
        .into_iter()
        .filter(|key| key.contains("/_runs/"))
        .collect();
    assert_eq!(manifests.len(), 4);
    let started: Vec<String> = manifests
        .iter()
        .map(|key| {
            let stored = world.aws.object(crate::harness::BUCKET, key).unwrap();
            let manifest: Value = serde_json::from_slice(&stored).unwrap();
            manifest["started_at"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        pointer["started_at"].as_str(),
        started.iter().max().map(String::as_str)
    );
}
