use jiff::SignedDuration;
use lake::Begin;
use simulators::aws::Hang;

use crate::harness::{Bench, LARGE, LIFETIME, SMALL};

#[tokio::test]
async fn a_process_killed_anywhere_leaves_the_previous_run_and_the_next_one_clears_up() {
    for rows in [SMALL, LARGE] {
        for how in [Hang::BeforeEffect, Hang::AfterEffect] {
            let mut points = 0;
            for nth in 1.. {
                let case = format!("{rows} rows, request {nth}, {how:?}");
                let bench = Bench::start().await;
                bench.run("r1", rows).await.unwrap();
                bench.pass(SignedDuration::from_mins(1));
                if !bench.run_killed_at("r2", rows, nth, how).await {
                    break;
                }
                points += 1;

                let seen = bench.read_latest();
                assert!(["r1", "r2"].contains(&seen.run.as_str()), "{case}");
                bench.pass(LIFETIME);
                let next = bench.run("r3", rows).await.unwrap();
                assert_eq!(next.rows, rows, "{case}");
                assert_eq!(bench.read_latest().run.as_str(), "r3", "{case}");
                bench.assert_settled(&case);
                if seen.run.as_str() == "r2" {
                    bench.check_objects(&seen);
                }
            }
            assert!(points >= 5, "{rows} rows have {points} points");
        }
    }
}

#[tokio::test]
async fn the_same_run_started_again_after_a_kill_waits_then_takes_over() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        for nth in 1.. {
            let case = format!("request {nth}, {how:?}");
            let bench = Bench::start().await;
            let spec = bench.spec("r2");
            if !bench.run_killed_at("r2", LARGE, nth, how).await {
                break;
            }
            let opened = !bench.keys_with("/_open/").is_empty();
            let pointed = bench.pointer().await.is_some();
            match bench.lake.begin(spec).await.unwrap() {
                Begin::Claimed(run) => {
                    assert!(!opened, "{case}");
                    run.abandon().await.unwrap();
                }
                Begin::Busy { .. } => assert!(opened && !pointed, "{case}"),
                Begin::Finished(_) => assert!(pointed, "{case}"),
                Begin::Parked => panic!("{case}"),
            }
            bench.pass(LIFETIME + SignedDuration::from_mins(1));
            bench.run("r2", LARGE).await.unwrap();
            assert_eq!(bench.read_latest().rows, LARGE, "{case}");
            assert_eq!(bench.keys_with("dt=").len(), 1, "{case}");
            bench.assert_settled(&case);
        }
    }
}

#[tokio::test]
async fn a_process_killed_while_it_clears_up_is_cleared_up_after() {
    // 4: parts sent; then object, manifest and pointer are there, in turn.
    for first in [4, 10, 11, 12, 13, 14] {
        for how in [Hang::BeforeEffect, Hang::AfterEffect] {
            for nth in 1.. {
                let case = format!("first at {first}, then at {nth}, {how:?}");
                let bench = Bench::start().await;
                bench.run("r1", SMALL).await.unwrap();
                bench.pass(SignedDuration::from_mins(1));
                let interrupted = bench
                    .run_killed_at("r2", LARGE, first, Hang::AfterEffect)
                    .await;
                bench.pass(LIFETIME);
                if !bench.run_killed_at("r3", SMALL, nth, how).await {
                    break;
                }
                bench.read_latest();
                bench.pass(LIFETIME);
                bench.run("r4", SMALL).await.unwrap();
                assert_eq!(bench.read_latest().run.as_str(), "r4", "{case}");
                bench.assert_settled(&case);
                if !interrupted {
                    break;
                }
            }
        }
    }
}
