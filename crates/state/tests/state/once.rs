use jiff::SignedDuration;
use secrecy::SecretString;
use serde_json::json;
use state::{Entry, Paging, Taken, Tally};

use crate::harness::{Bench, DAY, TABLE, chat};

const HALF_MINUTE: SignedDuration = SignedDuration::from_secs(30);

#[tokio::test]
async fn a_lease_has_one_holder_until_it_is_released_or_expires() {
    let bench = Bench::start().await;
    let leases = &bench.state.leases;
    let (a, b) = tokio::join!(
        leases.claim("chat c1", "a", HALF_MINUTE),
        leases.claim("chat c1", "b", HALF_MINUTE)
    );
    let held: Vec<_> = [a.unwrap(), b.unwrap()].into_iter().flatten().collect();
    let [first] = held.try_into().unwrap();
    assert!(
        leases
            .claim("chat c2", "b", HALF_MINUTE)
            .await
            .unwrap()
            .is_some()
    );

    bench.pass(SignedDuration::from_secs(20));
    let first = leases.renew(first, HALF_MINUTE).await.unwrap();
    bench.pass(SignedDuration::from_secs(20));
    assert!(
        leases
            .claim("chat c1", "b", HALF_MINUTE)
            .await
            .unwrap()
            .is_none()
    );
    bench.pass(SignedDuration::from_secs(10));
    let second = leases
        .claim("chat c1", "b", HALF_MINUTE)
        .await
        .unwrap()
        .unwrap();
    leases.release(first).await.unwrap();
    assert!(
        leases
            .claim("chat c1", "c", HALF_MINUTE)
            .await
            .unwrap()
            .is_none(),
        "a late release leaves the next holder's lease alone"
    );
    leases.release(second).await.unwrap();
    let third = leases
        .claim("chat c1", "c", HALF_MINUTE)
        .await
        .unwrap()
        .unwrap();
    bench.pass(HALF_MINUTE);
    leases
        .claim("chat c1", "d", HALF_MINUTE)
        .await
        .unwrap()
        .unwrap();
    assert!(
        leases
            .renew(third, HALF_MINUTE)
            .await
            .unwrap_err()
            .is_conflict()
    );
}

#[tokio::test]
async fn a_delivery_is_first_seen_once() {
    let bench = Bench::start().await;
    let deliveries = &bench.state.deliveries;
    let long = "x".repeat(5000);
    for id in ["evt-1", long.as_str(), ""] {
        let (a, b, c) = tokio::join!(
            deliveries.first_seen(id, DAY),
            deliveries.first_seen(id, DAY),
            deliveries.first_seen(id, DAY)
        );
        let first = [a, b, c].into_iter().filter(|seen| *seen.as_ref().unwrap());
        assert_eq!(first.count(), 1, "{}", id.len());
    }
    deliveries.forget("evt-1").await.unwrap();
    assert!(deliveries.first_seen("evt-1", DAY).await.unwrap());
    bench.pass(DAY);
    assert!(deliveries.first_seen("evt-1", DAY).await.unwrap());
}

#[tokio::test]
async fn a_window_lets_so_many_pass_and_says_when_the_next_begins() {
    let bench = Bench::start().await;
    bench.pass(SignedDuration::from_secs(25));
    let minute = SignedDuration::from_mins(1);
    let take = async |key: &str| bench.state.rate.take(key, 2, minute).await.unwrap();
    assert_eq!(take("203.0.113.7").await, Taken::Allowed { remaining: 1 });
    assert_eq!(take("203.0.113.7").await, Taken::Allowed { remaining: 0 });
    let retry_after = SignedDuration::from_secs(35);
    assert_eq!(take("203.0.113.7").await, Taken::Refused { retry_after });
    assert_eq!(take("203.0.113.8").await, Taken::Allowed { remaining: 1 });
    assert!(
        !bench.everything().contains("203.0"),
        "addresses are digests"
    );
    bench.pass(retry_after);
    assert_eq!(take("203.0.113.7").await, Taken::Allowed { remaining: 1 });
    bench.pass(SignedDuration::from_mins(3));
    bench.aws.remove_expired(TABLE, bench.now());
    assert!(bench.aws.items(TABLE).is_empty());
}

