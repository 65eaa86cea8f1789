//! Ten functions wake at once against one account that allows ten calls at once in all.

use std::time::{Duration, Instant};

use reports::Report;
use serde_json::json;
use simulators::zoho::{AccountSize, Options};
use tokio::task::JoinSet;

use crate::harness::{World, invoke};

const ALLOWED: usize = 10;
const LATENCY: Duration = Duration::from_millis(60);
/// What the functions learn in the first seconds is not counted against them.
const SETTLED_S: usize = 10;

/// Most are sized to need about as many requests as the others, so that they stay neighbours.
const REPORTS: [Report; 10] = [
    Report::Threads,
    Report::TicketTimeEntry,
    Report::NotificationPendingApprovals,
    Report::AgentTimeEntry,
    Report::Tickets,
    Report::Contacts,
    Report::Accounts,
    Report::Calls,
    Report::TicketTags,
    Report::QueueByStatus,
];

#[tokio::test(flavor = "multi_thread")]
async fn ten_functions_at_once_are_hardly_ever_refused_once_they_have_settled() {
    let world = World::of(Options {
        size: AccountSize {
            contacts: 26_000,
            accounts: 26_000,
            calls: 26_000,
            agents: 260,
            departments: 150,
            tags_per_department: 130,
            ..AccountSize::from_tickets(260)
        },
        latency: LATENCY,
        concurrency: Some(ALLOWED),
        daily_credits: Some(1_000_000),
        ..Options::default()
    })
    .await;
    world.run(Report::Departments, json!({})).await;
    world.zoho.reset_stats();
    let began = Instant::now();
    let mut running = JoinSet::new();
    for report in REPORTS {
        let function = world.function(report);
        running.spawn(async move {
            let outcome = invoke(&function, json!({"full": true})).await;
            (report, outcome)
        });
    }
    while let Some(done) = running.join_next().await {
        let (report, outcome) = done.unwrap();
        let finished = outcome.unwrap_or_else(|failure| panic!("{report}: {failure}"));
        assert!(finished.complete, "{report}: {:?}", finished.reasons);
        let query = match report {
            Report::NotificationPendingApprovals => "parent=ticket",
            _ => "",
        };
        assert!(
            world.rows(&finished) == world.truth(report, query),
            "{report}: rows differ"
        );
    }
    let stats = world.zoho.stats();
    let (all, settled) = (stats.from_second(0), stats.from_second(SETTLED_S));
    let share = settled.crowded as f64 / settled.requests as f64;
    println!(
        "{:.1} s; {} of {} calls refused, after {SETTLED_S} s {} of {}: {:.2} %",
        began.elapsed().as_secs_f64(),
        all.crowded,
        all.requests,
        settled.crowded,
        settled.requests,
        share * 100.0,
    );
    assert!(settled.requests > 500, "it was over before it settled");
    assert!(share < 0.02, "{:?}", stats.seconds);
}
