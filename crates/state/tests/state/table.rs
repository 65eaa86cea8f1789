use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;
use state::{Condition, Cursor, Error, Key, Order, Paging, Range, Write};

use crate::harness::{Bench, TABLE};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
    numbers: Vec<u64>,
    missing: Option<bool>,
}

fn note(text: &str) -> Note {
    Note {
        text: text.to_owned(),
        numbers: vec![0, u64::MAX],
        missing: None,
    }
}

fn key() -> Key {
    Key::new("NOTE#1", "NOTE")
}

fn put(text: &str, condition: Condition) -> Write {
    Write::put(key(), &note(text), condition).unwrap()
}

#[tokio::test]
async fn an_item_reads_as_it_was_written() {
    let bench = Bench::start().await;
    assert_eq!(bench.table.get::<Note>(&key()).await.unwrap(), None);
    bench
        .table
        .write(put("é #:\u{1F600}", Condition::Absent))
        .await
        .unwrap();
    let stored = bench.table.get::<Note>(&key()).await.unwrap().unwrap();
    assert_eq!(stored.value, note("é #:\u{1F600}"));
    assert_eq!((stored.version, stored.expires_at), (1, None));
    bench.table.delete(key()).await.unwrap();
    assert_eq!(bench.table.get::<Note>(&key()).await.unwrap(), None);
}

