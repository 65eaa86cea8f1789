//! Every file of `events/` is a working event, or a refused one, of its function.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::SqsEvent;
use lambda_kit::ErrorType;
use state::Scope;

use crate::world::{World, context, event, events, invoke};

/// What each file is answered with; a file without an expectation fails, and so does the reverse.
#[tokio::test]
async fn events_of_integrations_api() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    world.make_desk(&api, &key).await;
    let options = world.zoho.options();
    let mut expected: BTreeMap<String, (u16, &str)> = [
        ("create", 201, ""),
        ("create-base64", 201, ""),
        ("create-platform", 201, ""),
        ("list", 200, ""),
        ("templates", 200, ""),
        ("get", 200, ""),
        ("patch", 200, ""),
        ("sync", 202, ""),
        ("metrics", 200, ""),
        ("data", 200, ""),
        ("import-ndjson", 202, ""),
        ("export", 200, ""),
        ("openapi", 200, ""),
        ("bad-no-key", 401, "unauthorized"),
        ("bad-json", 400, "invalid_json"),
        ("bad-media-type", 415, "unsupported_media_type"),
        ("bad-platform", 422, "invalid_field"),
        ("bad-missing-settings", 422, "invalid_field"),
        ("bad-interval", 422, "invalid_field"),
        ("bad-id", 422, "invalid_field"),
        ("bad-unknown-id", 404, "not_found"),
        ("bad-route", 404, "not_found"),
        ("bad-method", 405, "method_not_allowed"),
        ("bad-action", 422, "invalid_field"),
    ]
    .into_iter()
    .map(|(name, status, code)| (format!("{name}.json"), (status, code)))
    .collect();
    for name in events("integrations-api") {
        let (status, code) = expected
            .remove(&name)
            .unwrap_or_else(|| panic!("integrations-api/{name} is in no test"));
        let event = event(&format!("integrations-api/{name}"))
            .replace("{key}", &key)
            .replace("{client_id}", &options.client_id)
            .replace("{client_secret}", &options.client_secret)
            .replace("{code}", &options.code)
            .replace("{org_id}", options.org_id.as_str());
        let answer = invoke(&api, &event).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text);
        assert_eq!(answer.code(), code, "{name}: {}", answer.text);
    }
    assert!(expected.is_empty(), "no such files: {expected:?}");
}

fn batch(path: &str) -> SqsEvent {
    serde_json::from_str(&event(path)).unwrap()
}

#[tokio::test]
async fn events_of_integrations_worker() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    world.make_desk(&api, &key).await;
    let worker = world.worker();
    let mut seen = Vec::new();
    for name in [
        // What cannot be read, and what is about nothing, is dropped.
        "bad-jobs.json",
        "empty.json",
        "scheduled.json",
        "settle.json",
    ] {
        let answer = worker
            .invoke(
                batch(&format!("integrations-worker/{name}")),
                context(60_000),
            )
            .await
            .unwrap();
        assert!(answer.batch_item_failures.is_empty(), "{name}: {answer:?}");
        seen.push(name);
    }
    let runs = crate::world::ask(&api, &key, "GET /api/integrations/1/runs", None).await;
    assert_eq!(
        runs.json()["runs"][0]["trigger"],
        "schedule",
        "{}",
        runs.text
    );
    // No time is left for it, so it has to come again, and SQS could not be told which one it is.
    let bad = batch("integrations-worker/bad-no-message-id.json");
    let refused = worker.invoke(bad, context(100)).await.unwrap_err();
    assert_eq!(refused.error_type, ErrorType::InvalidEvent);
    seen.insert(1, "bad-no-message-id.json");
    assert_eq!(events("integrations-worker"), seen);
}

/// `database-worker` has the same shape of events; its own connector is tested where it is.
#[test]
fn events_of_database_worker() {
    let mut seen = Vec::new();
    for name in events("database-worker") {
        let event = batch(&format!("database-worker/{name}"));
        for record in &event.records {
            let body = record.body.as_deref().unwrap();
            let job = serde_json::from_str::<hub::Job>(body);
            assert_eq!(job.is_err(), name.starts_with("bad-"), "{name}: {body}");
        }
        seen.push(name);
    }
    assert_eq!(seen, ["bad-jobs.json", "scheduled.json", "settle.json"]);
}
