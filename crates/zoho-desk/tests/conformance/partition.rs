//! For any rows and any window, a search yields the rows of the half-open window, each once.
//!
//! The server below answers as a search route does, with a page of four rows and offsets to eleven,
//! so that few rows reach every way in which spans are cut.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{TestRng, TestRunner};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use vendor_http::{AccessToken, Client, Deadline, Settings, TokenError, TokenFuture, TokenSource};
use zoho_desk::{
    Desk, Edition, Paging, Position, Route, RowKey, Search, Step, Stop, TimeField, Walk, Window,
};

const PAGE: usize = 4;
const LAST_OFFSET: u32 = 11;
/// Rows of one search that pages of four which overlap by one reach by offset 11.
const REACH: usize = 13;

const ROUTE: Route = Route {
    path: "/rows/search",
    paging: Paging::Offset {
        page: PAGE as u32,
        last_offset: LAST_OFFSET,
    },
    scopes: "",
    edition: Edition::Free,
};

/// What the vendor's pages leave open.
#[derive(Debug, Clone, Copy)]
struct Habits {
    start_is_inside: bool,
    end_is_inside: bool,
    count: Count,
    /// Rows come as they were stored, whatever order is asked for.
    ignores_order: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Count {
    Exact,
    Absent,
    /// Never more than this.
    Capped(usize),
}

#[derive(Debug)]
struct Rows {
    /// Times by id.
    times: Vec<i64>,
    habits: Habits,
    requests: usize,
}

type Shared = Arc<Mutex<Rows>>;

async fn answer(
    State(rows): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut rows = rows.lock().unwrap();
    rows.requests += 1;
    let (first, last) = query["createdTimeRange"].split_once(',').unwrap();
    let [first, last] =
        [first, last].map(|time| time.parse::<Timestamp>().unwrap().as_millisecond());
    let (from, limit): (usize, usize) = (
        query["from"].parse().unwrap(),
        query["limit"].parse().unwrap(),
    );
    if from > LAST_OFFSET as usize || limit > PAGE {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let habits = rows.habits;
    let mut chosen: Vec<(i64, usize)> = rows.times.iter().copied().zip(0..).collect();
    chosen.retain(|(time, _)| {
        (*time > first || (habits.start_is_inside && *time == first))
            && (*time < last || (habits.end_is_inside && *time == last))
    });
    if !habits.ignores_order {
        chosen.sort_unstable();
        if query["sortBy"].starts_with('-') {
            chosen.reverse();
        }
    }
    let data: Vec<_> = chosen
        .iter()
        .skip(from)
        .take(limit)
        .map(|(time, id)| {
            let time = Timestamp::from_millisecond(*time).unwrap();
            json!({"id": (id + 1).to_string(), "createdTime": format!("{time:.3}")})
        })
        .collect();
    if data.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let mut page = json!({ "data": data });
    match habits.count {
        Count::Exact => page["count"] = chosen.len().into(),
        Count::Capped(most) => page["count"] = chosen.len().min(most).into(),
        Count::Absent => {}
    }
    Json(page).into_response()
}

#[derive(Debug)]
struct Token;

impl TokenSource for Token {
    fn token(&self, _: Deadline) -> TokenFuture<'_> {
        Box::pin(async { Ok::<_, TokenError>(AccessToken::new("any")) })
    }

    fn replace<'a>(&'a self, _: &'a AccessToken, deadline: Deadline) -> TokenFuture<'a> {
        self.token(deadline)
    }
}

struct World {
    runtime: Runtime,
    rows: Shared,
    desk: Desk,
}

impl World {
    fn start(width: u32) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let habits = Habits {
            start_is_inside: true,
            end_is_inside: true,
            count: Count::Exact,
            ignores_order: false,
        };
        let rows = Arc::new(Mutex::new(Rows {
            times: Vec::new(),
            habits,
            requests: 0,
        }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&rows));
        let desk = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let origin = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(axum::serve(listener, router).into_future());
            let settings = Settings {
                max_concurrency: width,
                ..Settings::default()
            };
            Desk::new(
                Client::new(settings).unwrap(),
                Arc::new(Token),
                origin.parse().unwrap(),
                "1".parse().unwrap(),
                Deadline::after(Duration::from_mins(10)),
            )
        });
        Self {
            runtime,
            rows,
            desk,
        }
    }

    /// Ids in the order they came, and what the walk says is missing. The walk is stopped after so
    /// many steps each, and resumed by another one.
    fn search(
        &self,
        times: &[i64],
        habits: Habits,
        window: Window,
        stops: &[(usize, Stop)],
    ) -> (Vec<u64>, Vec<String>, usize) {
        *self.rows.lock().unwrap() = Rows {
            times: times.to_vec(),
            habits,
            requests: 0,
        };
        let (mut ids, mut gaps) = (Vec::new(), Vec::new());
        self.runtime.block_on(async {
            let begin = || {
                self.desk
                    .search(Search::new(ROUTE, TimeField::Created, window))
            };
            let mut walk = begin();
            let mut stops = stops.iter();
            let mut stop = stops.next();
            let mut taken = 0;
            loop {
                if let Some((after, how)) = stop
                    && taken == *after
                {
                    walk.stop(*how);
                }
                match walk.next().await.unwrap() {
                    Some(Step::Rows(rows)) => ids.extend(rows.iter().map(|row| match row.key {
                        RowKey::Number(id) => id,
                        RowKey::Text(_) => panic!("ids are numbers"),
                    })),
                    Some(Step::Gap(gap)) => gaps.push(gap.why),
                    None if stop.is_none() => break,
                    None => {
                        walk = begin().resumed(stored(&walk)).unwrap();
                        (stop, taken) = (stops.next(), 0);
                        continue;
                    }
                }
                taken += 1;
            }
        });
        (ids, gaps, self.rows.lock().unwrap().requests)
    }
}

