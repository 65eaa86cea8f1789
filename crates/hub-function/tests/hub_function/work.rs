//! What the worker does with its queue.

use aws_lambda_events::sqs::SqsEvent;
use serde_json::{Value, json};
use simulators::zoho::{Fault, FaultRule};
use state::Scope;

use crate::post::Queued;
use crate::world::{BUCKET, World, ask, batch, context};

fn message(body: &Value) -> Queued {
    Queued {
        queue: String::new(),
        body: body.to_string(),
        delay_s: 0,
    }
}

async fn synced(world: &World, key: &str, run: &str) -> Value {
    let route = format!("GET /api/integrations/1/runs/{run}");
    ask(&world.api(), key, &route, None).await.json()
}

#[tokio::test]
async fn a_sync_brings_rows_records_metrics_and_history() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    world.make_desk(&api, &key).await;
    let queued = ask(&api, &key, "POST /api/integrations/1/sync", None).await;
    assert_eq!(queued.status.as_u16(), 202, "{}", queued.text);
    let run = queued.json()["run"]["id"].as_str().unwrap().to_owned();
    let shown = ask(&api, &key, "GET /api/integrations/1", None)
        .await
        .json();
    assert_eq!(shown["currentRun"]["id"], run.as_str());
    let busy = ask(&api, &key, "POST /api/integrations/1/sync", None).await;
    assert_eq!(busy.code(), "busy", "{}", busy.text);
    world.drain().await;

    let ended = synced(&world, &key, &run).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    let departments = world.zoho.truth("departments", "").unwrap().len() as u64;
    assert_eq!(ended["streams"][0]["rows"], departments, "{ended}");
    let data = ask(
        &api,
        &key,
        "GET /api/integrations/1/data?dataType=departments",
        None,
    )
    .await;
    let data = data.json();
    assert_eq!(data["data"].as_array().unwrap().len() as u64, departments);
    let metrics = ask(&api, &key, "GET /api/integrations/1/metrics", None)
        .await
        .json();
    assert_eq!(metrics["totals"]["succeeded"], 1, "{metrics}");
    assert_eq!(metrics["totals"]["rows"], departments);
    let streams = ask(&api, &key, "GET /api/integrations/1/streams", None)
        .await
        .json();
    assert_eq!(streams["streams"][0]["name"], "departments", "{streams}");
    assert_eq!(streams["streams"][0]["counts"]["synced"], departments);
    let shown = ask(&api, &key, "GET /api/integrations/1", None)
        .await
        .json();
    assert!(shown["lastSync"].is_string());
    assert_eq!(shown["errorMessage"], Value::Null);
    let keys = world.aws.keys(BUCKET);
    let own = "integrations/tenant=acme/integration=1/";
    assert!(keys.iter().any(|key| key.starts_with(own)), "{keys:?}");
    assert!(
        keys.iter()
            .all(|key| key.starts_with(own) || key.starts_with("_locks/")),
        "{keys:?}"
    );
}

#[tokio::test]
async fn a_schedules_message_makes_a_run() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    world.make_desk(&api, &key).await;
    let schedule = world.post.schedules()["deskbridge-integrations/acme-1"].clone();
    let input = schedule["Target"]["Input"].as_str().unwrap().to_owned();
    let job = serde_json::from_str(&input).unwrap();
    let response = world
        .worker()
        .invoke(batch(&[message(&job)]), context(60_000))
        .await
        .unwrap();
    assert!(response.batch_item_failures.is_empty());
    world.drain().await;
    let runs = ask(&api, &key, "GET /api/integrations/1/runs", None)
        .await
        .json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "{runs}");
    assert_eq!(runs["runs"][0]["trigger"], "schedule");
    assert_eq!(runs["runs"][0]["status"], "succeeded", "{runs}");
}

#[tokio::test]
async fn a_platform_that_fails_is_in_the_run_and_the_integration() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    let mut body = world.desk();
    body["credentials"]["client_secret"] = "wrong".into();
    let made = ask(&api, &key, "POST /api/integrations", Some(&body)).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.text);
    let queued = ask(&api, &key, "POST /api/integrations/1/sync", None).await;
    let run = queued.json()["run"]["id"].as_str().unwrap().to_owned();
    world.drain().await;
    let ended = synced(&world, &key, &run).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    let shown = ask(&api, &key, "GET /api/integrations/1", None)
        .await
        .json();
    assert_eq!(shown["status"], "error", "{shown}");
    assert!(shown["errorMessage"].is_string(), "{shown}");
}

#[tokio::test]
async fn only_what_failed_comes_again_and_is_put_off() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    world.make_desk(&api, &key).await;
    world.post.take("integration-jobs", 900);
    let gone = json!({"tenant": "acme", "integration": 9, "kind": "settle"});
    let good = json!({"tenant": "acme", "integration": 1, "kind": "settle"});
    let unreadable = json!({"tenant": "ACME", "integration": 1, "kind": "settle"});
    let event = batch(&[message(&good), message(&unreadable), message(&gone)]);
    let response = world.worker().invoke(event, context(60_000)).await.unwrap();
    assert!(response.batch_item_failures.is_empty(), "{response:?}");

    let queued = ask(&api, &key, "POST /api/integrations/1/sync", None).await;
    assert_eq!(queued.status.as_u16(), 202, "{}", queued.text);
    let jobs = world.post.take("integration-jobs", 0);
    let worker = world.worker();
    world
        .aws
        .inject(simulators::aws::Fault::deny("GetItem").times(20));
    let response = worker.invoke(batch(&jobs), context(60_000)).await.unwrap();
    world.aws.heal();
    assert_eq!(response.batch_item_failures.len(), 1, "{response:?}");
    let put_off = world.post.put_off();
    assert_eq!(put_off[0]["VisibilityTimeout"], 5, "{put_off:?}");
    let response = worker.invoke(batch(&jobs), context(60_000)).await.unwrap();
    assert!(response.batch_item_failures.is_empty(), "{response:?}");
}

#[tokio::test]
async fn without_time_nothing_is_begun() {
    let world = World::start().await;
    let good = json!({"tenant": "acme", "integration": 1, "kind": "settle"});
    let event: SqsEvent = batch(&[message(&good)]);
    let response = world.worker().invoke(event, context(400)).await.unwrap();
    assert_eq!(response.batch_item_failures.len(), 1);
}

#[tokio::test]
async fn a_long_sync_is_carried_out_in_legs() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    world.make_desk(&api, &key).await;
    world
        .zoho
        .add_fault(FaultRule::next(1, Fault::Stall { seconds: 9.0 }).on("departments"));
    let queued = ask(&api, &key, "POST /api/integrations/1/sync", None).await;
    let run = queued.json()["run"]["id"].as_str().unwrap().to_owned();
    let setup = world.setup(&[("SYNC_LEG_SECONDS", "5")]);
    let connector = hub_function::HttpConnector::new(&setup).unwrap();
    let worker = setup
        .worker(hub::WorkerKind::Http, std::sync::Arc::new(connector))
        .unwrap();
    let jobs = world.post.take("integration-jobs", 0);
    let response = worker.invoke(batch(&jobs), context(60_000)).await.unwrap();
    assert!(response.batch_item_failures.is_empty(), "{response:?}");
    let between = synced(&world, &key, &run).await;
    assert_ne!(between["status"], "succeeded", "{between}");
    // The next leg may wait a little.
    world.drain_of(899).await;
    let ended = synced(&world, &key, &run).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
}
