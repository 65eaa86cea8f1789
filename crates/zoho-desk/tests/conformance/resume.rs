//! Walks that are stopped and go on in another process.

use std::time::Duration;

use simulators::zoho::Options;
use vendor_http::Settings;
use zoho_desk::{Listing, Paging, Position, Step, Stop, TimeField, Walk};

use crate::zoho::{Zoho, all_tickets};

const TICKETS: Paging = Paging::Offset {
    page: 100,
    last_offset: 4999,
};

async fn zoho(tickets: u32) -> Zoho {
    let settings = Settings {
        max_concurrency: 4,
        ..Settings::default()
    };
    Zoho::of(Options::with_tickets(tickets), settings).await
}

/// All rows, by walks that each yield `steps` pages before they are stopped.
async fn in_pieces(begin: impl Fn() -> Walk, steps: usize, how: Stop) -> (Vec<String>, usize) {
    let (mut rows, mut pieces) = (Vec::new(), 0);
    let mut position: Option<Position> = None;
    loop {
        let mut walk = begin();
        if let Some(position) = position {
            walk = walk.resumed(position).unwrap();
        }
        let (mut taken, before) = (0, rows.len());
        while let Some(step) = walk.next().await.unwrap() {
            let Step::Rows(page) = step else {
                panic!("a gap");
            };
            rows.extend(page.into_iter().map(|row| row.json.get().to_owned()));
            taken += 1;
            if taken == steps {
                walk.stop(how);
            }
        }
        pieces += 1;
        if taken < steps || rows.len() == before {
            return (rows, pieces);
        }
        let text = serde_json::to_string(&walk.position()).unwrap();
        position = Some(serde_json::from_str(&text).unwrap());
    }
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort_unstable();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_walk_goes_on_where_it_was_without_losing_or_repeating_a_row() {
    let zoho = zoho(2_600).await;
    let desk = zoho.desk(Duration::from_mins(1));
    let truth = |query: &str| {
        let truth = zoho.simulator.truth("tickets", query).unwrap();
        sorted(truth.into_iter().map(|truth| truth.row).collect())
    };
    let list = || desk.list(Listing::at("/tickets", TICKETS));
    let search = || desk.search(all_tickets(TimeField::Created));
    for how in [Stop::Soon, Stop::Now] {
        for steps in [1, 3, 10] {
            let (rows, pieces) = in_pieces(list, steps, how).await;
            assert!(sorted(rows) == truth("rows=list"), "{how:?} {steps}");
            assert!(pieces > 1);
            let (rows, pieces) = in_pieces(search, steps, how).await;
            assert!(sorted(rows) == truth(""), "{how:?} {steps}");
            assert!(pieces > 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_soon_finishes_what_was_begun_so_that_nothing_is_read_twice() {
    let zoho = zoho(5_000).await;
    let desk = zoho.desk(Duration::from_mins(1));
    let search = || desk.search(all_tickets(TimeField::Created));
    let (_, pieces) = in_pieces(search, 20, Stop::Soon).await;
    assert!(pieces > 1);
    let most = 50 * 5 / 4;
    let requests = zoho.simulator.stats().desk_requests();
    assert!(requests <= most, "{requests} requests in {pieces} pieces");
}

#[tokio::test]
async fn a_position_of_another_kind_of_walk_is_refused() {
    let zoho = zoho(1).await;
    let desk = zoho.desk(Duration::from_mins(1));
    let list = desk.list(Listing::at("/tickets", TICKETS));
    let search = desk.search(all_tickets(TimeField::Created));
    assert!(search.resumed(list.position()).is_none());
}
