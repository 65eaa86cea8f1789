//! Tests and actions, whose answer is waited for.

use axum::http::StatusCode;
use serde_json::json;

use crate::world::{World, ask, call, context, request};

#[tokio::test]
async fn a_test_answers_with_facts_or_with_why_it_failed() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    world.make_desk(&api, &key).await;
    let route = "POST /api/integrations/1/test";
    let works = world.ask_worked(&api, &key, route, None, &[]).await;
    assert_eq!(works.status, StatusCode::OK, "{}", works.text);
    let works = works.json();
    assert_eq!(works["success"], true, "{works}");
    assert_eq!(works["platform"], "zoho_desk");
    for (name, value) in works["facts"].as_object().unwrap() {
        assert_eq!(&works[name], value);
    }
    world.zoho.add_fault(simulators::zoho::FaultRule::always(
        simulators::zoho::Fault::ServerError,
    ));
    let fails = world.ask_worked(&api, &key, route, None, &[]).await;
    assert_eq!(fails.status, StatusCode::OK, "{}", fails.text);
    assert_eq!(fails.json()["success"], false);
    assert!(fails.json()["errorType"].is_string(), "{}", fails.text);
}

#[tokio::test]
async fn who_cannot_be_waited_for_is_named_by_its_run() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    world.make_desk(&api, &key).await;
    let mut asked = request(&key, "POST /api/integrations/1/test", None, &[]);
    // Two seconds, of which answering takes one and a half.
    asked.extensions_mut().insert(context(2_000));
    let pending = call(&api, asked).await;
    assert_eq!(pending.status, StatusCode::ACCEPTED, "{}", pending.text);
    assert_eq!(pending.json()["pending"], true);
    let run = pending.json()["run"]["id"].as_str().unwrap().to_owned();
    world.drain().await;
    let route = format!("GET /api/integrations/1/runs/{run}");
    let ended = ask(&api, &key, &route, None).await.json();
    assert_eq!(ended["kind"], "check");
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(ended["result"]["success"], true, "{ended}");
}

#[tokio::test]
async fn an_action_is_done_once_for_its_key_and_keeps_the_platforms_refusal() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    world.make_desk(&api, &key).await;
    let department = world.zoho.ids("departments", 1).remove(0);
    let action = json!({"action": "create_ticket", "parameters": {
        "subject": "Printer", "departmentId": department,
        "contact": {"lastName": "Doe", "email": "doe@example.com"},
    }});
    let route = "POST /api/integrations/1/actions";
    let templates = ask(&api, &key, "GET /api/integrations/templates", None).await;
    assert!(
        templates.text.contains("create_ticket"),
        "{}",
        templates.text
    );
    let once = [("idempotency-key", "ticket-1")];
    let done = world
        .ask_worked(&api, &key, route, Some(&action), &once)
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let done = world
        .ask_worked(&api, &key, route, Some(&action), &once)
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(done.json()["success"], true);
    assert_eq!(done.json()["message"], "Operation completed successfully");
    assert!(done.json()["data"].is_object(), "{}", done.text);
    assert_eq!(world.zoho.written_tickets().len(), 1);
    let nobody = json!({"action": "get_ticket", "parameters": {"ticketId": "1"}});
    let refused = world
        .ask_worked(&api, &key, route, Some(&nobody), &[])
        .await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.text
    );
    assert_eq!(refused.code(), "refused");
}
