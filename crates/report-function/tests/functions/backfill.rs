//! A period read window by window, and shown as one run.

use std::time::Duration;

use lake::Status;
use lambda_kit::ErrorType;
use report_function::Function;
use reports::{Answer, Finished, Planned, Report};
use serde_json::{Value, json};

use crate::harness::{BUCKET, World, answer, invoke, invoke_within, now};

async fn planned(function: &Function, event: Value) -> Planned {
    match answer(function, event, Duration::from_mins(1))
        .await
        .unwrap()
    {
        Answer::Plan(planned) => planned,
        Answer::Run(finished) => panic!("a run: {finished:?}"),
    }
}

/// Reads all windows, three at a time as a state machine does, and merges them.
async fn followed(world: &World, report: Report, planned: &Planned) -> Finished {
    for three in planned.windows.chunks(3) {
        let mut reading = tokio::task::JoinSet::new();
        for window in three {
            let (function, window) = (world.function(report), window.clone());
            reading.spawn(async move { invoke(&function, window).await.unwrap() });
        }
        while let Some(window) = reading.join_next().await {
            let window = window.unwrap();
            assert_eq!((window.status, window.key), (Status::Complete, None));
        }
    }
    invoke(&world.function(report), planned.merge.clone())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_one_run_of_many_objects_and_shows_at_once() {
    let world = World::with_tickets(2_500).await;
    for (report, rows_per_window) in [(Report::Tickets, 300), (Report::Threads, 400)] {
        let function = world.function(report);
        let event = json!({
            "backfill": {"step": "plan", "rows_per_window": rows_per_window}, "full": true
        });
        let planned = planned(&function, event).await;
        assert_eq!(planned.rows, 2_500);
        assert!(
            planned.windows.len() > 5,
            "{} windows",
            planned.windows.len()
        );
        for window in &planned.windows {
            invoke(&world.function(report), window.clone())
                .await
                .unwrap();
        }
        assert!(world.visible(report).is_empty());
        let finished = invoke(&function, planned.merge.clone()).await.unwrap();
        assert!(finished.complete);
        assert!(
            world.rows(&finished) == world.truth(report, "all=true"),
            "{report}"
        );
        assert!(world.objects(&finished).len() > 5);
        assert!(world.aws.open_uploads(BUCKET).is_empty());
        let open = |key: &String| key.contains("/_open/");
        assert!(!world.aws.keys(BUCKET).iter().any(open));
        assert!(world.pointer(report).unwrap()["watermark"].is_string());

        let again = invoke(&function, planned.merge).await.unwrap();
        assert_eq!(again.manifest_key, finished.manifest_key, "merged once");
        let again = invoke(&function, planned.windows[0].clone()).await.unwrap();
        assert_eq!(
            again.manifest_key, finished.manifest_key,
            "nothing is read again"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_of_changes_is_what_one_run_over_it_would_hold() {
    let world = World::with_tickets(2_000).await;
    let function = world.function(Report::Tickets);
    let since = now() - Duration::from_hours(24 * 200);
    let until = now() - Duration::from_hours(24 * 20);
    let event = json!({"since": since, "until": until});
    let mut plan = event.clone();
    plan["backfill"] = json!({"step": "plan", "rows_per_window": 100});
    let planned = planned(&function, plan).await;
    assert!(planned.windows.len() > 2, "{planned:?}");
    let finished = followed(&world, Report::Tickets, &planned).await;
    let one_run = world.run(Report::Tickets, event).await;
    assert!(one_run.rows > 300 && world.rows(&finished) == world.rows(&one_run));
    assert_eq!(
        (finished.since, finished.until),
        (one_run.since, one_run.until)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_may_take_several_invocations_and_a_merge_waits_for_all() {
    let mut options = simulators::zoho::Options::with_tickets(3_000);
    options.latency = Duration::from_millis(40);
    let world = World::of(options).await;
    let function = world.function_with(Report::Tickets, &[("MAX_CONCURRENCY", "2")]);
    let event = json!({"backfill": {"step": "plan", "rows_per_window": 2_000}, "full": true});
    let planned = planned(&function, event).await;
    let mut invocations = 0;
    for window in &planned.windows {
        loop {
            let failure = invoke(&function, planned.merge.clone()).await.unwrap_err();
            assert!(failure.message.contains("cannot be merged"), "{failure}");
            invocations += 1;
            let time = Duration::from_millis(700);
            let answer = invoke_within(&function, window.clone(), time)
                .await
                .unwrap();
            if answer.status == Status::Complete {
                break;
            }
        }
    }
    assert!(invocations > planned.windows.len());
    let finished = invoke(&function, planned.merge.clone()).await.unwrap();
    assert!(world.rows(&finished) == world.truth(Report::Tickets, ""));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::with_tickets(10).await;
    for (report, event, key) in [
        (
            Report::Tickets,
            json!({"backfill": {"step": "plan"}}),
            "since",
        ),
        (
            Report::Tickets,
            json!({"backfill": {"step": "leap"}}),
            "backfill",
        ),
        (Report::Tickets, json!({"backfill": "plan"}), "backfill"),
        (
            Report::Tickets,
            json!({"backfill": {"step": "plan", "rows_per_window": 0}, "full": true}),
            "backfill",
        ),
        (
            Report::Agents,
            json!({"backfill": {"step": "plan"}, "full": true}),
            "backfill",
        ),
        (
            Report::Tickets,
            json!({"backfill": {"step": "window", "run": "../x", "index": 0, "mode": "full", "planned_at": "2026-01-01T00:00:00Z"}}),
            "backfill",
        ),
    ] {
        let failure = invoke(&world.function(report), event.clone())
            .await
            .unwrap_err();
        assert_eq!(failure.error_type, ErrorType::InvalidEvent, "{event}");
        assert!(
            failure.message.contains(&format!("`{key}`")),
            "{event}: {failure}"
        );
    }
}
