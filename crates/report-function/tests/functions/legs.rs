//! Runs that take several invocations.

use std::time::Duration;

use lake::Status;
use lambda_kit::{ErrorType, Failure};
use report_function::Function;
use reports::{Finished, Report};
use serde_json::{Value, json};
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation, Options};

use crate::harness::{World, ahead, invoke, invoke_within};

/// Enough for some 20 requests at the latency below.
const SHORT: Duration = Duration::from_secs(1);
const LATENCY: Duration = Duration::from_millis(50);

async fn slow_world(tickets: u32) -> World {
    let mut options = Options::with_tickets(tickets);
    options.latency = LATENCY;
    World::of(options).await
}

fn slow_function(world: &World, report: Report) -> Function {
    world.function_with(report, &[("MAX_CONCURRENCY", "2")])
}

/// Sends `event` until the run is at its end; what each invocation answered.
async fn to_the_end(function: &Function, event: &Value, time: Duration) -> Vec<Finished> {
    let mut answers = Vec::new();
    loop {
        let answer = invoke_within(function, event.clone(), time).await.unwrap();
        let status = answer.status;
        answers.push(answer);
        if status == Status::Complete {
            return answers;
        }
        assert!(answers.len() < 40, "no end in sight");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_outlives_its_invocations_goes_on_where_it_was() {
    let world = slow_world(6_000).await;
    let function = slow_function(&world, Report::Tickets);
    let mut rows = 0;
    let finished = loop {
        let answer = invoke_within(&function, json!({}), SHORT).await.unwrap();
        assert!(answer.rows > rows, "no progress after {rows} rows");
        rows = answer.rows;
        if answer.status == Status::Complete {
            break answer;
        }
        assert!(!answer.complete);
        assert_eq!((&answer.key, &answer.manifest_key), (&None, &None));
        assert!(world.visible(Report::Tickets).is_empty());
    };
    assert!(finished.complete);
    assert!(world.rows(&finished) == world.truth(Report::Tickets, ""));
    assert!(world.objects(&finished).len() >= 3);
    assert!(world.aws.open_uploads(crate::harness::BUCKET).is_empty());
    let manifest = world
        .json(finished.manifest_key.as_deref().unwrap())
        .unwrap();
    assert_eq!(manifest["rows"], json!(6_000));
    assert_eq!(
        manifest["requests"],
        json!(world.zoho.stats().desk_requests())
    );
    assert!(finished.requests <= 90, "{} requests", finished.requests);
    assert_eq!(world.pointer(Report::Tickets).unwrap()["complete"], true);

    let next = world.run(Report::Tickets, json!({})).await;
    assert!(next.since.is_some(), "the watermark moved: {next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_many_parents_are_gone_on_with_as_well() {
    let world = slow_world(150).await;
    for report in [Report::Threads, Report::NotificationPendingApprovals] {
        let event = json!({"full": true});
        let answers = to_the_end(&slow_function(&world, report), &event, SHORT).await;
        assert!(answers.len() > 2, "{report}: {} invocations", answers.len());
        let finished = answers.last().unwrap();
        let whole = world.function(report);
        let whole = invoke(&whole, event).await.unwrap();
        assert!(world.rows(finished) == world.rows(&whole), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_does_not_take_over_what_one_left() {
    let world = slow_world(3_000).await;
    let function = slow_function(&world, Report::Tickets);
    let first = invoke_within(&function, json!({}), SHORT).await.unwrap();
    assert_eq!(first.status, Status::Partial);
    let other = json!({"full": true, "format": "jsonl"});
    let other = world.run(Report::Tickets, other).await;
    assert!(world.rows(&other) == world.truth(Report::Tickets, ""));
    let rest = invoke(&world.function(Report::Tickets), json!({}))
        .await
        .unwrap();
    assert!(world.rows(&rest) == world.truth(Report::Tickets, ""));
    assert!(world.objects(&rest).len() > 1, "it went on with the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_change_between_invocations_are_in_this_run_or_in_the_next() {
    let world = slow_world(5_000).await;
    let function = slow_function(&world, Report::Tickets);
    let existed = world.truth(Report::Tickets, "").len();
    let mut answers = 0;
    let finished = loop {
        let answer = invoke_within(&function, json!({}), SHORT).await.unwrap();
        if answer.status == Status::Complete {
            break answer;
        }
        answers += 1;
        for change in [Change::Create, Change::Modify, Change::Delete] {
            let mutation = Mutation::of(Entity::Tickets, change, 20);
            world.zoho.mutate(&mutation);
        }
    };
    assert!(answers > 1);
    let ids = |rows: &[String]| -> Vec<String> {
        let id = |row: &String| serde_json::from_str::<Value>(row).unwrap()["id"].to_string();
        rows.iter().map(id).collect()
    };
    let mut stored = ids(&world.rows(&finished));
    let rows = stored.len();
    stored.sort_unstable();
    stored.dedup();
    assert_eq!(stored.len(), rows, "a row twice");
    assert!(rows <= existed);

    let later = world.function_at(Report::Tickets, ahead(Duration::from_secs(30)));
    let next = invoke(&later, json!({})).await.unwrap();
    let changed = world.rows(&next);
    let newest = |row: &String| changed.contains(row) || world.rows(&finished).contains(row);
    let lost: Vec<String> = world
        .truth(Report::Tickets, "")
        .into_iter()
        .filter(|row| !newest(row))
        .collect();
    assert_eq!(lost.len(), 0, "{:?}", lost.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leg_that_dies_costs_only_itself() {
    let world = slow_world(5_000).await;
    let function = slow_function(&world, Report::Tickets);
    let first = invoke_within(&function, json!({}), SHORT).await.unwrap();
    assert_eq!(first.status, Status::Partial);

    let dying = invoke_within(&function, json!({}), SHORT * 2);
    tokio::time::timeout(SHORT / 2, dying).await.unwrap_err();

    let later = world.function_at(Report::Tickets, ahead(SHORT * 2));
    let rest = invoke_within(&later, json!({}), SHORT * 60).await.unwrap();
    assert!(world.rows(&rest) == world.truth(Report::Tickets, ""));
    assert!(
        world.objects(&rest).len() == 2,
        "{:?}",
        world.objects(&rest)
    );
    assert!(world.aws.open_uploads(crate::harness::BUCKET).is_empty());
}

async fn spent(world: &World) -> Failure {
    world.zoho.add_fault(
        FaultRule::always(Fault::ThresholdExceeded { retry_after_s: 60 })
            .on("tickets/search")
            .after(40),
    );
    let function = world.function(Report::Tickets);
    let failure = invoke(&function, json!({})).await.unwrap_err();
    world.zoho.clear_faults();
    failure
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_spends_the_credits_goes_on_after_the_reset() {
    let world = World::with_tickets(7_000).await;
    let failure = spent(&world).await;
    assert_eq!(failure.error_type, ErrorType::QuotaExhausted);
    assert!(
        failure.message.contains("filled up again at 2"),
        "{failure}"
    );
    assert!(world.visible(Report::Tickets).is_empty());

    let before = world.zoho.stats().desk_requests();
    let later = world.function_at(Report::Tickets, ahead(Duration::from_secs(61)));
    let rest = invoke(&later, json!({})).await.unwrap();
    assert!(world.rows(&rest) == world.truth(Report::Tickets, ""));
    let requests = world.zoho.stats().desk_requests() - before;
    assert!(requests < 50, "{requests} requests for the rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_function_tells_the_others_that_the_credits_are_spent() {
    let world = World::with_tickets(7_000).await;
    spent(&world).await;
    let before = world.zoho.stats().desk_requests();
    let failure = invoke(&world.function(Report::Contacts), json!({}))
        .await
        .unwrap_err();
    assert_eq!(failure.error_type, ErrorType::QuotaExhausted);
    assert!(
        failure.message.contains("filled up again at 2"),
        "{failure}"
    );
    assert_eq!(
        world.zoho.stats().desk_requests(),
        before,
        "nobody had to ask"
    );

    let later = world.function_at(Report::Contacts, ahead(Duration::from_secs(61)));
    assert!(invoke(&later, json!({})).await.unwrap().complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_in_which_nothing_comes_fails_and_keeps_what_there_was() {
    let world = slow_world(5_000).await;
    let function = slow_function(&world, Report::Tickets);
    let first = invoke_within(&function, json!({}), SHORT).await.unwrap();
    world
        .zoho
        .add_fault(FaultRule::always(Fault::Stall { seconds: 30.0 }).on("tickets/search"));
    let failure = invoke_within(&function, json!({}), SHORT)
        .await
        .unwrap_err();
    assert_eq!(failure.error_type, ErrorType::DeadlineExceeded);
    world.zoho.clear_faults();

    let rest = to_the_end(&function, &json!({}), SHORT).await;
    assert!(rest[0].rows > first.rows);
    assert!(world.rows(rest.last().unwrap()) == world.truth(Report::Tickets, ""));
}
