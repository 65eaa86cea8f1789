//! Random faults on both sides and a death at a random write, from a seed, so that a failure can be
//! replayed: `FAULT_SEEDS=1234..1235 cargo test -p report-function faults`.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use lambda_kit::ErrorType;
use reports::Report;
use serde_json::{Value, json};
use simulators::aws::{Fault as S3Fault, Hang};
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation, Options};

use crate::harness::{BUCKET, World, ahead, invoke_within};

/// A seed's first invocation gets so much time; what it leaves may be cleared away after it.
const LIFE: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn no_schedule_of_faults_loses_or_doubles_a_row() {
    let seeds = seeds();
    let mut running = tokio::task::JoinSet::new();
    for seed in seeds {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(schedule(seed));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "a person asks for more seeds")]
fn seeds() -> Range<u64> {
    let asked = std::env::var("FAULT_SEEDS").ok();
    let asked = asked.as_deref().and_then(|asked| {
        let (from, to) = asked.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    asked.unwrap_or(0..48)
}

async fn schedule(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut options = Options::with_tickets(random.u32(1..1_300));
    options.seed = seed;
    let world = World::of(options).await;
    let earlier = random
        .bool()
        .then_some(world.run(Report::Tickets, json!({})).await);
    let existed = ids(&world.truth(Report::Tickets, ""));

    break_things(&world, &mut random);
    let function = world.function(Report::Tickets);
    let event = json!({"full": true});
    let doomed = invoke_within(&function, event.clone(), LIFE);
    let outcome = tokio::select! {
        outcome = doomed => Some(outcome),
        () = world.aws.hung() => None,
    };
    world.aws.heal();
    world.zoho.clear_faults();

    if let Some(Err(failure)) = &outcome {
        let known = [
            ErrorType::Upstream,
            ErrorType::DeadlineExceeded,
            ErrorType::StorageDenied,
        ];
        assert!(
            known.contains(&failure.error_type),
            "seed {seed}: {failure}"
        );
    }
    if earlier.is_some() || matches!(outcome, Some(Ok(_))) {
        let pointer = world.pointer(Report::Tickets).unwrap();
        let key = pointer["keys"][0].as_str().unwrap();
        assert!(
            world.aws.object(BUCKET, key).is_some(),
            "seed {seed}: {key} is gone"
        );
    }
    if let Some(Ok(finished)) = outcome
        && finished.complete
    {
        check_rows(seed, &world, &existed, &world.rows(&finished));
    }

    // The first process is dead for certain by now.
    let later = world.function_at(Report::Tickets, ahead(LIFE));
    let finished = invoke_within(&later, event, LIFE * 4)
        .await
        .unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
    assert!(finished.complete, "seed {seed}: {:?}", finished.reasons);
    check_rows(seed, &world, &existed, &world.rows(&finished));
    assert!(world.aws.open_uploads(BUCKET).is_empty(), "seed {seed}");
    for key in world.visible(Report::Tickets) {
        assert!(
            !key.contains("/dt=") || belongs_to_a_run(&world, &key),
            "seed {seed}: {key}"
        );
    }
    assert!(
        !world
            .aws
            .keys(BUCKET)
            .iter()
            .any(|key| key.contains("/_open/")),
        "seed {seed}"
    );
}

fn break_things(world: &World, random: &mut fastrand::Rng) {
    let vendor = [
        Fault::TooManyRequests,
        Fault::ServerError,
        Fault::InvalidOauth,
        Fault::ConnectionReset,
        Fault::TruncatedBody,
        Fault::Html { status: 200 },
        Fault::MalformedJson,
        Fault::ErrorBody,
        Fault::Stall { seconds: 0.3 },
    ];
    for fault in vendor {
        // A new token that is refused twice is a verdict, not a fault.
        let rule = match fault {
            Fault::InvalidOauth => FaultRule::next(1, fault).after(random.u32(0..10)),
            fault => FaultRule::sometimes(random.f64() * 0.04, fault),
        };
        if random.bool() {
            world.zoho.add_fault(rule);
        }
    }
    if random.bool() {
        let change = [Change::Create, Change::Modify, Change::Delete][random.usize(0..3)];
        world.zoho.add_fault(FaultRule::always(Fault::ChangeData {
            every: random.u32(1..6),
            mutation: Mutation::of(Entity::Tickets, change, random.u32(1..4)),
        }));
    }
    let store = [
        S3Fault::slow_down("*"),
        S3Fault::internal_error("PutObject"),
        S3Fault::conflict("PutObject"),
        S3Fault::lose_answer("PutObject"),
    ];
    for fault in store {
        if random.bool() {
            world
                .aws
                .inject(fault.on("tickets/").with_probability(random.f64() * 0.2));
        }
    }
    if random.u8(0..3) == 0 {
        let how = if random.bool() {
            Hang::BeforeEffect
        } else {
            Hang::AfterEffect
        };
        world
            .aws
            .hang_from(world.aws.mutations() + random.u64(1..7), how);
    }
}

fn check_rows(seed: u64, world: &World, existed: &HashSet<String>, rows: &[String]) {
    let stored = ids(rows);
    assert_eq!(stored.len(), rows.len(), "seed {seed}: a row is doubled");
    let there = ids(&world.truth(Report::Tickets, ""));
    let lost = existed
        .iter()
        .filter(|id| there.contains(*id) && !stored.contains(*id))
        .count();
    assert_eq!(lost, 0, "seed {seed}: rows are lost");
}

fn ids(rows: &[String]) -> HashSet<String> {
    rows.iter()
        .map(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            row["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn belongs_to_a_run(world: &World, key: &str) -> bool {
    world.visible(Report::Tickets).iter().any(|manifest| {
        manifest.contains("/_runs/") && {
            let stored = world.aws.object(BUCKET, manifest).unwrap();
            serde_json::from_slice::<Value>(&stored).unwrap()["key"] == json!(key)
        }
    })
}
