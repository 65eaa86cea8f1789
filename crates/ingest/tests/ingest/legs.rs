//! Runs that take several processes.

use engine::Mode;
use ingest::{AsIs, Error, Pulled, Span, State, outcome_of_parts};
use lake::{Begin, Gathered, RunId};

use crate::harness::{Bench, at, complete, partial};
use crate::script::{Leg, Part, Platform};

#[tokio::test]
async fn a_stream_that_is_read_in_one_go_is_one_visible_run() {
    let bench = Bench::start().await;
    let mut platform = Platform::of(&[
        Part::Rows(3),
        Part::Children(2),
        Part::Vanished,
        Part::Rows(40),
    ]);
    let pulled = bench.leg("a1", &mut platform, Leg::whole()).await.unwrap();
    let Pulled::Complete {
        manifest,
        state: State::Next(state),
        used,
    } = pulled
    else {
        panic!("{pulled:?}");
    };
    assert_eq!(bench.rows_of(&manifest), platform.rows());
    assert_eq!((manifest.rows, manifest.legs, used.requests), (45, 1, 4));
    assert_eq!(state.get(), "\"after 4\"");
    assert!(manifest.complete);
    assert_eq!(
        manifest.warnings,
        ["1 parent records were deleted while the report ran"]
    );
    let pointer = bench.pointer().await.unwrap();
    assert_eq!(pointer.watermark, Some(at("2026-03-04T05:00:00Z")));
    assert_eq!(platform.opened, [(None, at("2026-03-04T05:00:00Z"))]);
    bench.assert_settled("one leg");
}

#[tokio::test]
async fn a_run_that_outlives_its_processes_goes_on_where_it_was() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(9, 5);
    for (nth, rows) in [(1, 15), (2, 30)] {
        let ended = bench
            .leg(&format!("a{nth}"), &mut platform, Leg::of(3))
            .await;
        assert_eq!(partial(ended.unwrap()), (rows, nth));
        bench.assert_nothing_visible();
    }
    let pulled = bench.leg("a3", &mut platform, Leg::whole()).await.unwrap();
    let Pulled::Complete { used, .. } = &pulled else {
        panic!("{pulled:?}");
    };
    assert_eq!((used.requests, used.credits), (9, 9), "all legs together");
    let manifest = complete(pulled);
    assert_eq!(bench.rows_of(&manifest), platform.rows());
    assert_eq!((manifest.legs, manifest.keys.len()), (3, 3));
    assert_eq!(manifest.run.as_str(), "a1");
    let began = at("2026-03-04T05:00:00Z");
    assert_eq!(manifest.until, began, "the first leg's span counts");
    let resumed = |place: &str| (Some(place.to_owned()), began);
    assert_eq!(platform.opened, [(None, began), resumed("3"), resumed("6")]);
    bench.assert_settled("three legs");
}

#[tokio::test]
async fn what_is_ready_when_time_is_up_is_written_before_the_place_is_taken() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(6, 5);
    let ahead = Leg {
        ahead: 2,
        ..Leg::of(1)
    };
    let ended = bench.leg("a1", &mut platform, ahead).await;
    assert_eq!(partial(ended.unwrap()).0, 15);
    let manifest = complete(bench.leg("a2", &mut platform, Leg::whole()).await.unwrap());
    assert_eq!(platform.opened[1].0.as_deref(), Some("3"));
    assert_eq!(bench.rows_of(&manifest), platform.rows());
}

#[tokio::test]
async fn a_leg_that_gets_nowhere_fails_and_keeps_what_there_was() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(4, 5);
    let first = bench.leg("a1", &mut platform, Leg::of(0)).await;
    assert!(matches!(first, Err(Error::NoTime)), "{first:?}");
    bench.assert_settled("nothing was begun");
    partial(bench.leg("a2", &mut platform, Leg::of(2)).await.unwrap());
    let stuck = bench
        .leg("a3", &mut platform, Leg::of(0))
        .await
        .unwrap_err();
    assert!(matches!(stuck, Error::NoTime) && stuck.is_transient());
    let manifest = complete(bench.leg("a4", &mut platform, Leg::whole()).await.unwrap());
    assert_eq!(bench.rows_of(&manifest), platform.rows());
    assert_eq!(manifest.run.as_str(), "a2");
}

