//! Platforms and buckets that fail.

use engine::{Kind, Mode};
use ingest::{AsIs, Error, Pulled, Span, State};
use lake::Begin;
use serde_json::value::RawValue;
use simulators::aws::Fault;

use crate::harness::{Bench, complete, partial};
use crate::script::{Leg, Part, Platform};

fn upstream() -> engine::Error {
    engine::Error::new(Kind::Upstream, "the platform failed")
}

#[tokio::test]
async fn a_passing_failure_keeps_what_was_worth_reading() {
    for (requests, ahead, kept) in [(10, 0, Some("2")), (10, 1, Some("3")), (9, 0, None)] {
        let bench = Bench::start().await;
        let mut platform = Platform::of_pieces(5, 5);
        let failing = Leg {
            ahead,
            requests,
            ..Leg::failing(2, upstream())
        };
        let error = bench.leg("a1", &mut platform, failing).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        bench.assert_nothing_visible();
        let rest = bench.leg("a2", &mut platform, Leg::whole()).await.unwrap();
        assert_eq!(platform.opened[1].0.as_deref(), kept, "{requests} {ahead}");
        assert_eq!(bench.rows_of(&complete(rest)), platform.rows());
        bench.assert_settled("after a failure");
    }
}

#[tokio::test]
async fn many_rows_are_worth_keeping_whatever_they_cost() {
    for (rows, kept) in [(10_000, Some("1")), (9_999, None)] {
        let mut bench = Bench::start().await;
        bench.lake = bench.lake.clone().with_part_bytes(64 << 10);
        let mut platform = Platform::of(&[Part::Rows(rows), Part::Rows(1)]);
        let failing = Leg::failing(1, upstream());
        bench.leg("a1", &mut platform, failing).await.unwrap_err();
        bench.leg("a2", &mut platform, Leg::whole()).await.unwrap();
        assert_eq!(platform.opened[1].0.as_deref(), kept);
    }
}

#[tokio::test]
async fn a_lasting_failure_undoes_its_leg_and_no_other() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(6, 5);
    partial(bench.leg("a1", &mut platform, Leg::of(2)).await.unwrap());
    let failing = Leg {
        requests: 50,
        ..Leg::failing(2, upstream().lasting())
    };
    let error = bench.leg("a2", &mut platform, failing).await.unwrap_err();
    assert!(!error.is_transient());
    let rest = complete(bench.leg("a3", &mut platform, Leg::whole()).await.unwrap());
    assert_eq!(platform.opened[2].0.as_deref(), Some("2"));
    assert_eq!(bench.rows_of(&rest), platform.rows());
}

#[tokio::test]
async fn a_platform_that_runs_out_of_time_pauses_the_run() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(4, 5);
    let late = || engine::Error::new(Kind::DeadlineExceeded, "no answer in time");
    let ended = bench
        .leg("a1", &mut platform, Leg::failing(2, late()))
        .await;
    assert_eq!(partial(ended.unwrap()).0, 10);
    let stuck = bench
        .leg("a2", &mut platform, Leg::failing(0, late()))
        .await;
    assert!(matches!(stuck, Err(Error::Source(_))), "{stuck:?}");
    let rest = complete(bench.leg("a3", &mut platform, Leg::whole()).await.unwrap());
    assert_eq!(bench.rows_of(&rest), platform.rows());
}

#[tokio::test]
async fn a_platform_that_does_not_open_leaves_the_checkpoint() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(4, 5);
    partial(bench.leg("a1", &mut platform, Leg::of(2)).await.unwrap());
    platform.refuses = Some(engine::Error::new(
        Kind::AuthRequired,
        "new credentials, please",
    ));
    let error = bench
        .leg("a2", &mut platform, Leg::whole())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Source(_)), "{error}");
    let rest = complete(bench.leg("a3", &mut platform, Leg::whole()).await.unwrap());
    assert_eq!(platform.opened[2].0.as_deref(), Some("2"));
    assert_eq!(bench.rows_of(&rest), platform.rows());
}

