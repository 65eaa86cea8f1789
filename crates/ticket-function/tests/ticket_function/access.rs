//! Who may do what.

use axum::http::StatusCode;
use serde_json::{Value, json};
use state::Scope;

use crate::webhook::PASSWORD;
use crate::world::{World, ask};

/// Route, the scope it needs, and a body that works.
fn routes() -> Vec<(&'static str, Scope, Option<Value>)> {
    let person = Some(json!({"email": "nobody@company.com"}));
    vec![
        (
            "POST /zoho/ticket/create",
            Scope::Write,
            Some(json!({"query": "help", "user_id": "a@company.com"})),
        ),
        ("GET /zoho/ticket/1", Scope::Read, None),
        (
            "POST /zoho/ticket/1/comment",
            Scope::Write,
            Some(json!({"comment": "x"})),
        ),
        ("GET /zoho/ticket/1/comments", Scope::Read, None),
        (
            "PATCH /zoho/ticket/1/status",
            Scope::Write,
            Some(json!({"status": "Closed"})),
        ),
        ("GET /zoho/test", Scope::Read, None),
        ("GET /zoho/tickets", Scope::Read, None),
        ("GET /salesiq/session/nobody", Scope::Read, None),
        ("POST /salesiq/session/nobody/close", Scope::Write, None),
        (
            "POST /salesiq/session/nobody/visitor-key",
            Scope::Write,
            None,
        ),
        ("GET /workflows", Scope::Read, None),
        ("GET /stats", Scope::Read, None),
        ("GET /admin/keys", Scope::Admin, None),
        (
            "POST /admin/keys",
            Scope::Admin,
            Some(json!({"client": "x", "scopes": ["read"]})),
        ),
        ("DELETE /admin/keys/000000000000", Scope::Admin, None),
        ("GET /admin/audit?target=chat:x", Scope::Admin, None),
        ("POST /privacy/export", Scope::Admin, person.clone()),
        ("POST /privacy/erase", Scope::Admin, person),
    ]
}