#[tokio::test]
async fn a_platform_that_does_not_open_in_time_leaves_nothing() {
    struct Deaf;
    impl ingest::Work for Deaf {
        fn open<'a>(
            &'a mut self,
            _: Option<&'a serde_json::value::RawValue>,
            _: jiff::Timestamp,
        ) -> futures_util::future::BoxFuture<'a, Result<Box<dyn engine::Reader>, engine::Error>>
        {
            Box::pin(futures_util::future::pending())
        }
    }
    let bench = Bench::start().await;
    let mut pull = bench.pull(bench.spec("a1"));
    pull.stops = crate::harness::stops(std::time::Duration::from_millis(100));
    let ended = pull.run(&mut Deaf, &mut AsIs).await;
    assert!(matches!(ended, Err(Error::NoTime)), "{ended:?}");
    bench.assert_settled("never opened");
}

#[tokio::test]
async fn a_run_that_another_process_is_at_is_not_read_twice() {
    let bench = Bench::start().await;
    let held = bench.lake.begin(bench.spec("a1")).await.unwrap();
    assert!(matches!(held, Begin::Claimed(_)));
    let mut platform = Platform::of_pieces(1, 1);
    let busy = bench.leg("a1", &mut platform, Leg::whole()).await;
    let Err(Error::Busy { until }) = busy else {
        panic!("{busy:?}");
    };
    assert_eq!(until, at("2026-03-04T05:15:00Z"));
    assert!(platform.opened.is_empty());
}

#[tokio::test]
async fn a_busy_run_is_waited_for_while_there_is_time() {
    let bench = Bench::start().await;
    let Begin::Claimed(held) = bench.lake.begin(bench.spec("a1")).await.unwrap() else {
        panic!("not claimed");
    };
    let mut pull = bench.pull(bench.spec("a1"));
    pull.ends_at = at("2026-03-04T05:10:00Z");
    pull.stops = crate::harness::stops(std::time::Duration::from_mins(1));
    let mut platform = Platform::of_pieces(1, 1);
    let mut as_is = AsIs;
    let (pulled, ()) = tokio::join!(pull.run(&mut platform, &mut as_is), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        held.abandon().await.unwrap();
    });
    assert_eq!(complete(pulled.unwrap()).rows, 1);
}

#[tokio::test]
async fn a_run_that_was_committed_before_is_not_read_again() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(2, 2);
    let first = complete(bench.leg("a1", &mut platform, Leg::whole()).await.unwrap());
    let again = bench.leg("a1", &mut platform, Leg::whole()).await.unwrap();
    let Pulled::Before(manifest) = again else {
        panic!("{again:?}");
    };
    assert_eq!(manifest, first);
    assert_eq!(platform.opened.len(), 1);
}

#[tokio::test]
async fn parts_of_a_merge_are_parked_and_their_findings_gathered() {
    let bench = Bench::start().await;
    let group = RunId::parse("g").unwrap();
    let parts = ["gw1", "gw2"].map(|part| RunId::parse(part).unwrap());
    for part in &parts {
        let mut spec = bench.spec(part.as_str());
        spec.group = Some(group.clone());
        let mut platform = Platform::of(&[Part::Rows(4), Part::Gap { lasting: true }]);
        let parked = bench.pull(spec.clone()).run(&mut platform, &mut AsIs).await;
        assert!(
            matches!(parked, Ok(Pulled::Parked { rows: 4, .. })),
            "{parked:?}"
        );
        let again = bench.pull(spec).run(&mut platform, &mut AsIs).await;
        assert!(
            matches!(again, Ok(Pulled::Parked { rows: 0, .. })),
            "{again:?}"
        );
    }
    bench.assert_nothing_visible();
    let gathered = bench.lake.gather(bench.spec("g"), &parts).await.unwrap();
    let Gathered::Claimed { run, progress } = gathered else {
        panic!("{gathered:?}");
    };
    let span = Span::new(Mode::Full, at("2026-03-04T06:00:00Z"));
    let outcome = outcome_of_parts(&progress, span).unwrap();
    assert_eq!((outcome.requests, outcome.reasons.len()), (4, 2));
    assert!(!outcome.complete);
    assert_eq!(run.commit(outcome).await.unwrap().rows, 8);
    bench.assert_settled("merged");
}
