//! Searches of more rows than the vendor lets one search reach.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use simulators::zoho::{Options, Simulator};
use vendor_http::Settings;
use zoho_desk::TimeField;

use crate::suite::Walked;
use crate::zoho::{Zoho, all_tickets, collect};

async fn walked(tickets: u32, same_millisecond: u32, field: TimeField) -> (Zoho, Walked) {
    let mut options = Options::with_tickets(tickets);
    options.size.same_millisecond = same_millisecond;
    let settings = Settings {
        max_concurrency: 8,
        ..Settings::default()
    };
    let zoho = Zoho::of(options, settings).await;
    let desk = zoho.desk(Duration::from_mins(1));
    let walked = collect(desk.search(all_tickets(field)), || ()).await;
    (zoho, walked)
}

fn truth(simulator: &Simulator) -> Vec<String> {
    let truth = simulator.truth("tickets", "").unwrap();
    let mut rows: Vec<String> = truth.into_iter().map(|truth| truth.row).collect();
    rows.sort_unstable();
    rows
}

/// The moment that most rows were created at, and how many.
fn busiest(rows: &[String]) -> (String, usize) {
    let mut moments: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let row: Value = serde_json::from_str(row).unwrap();
        *moments
            .entry(row["createdTime"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    moments.into_iter().max_by_key(|(_, count)| *count).unwrap()
}

/// Within what windows cost: pages overlap by one row, a span that was cut is asked for once, and a
/// millisecond that fills a whole search is read some times over.
fn assert_few_requests(zoho: &Zoho, rows: usize, crowded: bool) {
    let stats = zoho.simulator.stats();
    assert!(stats.refusals.is_empty(), "{:?}", stats.refusals);
    let most = rows as u64 / 100 * 5 / 4 + if crowded { 40 } else { 10 };
    assert!(
        stats.desk_requests() <= most,
        "{} requests for {rows} rows, {most} are enough",
        stats.desk_requests()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_one_and_of_many_windows_are_read_whole_by_either_time() {
    for (tickets, same_millisecond) in [(1_090, 0), (1_091, 0), (3_300, 300), (7_000, 1_090)] {
        for field in [TimeField::Created, TimeField::Modified] {
            let (zoho, mut walked) = walked(tickets, same_millisecond, field).await;
            assert!(
                walked.end.is_none() && walked.gaps.is_empty(),
                "{tickets} {field:?}: {:?}",
                walked.gaps
            );
            walked.rows.sort_unstable();
            assert!(walked.rows == truth(&zoho.simulator), "{tickets} {field:?}");
            assert_few_requests(&zoho, tickets as usize, same_millisecond > 1_000);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_millisecond_with_more_rows_than_one_search_reaches_is_read_from_both_ends() {
    let (zoho, mut walked) = walked(3_400, 2_000, TimeField::Created).await;
    let truth = truth(&zoho.simulator);
    assert!(busiest(&truth).1 >= 2_000, "the account is not crammed");
    assert!(
        walked.end.is_none() && walked.gaps.is_empty(),
        "{:?}",
        walked.gaps
    );
    walked.rows.sort_unstable();
    assert!(walked.rows == truth);
    frugal(&zoho.simulator);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_millisecond_with_more_rows_than_both_ends_reach_is_a_gap_that_names_it() {
    let (zoho, walked) = walked(3_600, 2_700, TimeField::Created).await;
    let truth = truth(&zoho.simulator);
    let (moment, rows) = busiest(&truth);
    assert!(walked.end.is_none(), "{:?}", walked.end);
    // Written without zeros at the end there.
    let moment = moment.trim_end_matches('Z').trim_end_matches('0');
    assert!(
        walked.gaps.len() == 1
            && walked.gaps[0].contains(moment)
            && walked.gaps[0].contains(&rows.to_string()),
        "{:?} should name {moment} and {rows}",
        walked.gaps
    );
    let mut found = walked.rows.clone();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), walked.rows.len(), "a row twice");
    assert!(found.iter().all(|row| truth.binary_search(row).is_ok()));
    // Everything but the middle of that millisecond.
    assert_eq!(truth.len() - found.len(), rows - 2 * 1_090);
    frugal(&zoho.simulator);
}

/// Nothing was refused, and finding a crammed millisecond took few requests.
fn frugal(simulator: &Simulator) {
    let stats = simulator.stats();
    assert!(stats.refusals.is_empty(), "{:?}", stats.refusals);
    assert!(
        stats.desk_requests() < 120,
        "{} requests",
        stats.desk_requests()
    );
}