#[tokio::test]
async fn every_route_wants_a_key_with_its_scope() {
    let world = World::start().await;
    let api = world.api();
    let read = world.key(&[Scope::Read]).await;
    let write = world.key(&[Scope::Write]).await;
    let admin = world.key(&[Scope::Admin]).await;
    let wrong = format!("dbk_0123456789ab_{}", "A".repeat(43));
    for (route, scope, body) in routes() {
        for (key, scopes) in [
            ("", vec![]),
            (wrong.as_str(), vec![]),
            (read.as_str(), vec![Scope::Read]),
            (write.as_str(), vec![Scope::Write]),
            (
                admin.as_str(),
                vec![Scope::Read, Scope::Write, Scope::Admin],
            ),
        ] {
            let answer = ask(&api, key, route, body.as_ref()).await;
            let expected = match (scopes.is_empty(), scopes.contains(&scope)) {
                (true, _) => Some(StatusCode::UNAUTHORIZED),
                (false, false) => Some(StatusCode::FORBIDDEN),
                (false, true) => None,
            };
            let let_in = !matches!(
                answer.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            );
            match expected {
                Some(status) => {
                    assert_eq!(answer.status, status, "{route} {scopes:?} {}", answer.text);
                }
                None => assert!(
                    let_in && !answer.status.is_server_error(),
                    "{route} {scopes:?} {}",
                    answer.text
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_tenants_key_opens_no_route_and_is_told_why() {
    let world = World::start().await;
    let api = world.api();
    let key = world.tenant_key().await;
    for (route, _, body) in routes() {
        let answer = ask(&api, &key, route, body.as_ref()).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{route} {}",
            answer.text
        );
        assert!(answer.text.contains("a key without a tenant"), "{route}");
    }
    let admin = world.key(&[Scope::Admin]).await;
    let listed = ask(&api, &admin, "GET /admin/keys", None).await.json();
    let tenants: Vec<_> = listed["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["tenant"])
        .collect();
    assert!(tenants.contains(&&json!("acme")), "{listed}");
}

#[tokio::test]
async fn public_routes_want_no_key() {
    let world = World::start().await;
    let api = world.api();
    for route in ["GET /health", "GET /openapi.json"] {
        assert_eq!(
            ask(&api, "", route, None).await.status,
            StatusCode::OK,
            "{route}"
        );
    }
}

#[tokio::test]
async fn a_visitor_sees_his_own_chat_and_no_other() {
    let world = World::start().await;
    let hook = world.webhook();
    let own = world.say(&hook, "chat_own", &PASSWORD).await["ticket_id"].clone();
    let other = world.say(&hook, "chat_other", &PASSWORD).await["ticket_id"].clone();
    let (own, other) = (own.as_str().unwrap(), other.as_str().unwrap());
    world.drain().await;
    let api = world.api();
    let staff = world.key(&[Scope::Read, Scope::Write]).await;
    let issued = ask(
        &api,
        &staff,
        "POST /salesiq/session/chat_own/visitor-key",
        None,
    )
    .await;
    assert_eq!(issued.status, StatusCode::OK, "{}", issued.text);
    let issued = issued.json();
    let visitor = issued["key"].as_str().unwrap();

    let internal = json!({"comment": "he is a VIP", "is_internal": true});
    let added = ask(
        &api,
        &staff,
        &format!("POST /zoho/ticket/{own}/comment"),
        Some(&internal),
    )
    .await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.text);

    for (route, status) in [
        ("GET /salesiq/session/chat_own".to_owned(), StatusCode::OK),
        (format!("GET /zoho/ticket/{own}"), StatusCode::OK),
        (format!("GET /zoho/ticket/{own}/comments"), StatusCode::OK),
        (
            "GET /salesiq/session/chat_other".to_owned(),
            StatusCode::NOT_FOUND,
        ),
        (format!("GET /zoho/ticket/{other}"), StatusCode::NOT_FOUND),
        (
            format!("GET /zoho/ticket/{other}/comments"),
            StatusCode::NOT_FOUND,
        ),
        ("GET /zoho/tickets".to_owned(), StatusCode::FORBIDDEN),
        (
            "POST /salesiq/session/chat_own/close".to_owned(),
            StatusCode::FORBIDDEN,
        ),
        (
            "POST /salesiq/session/chat_own/visitor-key".to_owned(),
            StatusCode::FORBIDDEN,
        ),
        ("GET /stats".to_owned(), StatusCode::FORBIDDEN),
        ("GET /admin/keys".to_owned(), StatusCode::FORBIDDEN),
    ] {
        let answer = ask(&api, visitor, &route, None).await;
        assert_eq!(answer.status, status, "{route}: {}", answer.text);
        assert!(!answer.text.contains("VIP"), "{route}: {}", answer.text);
    }
    let seen = ask(
        &api,
        &staff,
        &format!("GET /zoho/ticket/{own}/comments"),
        None,
    )
    .await;
    assert!(seen.text.contains("VIP"), "{}", seen.text);

    let hidden = ask(
        &api,
        visitor,
        &format!("POST /zoho/ticket/{own}/comment"),
        Some(&internal),
    )
    .await;
    assert_eq!(
        hidden.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        hidden.text
    );
    let public = json!({"comment": "any news?"});
    let foreign = ask(
        &api,
        visitor,
        &format!("POST /zoho/ticket/{other}/comment"),
        Some(&public),
    )
    .await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{}", foreign.text);
}

#[tokio::test]
async fn a_withdrawn_key_and_one_whose_time_is_over_let_nobody_in() {
    let clock = std::sync::Arc::new(clock::ManualClock::at(
        "2026-11-26T16:50:00Z".parse().unwrap(),
    ));
    let world = World::at(clock.clone()).await;
    let api = world.api();
    let admin = world.key(&[Scope::Admin]).await;
    let new = json!({"client": "intranet", "scopes": ["read"], "expires_in_days": 1});
    let made = ask(&api, &admin, "POST /admin/keys", Some(&new)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert_eq!(
        ask(&api, key, "GET /workflows", None).await.status,
        StatusCode::OK
    );
    let listed = ask(&api, &admin, "GET /admin/keys", None).await;
    assert!(
        listed.text.contains(id) && !listed.text.contains(key),
        "{}",
        listed.text
    );

    let visitor = world.visitor_key("chat_1").await;
    clock.advance(jiff::SignedDuration::from_hours(2));
    let late = ask(&api, &visitor, "GET /salesiq/session/chat_1", None).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);

    let gone = ask(&api, &admin, &format!("DELETE /admin/keys/{id}"), None).await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.text);
    assert_eq!(
        ask(&api, key, "GET /workflows", None).await.status,
        StatusCode::UNAUTHORIZED
    );
    let trail = ask(
        &api,
        &admin,
        &format!("GET /admin/audit?target=key:{id}"),
        None,
    )
    .await
    .json();
    let actions: Vec<_> = trail["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["key.revoke", "key.issue"]);
    let day = ask(
        &api,
        &admin,
        "GET /admin/audit?day=2026-11-26&limit=1",
        None,
    )
    .await
    .json();
    assert_eq!(day["changes"].as_array().unwrap().len(), 1, "{day}");
    let next = day["next_cursor"].as_str().unwrap();
    let more = ask(
        &api,
        &admin,
        &format!("GET /admin/audit?day=2026-11-26&limit=1&cursor={next}"),
        None,
    )
    .await;
    assert_eq!(more.status, StatusCode::OK, "{}", more.text);
    assert_ne!(more.json()["changes"], day["changes"]);
}
