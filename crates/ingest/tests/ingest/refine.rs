//! Rows that change on their way.

use std::borrow::Cow;

use engine::Used;
use ingest::{Error, Refine};
use serde_json::value::{RawValue, to_raw_value};

use crate::harness::{Bench, complete, partial};
use crate::script::{Leg, Part, Platform};

/// Leaves out every `nth` row, and counts over all legs.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    pub(crate) nth: u64,
    pub(crate) seen: u64,
    pub(crate) left_out: u64,
    pub(crate) told: Vec<(u64, u64)>,
}

impl Sieve {
    pub(crate) fn every(nth: u64) -> Self {
        Self {
            nth,
            ..Self::default()
        }
    }

    pub(crate) fn keeps(&self, number: u64) -> bool {
        !number.is_multiple_of(self.nth)
    }
}

impl Refine for Sieve {
    fn row<'r>(&mut self, row: &'r RawValue) -> Option<Cow<'r, str>> {
        self.seen += 1;
        if self.keeps(self.seen) {
            return Some(Cow::Borrowed(row.get()));
        }
        self.left_out += 1;
        None
    }

    fn save(&self) -> Option<Box<RawValue>> {
        to_raw_value(&(self.seen, self.left_out)).ok()
    }

    fn restore(&mut self, saved: &RawValue) -> bool {
        let saved = serde_json::from_str(saved.get());
        saved.is_ok_and(|saved| {
            (self.seen, self.left_out) = saved;
            true
        })
    }

    fn wrote(&mut self, rows: u64, used: Used) {
        self.told.push((rows, used.requests));
    }
}

struct Put(&'static str);

impl Refine for Put {
    fn row<'r>(&mut self, row: &'r RawValue) -> Option<Cow<'r, str>> {
        Some(Cow::Owned(format!("{}{}", self.0, &row.get()[1..])))
    }

    fn save(&self) -> Option<Box<RawValue>> {
        to_raw_value(self.0).ok()
    }

    fn restore(&mut self, saved: &RawValue) -> bool {
        saved.get().len() == self.0.len() + 2
    }
}

#[tokio::test]
async fn what_a_refinement_counts_lasts_over_legs() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(6, 5);
    let mut first = Sieve::every(3);
    let ended = bench
        .leg_with("a1", &mut platform, Leg::of(3), &mut first)
        .await;
    assert_eq!(partial(ended.unwrap()).0, 10);
    assert_eq!(first.told, [(4, 1), (7, 2), (10, 3)]);
    let mut second = Sieve::every(3);
    let ended = bench
        .leg_with("a2", &mut platform, Leg::whole(), &mut second)
        .await;
    let manifest = complete(ended.unwrap());
    assert_eq!((second.seen, second.left_out), (30, 10));
    assert_eq!(second.told, [(14, 4), (17, 5), (20, 6)]);
    let kept = platform.rows().into_iter().zip(1..);
    let kept: Vec<String> = kept
        .filter_map(|(row, number)| second.keeps(number).then_some(row))
        .collect();
    assert_eq!(bench.rows_of(&manifest), kept);
}

#[tokio::test]
async fn a_refinement_sees_the_parent_and_may_rewrite_the_row() {
    let bench = Bench::start().await;
    let mut platform = Platform::of(&[Part::Rows(1), Part::Children(1)]);
    let mut put = Put(r#"{"_external_id":"x","#);
    let ended = bench
        .leg_with("a1", &mut platform, Leg::whole(), &mut put)
        .await;
    let rows = bench.rows_of(&complete(ended.unwrap()));
    let expected = platform.rows();
    let expected = expected.iter().map(|row| format!("{}{}", put.0, &row[1..]));
    assert_eq!(rows, expected.collect::<Vec<_>>());
    assert!(rows[1].contains("\"parentId\":\"1\""));
}

#[tokio::test]
async fn a_row_that_is_made_no_json_is_refused() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(1, 1);
    let ended = bench
        .leg_with("a1", &mut platform, Leg::whole(), &mut Put("{{"))
        .await;
    let invalid = matches!(
        ended,
        Err(Error::Lake(lake::Error::InvalidRow { number: 1, .. }))
    );
    assert!(invalid, "{ended:?}");
    bench.assert_settled("nothing was written");
}

#[tokio::test]
async fn a_refinement_that_does_not_know_what_was_saved_starts_the_run_over() {
    let bench = Bench::start().await;
    let mut platform = Platform::of_pieces(4, 5);
    let ended = bench
        .leg_with("a1", &mut platform, Leg::of(2), &mut Put(r#"{"a":1,"#))
        .await;
    partial(ended.unwrap());
    let mut other = Put(r#"{"longer":1,"#);
    let ended = bench
        .leg_with("a2", &mut platform, Leg::whole(), &mut other)
        .await;
    assert!(matches!(ended, Err(Error::Checkpoint)), "{ended:?}");
    let ended = bench
        .leg_with("a3", &mut platform, Leg::whole(), &mut other)
        .await;
    assert_eq!(complete(ended.unwrap()).rows, 20);
}
