//! The shape of every route's answer, and what the routes do.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use simulators::zoho::{Fault, FaultRule};
use state::Scope;

use crate::webhook::PASSWORD;
use crate::world::{Answer, World, ask, call};

/// The keys of a value, with types instead of values.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => (*flag).into(),
        Value::Number(_) => "number".into(),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "time".into(),
        Value::String(text) if text.parse::<jiff::civil::Date>().is_ok() => "date".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => items.first().map(shape).into_iter().collect(),
        Value::Object(fields) => {
            let shapes = fields.iter().map(|(name, value)| {
                let is_date = name.parse::<jiff::civil::Date>().is_ok();
                (
                    if is_date {
                        "date".to_owned()
                    } else {
                        name.clone()
                    },
                    shape(value),
                )
            });
            Value::Object(shapes.collect::<Map<_, _>>())
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_documented_shape() {
    let world = World::start().await;
    world.say(&world.webhook(), "chat_1", &PASSWORD).await;
    world.drain().await;
    let (api, key) = (world.api(), world.key(&[Scope::Admin]).await);
    let create = json!({
        "query": "I need to upgrade my disk storage", "user_id": "john@company.com",
        "metadata": {"subject": "Disk Space Upgrade Request", "priority": "Medium", "workflow_type": "disk_upgrade", "server": "srv-42"}
    });
    let created = ask(&api, &key, "POST /zoho/ticket/create", Some(&create)).await;
    assert_eq!(created.status, StatusCode::OK, "{}", created.text);
    let id = created.json()["ticket_id"].as_str().unwrap().to_owned();
    let mut shapes = BTreeMap::from([(
        "POST /zoho/ticket/create".to_owned(),
        shape(&created.json()),
    )]);
    for (route, body) in [
        (format!("GET /zoho/ticket/{id}"), None),
        (
            format!("POST /zoho/ticket/{id}/comment"),
            Some(json!({"comment": "Customer confirmed", "is_internal": false})),
        ),
        (format!("GET /zoho/ticket/{id}/comments"), None),
        (
            format!("PATCH /zoho/ticket/{id}/status"),
            Some(json!({"status": "Closed"})),
        ),
        ("GET /zoho/test".to_owned(), None),
        ("GET /zoho/tickets?limit=1".to_owned(), None),
        ("GET /salesiq/session/chat_1".to_owned(), None),
        ("POST /salesiq/session/chat_1/visitor-key".to_owned(), None),
        ("POST /salesiq/session/chat_1/close".to_owned(), None),
        ("GET /workflows".to_owned(), None),
        ("GET /stats".to_owned(), None),
        (
            "POST /admin/keys".to_owned(),
            Some(json!({"client": "x", "scopes": ["read"]})),
        ),
        ("GET /admin/keys".to_owned(), None),
        ("GET /admin/audit?target=chat:chat_1".to_owned(), None),
        (
            "POST /privacy/erase".to_owned(),
            Some(json!({"email": "customer@company.com"})),
        ),
        ("GET /health".to_owned(), None),
        ("GET /zoho/nothing".to_owned(), None),
    ] {
        let answer = ask(&api, &key, &route, body.as_ref()).await;
        assert!(!answer.status.is_server_error(), "{route}: {}", answer.text);
        shapes.insert(route.replace(&id, "{ticket_id}"), shape(&answer.json()));
    }
    let export = json!({"email": "john@company.com"});
    let exported = ask(&api, &key, "POST /privacy/export", Some(&export)).await;
    assert!(
        exported.text.contains("I need to upgrade my disk storage"),
        "{}",
        exported.text
    );
    insta::assert_json_snapshot!(shapes);
}

#[tokio::test]
async fn a_ticket_is_made_changed_and_listed() {
    let world = World::start().await;
    let (api, key) = (world.api(), world.key(&[Scope::Read, Scope::Write]).await);
    let create = json!({"query": "help", "user_id": "john@company.com", "metadata": {"workflow_type": "test", "priority": "Low"}});
    let id = ask(&api, &key, "POST /zoho/ticket/create", Some(&create))
        .await
        .json()["ticket_id"]
        .clone();
    let id = id.as_str().unwrap();
    let ticket = ask(&api, &key, &format!("GET /zoho/ticket/{id}"), None)
        .await
        .json();
    assert_eq!(ticket["ticket"]["email"], "john@company.com");
    assert_eq!(ticket["ticket"]["priority"], "Low");
    assert_eq!(ticket["ticket"]["status"], "Open");
    let bad = ask(
        &api,
        &key,
        &format!("PATCH /zoho/ticket/{id}/status"),
        Some(&json!({"status": "Nonsense"})),
    )
    .await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", bad.text);
    let closed = ask(
        &api,
        &key,
        &format!("PATCH /zoho/ticket/{id}/status"),
        Some(&json!({"status": "closed"})),
    )
    .await;
    assert_eq!(closed.json()["status"], "Closed", "{}", closed.text);
    for (query, there) in [
        ("source=AceBuddy", true),
        ("workflow_type=test", true),
        ("workflow_type=password_reset", false),
        ("status=closed", true),
        ("status=Open", false),
        ("source=Other", false),
    ] {
        let listed = ask(&api, &key, &format!("GET /zoho/tickets?{query}"), None).await;
        assert_eq!(listed.text.contains(id), there, "{query}: {}", listed.text);
    }
    let missing = ask(&api, &key, "GET /zoho/ticket/123", None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "{}", missing.text);
}

async fn create_with(world: &World, key: &str, idempotency: &str, query: &str) -> Answer {
    let request = Request::post("/zoho/ticket/create")
        .header("x-api-key", key)
        .header("content-type", "application/json")
        .header("idempotency-key", idempotency)
        .body(Body::from(
            json!({"query": query, "user_id": "john@company.com"}).to_string(),
        ))
        .unwrap();
    call(&world.api(), request).await
}

#[tokio::test]
async fn an_idempotency_key_makes_one_ticket_of_a_request_sent_twice() {
    let world = World::start().await;
    let key = world.key(&[Scope::Write]).await;
    let first = create_with(&world, &key, "order-1", "help").await;
    let again = create_with(&world, &key, "order-1", "help").await;
    assert_eq!(
        first.json()["ticket_id"],
        again.json()["ticket_id"],
        "{}",
        again.text
    );
    assert_eq!(world.zoho.written_tickets().len(), 1);
    let other = create_with(&world, &key, "order-1", "something else").await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (StatusCode::CONFLICT, "key_reused")
    );
    let bad = create_with(&world, &key, "a b", "help").await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", bad.text);
}

