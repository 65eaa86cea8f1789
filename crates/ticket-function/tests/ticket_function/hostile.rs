//! What must be refused, with the right status and without a trace in the table.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use jiff::SignedDuration;
use serde_json::json;
use state::Scope;

use crate::world::{SHARED, TABLE, World, ask, call, flat, standard};

fn post(headers: &[(&'static str, String)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post("/webhook/salesiq").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(body.into()).unwrap()
}

/// Chats that the table knows of.
fn chats(world: &World) -> usize {
    let items = world.aws.items(TABLE);
    items
        .iter()
        .filter(|item| item["pk"].to_string().contains("CHAT#"))
        .count()
}

#[tokio::test]
async fn forged_stale_and_changed_requests_are_refused() {
    let world = World::start().await;
    let hook = world.webhook();
    let now = world.clock.now();
    let body = flat("chat_1", "hello").to_string();
    let good = standard("msg_1", body.as_bytes(), now);
    let stale = standard("msg_1", body.as_bytes(), now - SignedDuration::from_mins(6));
    let future = standard("msg_1", body.as_bytes(), now + SignedDuration::from_mins(6));
    let changed = body.replace("hello", "hullo");
    for (name, headers, body, code) in [
        ("unsigned", vec![], &body, "signature_missing"),
        ("stale", stale, &body, "timestamp_stale"),
        ("future", future, &body, "timestamp_stale"),
        ("changed", good.clone(), &changed, "signature_invalid"),
        (
            "wrong secret",
            vec![("x-webhook-secret", "x".repeat(20))],
            &body,
            "secret_invalid",
        ),
        (
            "no key for it",
            vec![("x-siqsignature", "AAAA".to_owned())],
            &body,
            "not_configured",
        ),
    ] {
        let answer = call(&hook, post(&headers, body.clone())).await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{name}: {}",
            answer.text
        );
        assert_eq!(answer.code(), code, "{name}");
    }
    assert_eq!(chats(&world), 0);
    let answer = call(&hook, post(&good, body.clone())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[tokio::test]
async fn a_replayed_request_changes_nothing() {
    let world = World::start().await;
    let hook = world.webhook();
    let body = flat("chat_1", "I forgot my password").to_string();
    let headers = standard("msg_1", body.as_bytes(), world.clock.now());
    let first = call(&hook, post(&headers, body.clone())).await;
    let before = chats(&world);
    let replayed = call(&hook, post(&headers, body)).await;
    assert_eq!(
        (first.status, replayed.status),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(first.text, replayed.text);
    assert_eq!(before, chats(&world));
}

#[tokio::test]
async fn bodies_that_are_no_delivery_are_refused_and_leave_nothing() {
    let world = World::start().await;
    let hook = world.webhook();
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let long = flat("chat_1", &"x".repeat(20_000)).to_string();
    let (large, huge) = (vec![b' '; 70 * 1024], vec![b'x'; 2 * 1024 * 1024]);
    for (name, body, status) in [
        ("empty", b"".to_vec(), 400),
        ("no JSON", b"hello".to_vec(), 400),
        ("not UTF-8", b"{\"chat_id\":\"\xff\xfe\"}".to_vec(), 400),
        ("deep", deep.into_bytes(), 400),
        ("a list", b"[]".to_vec(), 422),
        ("a number", b"7".to_vec(), 422),
        ("unknown", b"{\"hello\":1}".to_vec(), 422),
        ("bad chat", flat("a b", "x").to_string().into_bytes(), 422),
        ("long message", long.into_bytes(), 422),
        ("70 KB", large, 413),
        ("2 MB", huge, 413),
    ] {
        let answer = world.signed(&hook, &body).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text);
        assert_eq!(answer.json()["success"], false, "{name}");
        assert!(!answer.code().is_empty(), "{name}");
    }
    let form = Request::post("/webhook/salesiq")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-webhook-secret", SHARED)
        .body(Body::from("chat_id=1"))
        .unwrap();
    assert_eq!(
        call(&hook, form).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(chats(&world), 0);
}

#[tokio::test]
async fn who_guesses_secrets_is_slowed_down() {
    let world = World::start().await;
    let hook = world.webhook_with(&[("WEBHOOK_RATE_PER_CHAT", "3")]);
    let mut statuses = Vec::new();
    for n in 0..8 {
        let secret = ("x-webhook-secret", format!("guess-number-0000000{n}"));
        let answer = call(&hook, post(&[secret], flat("chat_1", "hello").to_string())).await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses[0], 401);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn impossible_values_are_refused_by_name() {
    let world = World::start().await;
    let api = world.api();
    let key = world.key(&[Scope::Admin]).await;
    let create = |change: serde_json::Value| {
        let mut body = json!({"query": "help", "user_id": "a@company.com", "metadata": {}});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        Some(body)
    };
    for (route, body, status, field) in [
        (
            "POST /zoho/ticket/create",
            create(json!({"query": "a\u{0}b"})),
            422,
            "query",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"query": ""})),
            422,
            "query",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"query": 7})),
            422,
            "query",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"query": "x".repeat(8001)})),
            422,
            "query",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"user_id": "a@b"})),
            422,
            "user_id",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"metadata": {"priority": "Urgentest"}})),
            422,
            "metadata.priority",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"metadata": {"subject": "a\nb"}})),
            422,
            "metadata.subject",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"metadata": {"more": ["x"]}})),
            422,
            "",
        ),
        (
            "POST /zoho/ticket/create",
            create(json!({"querry": "x"})),
            422,
            "",
        ),
        ("GET /zoho/ticket/TKT-1", None, 422, "path"),
        ("GET /zoho/ticket/%FF", None, 422, "path"),
        ("GET /zoho/tickets?limit=0", None, 422, "limit"),
        ("GET /zoho/tickets?limit=101", None, 422, "limit"),
        ("GET /zoho/tickets?limit=x", None, 422, "limit"),
        ("GET /zoho/tickets?source=a%00b", None, 422, "source"),
        ("GET /zoho/tickets?cursor=nonsense", None, 422, "cursor"),
        ("GET /zoho/tickets?statuss=Open", None, 422, "statuss"),
        ("GET /zoho/tickets?status=a&status=b", None, 422, "status"),
        ("GET /stats?from=2026-13-01", None, 422, "from"),
        (
            "GET /stats?from=2026-02-01&to=2026-01-01",
            None,
            422,
            "from",
        ),
        (
            "GET /stats?from=2020-01-01&to=2026-01-01",
            None,
            422,
            "from",
        ),
        ("GET /admin/audit", None, 422, "target"),
        (
            "GET /admin/audit?target=a&day=2026-01-01",
            None,
            422,
            "target",
        ),
        ("GET /salesiq/session/a%20b", None, 422, "path"),
        (
            "POST /admin/keys",
            Some(json!({"client": "x", "scopes": []})),
            422,
            "scopes",
        ),
        (
            "POST /admin/keys",
            Some(json!({"client": "a@b.de", "scopes": ["read"]})),
            422,
            "client",
        ),
        (
            "POST /admin/keys",
            Some(json!({"client": "x", "scopes": ["root"]})),
            422,
            "scopes[0]",
        ),
        (
            "POST /privacy/erase",
            Some(json!({"email": "everybody"})),
            422,
            "email",
        ),
        ("GET /zoho/nothing", None, 404, ""),
        ("DELETE /zoho/tickets", None, 405, ""),
    ] {
        let answer = ask(&api, &key, route, body.as_ref()).await;
        assert_eq!(answer.status.as_u16(), status, "{route} {}", answer.text);
        let named = answer.json()["error"]["field"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            field.is_empty() || named == field,
            "{route} {field}: {}",
            answer.text
        );
    }
}