#[tokio::test]
async fn a_write_takes_place_under_its_condition_only() {
    // What is there, the condition, and the version afterwards if it holds.
    let cases = [
        (None, Condition::Absent, Some(1)),
        (None, Condition::Version(1), None),
        (None, Condition::Any, Some(0)),
        (Some(1), Condition::Absent, None),
        (Some(1), Condition::Version(1), Some(2)),
        (Some(2), Condition::Version(1), None),
        (Some(2), Condition::Version(3), None),
        (Some(2), Condition::Any, Some(0)),
    ];
    for in_transaction in [false, true] {
        for (there, condition, after) in cases {
            let bench = Bench::start().await;
            for version in 0..there.unwrap_or_default() {
                let before = Condition::of_version(version);
                bench.table.write(put("old", before)).await.unwrap();
            }
            let write = put("new", condition);
            let outcome = if in_transaction {
                bench.table.transact(vec![write]).await
            } else {
                bench.table.write(write).await
            };
            let stored = bench.table.get::<Note>(&key()).await.unwrap();
            let case = format!("{there:?} {condition:?} {in_transaction}");
            if let Some(version) = after {
                outcome.unwrap();
                let stored = stored.unwrap();
                let is = (stored.value.text.as_str(), stored.version);
                assert_eq!(is, ("new", version), "{case}");
            } else {
                let error = outcome.unwrap_err();
                assert!(
                    error.is_conflict() && !error.is_transient(),
                    "{case}: {error}"
                );
                assert_eq!(stored.map(|stored| stored.version), there, "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let bench = Bench::start().await;
    bench
        .table
        .write(put("there", Condition::Absent))
        .await
        .unwrap();
    let other = Key::new("NOTE#2", "NOTE");
    let writes = |condition| {
        vec![
            Write::put(other.clone(), &note("other"), Condition::Absent).unwrap(),
            Write::add(
                Key::new("SUM", "SUM"),
                [("n".to_owned(), 2), ("n".to_owned(), 3)],
            ),
            Write::check(key(), condition),
        ]
    };
    let error = bench
        .table
        .transact(writes(Condition::Version(7)))
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("NOTE#1 NOTE was changed"),
        "{error}"
    );
    assert_eq!(bench.aws.items(TABLE).len(), 1);
    bench
        .table
        .transact(writes(Condition::Version(1)))
        .await
        .unwrap();
    assert_eq!(bench.aws.items(TABLE).len(), 3);
    assert!(bench.everything().contains(r#""n":{"N":"5"}"#));
    bench.table.transact(vec![]).await.unwrap();
}

#[tokio::test]
async fn what_has_expired_is_absent_though_dynamodb_still_has_it() {
    let bench = Bench::start().await;
    let soon = bench.now() + SignedDuration::from_millis(1500);
    bench
        .table
        .write(put("old", Condition::Absent).expires(soon).listed("L", "1"))
        .await
        .unwrap();
    bench.pass(SignedDuration::from_millis(1999));
    assert!(bench.table.get::<Note>(&key()).await.unwrap().is_some());
    bench.pass(SignedDuration::from_millis(1));
    assert_eq!(bench.aws.items(TABLE).len(), 1, "not removed yet");
    assert_eq!(bench.table.get::<Note>(&key()).await.unwrap(), None);
    let page = bench
        .table
        .query::<Note>("NOTE#1", Range::All, &Paging::first(5))
        .await
        .unwrap();
    assert!(page.items.is_empty());
    let page = bench
        .table
        .query_listing::<Note>("L", Range::All, &Paging::first(5))
        .await
        .unwrap();
    assert!(page.items.is_empty());
    bench
        .table
        .write(put("new", Condition::Absent))
        .await
        .unwrap();
    let stored = bench.table.get::<Note>(&key()).await.unwrap().unwrap();
    assert_eq!((stored.value.text.as_str(), stored.version), ("new", 1));
}

#[tokio::test]
async fn pages_join_up_in_either_order_and_skip_what_expired() {
    let bench = Bench::start().await;
    let gone = bench.now();
    for n in 0..23 {
        let key = Key::new("NOTES", format!("N#{n:02}"));
        let mut write = Write::put(key, &note(&n.to_string()), Condition::Absent)
            .unwrap()
            .listed("L", &format!("{:02}", 99 - n));
        if n % 3 == 0 {
            write = write.expires(gone);
        }
        bench.table.write(write).await.unwrap();
    }
    let other = Key::new("NOTES", "OTHER");
    bench
        .table
        .write(Write::put(other, &note("x"), Condition::Any).unwrap())
        .await
        .unwrap();
    let alive: Vec<String> = (0..23)
        .filter(|n| n % 3 != 0)
        .map(|n| n.to_string())
        .collect();
    let reversed: Vec<String> = alive.iter().rev().cloned().collect();
    for limit in [1, 4, 15, 100] {
        for (order, listing, expected) in [
            (Order::Ascending, false, &alive),
            (Order::Descending, false, &reversed),
            (Order::Ascending, true, &reversed),
            (Order::Descending, true, &alive),
        ] {
            let mut paging = Paging {
                limit,
                cursor: None,
                order,
            };
            let mut seen = Vec::new();
            loop {
                let page = if listing {
                    bench
                        .table
                        .query_listing::<Note>("L", Range::All, &paging)
                        .await
                } else {
                    bench
                        .table
                        .query::<Note>("NOTES", Range::Prefix("N#"), &paging)
                        .await
                };
                let page = page.unwrap();
                assert!(page.items.len() <= limit as usize);
                seen.extend(page.items.into_iter().map(|stored| stored.value.text));
                let Some(next) = page.next else { break };
                paging.cursor = Some(Cursor::parse(&next.to_string()).unwrap());
            }
            assert_eq!(seen, *expected, "{limit} {order:?} {listing}");
        }
    }
    let range = Range::Between("N#04", "N#08");
    let page = bench
        .table
        .query::<Note>("NOTES", range, &Paging::first(9))
        .await
        .unwrap();
    let texts: Vec<_> = page
        .items
        .iter()
        .map(|stored| stored.value.text.as_str())
        .collect();
    assert_eq!(texts, ["4", "5", "7", "8"]);
}

#[tokio::test]
async fn a_cursor_does_not_open_another_list() {
    let bench = Bench::start().await;
    for pk in ["A", "B"] {
        for sk in ["1", "2"] {
            let write = Write::put(Key::new(pk, sk), &note(pk), Condition::Absent).unwrap();
            bench.table.write(write.listed(pk, sk)).await.unwrap();
        }
    }
    let page = bench
        .table
        .query::<Note>("A", Range::All, &Paging::first(1))
        .await
        .unwrap();
    let listed = bench
        .table
        .query_listing::<Note>("A", Range::All, &Paging::first(1))
        .await
        .unwrap();
    for (pk, cursor) in [("B", page.next), ("A", listed.next)] {
        let paging = Paging::first(1).after(cursor);
        let error = bench
            .table
            .query::<Note>(pk, Range::All, &paging)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::InvalidCursor), "{error}");
    }
}

#[tokio::test]
async fn counters_add_up_from_nothing() {
    let bench = Bench::start().await;
    let key = Key::new("SUM", "SUM");
    let until = bench.now() + SignedDuration::from_hours(1);
    for expected in [3, 6] {
        let sums = bench
            .table
            .add(&key, &[("status", 3), ("b:c", -1)], Some(until))
            .await
            .unwrap();
        assert_eq!(sums["status"], expected);
        assert_eq!(sums.len(), 2, "{sums:?}");
    }
}

#[tokio::test]
async fn what_dynamodb_cannot_take_is_refused_with_the_limit() {
    let bench = Bench::start().await;
    let large = Write::put(key(), &note(&"x".repeat(410_000)), Condition::Any).unwrap();
    let alone = bench.table.write(large.clone()).await.unwrap_err();
    let together = bench.table.transact(vec![large]).await.unwrap_err();
    for error in [alone, together] {
        assert!(error.to_string().contains("400 KB"), "{error}");
        assert!(!error.is_transient());
    }
    let many = (0..101).map(|n| Write::delete(Key::new("A", n.to_string()), Condition::Any));
    let error = bench.table.transact(many.collect()).await.unwrap_err();
    assert!(error.to_string().contains("100 writes"), "{error}");
    let reserved = Write::put(key(), &json!({ "version": 3 }), Condition::Any).unwrap_err();
    assert!(matches!(reserved, Error::Malformed { .. }));
    assert!(bench.aws.items(TABLE).is_empty());
}

#[tokio::test]
async fn an_item_of_another_kind_is_malformed_and_its_content_is_not_told() {
    let bench = Bench::start().await;
    assert!(bench.aws.put_item(
        TABLE,
        json!({ "pk": { "S": "NOTE#1" }, "sk": { "S": "NOTE" }, "text": { "S": "a" }, "numbers": { "S": "jane@example.com" } }),
    ));
    let error = bench.table.get::<Note>(&key()).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }));
    assert!(!format!("{error} {error:?}").contains("jane"), "{error:?}");
}
