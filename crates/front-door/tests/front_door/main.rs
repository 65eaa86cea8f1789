//! Requests through a whole front door, as Lambda hands them in.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod records;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::routing::{get, post};
use clock::{Clock as _, ManualClock};
use front_door::{
    Anonymous, ApiError, Authenticated, Callers, FrontDoor, Json, KeyRing, Limits, Rates,
    RequestId, Scope, StoreError, Stored, Windows,
};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use records::Records;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use state::{ChatId, Client, Grant, KeyRefusal};
use tower::ServiceExt as _;

#[derive(Deserialize)]
struct Ticket {
    subject: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Paging {
    limit: u8,
}

struct Counts {
    clock: Arc<ManualClock>,
    of: Mutex<HashMap<(String, i64), u32>>,
}

impl Windows for Counts {
    fn take<'a>(&'a self, bucket: &'a str, limit: u32) -> Stored<'a, Option<u32>> {
        let minute = self.clock.now().as_second() / 60;
        let mut counts = self.of.lock().unwrap();
        let count = counts.entry((bucket.to_owned(), minute)).or_default();
        *count += 1;
        let left = limit.checked_sub(*count);
        Box::pin(async move { Ok(left) })
    }
}

struct Keys;

impl KeyRing for Keys {
    fn client<'a>(&'a self, key: &'a SecretString) -> Stored<'a, Result<Client, KeyRefusal>> {
        Box::pin(async move {
            let grant = match key.expose_secret() {
                "dbk_reader" => Grant::Service([Scope::Read].into()),
                "dbk_admin" => Grant::Service([Scope::Admin].into()),
                "dbk_visitor" => Grant::Visitor("chat_1".parse().unwrap()),
                "dbk_acme" => Grant::Tenant {
                    tenant: "acme".parse().unwrap(),
                    scopes: [Scope::Write].into(),
                },
                "dbk_old" => return Ok(Err(KeyRefusal::Expired)),
                "dbk_outage" => return Err(StoreError::from("no table")),
                _ => return Ok(Err(KeyRefusal::Unknown)),
            };
            Ok(Ok(Client {
                id: "k1".into(),
                name: "helpdesk-ui".into(),
                grant,
            }))
        })
    }
}

struct World {
    clock: Arc<ManualClock>,
    routes: Router,
}

fn world() -> World {
    let clock = Arc::new(ManualClock::at("2026-06-01T12:00:10Z".parse().unwrap()));
    let callers = Callers {
        keys: Arc::new(Keys),
        windows: Arc::new(Counts {
            clock: clock.clone(),
            of: Mutex::default(),
        }),
        rates: Rates {
            per_key: 3,
            per_address: 2,
        },
    };
    let routes = Router::new()
        .route(
            "/tickets/{id}",
            get(async |Path(id): Path<u64>, Query(paging): Query<Paging>| {
                Json(json!({"id": id, "limit": paging.limit}))
            }),
        )
        .route(
            "/tickets",
            post(async |Json(ticket): Json<Ticket>| {
                Json(json!({"subject": ticket.subject, "tags": ticket.metadata.tags.len()}))
            }),
        )
        .route(
            "/mine",
            get(async |caller: Authenticated| {
                caller.require(Scope::Read)?;
                Ok::<_, ApiError>(Json(json!({"client": caller.client.name})))
            }),
        )
        .route(
            "/chats/{id}",
            get(async |caller: Authenticated, Path(chat): Path<ChatId>| caller.may_see(&chat)),
        )
        .route(
            "/secrets",
            get(async |caller: Authenticated| caller.require(Scope::Admin)),
        )
        .route(
            "/integrations",
            get(async |caller: Authenticated| caller.tenant(Scope::Write).map(ToString::to_string)),
        )
        .route(
            "/integrations/keys",
            get(async |caller: Authenticated| caller.tenant(Scope::Admin).map(ToString::to_string)),
        )
        .route(
            "/public",
            get(async |_: Anonymous, id: RequestId| id.as_str().to_owned()),
        )
        .route("/untouched", post(async || "ok"))
        .route(
            "/panic",
            get(async || -> &'static str { panic!("secret@example.com") }),
        );
    let door = FrontDoor::new("ticket-api", clock.clone())
        .limits(Limits {
            body_bytes: 256,
            depth: 4,
        })
        .callers(callers);
    World {
        clock,
        routes: door.open(routes),
    }
}

/// A request as API Gateway sends it, from `address`.
fn gateway(method: &str, path: &str, address: &str, headers: &Value, body: &str) -> Request<Body> {
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path.split('?').next().unwrap(),
        "rawQueryString": path.split_once('?').map_or("", |(_, query)| query),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "domainName": "api.example.com",
            "domainPrefix": "api", "requestId": "gateway-1", "routeKey": "$default",
            "stage": "$default", "time": "01/Jun/2026:12:00:10 +0000", "timeEpoch": 1_780_315_210_000_u64,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": address, "userAgent": "test"},
        },
        "body": body,
        "isBase64Encoded": false,
    });
    lambda_http::request::from_str(&event.to_string())
        .unwrap()
        .map(|body| Body::from(body.to_vec()))
}