/// The position of `walk` as it comes back from a file.
fn stored(walk: &Walk) -> Position {
    let text = serde_json::to_string(&walk.position()).unwrap();
    serde_json::from_str(&text).unwrap()
}

const NOON: i64 = 1_767_268_800_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

#[test]
fn rows_of_one_moment_do_not_hide_an_earlier_one_from_a_vendor_that_ignores_the_order() {
    let habits = Habits {
        start_is_inside: false,
        end_is_inside: false,
        count: Count::Exact,
        ignores_order: true,
    };
    let mut times = vec![NOON + 3_856; REACH + 2];
    times.push(NOON + 541);
    let window = Window::new(at(NOON), at(NOON + 4_000)).unwrap();
    let (ids, _, _) = World::start(4).search(&times, habits, window, &[]);
    assert!(ids.contains(&(times.len() as u64)));
}

/// Clusters of rows: some within milliseconds, some ties, some far apart.
fn times() -> impl Strategy<Value = Vec<i64>> {
    let cluster = (
        0_i64..4_000,
        prop_oneof![Just(1_i64), Just(3), Just(50)],
        0_usize..22,
    );
    prop::collection::vec(cluster, 0..7)
        .prop_flat_map(|clusters| {
            let spread: Vec<_> = clusters
                .into_iter()
                .map(|(start, width, rows)| prop::collection::vec(start..start + width, rows))
                .collect();
            spread
        })
        .prop_map(|clusters| {
            clusters
                .concat()
                .into_iter()
                .map(|time| NOON + time)
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn habits() -> impl Strategy<Value = Habits> {
    let count = prop_oneof![
        4 => Just(Count::Exact),
        1 => Just(Count::Absent),
        1 => (1_usize..40).prop_map(Count::Capped),
    ];
    (
        any::<bool>(),
        any::<bool>(),
        count,
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(start_is_inside, end_is_inside, count, ignores_order)| Habits {
                start_is_inside,
                end_is_inside,
                count,
                ignores_order,
            },
        )
}

/// After how many steps the walk is stopped, and how, before it is resumed.
fn stops() -> impl Strategy<Value = Vec<(usize, Stop)>> {
    let how = prop_oneof![Just(Stop::Soon), Just(Stop::Now)];
    prop_oneof![
        2 => Just(Vec::new()),
        3 => prop::collection::vec((0_usize..6, how), 1..6),
    ]
}

#[test]
fn a_search_yields_the_rows_of_the_half_open_window_each_once() {
    let worlds = [World::start(1), World::start(4)];
    let config = ProptestConfig {
        cases: 240,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // The same cases in every run: a red run must mean that something changed.
    let random = TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, random);
    let window = (-50_i64..4_050, 1_i64..4_100);
    let case = (times(), habits(), window, any::<bool>(), stops());
    let outcome = runner.run(&case, |(times, habits, (start, width), wide, stops)| {
        let (start, end) = (NOON + start, NOON + start + width);
        let window = Window::new(at(start), at(end)).unwrap();
        let (ids, gaps, requests) =
            worlds[usize::from(wide)].search(&times, habits, window, &stops);

        let found: BTreeSet<u64> = ids.iter().copied().collect();
        prop_assert_eq!(found.len(), ids.len(), "a row twice");
        let due: BTreeMap<u64, i64> = (1_u64..)
            .zip(times.iter().copied())
            .filter(|(_, time)| (start..end).contains(time))
            .collect();
        prop_assert!(
            found.iter().all(|id| due.contains_key(id)),
            "a row from outside the window"
        );

        // A search of one millisecond may bring those beside it, too.
        let near = |moment: i64| {
            times
                .iter()
                .filter(|time| (moment - 1..=moment + 1).contains(*time))
                .count()
        };
        let both_ends = if habits.ignores_order || habits.count != Count::Exact {
            REACH
        } else {
            2 * REACH
        };
        let missing: Vec<i64> = due
            .iter()
            .filter(|(id, _)| !found.contains(*id))
            .map(|(_, time)| *time)
            .collect();
        prop_assert!(
            missing.iter().all(|moment| near(*moment) > both_ends),
            "{} rows missing where there are few",
            missing.len()
        );
        prop_assert!(
            missing.is_empty() || !gaps.is_empty(),
            "{} rows missing in silence",
            missing.len()
        );
        prop_assert!(
            gaps.is_empty() || due.values().any(|moment| near(*moment) > both_ends),
            "a gap where there is none: {:?}",
            gaps
        );
        prop_assert!(
            requests < 40 + times.len() * 12 + stops.len() * 60,
            "{} requests for {} rows",
            requests,
            times.len()
        );
        Ok(())
    });
    outcome.unwrap();
}
