use jiff::SignedDuration;
use state::{Cursor, Mail, MailState, Paging, TicketFilter, TicketState};

use crate::harness::{Bench, DAY, chat, due, made};

#[tokio::test]
async fn a_ticket_reads_as_it_was_saved_in_every_state() {
    let bench = Bench::start().await;
    let now = bench.now();
    let mut record = due("c1", 1, "password_reset", now);
    for state in [
        TicketState::Due,
        TicketState::Sending {
            sent_at: now,
            attempt: 2,
        },
        TicketState::Failed {
            why: "422 INVALID_DATA".to_owned(),
            at: now,
        },
        made("17", now),
    ] {
        record.state = state;
        let mail = Mail {
            state: MailState::Queued,
            at: now,
        };
        record.mails.insert("visitor_confirmation".to_owned(), mail);
        record.comments_posted += 5;
        record = bench.ticket(record).await;
        let loaded = bench
            .state
            .tickets
            .load(&chat("c1"), 1)
            .await
            .unwrap()
            .unwrap();
        assert!(loaded == record, "{loaded:?}");
    }
    assert_eq!(record.version, 4);
}

#[tokio::test]
async fn a_made_ticket_is_found_by_its_id_in_desk() {
    let bench = Bench::start().await;
    let mut record = bench
        .ticket(due("c1", 2, "disk_upgrade", bench.now()))
        .await;
    assert!(
        bench
            .state
            .tickets
            .by_desk_id("17")
            .await
            .unwrap()
            .is_none()
    );
    record.state = made("17", bench.now());
    let record = bench.ticket(record).await;
    let found = bench.state.tickets.by_desk_id("17").await.unwrap().unwrap();
    assert!(found == record);
    assert!(bench.state.tickets.by_desk_id("1").await.unwrap().is_none());
    bench.pass(DAY * 729);
    let record = bench.ticket(record).await;
    bench.pass(DAY * 2);
    let found = bench.state.tickets.by_desk_id("17").await.unwrap().unwrap();
    assert!(found == record, "the pointer lives as long as the ticket");
}

#[tokio::test]
async fn an_overtaken_change_is_a_conflict() {
    let bench = Bench::start().await;
    let record = bench
        .ticket(due("c1", 1, "password_reset", bench.now()))
        .await;
    let mut mine = record.clone();
    mine.state = made("17", bench.now());
    bench.ticket(record).await;
    let error = bench.state.tickets.save(mine).await.unwrap_err();
    assert!(error.is_conflict());
    assert!(
        bench
            .state
            .tickets
            .by_desk_id("17")
            .await
            .unwrap()
            .is_none(),
        "no stray pointer"
    );
    let again = due("c1", 1, "password_reset", bench.now());
    assert!(
        bench
            .state
            .tickets
            .save(again)
            .await
            .unwrap_err()
            .is_conflict()
    );
}

/// Whether the ticket of chat `c<n>` is in a list.
type Fits = fn(u32) -> bool;

#[tokio::test]
async fn lists_filter_and_page_newest_first() {
    let bench = Bench::start().await;
    for n in 1..=30 {
        bench.pass(SignedDuration::from_secs(1));
        let workflow = ["password_reset", "disk_upgrade", "server_slowness"][n as usize % 3];
        let mut record = due(&format!("c{n}"), 1, workflow, bench.now());
        if n % 2 == 0 {
            record.state = made(&n.to_string(), bench.now());
            record.status = Some(if n % 4 == 0 { "Open" } else { "Closed" }.to_owned());
        }
        if n > 25 {
            "api".clone_into(&mut record.origin.source);
        }
        bench.ticket(record).await;
    }
    let text = |text: &str| Some(text.to_owned());
    let all = TicketFilter::default();
    let cases: [(TicketFilter, Fits); 5] = [
        (all.clone(), |_| true),
        (
            TicketFilter {
                workflow: text("disk_upgrade"),
                ..all.clone()
            },
            |n| n % 3 == 1,
        ),
        (
            TicketFilter {
                status: text("open"),
                ..all.clone()
            },
            |n| n % 4 == 0,
        ),
        (
            TicketFilter {
                source: text("acebuddy"),
                made_only: true,
                ..all.clone()
            },
            |n| n <= 25 && n % 2 == 0,
        ),
        (
            TicketFilter {
                workflow: text("none"),
                ..all
            },
            |_| false,
        ),
    ];
    for (filter, fits) in cases {
        let expected: Vec<String> = (1..=30)
            .rev()
            .filter(|n| fits(*n))
            .map(|n| format!("c{n}"))
            .collect();
        for limit in [1, 4, 50] {
            let mut paging = Paging::newest(limit);
            let mut seen = Vec::new();
            loop {
                let page = bench.state.tickets.list(&filter, &paging).await.unwrap();
                assert!(page.items.len() <= limit as usize);
                seen.extend(page.items.iter().map(|record| record.chat_id.to_string()));
                let Some(next) = page.next else { break };
                paging.cursor = Some(Cursor::parse(&next.to_string()).unwrap());
            }
            assert_eq!(seen, expected, "{filter:?} {limit}");
        }
    }
}

#[tokio::test]
async fn the_tickets_of_a_chat_are_its_own() {
    let bench = Bench::start().await;
    for (id, n) in [("c1", 2), ("c1", 1), ("c11", 1), ("c1", 10)] {
        bench
            .ticket(due(id, n, "password_reset", bench.now()))
            .await;
    }
    let records = bench.state.tickets.of_chat(&chat("c1")).await.unwrap();
    assert_eq!(
        records.iter().map(|record| record.n).collect::<Vec<_>>(),
        [1, 2, 10]
    );
    let text = format!("{records:?}");
    for personal in ["John", "john", "555"] {
        assert!(!text.contains(personal), "{text}");
    }
}
