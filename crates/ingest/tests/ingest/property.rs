//! Whatever happens to its legs, a run holds each row once and in order.

use std::sync::Arc;

use ingest::{Error, Pulled};
use proptest::prelude::*;

use crate::harness::{Bench, LIFETIME, complete};
use crate::refine::Sieve;
use crate::script::{Leg, Part, Platform, Then};

/// What becomes of a leg.
#[derive(Debug, Clone, Copy)]
enum Fate {
    TimeIsUp,
    Fails { lasting: bool, requests: u64 },
    Dies,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        4 => (0_usize..12).prop_map(Part::Rows),
        2 => (0_usize..6).prop_map(Part::Children),
        1 => any::<bool>().prop_map(|lasting| Part::Gap { lasting }),
        1 => Just(Part::Vanished),
    ];
    proptest::collection::vec(part, 1..16)
}

fn legs() -> impl Strategy<Value = Vec<(usize, usize, Fate)>> {
    let fate = prop_oneof![
        4 => Just(Fate::TimeIsUp),
        2 => (any::<bool>(), prop_oneof![Just(1_u64), Just(30)])
            .prop_map(|(lasting, requests)| Fate::Fails { lasting, requests }),
        1 => Just(Fate::Dies),
    ];
    proptest::collection::vec((0_usize..5, 0_usize..3, fate), 0..6)
}

async fn lives(parts: &[Part], legs: &[(usize, usize, Fate)]) {
    let bench = Bench::start().await;
    let mut platform = Platform::of(parts);
    let mut nth = 0;
    let mut manifest = None;
    for (pieces, ahead, fate) in legs {
        nth += 1;
        let run = format!("a{nth}");
        let leg = Leg {
            ahead: *ahead,
            ..Leg::of(*pieces)
        };
        let ended = match *fate {
            Fate::Dies => {
                let mut pull = bench.pull(bench.spec(&run));
                pull.stops = crate::harness::stops(std::time::Duration::from_mins(1));
                platform.leg = leg;
                platform.silent = Arc::default();
                let silent = platform.silent.clone();
                let mut sieve = Sieve::every(4);
                let ended = tokio::select! {
                    () = silent.notified() => None,
                    ended = pull.run(&mut platform, &mut sieve) => Some(ended),
                };
                bench.time.advance(LIFETIME);
                ended
            }
            Fate::TimeIsUp => {
                let mut sieve = Sieve::every(4);
                Some(bench.leg_with(&run, &mut platform, leg, &mut sieve).await)
            }
            Fate::Fails { lasting, requests } => {
                let error = engine::Error::new(engine::Kind::Upstream, "failed");
                let error = if lasting { error.lasting() } else { error };
                let leg = Leg {
                    requests,
                    then: Then::Failure(error),
                    ..leg
                };
                let mut sieve = Sieve::every(4);
                Some(bench.leg_with(&run, &mut platform, leg, &mut sieve).await)
            }
        };
        match ended {
            Some(Ok(Pulled::Partial { .. }) | Err(Error::NoTime | Error::Source(_))) | None => {
                bench.assert_nothing_visible();
            }
            Some(Ok(pulled)) => {
                manifest = Some(complete(pulled));
                break;
            }
            Some(Err(error)) => panic!("{error}"),
        }
    }
    let manifest = if let Some(manifest) = manifest {
        manifest
    } else {
        let mut sieve = Sieve::every(4);
        let last = bench
            .leg_with("z", &mut platform, Leg::whole(), &mut sieve)
            .await;
        complete(last.unwrap())
    };
    let sieve = Sieve::every(4);
    let rows = platform.rows().into_iter().zip(1..);
    let kept: Vec<String> = rows
        .filter_map(|(row, number)| sieve.keeps(number).then_some(row))
        .collect();
    assert_eq!(bench.rows_of(&manifest), kept);
    assert_eq!(manifest.rows as usize, kept.len());
    let gaps = parts.iter().filter(|part| matches!(part, Part::Gap { .. }));
    assert_eq!(manifest.reasons.len(), gaps.count());
    bench.assert_settled("at the end");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_row_is_committed_once_and_in_order(parts in parts(), legs in legs()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(lives(&parts, &legs));
    }
}
