//! What every vendor client must do, whatever the vendor. Nothing here knows one: a second vendor
//! takes this file as it is and writes a [`Vendor`] of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

/// The ways in which a client reads many rows. Each case is run over each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walk {
    /// One list, page by page.
    List,
    /// A search cut into pieces that are read side by side.
    Search,
    /// The lists of many parents, side by side.
    Children,
}

pub(crate) const WALKS: [Walk; 3] = [Walk::List, Walk::Search, Walk::Children];

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mishap {
    TooManyCallsAtOnce,
    PoolSpent {
        retry_after_s: u64,
    },
    ServerError,
    ConnectionReset,
    /// Longer than [`Setup::attempt_timeout`].
    Stall,
    TruncatedBody,
    MalformedJson,
    /// A web page with this status.
    Html(u16),
    /// An error as the body of a 200.
    ErrorBody,
    TokenRefused,
    /// The same page whatever the cursor.
    RepeatedPage,
    /// Full pages without end.
    EndlessPages,
    /// Far over [`Setup::max_body`].
    OversizedBody,
    DeepNesting,
}

/// What other users of the account do meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meddling {
    Insert,
    Modify,
    Delete,
}

/// How account and client are set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Rows of the list and the search, and parents of the children.
    pub(crate) rows: u32,
    pub(crate) attempt_timeout: Duration,
    pub(crate) max_body: usize,
    /// Calls the client may have in flight.
    pub(crate) width: u32,
    /// Calls the vendor allows in flight, if fewer.
    pub(crate) vendor_width: Option<u32>,
    /// The vendor's pool of credits and the share of it, percent, that the client must leave.
    pub(crate) pool: Option<(u64, u8)>,
}

impl Setup {
    pub(crate) fn rows(rows: u32) -> Self {
        Self {
            rows,
            attempt_timeout: Duration::from_secs(10),
            max_body: 2 * 1024 * 1024,
            width: 8,
            vendor_width: None,
            pool: None,
        }
    }
}

/// Why a walk ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The pool is spent until some time.
    PoolSpent,
    /// What is left of the pool is not ours.
    Reserved,
    /// No freshly issued token was accepted.
    Unauthorized,
    /// Not the API's host.
    NotTheApi,
    /// The vendor refused, with a code.
    Refused,
    /// The vendor failed to the end of the retries.
    Failing,
    /// An answer made no sense.
    Malformed,
    /// An answer was larger than any honest one.
    TooLarge,
    /// The deadline came.
    Deadline,
}

/// What a walk brought.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The rows' bytes.
    pub(crate) rows: Vec<String>,
    /// What the client itself says is missing.
    pub(crate) gaps: Vec<String>,
    /// Why it ended early, and the message for people.
    pub(crate) end: Option<(End, String)>,
}

/// One vendor's client in front of that vendor's simulator.
pub(crate) trait Vendor: Sized + Sync {
    /// Rows on one page of `walk`.
    fn page(walk: Walk) -> u32;

    fn start(setup: Setup) -> impl Future<Output = Self> + Send;

    /// The next `times` answers go wrong; all of them if `None`.
    fn inject(&self, mishap: Mishap, times: Option<u32>);

    /// Behind each of the next `times` answers this happens to `rows` rows.
    fn meddle(&self, what: Meddling, rows: u32, times: u32);

    /// Every token handed out so far stops working.
    fn expire_tokens(&self);

    /// Walks to the end. `after_first` runs as soon as the first rows are there.
    fn walk(
        &self,
        walk: Walk,
        life: Duration,
        after_first: impl Fn() + Send,
    ) -> impl Future<Output = Walked> + Send;

    /// Bytes of every row that there is.
    fn truth(&self, walk: Walk) -> Vec<String>;

    /// What stays the same when a row changes.
    fn id(row: &str) -> String;

    /// Requests that the vendor counted, without those for tokens.
    fn requests(&self) -> u64;

    /// Tokens that the vendor issued.
    fn tokens_issued(&self) -> u64;

    /// Credits that the vendor has left.
    fn credits_left(&self) -> u64;

    /// Answers by refusal code.
    fn refusals(&self) -> BTreeMap<String, u64>;
}

const LONG: Duration = Duration::from_mins(1);

