use std::time::{Duration, Instant};

use serde_json::json;

use crate::stack::Stack;

/// The tests' stack schedules this report every minute and no other test invokes it.
const SCHEDULED: &str = "ticket-tags/_latest.json";

#[tokio::test]
async fn a_schedule_fires_by_itself_and_fires_again() {
    let stack = Stack::of_environment().await;
    let mut pointer = stack.object(SCHEDULED).await;
    for _ in 0..2 {
        let began = Instant::now();
        loop {
            let now = stack.object(SCHEDULED).await;
            if now.is_some() && now != pointer {
                pointer = now;
                break;
            }
            assert!(
                began.elapsed() < Duration::from_mins(3),
                "the schedule did not fire"
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test]
async fn the_same_occurrence_delivered_twice_is_one_run() {
    let stack = Stack::of_environment().await;
    let time = format!("2026-01-01T00:00:{:02}Z", std::process::id() % 60);
    let event = json!({"schedule": {"id": format!("agents-{}", std::process::id()), "time": time}});
    let (one, other) = tokio::join!(
        stack.invoke("agents", &event),
        stack.invoke("agents", &event)
    );
    let (one, other) = (one.result(), other.result());
    assert_eq!(one["key"], other["key"]);
    let later = stack.invoke("agents", &event).await.result();
    assert_eq!(later["key"], one["key"]);
}