#[tokio::test]
async fn a_desk_in_trouble_is_told_apart_from_a_defect_of_ours() {
    let world = World::start().await;
    let (api, key) = (world.api(), world.key(&[Scope::Read, Scope::Write]).await);
    world
        .zoho
        .add_fault(FaultRule::always(Fault::ThresholdExceeded {
            retry_after_s: 3600,
        }));
    let answer = ask(&api, &key, "GET /zoho/test", None).await;
    assert!(
        matches!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY
        ),
        "{}",
        answer.text
    );
    let create = json!({"query": "help", "user_id": "john@company.com"});
    let later = ask(&api, &key, "POST /zoho/ticket/create", Some(&create)).await;
    assert_eq!(later.status, StatusCode::ACCEPTED, "{}", later.text);
    let reference = later.json()["reference"].as_str().unwrap().to_owned();
    let session = ask(
        &api,
        &key,
        &format!("GET /salesiq/session/{reference}"),
        None,
    )
    .await;
    assert_eq!(session.status, StatusCode::OK, "{}", session.text);
    assert_eq!(session.json()["session"]["ticket_id"], Value::Null);
}

#[tokio::test]
async fn a_survey_is_answered_once_by_a_page_without_scripts() {
    let world = World::start().await;
    let hook = world.webhook();
    world.say(&hook, "chat_1", &PASSWORD).await;
    world.drain().await;
    let (api, key) = (world.api(), world.key(&[Scope::Write, Scope::Read]).await);
    ask(&api, &key, "POST /salesiq/session/chat_1/close", None).await;
    world.drain().await;
    assert_eq!(world.post.mails().len(), 3, "the third asks how it was");
    let chat = state::ChatId::parse("chat_1").unwrap();
    let token = world.state().surveys.issue(&chat, 1).await.unwrap();
    let token = token.expose_secret();

    let page = ask(
        &api,
        "",
        &format!("GET /survey?token={token}&stars=4"),
        None,
    )
    .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(
        page.text.contains("value=\"4\" required checked"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<script"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("script-src"),
        "{policy}"
    );
    let page = ask(&api, "", &format!("GET /survey/{token}"), None).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);

    let post = |form: &'static str| {
        let request = Request::post(format!("/survey/{token}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        call(&api, request)
    };
    for bad in [
        "stars=6",
        "stars=0",
        "stars=x",
        "comment=x",
        "stars=5&more=1",
        "stars=5&comment=%00",
    ] {
        assert_eq!(
            post(bad).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{bad}"
        );
    }
    let thanks = post("stars=4&comment=quick").await;
    assert_eq!(thanks.status, StatusCode::OK, "{}", thanks.text);
    assert_eq!(post("stars=1").await.status, StatusCode::NOT_FOUND);
    let stats = ask(&api, &key, "GET /stats", None).await.json();
    assert_eq!(stats["customer_satisfaction"], 4.0, "{stats}");
    let unknown = ask(&api, "", &format!("GET /survey/{}", "x".repeat(40)), None).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(
        unknown.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}
