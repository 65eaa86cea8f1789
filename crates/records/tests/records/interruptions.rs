use clock::Clock as _;
use simulators::aws::{Fault, Hang};

use crate::harness::{Bench, borrowed, done, everything, far, import_row, rows, run_id};
use crate::model::Model;

#[tokio::test]
async fn a_merge_that_dies_at_any_write_is_gone_on_with_and_leaves_nothing() {
    let (first, second) = (rows(0..40, "a"), rows(20..70, "b"));
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        let mut points = 0;
        for nth in 1.. {
            let case = format!("request {nth}, {how:?}");
            let bench = Bench::start().await;
            let mut model = Model::default();
            let start = bench.clock.now();
            bench
                .merge(&bench.run("r1", borrowed(&first)).await, true)
                .await;
            model.run(&first, &[], Some(start), start);
            bench.pass(60);
            let run = bench.run("r2", borrowed(&second)).await;
            let (records, manifest) = (bench.records.clone(), run.clone());
            let merge = async move { records.merge(&manifest, true, &[], far()).await };
            if !bench.killed_at(nth, how, merge).await {
                break;
            }
            points += 1;
            // Whatever is there now can be read.
            let found = bench.all(everything()).await;
            assert!((40..=70).contains(&found.len()), "{case}: {}", found.len());

            bench.merge(&run, true).await;
            let now = bench.clock.now();
            model.run(&second, &[], Some(now), now);
            bench.merge(&bench.run("r3", []).await, false).await;
            model.assert_same(&bench, &case).await;
        }
        assert!(points > 20, "{points} points");
    }
}

#[tokio::test]
async fn an_import_that_dies_at_any_write_is_whole_or_not_there() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        for nth in 1.. {
            let case = format!("request {nth}, {how:?}");
            let bench = Bench::start().await;
            let first = rows(0..30, "a");
            let mut model = Model::default();
            let start = bench.clock.now();
            bench
                .merge(&bench.run("r1", borrowed(&first)).await, true)
                .await;
            model.run(&first, &[], Some(start), start);
            bench.pass(60);
            let imported = rows(20..50, "b");
            let rows: Vec<_> = imported
                .iter()
                .map(|(id, data)| import_row(id, data))
                .collect();
            let import = run_id("i1");
            let (records, id) = (bench.records.clone(), import.clone());
            let whole = async move {
                records.stage(&id, &rows).await?;
                records.merge_staged(&id, far()).await
            };
            let killed = bench.killed_at(nth, how, whole).await;
            let counts = bench.records.counts().await.unwrap();
            assert!(
                matches!((counts.synced, counts.pending), (30, 0 | 30) | (50, 0)),
                "{case}: {counts:?}"
            );
            if counts.synced == 50 || counts.pending == 30 {
                done(bench.records.merge_staged(&import, far()).await);
                let now = bench.clock.now();
                model.import(&imported, now);
            }
            bench.merge(&bench.run("r2", []).await, false).await;
            model.assert_same(&bench, &case).await;
            if !killed {
                assert!(nth > 3);
                break;
            }
        }
    }
}

#[tokio::test]
async fn refusals_and_overlaps_of_s3_are_waited_out() {
    for fault in [
        Fault::slow_down("PutObject").times(2),
        Fault::conflict("PutObject").times(3),
        Fault::lose_answer("PutObject").times(5),
        Fault::internal_error("GetObject").times(2),
        Fault::lose_answer("DeleteObject").times(2),
    ] {
        let bench = Bench::start().await;
        bench
            .merge(&bench.run("r1", borrowed(&rows(0..40, "a"))).await, true)
            .await;
        bench.pass(60);
        let run = bench.run("r2", borrowed(&rows(0..40, "b"))).await;
        let case = format!("{fault:?}");
        bench.aws.inject(fault);
        assert_eq!(bench.merge(&run, true).await.synced, 40, "{case}");
        bench.aws.heal();
        bench.assert_no_strays(&case);
    }
}
