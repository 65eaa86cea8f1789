//! Runs that take several invocations.

use std::ops::Range;

use clock::Clock as _;
use jiff::SignedDuration;
use lake::{Begin, Error, Format, Lake, Manifest, Partition, RunSpec};
use simulators::aws::{Fault, Hang};

use crate::harness::{
    BUCKET, Bench, LARGE, LIFETIME, SMALL, claimed, client, next_row, outcome, progress, row, write,
};

/// Rows in all, and rows that one invocation has time for.
const ALL: u64 = 90;
const PER_LEG: u64 = 40;

/// One invocation: goes on where the run stands, and commits it if it gets to the end.
async fn invocation(lake: Lake, spec: RunSpec, all: u64) -> Result<Option<Manifest>, Error> {
    let until = spec.started_at;
    let mut run = match lake.begin(spec).await? {
        Begin::Claimed(run) => run,
        Begin::Finished(manifest) => return Ok(Some(*manifest)),
        other => panic!("{other:?}"),
    };
    let from = next_row(&run);
    assert_eq!(run.rows(), from, "rows of the legs before");
    let to = all.min(from + PER_LEG);
    if let Err(error) = write(&mut run, from..to).await {
        let _ = run.abandon().await;
        return Err(error);
    }
    if to < all {
        run.suspend(progress(to)).await?;
        return Ok(None);
    }
    run.commit(outcome(until)).await.map(Some)
}

impl Bench {
    async fn invoke(&self, name: &str) -> Result<Option<Manifest>, Error> {
        let ended = invocation(self.lake.clone(), self.spec(name), ALL).await;
        self.pass(SignedDuration::from_secs(1));
        ended
    }

    /// Invokes until the run is committed.
    async fn finish(&self, case: &str) -> Manifest {
        for nth in 0..=ALL / PER_LEG {
            if let Some(manifest) = self.invoke(&format!("f{nth}")).await.unwrap() {
                return manifest;
            }
        }
        panic!("{case}: a leg was lost")
    }

    /// Kills an invocation at its `nth` mutating request; false if it has fewer.
    async fn invoke_killed_at(&self, name: &str, nth: u64, how: Hang) -> bool {
        let process = invocation(self.lake.clone(), self.spec(name), ALL);
        self.killed_at(nth, how, process).await
    }

    async fn suspended(&self, spec: RunSpec, rows: Range<u64>) {
        let mut run = claimed(self.lake.begin(spec).await.unwrap());
        let end = rows.end;
        write(&mut run, rows).await.unwrap();
        run.suspend(progress(end)).await.unwrap();
    }

