//! Runs in parts, merged under one manifest.

use clock::Clock as _;
use jiff::SignedDuration;
use lake::{Begin, Error, Format, Gathered, Lake, Manifest, RunId, RunSpec};
use simulators::aws::{Fault, Hang};

use crate::harness::{
    BUCKET, Bench, LARGE, LIFETIME, REPORT, SMALL, claimed, client, gathered, id, next_row,
    outcome, progress, write,
};

const GROUP: &str = "g";

/// Rows of each part: none, few, and several parts of an upload.
const ENDS: [u64; 4] = [SMALL, SMALL, LARGE, 60];

fn names() -> Vec<RunId> {
    (0..ENDS.len())
        .map(|index| id(&format!("gw{index:04}")))
        .collect()
}

async fn merge(lake: Lake, spec: RunSpec) -> Result<Manifest, Error> {
    let until = spec.started_at;
    match lake.gather(spec, &names()).await? {
        Gathered::Claimed { run, .. } => run.commit(outcome(until)).await,
        Gathered::Finished(manifest) => Ok(*manifest),
        Gathered::Busy { until } => panic!("busy until {until}"),
    }
}

impl Bench {
    fn part(&self, index: usize) -> RunSpec {
        RunSpec {
            group: Some(id(GROUP)),
            request: format!("part {index}"),
            ..self.spec(names()[index].as_str())
        }
    }

    /// Runs part `index` to its end and parks it.
    async fn park(&self, index: usize) {
        let from = if index == 0 { 0 } else { ENDS[index - 1] };
        let mut run = claimed(self.lake.begin(self.part(index)).await.unwrap());
        write(&mut run, from..ENDS[index]).await.unwrap();
        run.park(progress(ENDS[index])).await.unwrap();
        self.pass(SignedDuration::from_secs(1));
    }

    async fn park_all(&self) {
        for index in [2, 0, 3, 1] {
            self.park(index).await;
        }
    }

    async fn merge(&self) -> Result<Manifest, Error> {
        merge(self.lake.clone(), self.spec(GROUP)).await
    }
}

