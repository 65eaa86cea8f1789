use std::time::Duration;

use reports::Report;
use serde_json::{Value, json};
use simulators::aws::Hang;

use crate::harness::{BUCKET, World, invoke, invoke_within};

/// A process that dies has its run cleared away once its invocation is over for certain.
const LIFE: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_at_any_write_leaves_the_previous_one_and_the_next_is_whole() {
    let world = World::with_tickets(150).await;
    let first = world.run(Report::Contacts, json!({"full": true})).await;
    let before = world.aws.mutations();
    world.run(Report::Contacts, json!({"full": true})).await;
    let writes = world.aws.mutations() - before;
    assert!(
        writes >= 4,
        "open record, object, manifest, pointer: {writes}"
    );
    drop(world);

    let mut deaths = Vec::new();
    for nth in 1..=writes {
        for how in [Hang::BeforeEffect, Hang::AfterEffect] {
            deaths.push(tokio::spawn(killed_at(nth, how)));
        }
    }
    for death in deaths {
        death.await.unwrap();
    }
    assert!(first.complete);
}

async fn killed_at(nth: u64, how: Hang) {
    let world = World::with_tickets(150).await;
    let first = world.run(Report::Contacts, json!({"full": true})).await;
    let at = world.aws.mutations();
    world.aws.hang_from(at + nth, how);
    let function = world.function(Report::Contacts);
    let dying = async { invoke_within(&function, json!({"full": true}), LIFE).await };
    tokio::select! {
        _ = dying => {}
        () = world.aws.hung() => {}
    }
    world.aws.heal();

    let pointer = world.pointer(Report::Contacts).unwrap();
    let readable = pointer["keys"][0].as_str().unwrap();
    assert!(
        world.aws.object(BUCKET, readable).is_some(),
        "{nth} {how:?}"
    );
    tokio::time::sleep(LIFE).await;

    let next = world.run(Report::Contacts, json!({"full": true})).await;
    assert!(
        world.rows(&next) == world.truth(Report::Contacts, ""),
        "{nth} {how:?}"
    );
    assert!(world.aws.open_uploads(BUCKET).is_empty());
    let open = world
        .aws
        .keys(BUCKET)
        .into_iter()
        .filter(|key| key.contains("/_open/"))
        .count();
    assert_eq!(open, 0, "{nth} {how:?}");
    for key in world.visible(Report::Contacts) {
        if !key.contains("/dt=") {
            continue;
        }
        let named = world.visible(Report::Contacts).iter().any(|manifest| {
            manifest.contains("/_runs/") && {
                let stored = world.aws.object(BUCKET, manifest).unwrap();
                serde_json::from_slice::<Value>(&stored).unwrap()["key"] == json!(key)
            }
        });
        assert!(named, "{nth} {how:?}: {key} belongs to no run");
    }
    assert!(first.complete);
}

#[tokio::test]
async fn a_run_killed_between_pages_is_forgotten() {
    let world = World::with_tickets(400).await;
    let stall = simulators::zoho::Fault::Stall { seconds: 60.0 };
    world.zoho.add_fault(
        simulators::zoho::FaultRule::always(stall)
            .on("tickets/search")
            .after(2),
    );
    let function = world.function(Report::Tickets);
    let dying = invoke_within(&function, json!({}), LIFE);
    tokio::time::timeout(Duration::from_millis(800), dying)
        .await
        .unwrap_err();
    world.zoho.clear_faults();
    tokio::time::sleep(LIFE).await;
    let next = invoke(&world.function(Report::Tickets), json!({}))
        .await
        .unwrap();
    assert!(world.rows(&next) == world.truth(Report::Tickets, ""));
    assert_eq!(world.visible(Report::Tickets).len(), 3);
}
