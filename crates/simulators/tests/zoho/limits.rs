use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use simulators::zoho::{Edition, Options};

use crate::portal::Portal;

#[tokio::test]
async fn requests_in_flight_are_limited_by_the_edition() {
    let portal = Portal::open(Options {
        edition: Edition::Free,
        latency: Duration::from_millis(100),
        ..Options::with_tickets(10)
    })
    .await;
    let answers = join_all((0..12).map(|_| portal.get("tickets"))).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 429)
        .collect();
    assert_eq!(refused.len(), 7);
    for answer in refused {
        assert_eq!(answer.code(), "TOO_MANY_REQUESTS");
        assert!(answer.headers.get("retry-after").is_none());
    }
    let most = portal.simulator.stats().max_concurrency;
    assert_eq!(
        most, 6,
        "a refused request is in flight until it is answered"
    );
}

#[tokio::test]
async fn credits_are_counted_shown_and_refilled_at_midnight() {
    let portal = Portal::open(Options {
        daily_credits: Some(20),
        ..Options::with_tickets(10)
    })
    .await;
    let id = &portal.simulator.ids("tickets", 1)[0];
    let by_id = format!("tickets/{id}");
    let costs = [
        (by_id.as_str(), 1, 19),
        ("tickets", 3, 16),
        ("tickets?from=2001", 5, 11),
    ];
    for (path, weight, remaining) in costs {
        let answer = portal.get(path).await;
        assert_eq!(
            answer.header("x-rate-limit-request-weight-v3"),
            Some(weight),
            "{path}"
        );
        assert_eq!(
            answer.header("x-rate-limit-remaining-v3"),
            Some(remaining),
            "{path}"
        );
    }
    for _ in 0..3 {
        assert_eq!(portal.get("tickets").await.status, 200);
    }
    let spent = portal.get("tickets").await;
    assert_eq!(
        (spent.status, spent.code().as_str()),
        (429, "THRESHOLD_EXCEEDED")
    );
    let seconds = spent.header("retry-after").unwrap();
    assert_eq!(seconds, 13 * 3_600 + 1_800, "until midnight");
    assert_eq!(portal.simulator.stats().credits, 18);

    portal
        .clock
        .advance(SignedDuration::from_secs(seconds.cast_signed()));
    // The token died meanwhile, which also shows that the pool is full again.
    let answer = portal.get("tickets").await;
    assert_eq!(answer.header("x-rate-limit-remaining-v3"), Some(20));
}

#[tokio::test]
async fn plans_and_scopes_bound_routes() {
    let portal = Portal::open(Options {
        edition: Edition::Standard,
        ..Options::with_tickets(10)
    })
    .await;
    let id = &portal.simulator.ids("tickets", 1)[0];
    for path in [
        format!("tickets/{id}/timeEntry"),
        "customerHappiness?department=allDepartment".to_owned(),
    ] {
        let answer = portal.get(&path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "LICENSE_ACCESS_LIMITED")
        );
    }
    assert_eq!(portal.get("tickets?status=Open").await.status, 200);

    portal.simulator.drop_scope("Desk.search.READ");
    assert_eq!(portal.get("tickets").await.status, 200);
    let answer = portal.get("tickets/search").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "SCOPE_MISMATCH")
    );
    portal.simulator.drop_scope("Desk.tickets.READ");
    assert_eq!(portal.get("tickets").await.code(), "SCOPE_MISMATCH");
    portal.simulator.grant_scope("Desk.tickets.READ");
    assert_eq!(portal.get("tickets").await.status, 200);
}