#[tokio::test]
async fn parts_become_visible_together_in_their_order() {
    for format in [Format::Json, Format::Jsonl, Format::JsonlGz] {
        let bench = Bench::start().await;
        for index in [2, 0, 3, 1] {
            let from = if index == 0 { 0 } else { ENDS[index - 1] };
            let middle = u64::midpoint(from, ENDS[index]);
            let spec = RunSpec {
                format,
                ..bench.part(index)
            };
            // Two legs each.
            let mut run = claimed(bench.lake.begin(spec.clone()).await.unwrap());
            write(&mut run, from..middle).await.unwrap();
            run.suspend(progress(middle)).await.unwrap();
            let mut run = claimed(bench.lake.begin(spec.clone()).await.unwrap());
            assert_eq!((run.leg(), next_row(&run)), (2, middle));
            write(&mut run, middle..ENDS[index]).await.unwrap();
            run.park(progress(ENDS[index])).await.unwrap();
            assert!(matches!(
                bench.lake.begin(spec).await.unwrap(),
                Begin::Parked
            ));
        }
        assert_eq!(bench.keys_with("dt="), [""; 0]);
        assert_eq!(bench.keys_with("/_runs/"), [""; 0]);

        let spec = RunSpec {
            format,
            ..bench.spec(GROUP)
        };
        let begun = bench.lake.gather(spec.clone(), &names()).await.unwrap();
        let (run, told) = gathered(begun);
        let told: Vec<u64> = told
            .iter()
            .map(|text| text.get().parse().unwrap())
            .collect();
        assert_eq!(told, ENDS);
        assert_eq!(run.rows(), 60);
        assert_eq!(run.leg(), 1);
        assert!(run.progress().is_none());
        assert!(matches!(
            bench.lake.gather(spec.clone(), &names()).await.unwrap(),
            Gathered::Busy { .. }
        ));
        let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
        bench.assert_rows(&manifest, 0..60, format.extension());
        assert_eq!(manifest.run.as_str(), GROUP);
        assert_eq!(manifest.legs, 9);
        assert_eq!(manifest.keys.len(), 6, "parts without rows have no object");
        let pointer = bench.pointer().await.unwrap();
        assert_eq!(pointer.keys.len(), 6);
        assert_eq!(pointer.run.as_str(), GROUP);
        assert_eq!(bench.keys_with("/_open/"), [""; 0]);
        assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);

        // Delivered again.
        match bench.lake.gather(spec, &names()).await.unwrap() {
            Gathered::Finished(found) => assert_eq!(*found, manifest),
            other => panic!("{other:?}"),
        }
        match bench.lake.begin(bench.part(1)).await.unwrap() {
            Begin::Finished(found) => assert_eq!(*found, manifest),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_merge_of_nothing_is_an_empty_object() {
    let bench = Bench::start().await;
    let run = claimed(bench.lake.begin(bench.part(1)).await.unwrap());
    run.park(progress(0)).await.unwrap();
    let begun = bench.lake.gather(bench.spec(GROUP), &[id("gw0001")]).await;
    let (run, _) = gathered(begun.unwrap());
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
    assert_eq!((manifest.rows, manifest.keys.len()), (0, 1));
    bench.read_latest();
    bench.assert_settled("nothing");
}

#[tokio::test]
async fn a_part_that_is_not_parked_is_named() {
    let bench = Bench::start().await;
    bench.park(0).await;
    let not_parked = async |case: &str| {
        let error = bench.merge().await.unwrap_err();
        assert!(
            matches!(&error, Error::NotParked { part, .. } if part.as_str() == "gw0001"),
            "{case}: {error}"
        );
        assert!(!error.is_transient(), "{case}");
        assert_eq!(bench.keys_with("_open/g.json"), [""; 0], "{case}");
    };
    not_parked("not begun").await;
    let run = claimed(bench.lake.begin(bench.part(1)).await.unwrap());
    not_parked("under way").await;
    run.suspend(progress(0)).await.unwrap();
    not_parked("suspended").await;
    let other_format = RunSpec {
        format: Format::Json,
        ..bench.part(1)
    };
    let run = claimed(bench.lake.begin(other_format).await.unwrap());
    assert_eq!(run.leg(), 1, "another format starts over");
    run.park(progress(0)).await.unwrap();
    not_parked("another format").await;
}

#[tokio::test]
async fn parts_do_not_look_at_other_runs() {
    let bench = Bench::start().await;
    for index in 0..3 {
        bench.park(index).await;
    }
    let before = bench.aws.calls("ListObjectsV2");
    let reads = bench.aws.calls("GetObject");
    bench.park(3).await;
    assert_eq!(bench.aws.calls("ListObjectsV2"), before);
    assert!(bench.aws.calls("GetObject") - reads <= 4);
}

#[tokio::test]
async fn a_merge_killed_anywhere_is_done_again() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        let mut points = 0;
        for nth in 1.. {
            let case = format!("request {nth}, {how:?}");
            let bench = Bench::start().await;
            bench.run("r0", SMALL).await.unwrap();
            bench.pass(SignedDuration::from_mins(1));
            bench.park_all().await;
            let process = merge(bench.lake.clone(), bench.spec(GROUP));
            if !Box::pin(bench.killed_at(nth, how, process)).await {
                break;
            }
            points += 1;

            bench.read_latest();
            bench.pass(LIFETIME);
            // Whoever comes next: another run of the report, or the merge.
            if nth % 2 == 0 {
                bench.run("r1", SMALL).await.unwrap();
            }
            let manifest = bench.merge().await.unwrap();
            bench.assert_rows(&manifest, 0..60, &case);
            bench.read_latest();
            bench.assert_settled(&case);
        }
        assert!(points >= 10, "{points} points");
    }
}

#[tokio::test]
async fn a_part_killed_anywhere_is_run_again() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        let mut points = 0;
        for nth in 1.. {
            let case = format!("request {nth}, {how:?}");
            let bench = Bench::start().await;
            for index in [0, 1, 3] {
                bench.park(index).await;
            }
            bench.aws.hang_from(nth, how);
            let killed = tokio::select! {
                () = bench.aws.hung() => true,
                () = bench.park(2) => false,
            };
            bench.aws.heal();
            if !killed {
                break;
            }
            points += 1;
            bench.pass(LIFETIME);
            match bench.lake.begin(bench.part(2)).await.unwrap() {
                Begin::Claimed(run) => {
                    assert!(run.progress().is_none(), "{case}");
                    run.abandon().await.unwrap();
                    bench.park(2).await;
                }
                other => assert!(matches!(other, Begin::Parked), "{case}: {other:?}"),
            }
            let manifest = bench.merge().await.unwrap();
            bench.assert_rows(&manifest, 0..60, &case);
            bench.assert_settled(&case);
        }
        assert!(points >= 4, "{points} points");
    }
}

#[tokio::test]
async fn a_merge_that_fails_leaves_the_parts_to_the_next() {
    for (action, prefix) in [
        ("CompleteMultipartUpload", "tickets/dt="),
        ("PutObject", "tickets/_runs/"),
        ("PutObject", "tickets/_latest"),
    ] {
        let bench = Bench::start().await;
        bench.park_all().await;
        bench.aws.inject(Fault::deny(action).on(prefix));
        bench.merge().await.unwrap_err();
        bench.aws.heal();
        assert_eq!(bench.keys_with("/_runs/"), [""; 0], "{prefix}");
        assert_eq!(bench.keys_with("/_open/").len(), 4, "{prefix}");
        let manifest = bench.merge().await.unwrap();
        bench.assert_rows(&manifest, 0..60, prefix);
        bench.assert_settled(prefix);
    }
}