    /// Aborts all uploads, as the bucket's lifecycle rule does in the end.
    async fn lose_uploads(&self) {
        let s3 = client(&self.aws);
        let listed = s3.list_multipart_uploads().bucket(BUCKET).send().await;
        for upload in listed.unwrap().uploads() {
            s3.abort_multipart_upload()
                .bucket(BUCKET)
                .set_key(upload.key.clone())
                .set_upload_id(upload.upload_id.clone())
                .send()
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn the_legs_of_a_run_become_visible_together() {
    for format in [Format::Json, Format::Jsonl, Format::JsonlGz] {
        let bench = Bench::start().await;
        let begun_at = bench.clock.now();
        // A few rows, several parts, nothing, and the last leg.
        let ends = [SMALL, 50, 50, 55];
        let mut from = 0;
        for (index, to) in ends.into_iter().enumerate() {
            let spec = RunSpec {
                format,
                ..bench.spec(&format!("r{index}"))
            };
            let mut run = claimed(bench.lake.begin(spec).await.unwrap());
            assert_eq!(run.id().as_str(), "r0");
            assert_eq!(run.started_at(), begun_at);
            assert_eq!(run.leg() as usize, index + 1);
            assert_eq!(run.rows(), from);
            assert_eq!(next_row(&run), from);
            write(&mut run, from..to).await.unwrap();
            from = to;
            if to < 55 {
                run.suspend(progress(to)).await.unwrap();
                bench.pass(SignedDuration::from_hours(24));
                assert_eq!(bench.keys_with("dt="), [""; 0], "{format}, leg {index}");
                assert_eq!(bench.keys_with("/_runs/"), [""; 0]);
                continue;
            }
            let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
            bench.assert_rows(&manifest, 0..55, format.extension());
            let keys: Vec<_> = manifest.keys.iter().map(|entry| &entry.key).collect();
            let stem = "tickets/dt=2026-03-04/20260304T050000Z-r0";
            assert_eq!(
                keys,
                [
                    &format!("{stem}.{format}"),
                    &format!("{stem}-0002.{format}"),
                    &format!("{stem}-0004.{format}")
                ],
                "a leg without rows has no object"
            );
            let rows: Vec<_> = manifest.keys.iter().map(|entry| entry.rows).collect();
            assert_eq!(rows, [2, 48, 5]);
            assert_eq!(manifest.key, *keys[0]);
            assert_eq!(manifest.sha256, None);
            assert_eq!(manifest.legs, 4);
            assert_eq!(manifest.started_at, begun_at);
            let pointer = bench.pointer().await.unwrap();
            assert_eq!(pointer.keys.iter().collect::<Vec<_>>(), keys);
            assert_eq!(bench.aws.keys(BUCKET).len(), 5, "nothing else is left");
            assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);
        }
    }
}

#[tokio::test]
async fn an_empty_last_leg_adds_no_object_unless_there_is_no_other() {
    for (rows, objects) in [(0, 1), (SMALL, 1), (LARGE, 1)] {
        let bench = Bench::start().await;
        bench.suspended(bench.spec("r1"), 0..rows).await;
        let run = bench.claim("r2").await;
        assert_eq!(run.rows(), rows);
        let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
        bench.assert_rows(&manifest, 0..rows, "empty last leg");
        assert_eq!(manifest.keys.len(), objects);
        assert_eq!(manifest.sha256, Some(manifest.keys[0].sha256.clone()));
        assert_eq!(manifest.legs, 2);
        bench.read_latest();
        bench.assert_settled("empty last leg");
    }
}

#[tokio::test]
async fn only_the_same_request_goes_on_with_a_suspended_run() {
    let bench = Bench::start().await;
    bench.suspended(bench.spec("r1"), 0..SMALL).await;
    let base = bench.spec("r2");
    let partitions = vec![Partition::new("department_id", "1")];
    for other in [
        RunSpec {
            request: "something".to_owned(),
            ..base.clone()
        },
        RunSpec {
            format: Format::Json,
            ..base.clone()
        },
        RunSpec {
            partitions,
            ..base.clone()
        },
    ] {
        let run = claimed(bench.lake.begin(other).await.unwrap());
        assert_eq!((run.id().as_str(), run.leg()), ("r2", 1));
        assert!(run.progress().is_none());
        run.abandon().await.unwrap();
    }
    let run = claimed(bench.lake.begin(base).await.unwrap());
    assert_eq!((run.id().as_str(), run.leg()), ("r1", 2));
}

#[tokio::test]
async fn the_same_occurrence_of_another_request_starts_over() {
    let bench = Bench::start().await;
    bench.suspended(bench.spec("r1"), 0..LARGE).await;
    let other = RunSpec {
        request: "something".to_owned(),
        ..bench.spec("r1")
    };
    let mut run = claimed(bench.lake.begin(other).await.unwrap());
    assert_eq!(run.leg(), 1);
    write(&mut run, 0..SMALL).await.unwrap();
    let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
    bench.assert_rows(&manifest, 0..SMALL, "another request");
    bench.assert_settled("another request");
}

#[tokio::test]
async fn suspended_runs_go_on_oldest_first_and_each_only_once() {
    let bench = Bench::start().await;
    let requests = ["a", "b"].map(|request| RunSpec {
        request: request.to_owned(),
        ..bench.spec(&format!("{request}1"))
    });
    for spec in requests {
        bench.suspended(spec, 0..SMALL).await;
        bench.pass(SignedDuration::from_secs(1));
    }
    // Two suspended runs of one request, as runs that overlap leave them.
    let mut held = vec![];
    for name in ["r1", "r2"] {
        held.push(bench.claim(name).await);
        bench.pass(SignedDuration::from_secs(1));
    }
    while let Some(run) = held.pop() {
        run.suspend(progress(0)).await.unwrap();
    }
    let first = bench.claim("x1").await;
    assert_eq!(first.id().as_str(), "r1", "the oldest");
    first.abandon().await.unwrap();

    let (one, two, three) = tokio::join!(bench.claim("x1"), bench.claim("x2"), bench.claim("x3"));
    let mut ids: Vec<_> = [&one, &two, &three]
        .map(|run| run.id().as_str().to_owned())
        .into();
    ids.sort();
    assert_eq!(ids[..2], ["r1", "r2"]);
    assert!(ids[2].starts_with('x'), "{ids:?}");
}

#[tokio::test]
async fn a_process_killed_anywhere_costs_its_leg_at_most() {
    // The first leg and the second are suspended, the third commits.
    for leg in 1..=3 {
        for how in [Hang::BeforeEffect, Hang::AfterEffect] {
            let mut points = 0;
            for nth in 1.. {
                let case = format!("leg {leg}, request {nth}, {how:?}");
                let bench = Bench::start().await;
                bench.run("r0", SMALL).await.unwrap();
                bench.pass(SignedDuration::from_mins(1));
                for before in 1..leg {
                    assert_eq!(bench.invoke(&format!("l{before}")).await.unwrap(), None);
                }
                if !bench.invoke_killed_at("dead", nth, how).await {
                    break;
                }
                points += 1;
                bench.read_latest();
                bench.pass(LIFETIME);
                let manifest = bench.finish(&case).await;
                bench.assert_rows(&manifest, 0..ALL, &case);
                bench.read_latest();
                // A run whose pointer had moved was over; what followed was another one.
                let runs = bench.keys_with("/_runs/").len();
                assert!(runs == 2 || (runs == 3 && leg == 3), "{case}: {runs} runs");
                bench.assert_settled(&case);
            }
            assert!(points >= 5, "leg {leg} has {points} points");
        }
    }
}

#[tokio::test]
async fn a_process_killed_while_it_settles_a_dead_leg_is_settled_after() {
    let mut points = 0;
    for first in [3, 6, 9, 10, 11] {
        for nth in 1.. {
            let case = format!("first at {first}, then at {nth}");
            let bench = Bench::start().await;
            for before in 1..=2 {
                assert_eq!(bench.invoke(&format!("l{before}")).await.unwrap(), None);
            }
            if !bench.invoke_killed_at("d1", first, Hang::AfterEffect).await {
                break;
            }
            bench.pass(LIFETIME);
            if !bench.invoke_killed_at("d2", nth, Hang::AfterEffect).await {
                break;
            }
            bench.pass(LIFETIME);
            let manifest = bench.finish(&case).await;
            bench.assert_rows(&manifest, 0..ALL, &case);
            bench.assert_settled(&case);
            points += 1;
        }
    }
    assert!(points >= 20, "{points} points");
}

#[tokio::test]
async fn an_abandoned_leg_goes_back_to_the_checkpoint() {
    for rows in [0, SMALL, LARGE] {
        let bench = Bench::start().await;
        bench.suspended(bench.spec("r1"), 0..LARGE).await;
        let before = bench.bytes("tickets/_open/r1.json");
        let uploads = bench.aws.open_uploads(BUCKET);
        let mut run = bench.claim("r2").await;
        write(&mut run, LARGE..LARGE + rows).await.unwrap();
        run.abandon().await.unwrap();
        assert_eq!(bench.bytes("tickets/_open/r1.json"), before);
        assert_eq!(bench.aws.open_uploads(BUCKET), uploads);
        assert_eq!(bench.aws.keys(BUCKET).len(), 1);
        assert_eq!(next_row(&*bench.claim("r3").await), LARGE);
    }
}

#[tokio::test]
async fn a_commit_that_failed_half_way_is_repeated_by_the_next_invocation() {
    for (action, prefix) in [
        (
            "CompleteMultipartUpload",
            "tickets/dt=2026-03-04/20260304T050000Z-l1-0002",
        ),
        (
            "CompleteMultipartUpload",
            "tickets/dt=2026-03-04/20260304T050000Z-l1-0003",
        ),
        ("PutObject", "tickets/_runs/"),
        ("PutObject", "tickets/_latest"),
    ] {
        let bench = Bench::start().await;
        for name in ["l1", "l2"] {
            assert_eq!(bench.invoke(name).await.unwrap(), None);
        }
        bench.aws.inject(Fault::deny(action).on(prefix));
        let error = bench.invoke("l3").await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{prefix}: {error}");
        bench.aws.heal();
        assert!(
            !bench.keys_with("dt=").is_empty(),
            "what was completed stays"
        );
        assert_eq!(bench.keys_with("/_runs/"), [""; 0], "{prefix}");
        assert_eq!(bench.keys_with("-0003"), [""; 0], "{prefix}");

        let manifest = bench.invoke("l4").await.unwrap().unwrap();
        assert_eq!(manifest.run.as_str(), "l1");
        bench.assert_rows(&manifest, 0..ALL, prefix);
        bench.read_latest();
        bench.assert_settled(prefix);
    }
}

#[tokio::test]
async fn a_checkpoint_whose_upload_is_gone_starts_the_run_over() {
    // The upload is gone; or another object has taken its place as well.
    for squatted in [false, true] {
        let bench = Bench::start().await;
        for name in ["l1", "l2"] {
            assert_eq!(bench.invoke(name).await.unwrap(), None);
        }
        bench.lose_uploads().await;
        let key = "tickets/dt=2026-03-04/20260304T050000Z-l1.jsonl";
        if squatted {
            bench.aws.put_object(BUCKET, key, "?");
        }
        let error = bench.invoke("l3").await.unwrap_err();
        assert!(
            matches!(&error, Error::CheckpointLost { run } if run.as_str() == "l1"),
            "{error}"
        );
        assert!(error.is_transient());
        assert_eq!(bench.aws.keys(BUCKET), [""; 0]);
        assert_eq!(bench.aws.open_uploads(BUCKET), [""; 0]);
        let manifest = bench.finish("lost").await;
        bench.assert_rows(&manifest, 0..ALL, "lost");
    }
}

#[tokio::test]
async fn a_run_is_gone_on_with_for_five_days() {
    let days = SignedDuration::from_hours(5 * 24);
    for (age, resumed) in [(days, true), (days + SignedDuration::from_secs(1), false)] {
        for completed in [false, true] {
            let bench = Bench::start().await;
            bench.suspended(bench.spec("r1"), 0..LARGE).await;
            if completed {
                bench
                    .aws
                    .inject(Fault::deny("PutObject").on("tickets/_runs/"));
                let run = bench.claim("r2").await;
                run.commit(outcome(bench.clock.now())).await.unwrap_err();
                bench.aws.heal();
                assert_eq!(bench.keys_with("dt=").len(), 1);
            }
            bench.pass(age);
            let mut run = bench.claim("r3").await;
            let from = next_row(&run);
            assert_eq!(from, if resumed { LARGE } else { 0 });
            write(&mut run, from..LARGE + 1).await.unwrap();
            let manifest = run.commit(outcome(bench.clock.now())).await.unwrap();
            bench.assert_rows(&manifest, 0..LARGE + 1, "five days");
            bench.assert_settled("five days");
        }
    }
}

#[tokio::test]
async fn a_checkpoint_of_an_unknown_kind_is_left_alone() {
    let bench = Bench::start().await;
    bench.suspended(bench.spec("r1"), 0..LARGE).await;
    let key = "tickets/_open/r1.json";
    let record = String::from_utf8(bench.bytes(key)).unwrap();
    let newer = record.replace("\"legs\": 1", "\"legs\": 1, \"shards\": 2");
    assert_ne!(record, newer);
    bench.aws.put_object(BUCKET, key, newer.clone());
    bench.pass(SignedDuration::from_hours(24 * 9));
    bench.run("r2", SMALL).await.unwrap();
    assert_eq!(bench.bytes(key), newer.as_bytes());
    assert_eq!(bench.aws.open_uploads(BUCKET).len(), 1);
}

#[tokio::test]
async fn a_leg_that_outlived_its_time_is_not_stored() {
    let bench = Bench::start().await;
    bench.suspended(bench.spec("r1"), 0..LARGE).await;
    for taken_over in [false, true] {
        let mut slow = bench.claim("r2").await;
        write(&mut slow, LARGE..2 * LARGE).await.unwrap();
        bench.pass(LIFETIME);
        let successor = if taken_over {
            Some(bench.claim("r3").await)
        } else {
            None
        };
        let error = slow.suspend(progress(99)).await.unwrap_err();
        assert!(matches!(error, Error::Expired { .. }), "{error}");
        let next = match successor {
            Some(run) => run,
            None => bench.claim("r3").await,
        };
        assert_eq!(next_row(&next), LARGE);
        next.abandon().await.unwrap();
        assert_eq!(bench.aws.open_uploads(BUCKET).len(), 1);
    }
}

#[tokio::test]
async fn a_suspension_that_fails_undoes_the_leg() {
    for (action, prefix) in [
        ("CreateMultipartUpload", "tickets/dt="),
        ("UploadPart", "tickets/dt="),
        ("ListMultipartUploads", "tickets/dt="),
        ("PutObject", "tickets/_open/r1"),
    ] {
        let bench = Bench::start().await;
        bench.suspended(bench.spec("r1"), 0..LARGE).await;
        let mut run = bench.claim("r2").await;
        write(&mut run, LARGE..LARGE + 1).await.unwrap();
        bench.aws.inject(Fault::deny(action).on(prefix));
        let error = run.suspend(progress(99)).await.unwrap_err();
        assert!(matches!(error, Error::Denied { .. }), "{action}: {error}");
        bench.aws.heal();
        // Where the record itself could not be written, the next run does the undoing.
        bench.pass(LIFETIME);
        let run = bench.claim("r3").await;
        assert_eq!(next_row(&run), LARGE, "{action}");
        assert_eq!(bench.aws.open_uploads(BUCKET).len(), 1, "{action}");
    }
}

#[tokio::test]
async fn a_suspension_whose_answer_is_lost_is_recognised() {
    for times in [1, 3] {
        let bench = Bench::start().await;
        let mut run = bench.claim("r1").await;
        write(&mut run, 0..LARGE).await.unwrap();
        bench.aws.inject(
            Fault::lose_answer("PutObject")
                .on("tickets/_open/")
                .times(times),
        );
        run.suspend(progress(LARGE)).await.unwrap();
        bench.aws.heal();
        assert_eq!(next_row(&*bench.claim("r2").await), LARGE);
    }
}

#[tokio::test]
async fn a_suspension_that_nobody_can_tell_of_waits_until_the_run_expires() {
    for happened in [false, true] {
        let bench = Bench::start().await;
        let mut run = bench.claim("r1").await;
        write(&mut run, 0..LARGE).await.unwrap();
        bench.aws.inject(if happened {
            Fault::lose_answer("PutObject").on("tickets/_open/")
        } else {
            Fault::internal_error("PutObject").on("tickets/_open/")
        });
        bench
            .aws
            .inject(Fault::internal_error("GetObject").on("tickets/_open/"));
        let error = run.suspend(progress(LARGE)).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        bench.aws.heal();
        assert_eq!(bench.aws.open_uploads(BUCKET).len(), 1, "{happened}");
        bench.pass(LIFETIME);
        let next = bench.claim("r2").await;
        assert_eq!(next_row(&next), if happened { LARGE } else { 0 });
        assert_eq!(
            bench.aws.open_uploads(BUCKET).len(),
            usize::from(happened),
            "{happened}"
        );
    }
}

#[tokio::test]
async fn storms_of_refusals_cost_no_row() {
    for seed in 0..12 {
        let bench = Bench::seeded(seed).await;
        bench
            .aws
            .inject(Fault::slow_down("*").with_probability(0.35));
        let mut committed = None;
        for nth in 0..6 {
            match bench.invoke(&format!("s{nth}")).await {
                Ok(Some(manifest)) => {
                    committed = Some(manifest);
                    break;
                }
                Ok(None) => {}
                Err(error) => assert!(error.is_transient(), "seed {seed}: {error}"),
            }
            bench.pass(LIFETIME);
        }
        bench.aws.heal();
        let manifest = match committed {
            Some(manifest) => manifest,
            None => bench.finish(&format!("seed {seed}")).await,
        };
        bench.assert_rows(&manifest, 0..ALL, &format!("seed {seed}"));
        bench.pass(LIFETIME);
        bench.run("last", SMALL).await.unwrap();
        bench.assert_settled(&format!("seed {seed}"));
    }
}

#[tokio::test]
async fn a_bad_row_is_numbered_through_all_legs() {
    let bench = Bench::start().await;
    bench.suspended(bench.spec("r1"), 0..SMALL).await;
    let mut run = bench.claim("r2").await;
    run.write(row(SMALL).as_bytes()).await.unwrap();
    let error = run.write(b"{").await.unwrap_err();
    assert!(
        matches!(error, Error::InvalidRow { number, .. } if number == SMALL + 2),
        "{error}"
    );
}
