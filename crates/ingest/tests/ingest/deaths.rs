//! Processes that die.

use std::sync::Arc;

use ingest::AsIs;
use simulators::aws::Hang;

use crate::harness::{Bench, LIFETIME, complete, partial, stops};
use crate::script::{Leg, Platform};

const PIECES: usize = 6;

impl Bench {
    /// Starts a leg of run `run` and kills it once its platform fell silent, or at its `nth` write.
    pub(crate) async fn dies(&self, platform: &mut Platform, leg: Leg, run: &str) -> bool {
        let mut pull = self.pull(self.spec(run));
        pull.stops = stops(std::time::Duration::from_mins(1));
        platform.leg = leg;
        // Not the one that a leg before told.
        platform.silent = Arc::default();
        let silent = platform.silent.clone();
        let mut as_is = AsIs;
        let died = tokio::select! {
            () = self.aws.hung() => true,
            () = silent.notified() => true,
            ended = pull.run(platform, &mut as_is) => {
                ended.unwrap();
                false
            }
        };
        self.aws.heal();
        died
    }
}

#[tokio::test]
async fn a_process_that_dies_while_reading_costs_only_its_leg() {
    for legs_before in [0, 1] {
        let bench = Bench::start().await;
        let mut platform = Platform::of_pieces(PIECES, 10);
        for _ in 0..legs_before {
            partial(bench.leg("a1", &mut platform, Leg::of(2)).await.unwrap());
        }
        assert!(bench.dies(&mut platform, Leg::of(2), "a2").await);
        bench.assert_nothing_visible();
        bench.time.advance(LIFETIME);
        let rest = complete(bench.leg("a3", &mut platform, Leg::whole()).await.unwrap());
        assert_eq!(bench.rows_of(&rest), platform.rows());
        let place = platform.opened.last().unwrap().0.clone();
        assert_eq!(place.is_some(), legs_before == 1);
        bench.assert_settled("died while reading");
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_write_costs_no_row_and_doubles_none() {
    for how in [Hang::BeforeEffect, Hang::AfterEffect] {
        for nth in 1.. {
            let case = format!("{how:?} at write {nth}");
            let bench = Bench::start().await;
            let mut platform = Platform::of_pieces(PIECES, 10);
            partial(bench.leg("a1", &mut platform, Leg::of(2)).await.unwrap());
            let writes = bench.aws.mutations();
            bench.aws.hang_from(writes + nth, how);
            let died = bench.dies(&mut platform, Leg::whole(), "a2").await;
            bench.time.advance(LIFETIME);
            let next = bench.leg("a3", &mut platform, Leg::whole()).await.unwrap();
            assert_eq!(bench.rows_of(&complete(next)), platform.rows(), "{case}");
            let pointer = bench.pointer().await.unwrap();
            assert!(pointer.complete, "{case}");
            bench.assert_settled(&case);
            if !died {
                assert!(nth > 5, "record, parts, object, manifest, pointer: {nth}");
                break;
            }
        }
    }
}
