use reports::Report;
use serde_json::json;
use simulators::zoho::{FromBase, Options};

use crate::harness::{World, key};

/// Each report's event and the query of its truth.
fn everything(report: Report) -> (serde_json::Value, &'static str) {
    match report {
        Report::NotificationPendingApprovals => (json!({"full": true}), "parent=ticket"),
        _ => (json!({"full": true}), ""),
    }
}

#[tokio::test]
async fn every_report_holds_each_row_of_the_account_once_and_byte_for_byte() {
    let world = World::with_tickets(600).await;
    for report in Report::ALL {
        if report == Report::DeskRoute {
            continue;
        }
        let (event, query) = everything(report);
        let finished = world.run(report, event).await;
        assert!(finished.complete, "{report}: {:?}", finished.reasons);
        let (rows, truth) = (world.rows(&finished), world.truth(report, query));
        assert!(
            !truth.is_empty(),
            "{report}: the account has nothing to report"
        );
        assert_eq!(rows.len(), truth.len(), "{report}");
        assert!(rows == truth, "{report}: rows differ");
        assert_eq!(finished.rows, truth.len() as u64);
        assert!(finished.requests > 0 && finished.credits > 0, "{report}");
    }
}

#[tokio::test]
async fn an_account_of_12_345_tickets_gives_12_345_tickets() {
    let world = World::with_tickets(12_345).await;
    let finished = world.run(Report::Tickets, json!({})).await;
    assert_eq!(finished.rows, 12_345);
    assert!(world.rows(&finished) == world.truth(Report::Tickets, ""));
    // Search pages overlap by one row, and windows that did not fit were asked for once.
    assert!(
        finished.requests < 12_345 / 100 * 13 / 10,
        "{} requests",
        finished.requests
    );
}

#[tokio::test]
async fn lists_are_whole_whether_the_vendor_counts_from_zero_or_from_one() {
    for from_base in [FromBase::Zero, FromBase::One] {
        let mut options = Options::with_tickets(50);
        options.from_base = from_base;
        options.size.agents = 451;
        let world = World::of(options).await;
        let finished = world.run(Report::Agents, json!({})).await;
        assert_eq!(finished.rows, 451);
        assert!(world.rows(&finished) == world.truth(Report::Agents, ""));
    }
}

#[tokio::test]
async fn a_list_that_the_vendor_cuts_off_says_that_rows_are_missing() {
    let mut options = Options::with_tickets(20);
    options.size.agents = 5_300;
    let world = World::of(options).await;
    let finished = world.run(Report::Agents, json!({})).await;
    assert_eq!(finished.rows, 5_199, "the last page begins at row 4,999");
    assert_eq!(
        (finished.status, finished.complete),
        (lake::Status::Complete, false)
    );
    assert!(
        finished.reasons[0].contains("row 5199"),
        "{:?}",
        finished.reasons
    );
    let manifest = finished.manifest_key.as_deref().unwrap();
    let manifest = world.json(manifest).unwrap();
    assert_eq!(manifest["complete"], false);
    assert_eq!(manifest["reasons"], json!(finished.reasons));
}

#[tokio::test]
async fn an_empty_account_gives_an_empty_list() {
    let mut options = Options::with_tickets(0);
    options.size.contacts = 0;
    let world = World::of(options).await;
    for report in [Report::Tickets, Report::Contacts, Report::Threads] {
        let finished = world.run(report, json!({"full": true})).await;
        assert_eq!((finished.rows, finished.complete), (0, true), "{report}");
        let stored = world
            .aws
            .object(crate::harness::BUCKET, key(&finished))
            .unwrap();
        assert_eq!(stored.as_ref(), b"[]\n");
    }
}

#[tokio::test]
async fn each_format_holds_the_same_rows() {
    let world = World::with_tickets(150).await;
    let truth = world.truth(Report::Tickets, "");
    for (format, ending) in [
        ("json", ".json"),
        ("jsonl", ".jsonl"),
        ("jsonl.gz", ".jsonl.gz"),
    ] {
        let event = json!({"full": true, "format": format});
        let finished = world.run(Report::Tickets, event).await;
        assert!(key(&finished).ends_with(ending), "{}", key(&finished));
        assert!(world.rows(&finished) == truth, "{format}");
    }
}

#[tokio::test]
async fn desk_route_fetches_any_route() {
    let world = World::with_tickets(120).await;
    let ticket = &world.zoho.ids("tickets", 1)[0];
    for (route, rows) in [
        ("/organizations".to_owned(), 1),
        ("/api/v1/tickets".to_owned(), 120),
        (format!("/tickets/{ticket}"), 1),
        ("/tickets?limit=7".to_owned(), 7),
    ] {
        let finished = world.run(Report::DeskRoute, json!({"route": route})).await;
        assert_eq!(finished.rows, rows, "{route}");
    }
}