async fn walked<V: Vendor>(vendor: &V, walk: Walk) -> Walked {
    vendor.walk(walk, LONG, || ()).await
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort_unstable();
    rows
}

/// `found` is the whole truth, byte for byte, and the client claims nothing else.
fn assert_whole<V: Vendor>(vendor: &V, walk: Walk, found: Walked, case: &dyn Debug) {
    assert!(found.end.is_none(), "{walk:?} {case:?}: {:?}", found.end);
    assert!(found.gaps.is_empty(), "{walk:?} {case:?}: {:?}", found.gaps);
    let (rows, truth) = (sorted(found.rows), sorted(vendor.truth(walk)));
    assert_eq!(rows.len(), truth.len(), "{walk:?} {case:?}");
    assert!(rows == truth, "{walk:?} {case:?}: rows differ");
}

/// Ends, and none of the rows that came before is wrong or there twice.
fn assert_honest<V: Vendor>(vendor: &V, walk: Walk, found: &Walked, case: &dyn Debug) {
    let truth: BTreeSet<String> = vendor.truth(walk).into_iter().collect();
    let distinct: BTreeSet<&String> = found.rows.iter().collect();
    assert_eq!(
        distinct.len(),
        found.rows.len(),
        "{walk:?} {case:?}: a row twice"
    );
    assert!(
        found.rows.iter().all(|row| truth.contains(row)),
        "{walk:?} {case:?}: a row that does not exist"
    );
}

/// The client asked for nothing that the vendor does not offer.
fn assert_no_refusals<V: Vendor>(vendor: &V, case: &dyn Debug) {
    let refusals = vendor.refusals();
    assert!(refusals.is_empty(), "{case:?}: {refusals:?}");
}

/// Empty, one row, exactly one page, one more, many.
pub(crate) async fn every_size_is_read_whole_with_few_requests<V: Vendor>() {
    for walk in WALKS {
        let page = V::page(walk);
        let sizes = match walk {
            Walk::Children => vec![0, 1, 40],
            _ => vec![
                0,
                1,
                page - 1,
                page,
                page + 1,
                2 * page,
                2 * page + 1,
                14 * page + 37,
            ],
        };
        for rows in sizes {
            let vendor = V::start(Setup::rows(rows)).await;
            let found = walked(&vendor, walk).await;
            assert_whole(&vendor, walk, found, &rows);
            assert_no_refusals(&vendor, &rows);
            let least = match walk {
                // The list of the parents and one page for each.
                Walk::Children => u64::from(rows + rows.div_ceil(page).max(1)),
                _ => u64::from(rows.div_ceil(page).max(1)),
            };
            let most = least + least / 5 + 1;
            let requests = vendor.requests();
            assert!(
                requests <= most,
                "{walk:?} {rows}: {requests} requests, {most} are enough"
            );
        }
    }
}

/// A passing fault costs requests and no row.
pub(crate) async fn a_passing_fault_costs_a_request_and_no_row<V: Vendor>() {
    for (mishap, times) in [
        (Mishap::TooManyCallsAtOnce, 4),
        (Mishap::ServerError, 4),
        (Mishap::ConnectionReset, 2),
        (Mishap::Stall, 1),
        (Mishap::TruncatedBody, 2),
        (Mishap::MalformedJson, 1),
        (Mishap::Html(200), 1),
        (Mishap::Html(502), 1),
        (Mishap::ErrorBody, 1),
    ] {
        for walk in WALKS {
            let setup = match walk {
                Walk::Children => Setup::rows(30),
                _ => Setup::rows(520),
            };
            let vendor = V::start(Setup {
                attempt_timeout: Duration::from_millis(600),
                ..setup
            })
            .await;
            walked(&vendor, walk).await;
            let untroubled = vendor.requests();

            vendor.inject(mishap, Some(times));
            let found = walked(&vendor, walk).await;
            assert_whole(&vendor, walk, found, &mishap);
            let requests = vendor.requests() - untroubled;
            let most = untroubled + u64::from(times);
            assert!(
                requests <= most,
                "{walk:?} {mishap:?}: {requests} requests, {most} are enough"
            );
            assert!(
                requests > untroubled,
                "{walk:?} {mishap:?}: it never struck"
            );
        }
    }
}