impl World {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.routes.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (Response<()>, Value) {
        self.call("GET", path, json!({}), "").await
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        headers: Value,
        body: &str,
    ) -> (Response<()>, Value) {
        let response = self
            .send(gateway(method, path, "192.0.2.7", &headers, body))
            .await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (Response::from_parts(parts, ()), json)
    }

    async fn with_key(&self, path: &str, key: &str) -> (Response<()>, Value) {
        self.call("GET", path, json!({"x-api-key": key}), "").await
    }

    async fn post(&self, kind: &str, body: &str) -> (Response<()>, Value) {
        self.call("POST", "/tickets", json!({"content-type": kind}), body)
            .await
    }
}

#[tokio::test]
async fn every_refusal_is_json_that_names_the_request() {
    let world = world();
    for (method, path, status, code) in [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/tickets", 405, "method_not_allowed"),
        ("GET", "/tickets/abc?limit=1", 400, "invalid_request"),
        ("GET", "/tickets/%ff?limit=1", 400, "invalid_request"),
        ("GET", "/tickets/1", 400, "invalid_request"),
        ("GET", "/tickets/1?limit=999", 400, "invalid_request"),
        ("GET", "/panic", 500, "internal"),
        ("POST", "/tickets", 415, "unsupported_media_type"),
        ("GET", "/mine", 401, "unauthorized"),
    ] {
        let (response, body) = world.call(method, path, json!({}), "").await;
        assert_eq!(response.status().as_u16(), status, "{method} {path} {body}");
        assert_eq!(body["success"], false, "{path}");
        assert_eq!(body["error"]["code"], code, "{path}");
        assert_eq!(body["request_id"], "gateway-1", "{path}");
        assert!(!body.to_string().contains("secret@"), "{body}");
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let (response, _) = world().call("DELETE", "/tickets", json!({}), "").await;
    assert_eq!(response.headers()["allow"], "POST");
}

#[tokio::test]
async fn all_responses_have_the_security_headers() {
    let world = world();
    for path in ["/tickets/1?limit=5", "/nowhere"] {
        let (response, _) = world.get(path).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store");
        assert!(
            headers["strict-transport-security"]
                .to_str()
                .unwrap()
                .starts_with("max-age=")
        );
        assert_eq!(headers["x-request-id"], "gateway-1");
    }
}

#[tokio::test]
async fn a_body_is_refused_by_what_is_wrong_with_it() {
    let world = world();
    let json = "application/json; charset=utf-8";
    let large = format!("{{\"subject\": \"{}\"}}", "x".repeat(300));
    for (kind, body, status, code, field) in [
        (
            "text/plain",
            "{}",
            415,
            "unsupported_media_type",
            Value::Null,
        ),
        (json, "", 400, "invalid_json", Value::Null),
        (json, "  ", 400, "invalid_json", Value::Null),
        (json, "{", 400, "invalid_json", Value::Null),
        (
            json,
            "{\"subject\":\"a\"} x",
            400,
            "invalid_json",
            Value::Null,
        ),
        (json, "[[[[[1]]]]]", 400, "too_deep", Value::Null),
        (json, large.as_str(), 413, "too_large", Value::Null),
        (json, "{}", 422, "invalid_field", json!("subject")),
        (json, "7", 422, "invalid_field", Value::Null),
        (
            json,
            r#"{"subject": 7}"#,
            422,
            "invalid_field",
            json!("subject"),
        ),
        (
            json,
            r#"{"subject":"a","metadata":{"tags":["a",{}]}}"#,
            422,
            "invalid_field",
            json!("metadata.tags[1]"),
        ),
    ] {
        let (response, answer) = world.post(kind, body).await;
        assert_eq!(response.status().as_u16(), status, "{body} {answer}");
        assert_eq!(answer["error"]["code"], code, "{body}");
        assert_eq!(answer["error"]["field"], field, "{body} {answer}");
    }
    let (response, answer) = world.post(json, r#"{"subject":"a"}"#).await;
    assert_eq!(
        (response.status(), &answer["subject"]),
        (StatusCode::OK, &json!("a"))
    );
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_limited_too() {
    let large = "x".repeat(257);
    let (response, _) = world().call("POST", "/untouched", json!({}), &large).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_key_opens_what_its_scopes_cover() {
    let world = world();
    let (response, body) = world.with_key("/mine", "dbk_reader").await;
    assert_eq!(
        (response.status(), &body["client"]),
        (StatusCode::OK, &json!("helpdesk-ui"))
    );
    let (response, body) = world.with_key("/secrets", "dbk_reader").await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("`admin`")
    );
    let (response, _) = world.with_key("/secrets", "dbk_admin").await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_visitors_key_opens_its_own_chat_and_nothing_else() {
    let world = world();
    for (path, key, status) in [
        ("/chats/chat_1", "dbk_visitor", 200),
        ("/chats/chat_2", "dbk_visitor", 404),
        ("/mine", "dbk_visitor", 403),
    ] {
        let (response, _) = world.with_key(path, key).await;
        assert_eq!(response.status().as_u16(), status, "{path} {key}");
    }
    let (response, _) = world.with_key("/chats/chat_2", "dbk_reader").await;
    assert_eq!(
        response.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "all four count for one key"
    );
}

#[tokio::test]
async fn a_tenants_key_opens_the_tenants_integrations_and_nothing_else() {
    for (path, key, status, says) in [
        ("/integrations", "dbk_acme", 200, ""),
        ("/integrations/keys", "dbk_acme", 403, "`admin`"),
        ("/mine", "dbk_acme", 403, "a key without a tenant"),
        ("/secrets", "dbk_acme", 403, "a key without a tenant"),
        ("/chats/chat_1", "dbk_acme", 403, "a key without a tenant"),
        ("/integrations", "dbk_admin", 403, "a key with your tenant"),
        (
            "/integrations",
            "dbk_visitor",
            403,
            "a key with your tenant",
        ),
    ] {
        let (response, body) = world().with_key(path, key).await;
        assert_eq!(response.status().as_u16(), status, "{path} {key}");
        assert!(body.to_string().contains(says), "{path} {key}: {body}");
    }
}

#[tokio::test]
async fn who_had_a_key_is_told_that_it_expired() {
    let (response, body) = world().with_key("/mine", "dbk_old").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("expired"),
        "{body}"
    );
}

#[tokio::test]
async fn wrong_keys_are_refused_alike_and_soon_not_heard_any_more() {
    let world = world();
    let (response, unknown) = world.with_key("/mine", "dbk_wrong").await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    let (_, none) = world.get("/mine").await;
    assert_eq!(unknown["error"], none["error"]);
    let (response, _) = world.with_key("/mine", "dbk_other").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let (response, _) = world.with_key("/mine", "dbk_reader").await;
    assert_eq!(
        response.status(),
        StatusCode::OK,
        "a good key is not its address"
    );
}

#[tokio::test]
async fn a_key_has_its_rate_and_is_told_of_it() {
    let world = world();
    for left in ["2", "1", "0"] {
        let (response, _) = world.with_key("/mine", "dbk_reader").await;
        assert_eq!(response.headers()["ratelimit-limit"], "3");
        assert_eq!(response.headers()["ratelimit-remaining"], left);
        assert_eq!(response.headers()["ratelimit-reset"], "50");
    }
    let (response, body) = world.with_key("/mine", "dbk_reader").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "50");
    assert_eq!(response.headers()["ratelimit-remaining"], "0");
    assert_eq!(body["error"]["code"], "rate_limited");
    world.clock.advance(SignedDuration::from_secs(50));
    let (response, _) = world.with_key("/mine", "dbk_reader").await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_public_route_is_limited_by_address_and_no_header_is_believed() {
    let world = world();
    for (address, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
    ] {
        let headers = json!({"x-forwarded-for": "203.0.113.9", "x-real-ip": "203.0.113.9"});
        let response = world
            .send(gateway("GET", "/public", address, &headers, ""))
            .await;
        assert_eq!(response.status().as_u16(), status, "{address}");
    }
}

#[tokio::test]
async fn keys_that_cannot_be_looked_up_open_nothing() {
    let (response, body) = world().with_key("/mine", "dbk_outage").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "2");
    assert!(!body.to_string().contains("table"), "{body}");
}

#[tokio::test]
async fn a_request_without_a_gateway_gets_an_id_of_its_own() {
    let world = world();
    let request = || {
        Request::get("/nowhere")
            .header("x-request-id", "forged")
            .body(Body::empty())
            .unwrap()
    };
    let one = world.send(request()).await;
    let other = world.send(request()).await;
    assert_ne!(
        one.headers()["x-request-id"],
        other.headers()["x-request-id"]
    );
    assert_ne!(one.headers()["x-request-id"], "forged");
}

#[tokio::test]
async fn head_gets_no_body() {
    let response = world()
        .send(gateway("HEAD", "/nowhere", "192.0.2.7", &json!({}), ""))
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
}

#[tokio::test]
async fn the_access_log_has_the_route_and_nothing_of_the_caller() {
    let records = Records::start();
    let world = world();
    world
        .get("/tickets/4711?limit=5&email=ann@example.com")
        .await;
    world
        .with_key("/mine?x=ann@example.com", "dbk_reader")
        .await;
    world.get("/people/ann@example.com").await;
    let all = records.of_this_thread();
    for expected in [
        "route=/tickets/{id} status=200",
        "client=helpdesk-ui",
        "route=unmatched status=404",
        "function_request_id=gateway-1",
    ] {
        assert!(all.contains(expected), "{expected} in {all}");
    }
    for secret in ["4711", "ann", "dbk_", "192.0.2", "limit"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
