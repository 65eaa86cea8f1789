use std::collections::BTreeMap;

use clock::Clock as _;
use records::{Error, Query, Status};

use crate::harness::{
    BUCKET, Bench, CURRENT, borrowed, everything, failure, ids, import_row, rows, run_id,
};

/// 40 synced, of them 10 changed later; 10 failed; 10 deleted; 5 pending.
async fn mixed() -> Bench {
    let bench = Bench::start().await;
    bench
        .merge(&bench.run("r1", borrowed(&rows(0..60, "a"))).await, true)
        .await;
    bench.pass(60);
    let mut second = rows(0..30, "a");
    second.extend(rows(30..40, "b"));
    let failed: Vec<_> = (40..50)
        .map(|n| failure(&format!("id-{n}"), "why"))
        .collect();
    let run = bench.run("r2", borrowed(&second)).await;
    bench.merge_with(&run, true, &failed).await;
    bench.pass(60);
    let pending: Vec<_> = (100..105)
        .map(|n| import_row(&format!("id-{n}"), "{}"))
        .collect();
    bench.records.stage(&run_id("i1"), &pending).await.unwrap();
    bench
}

#[tokio::test]
async fn pages_have_what_is_asked_for_once_whatever_their_size() {
    let bench = Box::pin(mixed()).await;
    let now = bench.clock.now();
    let changed_since = |seconds| Some(now - jiff::SignedDuration::from_secs(seconds));
    let any = Query::default;
    for (query, expected) in [
        (any(), 55),
        (
            Query {
                include_deleted: true,
                ..any()
            },
            65,
        ),
        (
            Query {
                status: Some(Status::Synced),
                ..any()
            },
            40,
        ),
        (
            Query {
                status: Some(Status::Failed),
                ..any()
            },
            10,
        ),
        (
            Query {
                status: Some(Status::Pending),
                ..any()
            },
            5,
        ),
        (
            Query {
                status: Some(Status::Synced),
                include_deleted: true,
                ..any()
            },
            50,
        ),
        (
            Query {
                changed_since: changed_since(60),
                ..any()
            },
            25,
        ),
        (
            Query {
                changed_since: changed_since(60),
                include_deleted: true,
                ..any()
            },
            35,
        ),
        (
            Query {
                changed_since: changed_since(60),
                status: Some(Status::Synced),
                ..any()
            },
            10,
        ),
        (
            Query {
                changed_since: changed_since(0),
                ..any()
            },
            5,
        ),
        (
            Query {
                changed_since: changed_since(-1),
                include_deleted: true,
                ..any()
            },
            0,
        ),
    ] {
        for limit in [1, 7, 1000] {
            let query = Query {
                limit,
                ..query.clone()
            };
            let found = bench.all(query.clone()).await;
            let mut ids = ids(&found);
            ids.dedup();
            assert_eq!((found.len(), ids.len()), (expected, expected), "{query:?}");
        }
    }
    let page = bench
        .records
        .page(&Query { limit: 0, ..any() })
        .await
        .unwrap();
    assert_eq!(page.records.len(), 1, "at least one");
}

#[tokio::test]
async fn a_page_and_a_record_read_only_what_they_need() {
    let bench = Bench::start().await;
    bench
        .merge(&bench.run("r1", borrowed(&rows(0..200, "a"))).await, true)
        .await;
    let segments = bench
        .aws
        .keys(BUCKET)
        .iter()
        .filter(|key| key.starts_with(CURRENT))
        .count();
    assert!(segments > 20, "{segments}");
    let reads = || bench.aws.calls("GetObject");
    let before = reads();
    bench.records.get("id-7").await.unwrap().unwrap();
    assert_eq!(reads() - before, 2, "the index and one segment");
    let before = reads();
    bench.records.counts().await.unwrap();
    assert_eq!(reads() - before, 1);
    let before = reads();
    let query = Query {
        status: Some(Status::Failed),
        ..Query::default()
    };
    assert!(bench.records.page(&query).await.unwrap().next.is_none());
    assert_eq!(reads() - before, 1, "no segment has a failed record");
    let before = reads();
    bench
        .records
        .page(&Query {
            limit: 3,
            ..Query::default()
        })
        .await
        .unwrap();
    assert!(reads() - before <= 3);
}

#[tokio::test]
async fn records_that_do_not_change_are_on_one_page_whatever_is_merged_between_pages() {
    let bench = Bench::start().await;
    bench
        .merge(&bench.run("r1", borrowed(&rows(0..100, "a"))).await, true)
        .await;
    let mut query = Query {
        limit: 9,
        ..Query::default()
    };
    let mut met: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0_u32.. {
        let page = bench.records.page(&query).await.unwrap();
        for record in page.records {
            *met.entry(record.external_id).or_default() += 1;
        }
        let Some(next) = page.next else { break };
        query.cursor = Some(next);
        bench.pass(60);
        // Changes, additions that split segments, and deletions of what is not looked at below.
        let mut changes = rows(0..50, &round.to_string());
        changes.extend(rows(1000 + round * 40..1040 + round * 40, "new"));
        changes.extend(rows(50..100, "a"));
        let run = bench.run(&format!("s{round}"), borrowed(&changes)).await;
        bench.merge(&run, true).await;
        assert!(round < 1000, "it never ends");
    }
    for n in 50..100 {
        assert_eq!(met.get(&format!("id-{n}")), Some(&1), "id-{n}");
    }
}

#[tokio::test]
async fn a_cursor_that_nobody_gave_is_refused() {
    let bench = Bench::start().await;
    for cursor in ["", "x", "r1", "p1-r"] {
        let query = Query {
            cursor: Some(cursor.to_owned()),
            ..everything()
        };
        let error = bench.records.page(&query).await.unwrap_err();
        assert!(matches!(error, Error::InvalidCursor), "{cursor}");
    }
}
