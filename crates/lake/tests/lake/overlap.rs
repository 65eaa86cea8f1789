use clock::Clock as _;
use jiff::{SignedDuration, Timestamp};
use lake::{Begin, Error, RunSpec};
use simulators::aws::Fault;

use crate::harness::{
    Bench, LARGE, LATEST, LIFETIME, REPORT, SMALL, claimed, fill, id, outcome, row,
};

#[tokio::test]
async fn runs_that_overlap_all_succeed_and_the_newest_is_shown() {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for order in orders {
        let bench = Bench::start().await;
        let mut runs = vec![];
        for name in ["r0", "r1", "r2"] {
            runs.push(Some(bench.claim(name).await));
            bench.pass(SignedDuration::from_mins(1));
        }
        // The middle one reached furthest.
        let start: Timestamp = "2026-03-04T04:00:00Z".parse().unwrap();
        let until = [1, 9, 5].map(|hours| start + SignedDuration::from_hours(hours));
        for which in order {
            let run = runs[which].take().unwrap();
            fill(run, LARGE, until[which]).await.unwrap();
        }
        let pointer = bench.pointer().await.unwrap();
        assert_eq!(pointer.run.as_str(), "r2", "{order:?}");
        assert_eq!(pointer.watermark, Some(until[1]), "{order:?}");
        assert_eq!(bench.keys_with("dt=").len(), 3, "{order:?}");
        bench.read_latest();
        bench.assert_settled("overlap");
    }
}

#[tokio::test]
async fn runs_that_commit_at_the_same_moment_all_succeed() {
    let bench = Bench::start().await;
    bench
        .aws
        .inject(Fault::conflict("PutObject").on(LATEST).times(4));
    let mut runs = vec![];
    for name in ["r0", "r1", "r2", "r3"] {
        runs.push(bench.claim(name).await);
        bench.pass(SignedDuration::from_mins(1));
    }
    let now = bench.clock.now();
    let commits: Vec<_> = runs
        .into_iter()
        .map(|run| tokio::spawn(fill(run, SMALL, now)))
        .collect();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    assert_eq!(bench.read_latest().run.as_str(), "r3");
    assert_eq!(bench.keys_with("dt=").len(), 4);
    bench.assert_settled("together");
}

#[tokio::test]
async fn the_same_run_twice_is_one_run() {
    let bench = Bench::start().await;
    let (one, other) = tokio::join!(
        bench.lake.begin(bench.spec("r1")),
        bench.lake.begin(bench.spec("r1"))
    );
    let (run, busy) = match (one.unwrap(), other.unwrap()) {
        (Begin::Claimed(run), busy) | (busy, Begin::Claimed(run)) => (run, busy),
        neither => panic!("{neither:?}"),
    };
    let Begin::Busy { until } = busy else {
        panic!("{busy:?}")
    };
    assert_eq!(until, bench.clock.now() + LIFETIME);
    let run_id = id("r1");
    assert_eq!(bench.lake.finished(REPORT, &run_id).await.unwrap(), None);

    let manifest = fill(run, LARGE, bench.clock.now()).await.unwrap();
    bench.pass(SignedDuration::from_mins(1));
    match bench.lake.begin(bench.spec("r1")).await.unwrap() {
        Begin::Finished(found) => assert_eq!(*found, manifest),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.keys_with("dt="), [manifest.key]);
    bench.assert_settled("twice");
}

#[tokio::test]
async fn a_process_that_outlived_its_time_does_not_disturb_its_successor() {
    let bench = Bench::start().await;
    let spec = bench.spec("r1");
    let mut slow = claimed(bench.lake.begin(spec.clone()).await.unwrap());
    for number in 0..LARGE {
        slow.write(row(number).as_bytes()).await.unwrap();
    }
    bench.pass(LIFETIME);
    let successor = RunSpec {
        expires_at: bench.clock.now() + LIFETIME,
        ..spec
    };
    let successor = claimed(bench.lake.begin(successor).await.unwrap());
    let manifest = fill(successor, SMALL, bench.clock.now()).await.unwrap();

    let error = slow.commit(outcome(bench.clock.now())).await.unwrap_err();
    assert!(matches!(error, Error::Expired { .. }), "{error}");
    assert_eq!(bench.read_latest(), manifest);
    bench.assert_settled("outlived");
}