/// A lasting fault ends the walk with an error that names it, soon.
pub(crate) async fn a_lasting_fault_ends_the_walk_with_its_own_error<V: Vendor>() {
    for (mishap, end, most_requests) in [
        (
            Mishap::PoolSpent {
                retry_after_s: 3_600,
            },
            End::PoolSpent,
            8,
        ),
        (Mishap::Html(404), End::NotTheApi, 8),
        (Mishap::ServerError, End::Failing, 48),
        (Mishap::ConnectionReset, End::Failing, 48),
        (Mishap::ErrorBody, End::Failing, 48),
        (Mishap::Html(200), End::Failing, 48),
        (Mishap::MalformedJson, End::Failing, 48),
        (Mishap::TokenRefused, End::Unauthorized, 16),
        (Mishap::OversizedBody, End::TooLarge, 8),
    ] {
        for walk in WALKS {
            let vendor = V::start(Setup::rows(260)).await;
            let started = Instant::now();
            vendor.inject(mishap, None);
            let found = walked(&vendor, walk).await;
            assert_honest(&vendor, walk, &found, &mishap);
            let (ended, message) = found
                .end
                .unwrap_or_else(|| panic!("{walk:?} {mishap:?}: no error"));
            assert_eq!(ended, end, "{walk:?} {mishap:?}: {message}");
            let requests = vendor.requests();
            assert!(
                requests <= most_requests,
                "{walk:?} {mishap:?}: {requests} requests"
            );
            // An oversized answer is given up at the limit; read to its end it would take minutes.
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{walk:?} {mishap:?}"
            );
        }
    }
}

/// A cursor that the vendor ignores, and pages that never end.
pub(crate) async fn pages_that_repeat_are_noticed<V: Vendor>() {
    for mishap in [Mishap::RepeatedPage, Mishap::EndlessPages] {
        for walk in [Walk::List, Walk::Search] {
            let vendor = V::start(Setup::rows(451)).await;
            walked(&vendor, walk).await;
            let untroubled = vendor.requests();
            vendor.inject(mishap, None);
            let found = walked(&vendor, walk).await;
            assert_honest(&vendor, walk, &found, &mishap);
            let requests = vendor.requests() - untroubled;
            assert!(
                requests <= untroubled * 16,
                "{walk:?} {mishap:?}: {requests} requests"
            );
            // Either it says that something is wrong, or it has every row all the same.
            if found.end.is_none() && found.gaps.is_empty() {
                assert_whole(&vendor, walk, found, &mishap);
            }
        }
    }
}

pub(crate) async fn a_deeply_nested_answer_is_refused<V: Vendor>() {
    for walk in WALKS {
        let vendor = V::start(Setup::rows(10)).await;
        vendor.inject(Mishap::DeepNesting, None);
        let found = walked(&vendor, walk).await;
        let (end, message) = found.end.unwrap();
        assert_eq!(end, End::Malformed, "{walk:?}");
        assert!(message.contains("levels deep"), "{walk:?}: {message}");
        assert!(found.rows.is_empty() && vendor.requests() <= 48, "{walk:?}");
    }
}

/// However many calls are in flight when the token dies, one replacement is asked for.
pub(crate) async fn a_token_that_expires_mid_walk_is_replaced_once<V: Vendor>() {
    for walk in WALKS {
        let setup = match walk {
            Walk::Children => Setup::rows(120),
            _ => Setup::rows(1_900),
        };
        let vendor = V::start(setup).await;
        walked(&vendor, walk).await;
        let untroubled = vendor.requests();
        let issued = vendor.tokens_issued();
        let found = vendor.walk(walk, LONG, || vendor.expire_tokens()).await;
        assert_whole(&vendor, walk, found, &"expired token");
        assert_eq!(vendor.tokens_issued() - issued, 1, "{walk:?}");
        let requests = vendor.requests() - untroubled;
        assert!(requests > untroubled, "{walk:?}: the token never expired");
        assert!(
            requests <= untroubled + 8,
            "{walk:?}: {requests}, {untroubled} before"
        );
    }
}

