//! A vendor that answers what no honest one would: the run ends soon, with an error that says what
//! is wrong, or says that rows are missing; readers see nothing that is not true.

use std::time::{Duration, Instant};

use lake::Status;
use lambda_kit::{ErrorType, Failure};
use reports::{Finished, Report};
use serde_json::json;
use simulators::zoho::{Fault, FaultRule, Options};

use crate::harness::{World, invoke_within};

const LIFE: Duration = Duration::from_secs(8);
/// The machine is busy with other tests meanwhile.
const PATIENCE: Duration = Duration::from_secs(24);
const SEVEN_MB: usize = 7_000_000;

/// One report by each way of reading: a list, a search, the children of a search's rows.
const REPORTS: [Report; 3] = [Report::Departments, Report::Tickets, Report::Threads];

/// Runs `report` on an account with a good run behind it that has gone wrong since.
async fn outcome(report: Report, fault: Fault) -> (World, Result<Finished, Failure>) {
    let mut options = Options::with_tickets(250);
    options.size.departments = 451;
    let world = World::of(options).await;
    world.run(report, json!({"full": true})).await;
    let before = (world.visible(report), world.pointer(report));

    world.zoho.add_fault(FaultRule::always(fault.clone()));
    let function = world.function(report);
    let began = Instant::now();
    let outcome = invoke_within(&function, json!({"full": true}), LIFE).await;
    assert!(began.elapsed() < PATIENCE, "{report} {fault:?}");
    let is_committed = outcome
        .as_ref()
        .is_ok_and(|finished| finished.status == Status::Complete);
    if !is_committed {
        let after = (world.visible(report), world.pointer(report));
        assert!(before == after, "{report} {fault:?}: something shows");
    }
    (world, outcome)
}

fn assert_upstream(failure: &Failure, path: &str, says: &str) {
    assert_eq!(failure.error_type, ErrorType::Upstream, "{failure}");
    assert!(failure.message.contains(path), "{failure}");
    assert!(failure.message.contains(says), "{failure}");
    assert!(failure.message.len() < 400, "{failure}");
}

#[tokio::test]
async fn a_body_of_two_gigabytes_is_given_up_at_the_limit() {
    for (report, path) in
        REPORTS
            .into_iter()
            .zip(["/departments", "/tickets/search", "/tickets/search"])
    {
        let (world, outcome) = outcome(report, Fault::OversizedBody { bytes: 2 << 30 }).await;
        assert_upstream(&outcome.unwrap_err(), path, "over 8388608 bytes");
        assert!(world.aws.open_uploads(crate::harness::BUCKET).is_empty());
    }
}

#[tokio::test]
async fn pages_without_end_are_an_error_unless_every_row_was_found_all_the_same() {
    for report in REPORTS {
        let (world, outcome) = outcome(report, Fault::EndlessPages).await;
        match outcome {
            // A search says how many rows it has.
            Ok(finished) if finished.complete => {
                assert_eq!(report, Report::Tickets);
                assert!(world.rows(&finished) == world.truth(report, ""));
            }
            Ok(finished) => assert!(!finished.reasons.is_empty(), "{report}"),
            Err(failure) => assert_upstream(&failure, "/", "repeat those before them"),
        }
    }
}

#[tokio::test]
async fn a_cursor_that_the_vendor_ignores_is_noticed() {
    for report in REPORTS {
        match outcome(report, Fault::RepeatPage).await.1 {
            Ok(finished) => {
                assert!(!finished.complete, "{report}");
                let reason = &finished.reasons[0];
                assert!(reason.contains("250 rows but gave 100"), "{reason}");
            }
            Err(failure) => assert_upstream(&failure, "/", "repeat those before them"),
        }
    }
}

#[tokio::test]
async fn nesting_without_measure_is_refused() {
    for depth in [1_000, 1_000_000, SEVEN_MB / 2] {
        for report in REPORTS {
            let (_, outcome) = outcome(report, Fault::DeepNesting { depth }).await;
            assert_upstream(&outcome.unwrap_err(), "/", "levels deep");
        }
    }
}

#[tokio::test]
async fn a_page_of_far_more_rows_than_asked_for_is_refused() {
    for report in REPORTS {
        let fault = Fault::TinyRows { bytes: SEVEN_MB };
        let (_, outcome) = outcome(report, fault).await;
        assert_upstream(&outcome.unwrap_err(), "/", "far more than were asked for");
    }
}