#[tokio::test]
async fn a_part_whose_upload_is_gone_is_named_and_run_again() {
    let bench = Bench::start().await;
    bench.park_all().await;
    let s3 = client(&bench.aws);
    let listed = s3.list_multipart_uploads().bucket(BUCKET).send().await;
    let lost = listed.unwrap().uploads().iter().find_map(|upload| {
        let key = upload.key.clone().filter(|key| key.contains("gw0002"))?;
        Some((key, upload.upload_id.clone()?))
    });
    let (key, upload) = lost.unwrap();
    let abort = s3.abort_multipart_upload().bucket(BUCKET).key(key);
    abort.upload_id(upload).send().await.unwrap();

    let error = bench.merge().await.unwrap_err();
    assert!(
        matches!(&error, Error::CheckpointLost { run } if run.as_str() == "gw0002"),
        "{error}"
    );
    let error = bench.merge().await.unwrap_err();
    assert!(
        matches!(&error, Error::NotParked { part, .. } if part.as_str() == "gw0002"),
        "{error}"
    );
    bench.park(2).await;
    let manifest = bench.merge().await.unwrap();
    bench.assert_rows(&manifest, 0..60, "lost part");
    bench.assert_settled("lost part");
}

#[tokio::test]
async fn parts_nobody_merges_are_given_up_after_five_days() {
    let bench = Bench::start().await;
    bench.park_all().await;
    bench.pass(SignedDuration::from_hours(5 * 24) - SignedDuration::from_mins(1));
    bench.run("r1", SMALL).await.unwrap();
    assert_eq!(bench.keys_with("/_open/").len(), 4);
    bench.pass(SignedDuration::from_mins(2));
    bench.run("r2", SMALL).await.unwrap();
    bench.assert_settled("too old");
}

#[tokio::test]
async fn parts_are_not_given_up_while_they_are_merged_nor_after() {
    let bench = Bench::start().await;
    bench.park_all().await;
    bench.pass(SignedDuration::from_hours(5 * 24) - SignedDuration::from_mins(1));
    let spec = RunSpec {
        expires_at: bench.clock.now() + SignedDuration::from_hours(24),
        ..bench.spec(GROUP)
    };
    let (run, _) = gathered(bench.lake.gather(spec, &names()).await.unwrap());
    bench.pass(SignedDuration::from_hours(1));
    bench.run("r1", SMALL).await.unwrap();

    // The records of the parts stay, for want of a permission.
    bench
        .aws
        .inject(Fault::deny("DeleteObject").on("tickets/_open/"));
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
    bench.aws.heal();
    assert_eq!(bench.keys_with("/_open/").len(), 5);
    bench.run("r2", SMALL).await.unwrap();
    bench.assert_rows(&manifest, 0..60, "merged");

    bench.pass(SignedDuration::from_hours(24));
    bench.run("r3", SMALL).await.unwrap();
    bench.assert_rows(&manifest, 0..60, "merged");
    assert_eq!(
        bench.lake.finished(REPORT, &id(GROUP)).await.unwrap(),
        Some(manifest)
    );
    bench.assert_settled("merged");
}

#[tokio::test]
async fn a_part_that_the_merge_left_out_goes_when_the_others_are_visible() {
    let bench = Bench::start().await;
    bench.park_all().await;
    let some = &names()[..2];
    let (run, _) = gathered(bench.lake.gather(bench.spec(GROUP), some).await.unwrap());
    run.commit(outcome(bench.clock.now())).await.unwrap();
    assert_eq!(bench.aws.open_uploads(BUCKET).len(), 2);
    bench.run("r1", SMALL).await.unwrap();
    bench.assert_settled("left out");
}

#[tokio::test]
async fn a_run_can_only_end_as_its_kind_does() {
    let bench = Bench::start().await;
    let until = bench.clock.now();
    let refused = |error: Error| assert!(matches!(error, Error::WrongEnd { .. }), "{error}");

    let run = bench.claim("r1").await;
    refused(run.park(progress(0)).await.unwrap_err());
    let part = claimed(bench.lake.begin(bench.part(0)).await.unwrap());
    refused(part.commit(outcome(until)).await.unwrap_err());
    assert_eq!(
        bench.aws.keys(BUCKET),
        [""; 0],
        "refused runs are abandoned"
    );

    bench.park_all().await;
    let (merge, _) = gathered(
        bench
            .lake
            .gather(bench.spec(GROUP), &names())
            .await
            .unwrap(),
    );
    refused(merge.suspend(progress(0)).await.unwrap_err());
    refused(
        bench
            .lake
            .gather(bench.part(0), &names())
            .await
            .unwrap_err(),
    );
    bench.merge().await.unwrap();
    bench.assert_settled("kinds");
}