#[tokio::test]
async fn a_place_that_is_forgotten_starts_the_run_over() {
    let forgets: [fn(&mut Platform) -> Leg; 3] = [
        |platform| {
            platform.refuses = Some(engine::Error::position_unknown());
            Leg::whole()
        },
        |platform| {
            platform.refuses = Some(engine::Error::new(Kind::Internal, "a defect"));
            Leg::whole()
        },
        |_| Leg::failing(1, engine::Error::position_unknown()),
    ];
    for forget in forgets {
        let bench = Bench::start().await;
        let mut platform = Platform::of_pieces(4, 5);
        partial(bench.leg("a1", &mut platform, Leg::of(2)).await.unwrap());
        let leg = forget(&mut platform);
        let error = bench.leg("a2", &mut platform, leg).await.unwrap_err();
        assert!(matches!(error, Error::Checkpoint) && error.is_transient());
        bench.assert_settled("dropped");
        let whole = complete(bench.leg("a3", &mut platform, Leg::whole()).await.unwrap());
        assert_eq!(platform.opened[2].0, None);
        assert_eq!(bench.rows_of(&whole), platform.rows());
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_version_starts_the_run_over() {
    let bench = Bench::start().await;
    let Begin::Claimed(mut older) = bench.lake.begin(bench.spec("a1")).await.unwrap() else {
        panic!("not claimed");
    };
    older.write(b"{}").await.unwrap();
    let progress = RawValue::from_string(r#"{"version":1,"position":{}}"#.to_owned()).unwrap();
    older.suspend(progress).await.unwrap();
    let mut platform = Platform::of_pieces(2, 5);
    let error = bench
        .leg("a2", &mut platform, Leg::whole())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Checkpoint), "{error}");
    assert!(platform.opened.is_empty());
    let whole = complete(bench.leg("a3", &mut platform, Leg::whole()).await.unwrap());
    assert_eq!(bench.rows_of(&whole), platform.rows());
}

#[tokio::test]
async fn gaps_make_a_run_incomplete_and_those_that_may_close_hold_it_back() {
    for (lasting, moves) in [(true, true), (false, false)] {
        let bench = Bench::start().await;
        let mut platform = Platform::of(&[
            Part::Rows(2),
            Part::Gap { lasting },
            Part::Rows(2),
            Part::Gap { lasting: true },
        ]);
        // The gap is found by another leg than the one that commits.
        partial(bench.leg("a1", &mut platform, Leg::of(2)).await.unwrap());
        let pulled = bench.leg("a2", &mut platform, Leg::whole()).await.unwrap();
        let Pulled::Complete {
            manifest, state, ..
        } = pulled
        else {
            panic!("{pulled:?}");
        };
        assert!(!manifest.complete);
        let reasons = ["rows of piece 1 are missing", "rows of piece 3 are missing"];
        assert_eq!(manifest.reasons, reasons);
        let watermark = bench.pointer().await.unwrap().watermark;
        assert_eq!(watermark.is_some(), moves);
        assert_eq!(matches!(state, State::Next(_)), moves, "{state:?}");
        assert_eq!(matches!(state, State::AsBefore), !moves, "{state:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_refuses_leaves_nothing_visible_and_no_leg() {
    for action in ["PutObject", "UploadPart", "CompleteMultipartUpload"] {
        let bench = Bench::start().await;
        let mut platform = Platform::of_pieces(4, 20);
        partial(bench.leg("a1", &mut platform, Leg::of(2)).await.unwrap());
        bench.aws.inject(Fault::deny(action).on("things/dt="));
        let error = bench
            .leg("a2", &mut platform, Leg::whole())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Lake(_)), "{action}: {error}");
        assert!(bench.pointer().await.is_none());
        bench.aws.heal();
        let rest = complete(bench.leg("a3", &mut platform, Leg::whole()).await.unwrap());
        assert_eq!(bench.rows_of(&rest), platform.rows(), "{action}");
        bench.assert_settled(action);
    }
}

#[tokio::test]
async fn an_incremental_run_says_so() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(1, 1);
    let mut pull = bench.pull(bench.spec("a1"));
    pull.span = Span::new(Mode::Incremental, pull.span.until);
    let pulled = pull.run(&mut platform, &mut AsIs).await.unwrap();
    assert_eq!(complete(pulled).mode, lake::Mode::Incremental);
}
