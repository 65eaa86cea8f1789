use clock::Clock as _;
use records::{Error, Merged, Query, Status};

use crate::harness::{
    Bench, borrowed, data, done, everything, far, ids, import_row, raw, rows, run_id,
};

#[tokio::test]
async fn imported_rows_are_pending_until_they_are_taken_in() {
    let bench = Bench::start().await;
    let run = bench.run("r1", [("1", r#"{"a":1}"#)]).await;
    bench.merge(&run, true).await;
    bench.pass(60);
    let import = run_id("i1");
    let rows = [
        import_row("2", "{\n \"b\": 2 }"),
        import_row("1", r#"{"a":1}"#),
        import_row("2", "{\n \"b\": 3 }"),
    ];
    let counts = bench.records.stage(&import, &rows).await.unwrap();
    assert_eq!((counts.synced, counts.pending, counts.total()), (1, 2, 3));
    assert_eq!(
        bench.records.stage(&import, &rows).await.unwrap(),
        counts,
        "staged once"
    );
    let all = bench.all(everything()).await;
    let statuses: Vec<Status> = all.iter().map(|record| record.status).collect();
    assert_eq!(
        statuses,
        [Status::Synced, Status::Pending, Status::Pending],
        "they come last"
    );
    let pending = bench
        .all(Query {
            status: Some(Status::Pending),
            limit: 1,
            ..Query::default()
        })
        .await;
    assert_eq!(ids(&pending), ["1", "2"]);
    let two = bench.records.get("2").await.unwrap().unwrap();
    assert_eq!(
        (data(&two), two.status),
        (Some("{\n \"b\": 3 }"), Status::Pending)
    );

    let counts = done(bench.records.merge_staged(&import, far()).await);
    assert_eq!((counts.synced, counts.pending), (2, 0));
    let two = bench.records.get("2").await.unwrap().unwrap();
    assert_eq!(
        (data(&two), two.status),
        (Some("{\n \"b\": 3 }"), Status::Synced)
    );
    let one = bench.records.get("1").await.unwrap().unwrap();
    assert!(
        one.updated_at < bench.clock.now(),
        "its data did not change"
    );
    bench.assert_no_strays("after the import");

    let mutations = bench.aws.mutations();
    assert_eq!(
        done(bench.records.merge_staged(&import, far()).await),
        counts
    );
    assert_eq!(bench.aws.mutations(), mutations, "once is enough");
}

#[tokio::test]
async fn an_imported_record_is_gone_only_after_a_run_had_it() {
    let bench = Bench::start().await;
    let import = run_id("i1");
    let rows = [import_row("mine", "{}"), import_row("theirs", "{}")];
    bench.records.stage(&import, &rows).await.unwrap();
    done(bench.records.merge_staged(&import, far()).await);
    bench.pass(60);
    let counts = bench
        .merge(&bench.run("r1", [("theirs", "{}")]).await, true)
        .await;
    assert_eq!((counts.synced, counts.deleted), (2, 0));
    bench.pass(60);
    let counts = bench.merge(&bench.run("r2", []).await, true).await;
    assert_eq!((counts.synced, counts.deleted), (1, 1));
    assert!(
        bench
            .records
            .get("mine")
            .await
            .unwrap()
            .unwrap()
            .deleted_at
            .is_none()
    );

    let import = run_id("i2");
    bench.records.stage(&import, &rows).await.unwrap();
    let counts = done(bench.records.merge_staged(&import, far()).await);
    assert_eq!(
        (counts.synced, counts.deleted),
        (2, 0),
        "an import brings it back"
    );
}

#[tokio::test]
async fn imports_that_cannot_be_kept_are_refused() {
    let bench = Bench::start().await;
    let import = run_id("i1");
    let rows = [import_row("1", "{}"), import_row("2", "[]")];
    let error = bench.records.stage(&import, &rows).await.unwrap_err();
    assert!(matches!(error, Error::NotAnObject { number: 2 }), "{error}");
    let mut large = import_row("1", "{}");
    large.data = raw(&format!("{{\"a\":\"{}\"}}", "x".repeat(16 << 20)));
    let error = bench.records.stage(&import, &[large]).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert_eq!(bench.records.stage(&import, &[]).await.unwrap().total(), 0);
    assert!(bench.aws.keys(crate::harness::BUCKET).is_empty());
}

#[tokio::test]
async fn an_import_without_time_changes_nothing_and_can_be_repeated() {
    let bench = Bench::start().await;
    let run = bench.run("r1", borrowed(&rows(0..100, "a"))).await;
    bench.merge(&run, true).await;
    let import = run_id("i1");
    let imported: Vec<_> = rows(50..150, "b")
        .iter()
        .map(|(id, data)| import_row(id, data))
        .collect();
    let staged = bench.records.stage(&import, &imported).await.unwrap();
    let late = tokio::time::Instant::now();
    let merged = bench.records.merge_staged(&import, late).await.unwrap();
    assert_eq!(merged, Merged::Unfinished);
    assert_eq!(bench.records.counts().await.unwrap(), staged);
    let counts = done(bench.records.merge_staged(&import, far()).await);
    assert_eq!((counts.synced, counts.pending), (150, 0));
    bench.assert_no_strays("after the second try");
}
