//! What the hub does not do, and how it says so.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::caller::{Hub, tenant_key};
use super::samples::Database;
use crate::logs;

/// A custom API at `url` with one endpoint.
fn custom_api(url: &str) -> Value {
    json!({
        "name": "probe",
        "type": "custom_api",
        "config": {"baseUrl": url, "streams": [{"name": "items", "path": "/items"}]},
    })
}

#[tokio::test]
async fn no_tenant_reaches_what_is_anothers() {
    let hub = Hub::of("mine").await;
    let theirs = Hub::of("theirs").await;
    let id = hub.create(&custom_api("https://api.example.com")).await;
    let run = json!({"action": "x", "parameters": {}});
    for (method, path, body) in [
        (Method::GET, format!("/{id}"), None),
        (
            Method::PATCH,
            format!("/{id}"),
            Some(json!({"name": "taken"})),
        ),
        (Method::DELETE, format!("/{id}"), None),
        (Method::POST, format!("/{id}/test"), None),
        (Method::POST, format!("/{id}/sync"), Some(json!({}))),
        (Method::GET, format!("/{id}/runs"), None),
        (Method::GET, format!("/{id}/streams"), None),
        (Method::GET, format!("/{id}/metrics"), None),
        (Method::GET, format!("/{id}/data"), None),
        (Method::GET, format!("/{id}/data/export"), None),
        (Method::POST, format!("/{id}/actions"), Some(run)),
    ] {
        let (status, answer) = theirs.call(method.clone(), &path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {answer}");
        assert!(!answer.to_string().contains("probe"), "{answer}");
    }
    let listed = theirs.get("").await;
    assert_eq!(listed["integrations"], json!([]), "{listed}");
    assert_eq!(hub.get(&format!("/{id}")).await["name"], "probe");
    hub.delete(id).await;
}

#[tokio::test]
async fn a_key_opens_what_it_is_for_and_nothing_else() {
    let hub = Hub::of("keys").await;
    let reader = tenant_key("keys", "read");
    let service = crate::chats::api_key("hub-service");
    for (key, expected) in [
        ("dbk_000000000000_unknown", StatusCode::UNAUTHORIZED),
        (service.as_str(), StatusCode::FORBIDDEN),
    ] {
        let (status, answer) = hub.call_as(key, Method::GET, "", None).await;
        assert_eq!(status, expected, "{answer}");
    }
    let body = Some(custom_api("https://api.example.com"));
    let (status, answer) = hub.call_as(&reader, Method::POST, "", body).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let tickets = format!("{}/zoho/tickets", hub.stack.text("/http_api"));
    let asked = reqwest::Client::new().get(tickets).bearer_auth(&hub.key);
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

/// Each is refused when it is created, or when it is tested; either way with a next step.
#[tokio::test]
async fn addresses_inside_are_not_called() {
    let hub = Hub::of("inside").await;
    let closed = hub.stack.text("/simulator/origin");
    let inside = [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254",
        "https://[fd00:ec2::254]",
        "https://127.0.0.1:1",
        "https://localhost:4566",
        "https://2130706433",
        "https://10.0.0.1",
        closed.as_str(),
    ];
    // Neither by themselves, nor when an address that is allowed sends there.
    let allowed = hub.stack.text("/rest_api/origin");
    let sent = inside.map(|to| {
        let mut body = custom_api(&allowed);
        body["config"]["streams"][0]["path"] = json!("/redirect");
        body["config"]["streams"][0]["query"] = json!({"to": to});
        body
    });
    for body in inside.map(custom_api).iter().chain(&sent) {
        let (status, answer) = hub.call(Method::POST, "", Some(body.clone())).await;
        if status == StatusCode::UNPROCESSABLE_ENTITY {
            continue;
        }
        assert_eq!(status, StatusCode::CREATED, "{body}: {answer}");
        let id = answer["id"].as_u64().unwrap();
        let tested = hub.test(id).await;
        assert_eq!(tested["success"], false, "{body}: {tested}");
        assert_eq!(tested["errorType"], "Refused", "{body}: {tested}");
        hub.delete(id).await;
    }
}

#[tokio::test]
async fn databases_that_cannot_or_must_not_be_read_say_why() {
    let hub = Hub::of("wrong").await;
    let found = Database::all(&hub).await;
    let Some(mut database) = found
        .into_iter()
        .find(|database| database.platform() == "postgresql")
    else {
        eprintln!("PostgreSQL is not installed here: nothing was tested");
        return;
    };
    database.fill(&hub).await;
    let good = database.body(&hub);
    let with = |path: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let query = |sql: &str| {
        let query = json!({"name": "q", "sql": sql, "primaryKey": ["id"]});
        let mut body = good.clone();
        body["config"]["queries"] = json!([query]);
        body
    };
    for sql in [
        "DELETE FROM orders",
        "SELECT 1; DROP TABLE orders",
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        "SELECT * INTO copy FROM orders",
        "SELECT pg_terminate_backend(1)",
    ] {
        let (status, answer) = hub.call(Method::POST, "", Some(query(sql))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{sql}: {answer}");
    }
    let decoy = "decoy-password-4711";
    for (body, expected) in [
        (with("/credentials/password", json!(decoy)), "AuthRequired"),
        (with("/config/host", json!("192.0.2.1")), "Refused"),
        (with("/config/port", json!(1)), "Refused"),
        (with("/config/database", json!("nowhere")), "InvalidConfig"),
    ] {
        let id = hub.create(&body).await;
        let tested = hub.test(id).await;
        assert_eq!(tested["success"], false, "{tested}");
        assert_eq!(tested["errorType"], expected, "{tested}");
        assert!(!tested.to_string().contains(decoy));
        hub.delete(id).await;
    }
    let mut missing = good.clone();
    missing["config"]["tables"] = json!(["public.nothing"]);
    let id = hub.create(&missing).await;
    let run = hub.sync_however(id, json!({})).await;
    assert_eq!(run["status"], "failed", "{run}");
    assert_eq!(run["error"]["errorType"], "SchemaChanged", "{run}");
    not_logged(decoy, "database-worker");
    let shown = hub.get(&format!("/{id}")).await;
    assert_eq!(shown["status"], "error", "{shown}");
    assert!(shown["errorMessage"].is_string(), "{shown}");
    hub.delete(id).await;
}

/// Looks through all logs, in which `function` has some.
fn not_logged(decoy: &str, function: &str) {
    let logs = logs::of_all_functions();
    let function = format!("{function}: ");
    assert!(
        logs.lines().any(|line| line.starts_with(&function)),
        "the logs of {function} were not found"
    );
    assert!(!logs.contains(decoy), "a secret is in the logs");
}

/// A password that is in nothing that anybody can read but Secrets Manager.
#[tokio::test]
async fn a_secret_is_in_no_answer_and_in_no_item() {
    let hub = Hub::of("decoys").await;
    let decoy = "decoy-key-0815";
    let mut body = custom_api("https://api.example.com");
    body["config"]["auth"] = json!({"kind": "bearer"});
    body["credentials"] = json!({"token": decoy});
    let (status, answer) = hub.call(Method::POST, "", Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let id = answer["id"].as_u64().unwrap();
    hub.test(id).await;
    let mut seen = answer.to_string();
    for path in [
        String::new(),
        format!("/{id}"),
        format!("/{id}/runs"),
        "/export".to_owned(),
    ] {
        seen += &hub.get(&path).await.to_string();
    }
    assert!(!seen.contains(decoy), "{seen}");
    let items = hub.stack.all_items().await;
    assert!(items.contains("decoys"), "the table was not read");
    assert!(!items.contains(decoy), "a secret is in the table");
    not_logged(decoy, "integrations-worker");
    hub.delete(id).await;
}
