use std::path::Path;
use std::time::Duration;

use serde_json::{Map, json};
use simulators::zoho::{Fault, FaultRule};

use crate::figures::{Goal, megabytes};
use crate::process::{Place, Started};
use crate::world::World;
use crate::{Failure, Report};

const MOST_MB: f64 = 64.0;
const SEVEN_MB: usize = 7_000_000;
/// A Lambda's whole time is longer; what an answer costs does not depend on it.
const LIFE: Duration = Duration::from_secs(10);

/// Peak memory of a process whose vendor answers what no honest one would.
pub(crate) async fn answers(function: &Path, report: &mut Report) -> Result<(), Failure> {
    let mut peaks = Map::new();
    println!("\nhostile answers, 10 calls in flight: peak memory, and what the function said");
    for (name, fault) in [
        ("a body of 2 GB", Fault::OversizedBody { bytes: 2 << 30 }),
        ("pages without end", Fault::EndlessPages),
        ("one page for every offset", Fault::RepeatPage),
        (
            "3,500,000 levels deep",
            Fault::DeepNesting {
                depth: SEVEN_MB / 2,
            },
        ),
        ("7 MB of tiny rows", Fault::TinyRows { bytes: SEVEN_MB }),
    ] {
        let world = World::with_tickets(5_000, Duration::from_millis(5), None).await?;
        let started = Started::new(function, &Place::of(&world, 10)).await?;
        // Once well, so that many calls are in flight when the vendor goes bad.
        let well = json!({"full": true});
        started.invoke(&well, LIFE).await?;
        world.zoho.add_fault(FaultRule::always(fault));
        let said = match started.invoke(&well, LIFE).await {
            Ok((result, _)) => format!(
                "status {}, complete {}",
                result["status"], result["complete"]
            ),
            Err(failure) => failure.to_string(),
        };
        let peak = megabytes(started.peak()?);
        println!("  {name}: {peak:.1} MB: {}", shortened(&said));
        peaks.insert(name.to_owned(), json!({"peak_mb": peak, "said": said}));
        report.goals.push(Goal::at_most(
            format!("peak memory, {name}, MB"),
            peak,
            MOST_MB,
        ));
    }
    report.put("hostile", peaks.into());
    Ok(())
}

fn shortened(said: &str) -> String {
    said.chars().take(160).collect()
}
