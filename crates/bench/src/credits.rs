use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use simulators::zoho::{Change, Entity, Mutation};

use crate::figures::Goal;
use crate::process::{Place, Started};
use crate::world::World;
use crate::{Failure, Report};

const TICKETS: u32 = 100_000;
const LATENCY: Duration = Duration::from_millis(10);
const CONCURRENCY: u32 = 10;

/// One ticket in a hundred changes, a few at a time as people work.
const CHANGES: u32 = 100;
const AT_A_TIME: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(20);

/// A run reads up to ten seconds before it begins.
const UNTIL_READABLE: Duration = Duration::from_secs(12);

const MOST_SHARE: f64 = 0.03;

/// What a run costs after one ticket in a hundred has changed, beside what all of them cost.
pub(crate) async fn compared(function: &Path, report: &mut Report) -> Result<(), Failure> {
    let world = World::with_tickets(TICKETS, LATENCY, None).await?;
    let function = Started::new(function, &Place::of(&world, CONCURRENCY)).await?;
    let full = spent(&function, &json!({"full": true})).await?;
    for _ in 0..CHANGES {
        let change = Mutation::of(Entity::Tickets, Change::Modify, AT_A_TIME);
        world.zoho.mutate(&change);
        tokio::time::sleep(BETWEEN).await;
    }
    tokio::time::sleep(UNTIL_READABLE).await;
    let incremental = spent(&function, &json!({})).await?;
    let share = incremental.credits as f64 / full.credits as f64;
    println!("\ncredits, {TICKETS} tickets");
    for (name, spent) in [
        ("full", &full),
        ("incremental, 1 in 100 changed", &incremental),
    ] {
        println!(
            "  {name}: {} credits, {} requests, {} rows",
            spent.credits, spent.requests, spent.rows
        );
    }
    report.put(
        "credits",
        json!({
            "tickets": TICKETS,
            "full": full.credits,
            "incremental": incremental.credits,
            "incremental_rows": incremental.rows,
            "share": share,
        }),
    );
    let name = "credits of an incremental run over those of a full one";
    report.goals.push(Goal::at_most(name, share, MOST_SHARE));
    Ok(())
}

struct Spent {
    credits: u64,
    requests: u64,
    rows: u64,
}

async fn spent(function: &Started, event: &Value) -> Result<Spent, Failure> {
    let (result, _) = function.invoke(event, Duration::from_mins(5)).await?;
    let number = |key: &str| {
        result[key]
            .as_u64()
            .ok_or_else(|| format!("no `{key}` in {result}"))
    };
    Ok(Spent {
        credits: number("credits")?,
        requests: number("requests")?,
        rows: number("rows")?,
    })
}
