use jiff::{SignedDuration, Timestamp};
use state::{Counted, Total, WorkflowStats};

use crate::harness::{Bench, chat};

fn workflow(id: &str) -> String {
    id.to_owned()
}

#[tokio::test]
async fn days_add_up_over_chats_and_months() {
    let bench = Bench::start().await;
    let counters = &bench.state.counters;
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    for n in 0..40 {
        let chat = chat(&format!("c{n}"));
        let mut events = vec![Counted::Started(workflow("password_reset"))];
        if n % 2 == 0 {
            events.push(Counted::Completed(workflow("password_reset")));
            events.push(Counted::TicketCreated(workflow("password_reset")));
            events.push(Counted::Resolved(SignedDuration::from_secs(90)));
        } else {
            events.push(Counted::Escalated(workflow("password_reset")));
            events.push(Counted::Rated(4));
        }
        counters
            .count(at("2026-02-28T23:59:59.9Z"), &chat, &events)
            .await
            .unwrap();
    }
    let cancelled = [Counted::Cancelled(workflow("disk:upgrade"))];
    counters
        .count(at("2026-03-01T00:00:00Z"), &chat("c1"), &cancelled)
        .await
        .unwrap();
    counters
        .count(at("2026-05-01T00:00:00Z"), &chat("c1"), &cancelled)
        .await
        .unwrap();
    counters
        .count(at("2026-05-01T00:00:00Z"), &chat("c1"), &[])
        .await
        .unwrap();

    let days = async |first: &str, last: &str| {
        let (first, last) = (first.parse().unwrap(), last.parse().unwrap());
        counters.days(first, last).await.unwrap()
    };
    let found = days("2026-02-28", "2026-04-30").await;
    let [february, march] = found.try_into().unwrap();
    assert_eq!(february.day.to_string(), "2026-02-28");
    let expected = WorkflowStats {
        tickets: 20,
        started: 40,
        completed: 20,
        escalated: 20,
        cancelled: 0,
    };
    assert_eq!(february.workflows[&workflow("password_reset")], expected);
    assert_eq!(
        february.resolved,
        Total {
            count: 20,
            sum: 1800
        }
    );
    assert_eq!(february.resolved.mean(), Some(90.0));
    assert_eq!(february.satisfaction, Total { count: 20, sum: 80 });
    assert_eq!(march.workflows[&workflow("disk:upgrade")].cancelled, 1);
    assert_eq!(march.resolved.mean(), None);
    assert_eq!(days("2026-05-01", "2026-05-01").await.len(), 1);
    assert!(days("2026-03-02", "2026-04-30").await.is_empty());
    assert!(days("2026-03-02", "2026-03-01").await.is_empty());
}

#[tokio::test]
async fn what_is_counted_in_a_commit_counts_once_or_not_at_all() {
    let bench = Bench::start().await;
    let session = bench.chat("c1", &[]).await;
    let started = [Counted::Started(workflow("password_reset"))];
    let write = || {
        let write = bench
            .state
            .counters
            .write(bench.now(), &chat("c1"), &started);
        write.into_iter().collect::<Vec<_>>()
    };
    let sessions = &bench.state.sessions;
    let stale = session.clone();
    sessions.commit(session, &[], write()).await.unwrap();
    sessions.commit(stale, &[], write()).await.unwrap_err();
    let day = "2026-03-04".parse().unwrap();
    let days = bench.state.counters.days(day, day).await.unwrap();
    assert_eq!(days[0].workflows[&workflow("password_reset")].started, 1);
}