/// Every row that was there throughout is found, none twice.
pub(crate) async fn rows_that_shift_between_pages_are_neither_lost_nor_doubled<V: Vendor>() {
    for what in [Meddling::Insert, Meddling::Modify, Meddling::Delete] {
        for (rows, times) in [(3, 4), (40, 2)] {
            for walk in [Walk::List, Walk::Search] {
                let vendor = V::start(Setup::rows(900)).await;
                let before: BTreeSet<String> = ids::<V>(&vendor.truth(walk));
                vendor.meddle(what, rows, times);
                let found = walked(&vendor, walk).await;
                assert!(found.end.is_none(), "{walk:?} {what:?}: {:?}", found.end);
                assert!(found.gaps.is_empty(), "{walk:?} {what:?}: {:?}", found.gaps);
                let count = found.rows.len();
                let found = ids::<V>(&found.rows);
                assert_eq!(found.len(), count, "{walk:?} {what:?}: a row twice");
                let after = ids::<V>(&vendor.truth(walk));
                let lost: Vec<_> = before
                    .intersection(&after)
                    .filter(|id| !found.contains(*id))
                    .collect();
                assert!(
                    lost.is_empty(),
                    "{walk:?} {what:?} {rows}: {} rows lost",
                    lost.len()
                );
            }
        }
    }
}

fn ids<V: Vendor>(rows: &[String]) -> BTreeSet<String> {
    rows.iter().map(|row| V::id(row)).collect()
}

/// A vendor that allows fewer calls at once than the client tries.
pub(crate) async fn a_narrow_vendor_is_read_whole_with_few_refusals<V: Vendor>() {
    for walk in [Walk::Search, Walk::Children] {
        let setup = match walk {
            Walk::Children => Setup::rows(150),
            _ => Setup::rows(3_000),
        };
        let vendor = V::start(Setup {
            vendor_width: Some(2),
            ..setup
        })
        .await;
        let found = walked(&vendor, walk).await;
        assert_whole(&vendor, walk, found, &"narrow");
        let (refused, requests) = (vendor.refusals().values().sum::<u64>(), vendor.requests());
        assert!(
            refused * 3 <= requests,
            "{walk:?}: {refused} of {requests} refused"
        );
    }
}

pub(crate) async fn the_deadline_ends_every_wait<V: Vendor>() {
    for mishap in [Mishap::Stall, Mishap::TooManyCallsAtOnce] {
        for walk in WALKS {
            let vendor = V::start(Setup::rows(260)).await;
            vendor.inject(mishap, None);
            let started = Instant::now();
            let found = vendor.walk(walk, Duration::from_millis(300), || ()).await;
            assert_honest(&vendor, walk, &found, &mishap);
            assert_eq!(
                found.end.map(|(end, _)| end),
                Some(End::Deadline),
                "{walk:?} {mishap:?}"
            );
            assert!(
                started.elapsed() < Duration::from_millis(900),
                "{walk:?} {mishap:?}"
            );
        }
    }
}

pub(crate) async fn the_reserve_of_credits_is_left_untouched<V: Vendor>() {
    for walk in WALKS {
        let setup = match walk {
            Walk::Children => Setup::rows(200),
            _ => Setup::rows(3_000),
        };
        let vendor = V::start(Setup {
            pool: Some((70, 50)),
            ..setup
        })
        .await;
        let found = walked(&vendor, walk).await;
        assert_honest(&vendor, walk, &found, &"reserve");
        assert_eq!(
            found.end.map(|(end, _)| end),
            Some(End::Reserved),
            "{walk:?}"
        );
        let left = vendor.credits_left();
        // Calls that were in flight when the reserve was reached are paid from it.
        assert!((35 - 3 * 8..=35).contains(&left), "{walk:?}: {left} left");
    }
}

/// One test per case, so that a vendor cannot leave one out.
macro_rules! conformance {
    ($vendor:ty: $($case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::suite::$case::<$vendor>().await;
            }
        )*
    };
    ($vendor:ty) => {
        crate::suite::conformance! {
            $vendor:
            every_size_is_read_whole_with_few_requests,
            a_passing_fault_costs_a_request_and_no_row,
            a_lasting_fault_ends_the_walk_with_its_own_error,
            pages_that_repeat_are_noticed,
            a_deeply_nested_answer_is_refused,
            a_token_that_expires_mid_walk_is_replaced_once,
            rows_that_shift_between_pages_are_neither_lost_nor_doubled,
            a_narrow_vendor_is_read_whole_with_few_refusals,
            the_deadline_ends_every_wait,
            the_reserve_of_credits_is_left_untouched,
        }
    };
}
pub(crate) use conformance;
