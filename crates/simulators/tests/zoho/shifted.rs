//! What moves while the portal runs: its clock, its search index, its tokens, its limit.

use std::{sync::Arc, time::Duration};

use clock::ManualClock;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation, Options};

use crate::portal::{NOW, Portal, field};

#[tokio::test]
async fn the_portals_clock_may_be_ahead_or_behind() {
    let now: Timestamp = NOW.parse().unwrap();
    let hour = Duration::from_hours(1);
    for hours in [1, -1] {
        let clock = Arc::new(ManualClock::at(now));
        let options = Options {
            clock: clock.clone(),
            ..Options::with_tickets(10)
        };
        let skewed = if hours > 0 {
            options.clock_ahead(hour)
        } else {
            options.clock_behind(hour)
        };
        let portal = Portal::of(skewed, clock).await;
        let created = Mutation::of(Entity::Tickets, Change::Create, 1);
        let id = portal.simulator.mutate(&created).remove(0);
        let row = portal.get(&format!("tickets/{id}")).await.body;
        let created: Timestamp = field(&row, "createdTime").parse().unwrap();
        assert_eq!(
            created.duration_since(now),
            SignedDuration::from_hours(hours)
        );
    }
}

#[tokio::test]
async fn search_finds_what_changed_only_after_a_while_and_an_id_finds_it_at_once() {
    let portal = Portal::open(Options {
        search_lag: Duration::from_secs(30),
        ..Options::with_tickets(10)
    })
    .await;
    portal.clock.advance(SignedDuration::from_mins(2));
    let range = "2026-02-01T10:31:00.000Z,2026-02-01T11:00:00.000Z";
    let search = format!("tickets/search?modifiedTimeRange={range}");
    let modified = portal.simulator.ids("tickets", 1);
    let mut changed = portal.simulator.mutate(&Mutation {
        ids: modified,
        ..Mutation::of(Entity::Tickets, Change::Modify, 1)
    });
    changed.extend(
        portal
            .simulator
            .mutate(&Mutation::of(Entity::Tickets, Change::Create, 1)),
    );
    assert!(portal.get(&search).await.ids().is_empty());
    for id in &changed {
        assert_eq!(portal.get(&format!("tickets/{id}")).await.status, 200);
    }
    assert!(portal.get("tickets").await.ids().contains(&changed[1]));

    portal.clock.advance(SignedDuration::from_secs(29));
    assert!(portal.get(&search).await.ids().is_empty());
    portal.clock.advance(SignedDuration::from_secs(1));
    let mut found = portal.get(&search).await.ids();
    found.sort();
    changed.sort();
    assert_eq!(found, changed);

    portal.simulator.set_search_lag(Duration::from_mins(5));
    assert!(portal.get(&search).await.ids().is_empty());
}

#[tokio::test]
async fn all_tokens_may_die_at_a_request() {
    let mut portal = Portal::with_tickets(10).await;
    let rule = FaultRule::next(1, Fault::TokensExpire).on("tickets");
    portal.simulator.add_fault(rule.after(2));
    for (path, status) in [
        ("tickets", 200),
        ("departments", 200),
        ("tickets", 200),
        ("tickets", 401),
        ("departments", 401),
    ] {
        assert_eq!(portal.get(path).await.status, status, "{path}");
    }
    let refresh_token = portal.simulator.issue_refresh_token();
    let minted = portal.refresh(&refresh_token).await;
    portal.token = minted["access_token"].as_str().unwrap().to_owned();
    assert_eq!(portal.get("tickets").await.status, 200);
}

#[tokio::test]
async fn the_limit_on_requests_in_flight_may_fall_and_refusals_bear_their_second() {
    let portal = Portal::open(Options {
        latency: Duration::from_millis(100),
        ..Options::with_tickets(10)
    })
    .await;
    let refused = async || {
        let answers = join_all((0..6).map(|_| portal.get("tickets"))).await;
        answers.iter().filter(|answer| answer.status == 429).count()
    };
    assert_eq!(refused().await, 0);
    portal.simulator.set_concurrency(2);
    assert_eq!(refused().await, 4);
    let limits = format!("{}/_sim/limits", portal.simulator.origin());
    let set = async |limits_json: &'static str| {
        let request = portal.http.post(&limits).body(limits_json);
        request.send().await.unwrap().status()
    };
    assert_eq!(set(r#"{"concurrency": 5, "search_lag_s": 1}"#).await, 200);
    assert_eq!(refused().await, 1);
    assert_eq!(set(r#"{"concurency": 5}"#).await, 400);

    let stats = portal.simulator.stats();
    let all = stats.from_second(0);
    assert_eq!((all.requests, all.crowded), (18, 5));
    assert_eq!(stats.refused("TOO_MANY_REQUESTS"), all.crowded);
    assert_eq!(stats.from_second(stats.seconds.len()).requests, 0);
    portal.simulator.reset_stats();
    assert!(portal.simulator.stats().seconds.is_empty());
}