#[tokio::test]
async fn processes_that_count_in_batches_know_of_each_other_and_seldom_write() {
    let bench = Bench::start().await;
    let minute = SignedDuration::from_mins(1);
    let (one, other) = (
        Tally::new(bench.state.rate.clone()),
        Tally::new(bench.state.rate.clone()),
    );
    let mut allowed = 0;
    for _ in 0..400 {
        for process in [&one, &other] {
            let taken = process.take("203.0.113.7", 500, minute).await.unwrap();
            allowed += u32::from(matches!(taken, Taken::Allowed { .. }));
        }
    }
    // Each may be behind by a batch, five.
    assert!((500..=510).contains(&allowed), "{allowed}");
    let counted = bench.state.rate.take("203.0.113.7", 2000, minute).await;
    let Taken::Allowed { remaining } = counted.unwrap() else {
        panic!("the table counts less than 2000");
    };
    assert!((1199..=1209).contains(&remaining), "{remaining}");
    bench.pass(minute);
    let taken = one.take("203.0.113.7", 500, minute).await.unwrap();
    assert_eq!(taken, Taken::Allowed { remaining: 499 });
}

#[tokio::test]
async fn a_small_limit_is_exact_in_batches_too() {
    let bench = Bench::start().await;
    let minute = SignedDuration::from_mins(1);
    let tallies = [(); 4].map(|()| Tally::new(bench.state.rate.clone()));
    let mut allowed = 0;
    for _ in 0..5 {
        for tally in &tallies {
            let taken = tally.take("key", 3, minute).await.unwrap();
            allowed += u32::from(matches!(taken, Taken::Allowed { .. }));
        }
    }
    assert_eq!(allowed, 3);
}

#[tokio::test]
async fn a_survey_is_answered_once() {
    let bench = Bench::start().await;
    let surveys = &bench.state.surveys;
    let token = surveys.issue(&chat("c1"), 2).await.unwrap();
    for _ in 0..2 {
        let invitation = surveys.peek(&token).await.unwrap().unwrap();
        assert_eq!((invitation.chat_id, invitation.ticket), (chat("c1"), 2));
    }
    let (a, b) = tokio::join!(surveys.redeem(&token), surveys.redeem(&token));
    let redeemed = [a.unwrap(), b.unwrap()].into_iter().flatten();
    assert_eq!(redeemed.count(), 1);
    assert_eq!(surveys.peek(&token).await.unwrap(), None);
    assert_eq!(surveys.redeem(&token).await.unwrap(), None);
    assert_eq!(
        surveys.redeem(&SecretString::from("guess")).await.unwrap(),
        None
    );

    let token = surveys.issue(&chat("c1"), 2).await.unwrap();
    let invitation = surveys.peek(&token).await.unwrap().unwrap();
    let session = bench.chat("c1", &[]).await;
    let used = vec![surveys.used(&invitation).unwrap()];
    let session = bench
        .state
        .sessions
        .commit(session, &[], used.clone())
        .await
        .unwrap();
    let again = bench.state.sessions.commit(session, &[], used).await;
    assert!(again.unwrap_err().is_conflict());

    let token = surveys.issue(&chat("c1"), 3).await.unwrap();
    bench.pass(DAY * 30);
    assert_eq!(surveys.redeem(&token).await.unwrap(), None);
}

#[tokio::test]
async fn the_audit_trail_keeps_entries_of_the_same_moment_apart() {
    let bench = Bench::start().await;
    let audit = &bench.state.audit;
    let entry = |target: &str, action: &str| Entry {
        at: bench.now(),
        actor: "dashboard".to_owned(),
        action: action.to_owned(),
        target: target.to_owned(),
        details: json!({ "from": "Open", "to": "Closed" }),
    };
    for (target, action) in [("ticket:1", "a"), ("ticket:1", "a"), ("ticket:12", "b")] {
        audit.append(&entry(target, action)).await.unwrap();
    }
    bench.pass(DAY);
    audit.append(&entry("ticket:1", "c")).await.unwrap();
    let actions = |entries: Vec<Entry>| {
        let actions = entries.into_iter().map(|entry| entry.action);
        actions.collect::<Vec<_>>()
    };
    let newest = audit
        .by_target("ticket:1", &Paging::newest(9))
        .await
        .unwrap();
    assert_eq!(newest.items[0], entry("ticket:1", "c"));
    assert_eq!(actions(newest.items), ["c", "a", "a"]);
    let day = "2026-03-04".parse().unwrap();
    let of_day = audit.by_day(day, &Paging::first(9)).await.unwrap();
    assert_eq!(of_day.items.len(), 3);
    bench.pass(DAY * 365);
    assert!(
        audit
            .by_target("ticket:1", &Paging::first(9))
            .await
            .unwrap()
            .items
            .is_empty()
    );
}
