//! What integrations are made of, and how they change.

use axum::http::StatusCode;
use serde_json::{Value, json};
use state::Scope;

use crate::world::{World, ask, ask_with};

#[tokio::test]
async fn an_integration_is_made_shown_changed_and_removed() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    let made = ask(&api, &key, "POST /api/integrations", Some(&world.desk())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.header("location"), Some("/api/integrations/1"));
    let etag = made.header("etag").unwrap().to_owned();
    let integration = made.json();
    assert_eq!(integration["id"], 1);
    assert_eq!(integration["type"], "zoho_desk");
    assert_eq!(integration["status"], "active");
    assert_eq!(integration["syncInterval"], 60);
    assert_eq!(integration["lastSync"], Value::Null);
    assert_eq!(integration["config"]["client_secret"], "***");
    let secret = world.zoho.options().client_secret.clone();
    assert!(!made.text.contains(&secret), "{}", made.text);
    let stored: Value =
        serde_json::from_str(&world.aws.secret("test/integrations/acme/1").unwrap()).unwrap();
    assert_eq!(stored["client_secret"], secret.as_str());

    let schedule = &world.post.schedules()["deskbridge-integrations/acme-1"];
    assert_eq!(schedule["ScheduleExpression"], "rate(60 minutes)");
    assert_eq!(schedule["State"], "ENABLED");
    assert_eq!(
        schedule["Target"]["Arn"],
        "arn:aws:sqs:us-east-1:000000000000:integration-jobs"
    );
    let job: Value = serde_json::from_str(schedule["Target"]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(
        job,
        json!({"tenant": "acme", "integration": 1, "kind": "sync", "scheduled": true})
    );

    let patch = json!({"name": "Desk", "syncInterval": 15, "status": "inactive"});
    let changed = ask_with(
        &api,
        &key,
        "PATCH /api/integrations/1",
        Some(&patch),
        &[("if-match", &etag)],
    )
    .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    assert_eq!(changed.json()["name"], "Desk");
    assert_eq!(changed.json()["status"], "inactive");
    let schedule = &world.post.schedules()["deskbridge-integrations/acme-1"];
    assert_eq!(schedule["ScheduleExpression"], "rate(15 minutes)");
    assert_eq!(schedule["State"], "DISABLED");
    let stale = ask_with(
        &api,
        &key,
        "PATCH /api/integrations/1",
        Some(&patch),
        &[("if-match", &etag)],
    )
    .await;
    assert_eq!(
        stale.status,
        StatusCode::PRECONDITION_FAILED,
        "{}",
        stale.text
    );
    assert_eq!(stale.code(), "changed");

    let removing = ask(&api, &key, "DELETE /api/integrations/1?data=delete", None).await;
    assert_eq!(removing.status, StatusCode::ACCEPTED, "{}", removing.text);
    assert_eq!(removing.json()["id"], 1);
    world.drain().await;
    let gone = ask(&api, &key, "GET /api/integrations/1", None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "{}", gone.text);
    assert_eq!(world.aws.secret("test/integrations/acme/1"), None);
    assert!(world.post.schedules().is_empty());
}

#[tokio::test]
async fn both_documented_bodies_make_the_same_integration() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    let mut flat = world.desk();
    let credentials = flat["credentials"].take();
    flat.as_object_mut().unwrap().remove("credentials");
    flat["config"] = json!({
        "clientId": credentials["client_id"], "clientSecret": credentials["client_secret"],
        "code": credentials["code"], "orgId": credentials["org_id"],
        "redirectUri": credentials["redirect_uri"],
    });
    let mut other = world.desk();
    other["platform"] = other["type"].take();
    other.as_object_mut().unwrap().remove("type");
    let mut shown = Vec::new();
    for body in [flat, other] {
        let made = ask(&api, &key, "POST /api/integrations", Some(&body)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        shown.push(made.json()["config"].clone());
    }
    assert_eq!(shown[0], shown[1]);
}

#[tokio::test]
async fn a_repeated_create_with_its_key_makes_one_integration() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    let once = [("idempotency-key", "order-1")];
    let mut ids = Vec::new();
    for _ in 0..2 {
        let body = world.desk();
        let made = ask_with(&api, &key, "POST /api/integrations", Some(&body), &once).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        ids.push(made.json()["id"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let mut other = world.desk();
    other["name"] = "Another".into();
    let reused = ask_with(&api, &key, "POST /api/integrations", Some(&other), &once).await;
    assert_eq!(reused.status, StatusCode::CONFLICT, "{}", reused.text);
    assert_eq!(reused.code(), "key_reused");
}

#[tokio::test]
async fn configurations_go_out_without_secrets_and_come_in_inactive() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    world.make_desk(&api, &key).await;
    let exported = ask(&api, &key, "GET /api/integrations/export", None).await;
    assert_eq!(exported.status, StatusCode::OK, "{}", exported.text);
    assert!(!exported.text.contains(&world.zoho.options().client_secret));
    let other = world.key("globex", &[Scope::Admin]).await;
    let route = "POST /api/integrations/import";
    let imported = ask(&api, &other, route, Some(&exported.json())).await;
    assert_eq!(imported.status, StatusCode::OK, "{}", imported.text);
    let one = &imported.json()["imported"][0];
    assert_eq!(one["name"], "Support desk");
    assert_eq!(one["id"], 1);
    assert!(
        one["needsCredentials"]
            .to_string()
            .contains("client_secret"),
        "{one}"
    );
    let made = ask(&api, &other, "GET /api/integrations/1", None)
        .await
        .json();
    assert_eq!(made["status"], "inactive");
    let schedule = &world.post.schedules()["deskbridge-integrations/globex-1"];
    assert_eq!(schedule["State"], "DISABLED");
    let list = exported.json()["integrations"].clone();
    let again = ask(&api, &other, route, Some(&list)).await;
    assert_eq!(again.json()["imported"][0]["id"], 2, "{}", again.text);
}

#[tokio::test]
async fn a_table_that_cannot_be_reached_is_503_and_no_secret_is_left_behind() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    world
        .post
        .refuse_next("CreateSchedule", 403, "AccessDeniedException");
    let failed = ask(&api, &key, "POST /api/integrations", Some(&world.desk())).await;
    assert_eq!(
        failed.status,
        StatusCode::INTERNAL_SERVER_ERROR,
        "{}",
        failed.text
    );
    assert!(!failed.text.contains("scheduler"), "{}", failed.text);
    let list = ask(&api, &key, "GET /api/integrations", None).await.json();
    assert_eq!(list["integrations"], json!([]));
    assert_eq!(world.aws.secret("test/integrations/acme/1"), None);
}
