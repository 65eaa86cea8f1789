//! The users' settings: where they come from, and what becomes of bad ones.

use axum::http::StatusCode;
use clock::ManualClock;
use jiff::SignedDuration;
use lambda_kit::ErrorType;
use serde_json::json;
use state::Scope;
use std::sync::Arc;
use ticket_function::{Service, api_router};

use crate::world::{BUCKET, World, ask, batch, context};

#[tokio::test]
async fn a_bad_file_names_its_key_and_stops_nothing_that_runs() {
    let clock = Arc::new(ManualClock::at("2026-11-26T16:50:00Z".parse().unwrap()));
    let world = World::at(clock.clone()).await;
    let key = world.key(&[Scope::Read]).await;
    let api = world.api();
    assert_eq!(
        ask(&api, &key, "GET /workflows", None).await.status,
        StatusCode::OK
    );
    world.configure(&json!({"department_id": "x"}));
    clock.advance(SignedDuration::from_mins(6));
    let still = ask(&api, &key, "GET /workflows", None).await;
    assert_eq!(
        still.status,
        StatusCode::OK,
        "the last good one stays: {}",
        still.text
    );

    let fresh = ask(&world.api(), &key, "GET /workflows", None).await;
    assert_eq!(
        fresh.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        fresh.text
    );
    let failure = world
        .worker()
        .invoke(batch(&[]), context())
        .await
        .unwrap_err();
    assert_eq!(failure.error_type, ErrorType::InvalidEvent);
    for named in ["InvalidConfig", "_config/ticketing.json", "department_id"] {
        assert!(failure.message.contains(named), "{failure}");
    }
}

#[tokio::test]
async fn changed_workflows_take_effect_after_five_minutes() {
    let clock = Arc::new(ManualClock::at("2026-11-26T16:50:00Z".parse().unwrap()));
    let world = World::at(clock.clone()).await;
    let key = world.key(&[Scope::Read]).await;
    let api = world.api();
    let before = ask(&api, &key, "GET /workflows", None).await.json();
    assert!(
        before["workflows"].as_array().unwrap().len() > 2,
        "{before}"
    );
    world
        .aws
        .put_object(BUCKET, "_config/workflows.toml", "not toml at all [");
    clock.advance(SignedDuration::from_mins(6));
    let after = ask(&api, &key, "GET /workflows", None).await.json();
    assert_eq!(before["workflows"], after["workflows"]);
    let failure = world
        .worker()
        .invoke(batch(&[]), context())
        .await
        .unwrap_err();
    assert!(
        failure.message.contains("_config/workflows.toml"),
        "{failure}"
    );
}

#[tokio::test]
async fn variables_go_before_the_file_and_are_enough_without_one() {
    let world = World::start().await;
    let key = world.key(&[Scope::Read]).await;
    let department = world.zoho.ids("departments", 1)[0].clone();
    let inline = world.settings().to_string();
    for env in [
        vec![
            ("TICKETING_CONFIG", "elsewhere.json"),
            ("TICKETING_CONFIG_JSON", inline.as_str()),
        ],
        vec![
            ("TICKETING_CONFIG", "elsewhere.json"),
            ("ZOHO_DESK_DEPARTMENT_ID", department.as_str()),
            ("MAIL_FROM", "support@company.com"),
            ("SUPPORT_EMAIL", "a@company.com, b@company.com"),
            ("PUBLIC_URL", "https://support.company.com"),
        ],
    ] {
        let api = api_router(&world.env(&env), world.service_with(&env)).unwrap();
        let answer = ask(&api, &key, "GET /workflows", None).await;
        assert_eq!(answer.status, StatusCode::OK, "{env:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_function_without_a_table_does_not_start() {
    let world = World::start().await;
    let env = [("BUCKET", BUCKET)].into_iter().collect();
    let refused = Service::new(&env, &world.clients(), world.clock.clone()).unwrap_err();
    assert!(refused.message.contains("STATE_TABLE"), "{refused}");
}

#[tokio::test]
async fn rotated_keys_take_effect_and_a_broken_secret_leaves_the_last_good_ones() {
    let clock = Arc::new(ManualClock::at("2026-11-26T16:50:00Z".parse().unwrap()));
    let world = World::at(clock.clone()).await;
    let hook = world.webhook();
    let hello = crate::world::flat("chat_1", "hello");
    assert_eq!(world.post_flat(&hook, &hello).await.status, StatusCode::OK);
    world
        .aws
        .put_secret("salesiq_webhook", "{\"shared_secret\": []}");
    clock.advance(SignedDuration::from_mins(6));
    assert_eq!(world.post_flat(&hook, &hello).await.status, StatusCode::OK);
    world.aws.put_secret(
        "salesiq_webhook",
        "{\"shared_secrets\": [\"another-secret-000001\"]}",
    );
    clock.advance(SignedDuration::from_mins(6));
    assert_eq!(
        world.post_flat(&hook, &hello).await.status,
        StatusCode::UNAUTHORIZED
    );
}
