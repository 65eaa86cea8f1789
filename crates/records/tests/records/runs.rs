use std::time::Duration;

use clock::Clock as _;
use lake::Format;
use records::{Merged, Query, Status};
use tokio::time::Instant;

use crate::harness::{
    BUCKET, Bench, CURRENT, ROOT, borrowed, data, everything, failure, far, ids, rows,
};

#[tokio::test]
async fn a_record_follows_its_rows_through_runs() {
    let bench = Bench::start().await;
    let start = bench.clock.now();
    let run = bench.run("r1", [("1", r#"{"a": 1.0}"#), ("2", "{}")]).await;
    let counts = bench.merge(&run, true).await;
    assert_eq!((counts.synced, counts.total(), counts.deleted), (2, 2, 0));
    let one = bench.records.get("1").await.unwrap().unwrap();
    assert_eq!(
        data(&one),
        Some(r#"{"a": 1.0}"#),
        "the bytes are the source's"
    );
    assert_eq!(one.status, Status::Synced);
    assert_eq!(
        (one.created_at, one.updated_at, one.last_sync),
        (start, start, start)
    );

    bench.pass(60);
    let second = bench.clock.now();
    let run = bench.run("r2", [("1", r#"{"a": 1.0}"#)]).await;
    let counts = bench.merge(&run, true).await;
    assert_eq!((counts.synced, counts.deleted), (1, 1));
    let one = bench.records.get("1").await.unwrap().unwrap();
    assert_eq!(
        (one.created_at, one.updated_at),
        (start, start),
        "nothing changed"
    );
    assert_eq!(one.last_sync, second);
    let two = bench.records.get("2").await.unwrap().unwrap();
    assert_eq!(two.deleted_at, Some(second));
    assert_eq!((two.updated_at, two.last_sync), (second, start));

    bench.pass(60);
    let third = bench.clock.now();
    let run = bench
        .run(
            "r3",
            [("2", "{}"), ("1", r#"{"a":2}"#), ("1", r#"{"a":3}"#)],
        )
        .await;
    bench.merge(&run, false).await;
    let two = bench.records.get("2").await.unwrap().unwrap();
    assert_eq!(
        (two.deleted_at, two.updated_at, two.created_at),
        (None, third, start)
    );
    let one = bench.records.get("1").await.unwrap().unwrap();
    assert_eq!(data(&one), Some(r#"{"a":3}"#), "the last row of a run wins");
    assert_eq!(one.updated_at, third);

    bench.pass(60);
    let run = bench.run("r4", []).await;
    let counts = bench.merge(&run, false).await;
    assert_eq!((counts.synced, counts.deleted), (2, 0), "not a full run");
    let counts = bench.merge(&bench.run("r5", []).await, true).await;
    assert_eq!((counts.synced, counts.deleted), (0, 2), "an empty full run");
}

#[tokio::test]
async fn rows_of_every_format_are_taken_in_byte_for_byte() {
    let odd = "{\"a\" :\t\"\\u00fc\\\"\", \"b\":1e3 ,\"_external_id\":7 }";
    for format in [Format::Json, Format::Jsonl, Format::JsonlGz] {
        let bench = Bench::start().await;
        let run = bench
            .run_as("r1", format, [("a\"b\\ü", odd), ("", "{ }")])
            .await;
        bench.merge(&run, true).await;
        for (id, expected) in [("a\"b\\ü", odd), ("", "{ }")] {
            let record = bench.records.get(id).await.unwrap().unwrap();
            assert_eq!(data(&record), Some(expected), "{format}");
            assert_eq!(record.external_id, id);
        }
    }
}

#[tokio::test]
async fn a_failed_row_keeps_the_data_it_had_and_is_not_gone() {
    let bench = Bench::start().await;
    let start = bench.clock.now();
    let run = bench.run("r1", [("1", r#"{"a":1}"#), ("2", "{}")]).await;
    bench.merge(&run, true).await;

    bench.pass(60);
    let second = bench.clock.now();
    let run = bench.run("r2", [("2", "{}")]).await;
    let failed = [failure("1", "a is not a number"), failure("3", "no name")];
    let counts = bench.merge_with(&run, true, &failed).await;
    assert_eq!((counts.synced, counts.failed, counts.deleted), (1, 2, 0));
    let one = bench.records.get("1").await.unwrap().unwrap();
    assert_eq!(
        (data(&one), one.status),
        (Some(r#"{"a":1}"#), Status::Failed)
    );
    assert_eq!(one.error.as_deref(), Some("a is not a number"));
    assert_eq!(
        (one.updated_at, one.last_sync, one.created_at),
        (second, second, start)
    );
    let three = bench.records.get("3").await.unwrap().unwrap();
    assert_eq!((data(&three), three.status), (None, Status::Failed));

    bench.pass(60);
    let run = bench.run("r3", [("1", r#"{"a":1}"#)]).await;
    let counts = bench.merge(&run, true).await;
    assert_eq!((counts.synced, counts.failed, counts.deleted), (1, 0, 2));
    let one = bench.records.get("1").await.unwrap().unwrap();
    assert_eq!((one.status, one.error), (Status::Synced, None));
}

#[tokio::test]
async fn a_run_counts_once_and_never_after_a_newer_one() {
    let bench = Bench::start().await;
    let first = bench.run("r1", [("1", r#"{"v":1}"#), ("2", "{}")]).await;
    bench.pass(60);
    let second = bench.run("r2", [("1", r#"{"v":2}"#)]).await;
    let counts = bench.merge(&second, true).await;
    let (index, mutations) = (
        bench.aws.object(BUCKET, &format!("{CURRENT}index.json")),
        bench.aws.mutations(),
    );
    bench.pass(60);
    let merged = bench.records.merge(&first, true, &[], far()).await.unwrap();
    assert_eq!(merged, Merged::Superseded);
    assert_eq!(bench.merge(&second, true).await, counts);
    assert_eq!(
        bench.aws.object(BUCKET, &format!("{CURRENT}index.json")),
        index
    );
    assert_eq!(bench.aws.mutations(), mutations, "nothing was written");
}

#[tokio::test]
async fn a_full_run_without_changes_writes_the_index_alone() {
    let bench = Bench::start().await;
    let rows = rows(0..200, "a");
    let run = bench.run("r1", borrowed(&rows)).await;
    bench.merge(&run, true).await;
    let before = bench.aws.keys(BUCKET);
    assert!(
        before.iter().filter(|key| key.starts_with(CURRENT)).count() > 20,
        "{before:?}"
    );
    bench.pass(60);
    let run = bench.run("r2", borrowed(&rows)).await;
    bench.merge(&run, true).await;
    bench.pass(60);
    let second = bench.run("r3", borrowed(&rows)).await;
    let before = bench.aws.keys(BUCKET);
    bench.merge(&second, true).await;
    assert_eq!(bench.aws.keys(BUCKET), before, "no segment is new");
    let all = bench.all(everything()).await;
    assert_eq!(all.len(), 200);
    assert!(
        all.iter()
            .all(|record| record.last_sync == bench.clock.now())
    );
    assert!(
        all.iter()
            .all(|record| record.updated_at < second.started_at)
    );
}

#[tokio::test]
async fn one_changed_record_rewrites_one_segment() {
    let bench = Bench::start().await;
    let run = bench.run("r1", borrowed(&rows(0..200, "a"))).await;
    bench.merge(&run, true).await;
    bench.pass(60);
    let run = bench.run("r2", borrowed(&rows(7..8, "b"))).await;
    let before = bench.aws.keys(BUCKET);
    let reads = bench.aws.calls("GetObject");
    bench.merge(&run, false).await;
    let new = bench
        .aws
        .keys(BUCKET)
        .iter()
        .filter(|key| !before.contains(key))
        .count();
    assert!((1..=2).contains(&new), "{new}");
    assert!(bench.aws.calls("GetObject") - reads < 8);
    bench.assert_no_strays("after one change");
}

#[tokio::test]
async fn a_merge_without_time_is_gone_on_with_until_it_is_done() {
    let bench = Bench::start().await;
    let first = rows(0..150, "a");
    let run = bench.run("r1", borrowed(&first)).await;
    let mut calls = 0;
    for wait in 0_u64.. {
        calls += 1;
        let deadline = Instant::now() + Duration::from_millis(wait * 3);
        match bench
            .records
            .merge(&run, true, &[], deadline)
            .await
            .unwrap()
        {
            Merged::Unfinished => {}
            Merged::Done(counts) => {
                assert_eq!(counts.synced, 150);
                break;
            }
            Merged::Superseded => panic!("superseded by itself"),
        }
    }
    assert!(calls > 1);
    assert_eq!(bench.all(everything()).await.len(), 150);
    bench.assert_no_strays("after many calls");
}

#[tokio::test]
async fn a_newer_run_takes_the_place_of_one_that_was_not_finished() {
    let bench = Bench::start().await;
    let older = bench.run("r1", borrowed(&rows(0..100, "a"))).await;
    let records = bench.records.clone();
    let manifest = older.clone();
    let merge = async move { records.merge(&manifest, true, &[], far()).await };
    assert!(
        bench
            .killed_at(8, simulators::aws::Hang::BeforeEffect, merge)
            .await
    );
    bench.pass(60);
    let newer = bench.run("r2", borrowed(&rows(50..150, "b"))).await;
    let counts = bench.merge(&newer, true).await;
    assert_eq!(counts.synced, 100);
    let merged = bench.records.merge(&older, true, &[], far()).await.unwrap();
    assert_eq!(merged, Merged::Superseded);
    let live = bench.all(Query::default()).await;
    assert_eq!(live.len(), 100);
    assert!(
        live.iter()
            .all(|record| data(record).unwrap().contains("\"b\""))
    );
    bench.assert_no_strays("after the newer run");
}

#[tokio::test]
async fn merges_at_the_same_time_do_not_disturb_each_other() {
    let bench = Bench::start().await;
    let rows = rows(0..120, "a");
    let run = bench.run("r1", borrowed(&rows)).await;
    let merge = || bench.records.merge(&run, true, &[], far());
    let (a, b, c) = tokio::join!(merge(), merge(), merge());
    for merged in [a, b, c] {
        assert!(matches!(merged, Ok(Merged::Done(counts)) if counts.synced == 120));
    }
    let all = bench.all(everything()).await;
    assert_eq!(ids(&all).len(), 120);
    bench.pass(60);
    bench.merge(&bench.run("r2", []).await, false).await;
    bench.assert_no_strays("after all of them");
}

#[tokio::test]
async fn everything_of_a_stream_can_be_removed_twice_and_nothing_else_goes() {
    let bench = Bench::start().await;
    for (name, rows) in [("r1", rows(0..50, "a")), ("r2", rows(0..60, "b"))] {
        let run = bench.run(name, borrowed(&rows)).await;
        bench.merge(&run, true).await;
        bench.pass(60);
    }
    for other in [format!("{ROOT}contacts-2/x"), "contacts/x".to_owned()] {
        bench.aws.put_object(BUCKET, &other, "x");
    }
    assert!(bench.records.remove_all().await.unwrap() > 10);
    assert_eq!(bench.records.remove_all().await.unwrap(), 0);
    assert_eq!(bench.aws.keys(BUCKET).len(), 2);
    assert_eq!(bench.records.counts().await.unwrap().total(), 0);
    assert!(bench.all(everything()).await.is_empty());
    assert!(bench.records.get("id-1").await.unwrap().is_none());

    let run = bench.run("r3", borrowed(&rows(0..5, "c"))).await;
    assert_eq!(bench.merge(&run, true).await.synced, 5, "it can begin anew");
}

#[tokio::test]
async fn what_is_damaged_is_told_and_not_merged() {
    let bench = Bench::start().await;
    let run = bench.run("r1", borrowed(&rows(0..5, "a"))).await;
    bench.merge(&run, true).await;
    bench.pass(60);
    let next = bench.run("r2", [("x", "{}")]).await;
    let key = bench.aws.keys(BUCKET).into_iter();
    let key = key
        .filter(|key| key.starts_with(CURRENT) && key.ends_with(".jsonl.gz"))
        .max()
        .unwrap();
    let stored = bench.aws.object(BUCKET, &key).unwrap();

    bench.aws.put_object(BUCKET, &key, "gone bad");
    let error = bench
        .records
        .merge(&next, true, &[], far())
        .await
        .unwrap_err();
    assert!(matches!(&error, records::Error::Corrupt { .. }), "{error}");
    assert!(!error.is_transient());
    assert!(bench.records.page(&everything()).await.is_err());
    bench.aws.put_object(BUCKET, &key, stored);

    let row = next.keys[0].key.clone();
    bench.aws.put_object(BUCKET, &row, "[]");
    let error = bench
        .records
        .merge(&next, true, &[], far())
        .await
        .unwrap_err();
    assert!(
        matches!(
            &error,
            records::Error::Lake(lake::Error::Mismatch { .. } | lake::Error::Malformed { .. })
        ),
        "{error}"
    );
    assert_eq!(bench.all(everything()).await.len(), 5);
}
