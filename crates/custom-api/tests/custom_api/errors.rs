use std::time::Duration;

use engine::Kind;
use serde_json::{Value, json};
use simulators::rest::{Fault, FaultRule};

use crate::world::World;

fn fault(fault: Fault, after: u32, times: Option<u32>) -> FaultRule {
    FaultRule {
        fault,
        after,
        times,
    }
}

fn status(status: u16, body: &str) -> Fault {
    Fault::Status {
        status,
        body: body.into(),
    }
}

fn config(world: &World, errors: &Value) -> Value {
    world.config(
        "",
        &json!({
            "streams": [{
                "name": "items", "path": "/cursor", "errors": errors,
                "pagination": {"kind": "cursor", "size": 2, "from": {"body": "$.next_cursor"}},
            }],
        }),
    )
}

#[tokio::test]
async fn each_status_has_its_kind_and_says_what_to_do() {
    let world = World::with_rows(5).await;
    for (code, kind, message) in [
        (400, Kind::InvalidConfig, "does not take the request"),
        (401, Kind::AuthRequired, "Authentication Failed"),
        (402, Kind::PlanRequired, "plan"),
        (403, Kind::ScopeMissing, "Authentication Failed"),
        (404, Kind::InvalidConfig, "Endpoint Not Found"),
        (410, Kind::InvalidConfig, "Endpoint Not Found"),
        (429, Kind::RateLimited, "Rate Limit Exceeded"),
        (500, Kind::Upstream, "HTTP 500"),
        (503, Kind::Upstream, "HTTP 503"),
    ] {
        world
            .api
            .add_fault(fault(status(code, "planted text"), 1, None));
        let error = world
            .read(&config(&world, &json!([])), &[])
            .await
            .unwrap_err();
        world.api.clear_faults();
        assert_eq!(error.kind(), kind, "{code}: {error}");
        assert!(error.to_string().contains(message), "{error}");
        assert!(!error.to_string().contains("planted"), "{error}");
    }
}

#[tokio::test]
async fn rules_by_status_and_text_come_before_the_usual_meaning() {
    for (status_code, body, rules, expected) in [
        (
            404,
            "",
            json!([{"status": 404, "action": "ignore"}]),
            Ok((2, 0)),
        ),
        (
            404,
            "",
            json!([{"status": "4xx", "action": "skip"}]),
            Ok((2, 1)),
        ),
        (
            400,
            "No MORE pages",
            json!([{"status": 400, "text": "no more", "action": "ignore"}]),
            Ok((2, 0)),
        ),
        (
            400,
            "other",
            json!([{"status": 400, "text": "no more", "action": "ignore"}]),
            Err(Kind::InvalidConfig),
        ),
        (
            403,
            "rate limit",
            json!([{"text": "rate limit", "action": "rate_limited"}]),
            Err(Kind::RateLimited),
        ),
        (
            200,
            r#"{"ok":false}"#,
            json!([{"status": 200, "text": "\"ok\":false", "action": "fail"}]),
            Err(Kind::Upstream),
        ),
        (
            409,
            "",
            json!([{"status": [408, 409], "action": "retry"}]),
            Err(Kind::Upstream),
        ),
        (
            500,
            "",
            json!([{"status": 500, "action": "fail", "message": "ask Ann"}]),
            Err(Kind::Upstream),
        ),
        (
            418,
            "",
            json!([{"status": 418, "action": "refresh_token"}]),
            Err(Kind::AuthRequired),
        ),
    ] {
        let world = World::with_rows(5).await;
        world
            .api
            .add_fault(fault(status(status_code, body), 1, None));
        let read = world.read(&config(&world, &rules), &[]).await;
        let outcome = read.map(|read| (read.rows.len(), read.gaps.len()));
        let outcome = outcome.map_err(|error| error.kind());
        assert_eq!(outcome, expected, "{status_code} {rules}");
    }
}

#[tokio::test]
async fn a_wait_that_the_api_asks_for_is_waited_or_passed_on() {
    let world = World::with_rows(5).await;
    let busy = |retry_after_s| Fault::TooManyRequests {
        retry_after_s: Some(retry_after_s),
    };
    world.api.add_fault(fault(busy(1), 0, Some(1)));
    let began = std::time::Instant::now();
    let read = world.read(&config(&world, &json!([])), &[]).await.unwrap();
    assert_eq!(read.rows.len(), 5);
    assert!(began.elapsed() >= Duration::from_secs(1));

    world.api.add_fault(fault(busy(3600), 0, None));
    let error = world
        .read(&config(&world, &json!([])), &[])
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.wait()),
        (Kind::RateLimited, Some(Duration::from_hours(1)))
    );
}

#[tokio::test]
async fn answers_beyond_the_limit_are_refused_packed_or_not() {
    let world = World::with_rows(500).await;
    for path in ["/all", "/ndjson.gz", "/gzip"] {
        let format = if path == "/ndjson.gz" {
            "ndjson"
        } else {
            "json"
        };
        let limited = world.config("", &json!({
            "limits": {"maxBytes": 20_000},
            "streams": [{"name": "items", "path": path, "query": {"per_page": 500}, "format": format}],
        }));
        let error = world.read(&limited, &[]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Upstream, "{path}: {error}");
        assert!(error.to_string().contains("20000 bytes"), "{path}: {error}");
    }
}

#[tokio::test]
async fn the_rate_is_kept() {
    let world = World::with_rows(10).await;
    let mut slow = config(&world, &json!([]));
    slow["rate"] = json!({"requestsPerSecond": 10, "atOnce": 5});
    let began = std::time::Instant::now();
    assert_eq!(world.read(&slow, &[]).await.unwrap().rows.len(), 10);
    assert!(
        began.elapsed() >= Duration::from_millis(400),
        "five calls, a tenth of a second apart"
    );
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    let validate = custom_api::CUSTOM_API.validate;
    let stream = |extra: Value| {
        let mut stream = json!({"name": "s", "path": "/s"});
        for (key, value) in extra.as_object().unwrap() {
            stream[key] = value.clone();
        }
        json!({"baseUrl": "https://x.test", "streams": [stream]})
    };
    for (config, field) in [
        (json!({}), "config.baseUrl"),
        (
            json!({"baseUrl": "x.test", "endpoint": "/a"}),
            "config.baseUrl",
        ),
        (
            json!({"baseUrl": "https://u:p@x.test", "endpoint": "/a"}),
            "config.baseUrl",
        ),
        (json!({"baseUrl": "https://x.test"}), "config.streams"),
        (
            json!({"baseUrl": "https://x.test", "streams": []}),
            "config.streams",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "colour": 1}),
            "config.colour",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "headers": {"Authorization": "Bearer x"}}),
            "config.headers.Authorization",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "headers": {"X-Api-Key": "x"}}),
            "config.headers.X-Api-Key",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "auth": {"kind": "bearer"}}),
            "credentials.token",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "auth": {"kind": "none", "x": 1}}),
            "config.auth.x",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "auth": {"kind": "magic"}}),
            "config.auth",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "rate": {"atOnce": 0}}),
            "config.rate.atOnce",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "limits": {"maxBytes": 1}}),
            "config.limits.maxBytes",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "errors": [{"action": "fail"}]}),
            "config.errors[0]",
        ),
        (
            json!({"baseUrl": "https://x.test", "endpoint": "/a", "errors": [{"status": 1, "action": "fail"}]}),
            "config.errors[0].status",
        ),
        (stream(json!({"colour": 1})), "config.streams[0].colour"),
        (stream(json!({"method": "DELETE"})), "config.streams[0]"),
        (
            stream(json!({"path": "https://y.test/"})),
            "config.streams[0].path",
        ),
        (stream(json!({"path": "/a/../b"})), "config.streams[0].path"),
        (stream(json!({"path": "/a/{id}"})), "config.streams[0].path"),
        (stream(json!({"body": {}})), "config.streams[0].body"),
        (
            stream(json!({"records": "items"})),
            "config.streams[0].records",
        ),
        (
            stream(json!({"pagination": {"kind": "page", "sise": 1}})),
            "config.streams[0].pagination.sise",
        ),
        (
            stream(json!({"pagination": {"kind": "cursor"}})),
            "config.streams[0].pagination.from",
        ),
        (
            stream(json!({"pagination": {"kind": "page", "from": {"body": "$.x"}}})),
            "config.streams[0].pagination.from",
        ),
        (
            stream(json!({"pagination": {"kind": "page", "in": "body"}})),
            "config.streams[0].method",
        ),
        (
            stream(json!({"cursor": {"field": "at"}})),
            "config.streams[0].cursor",
        ),
        (
            stream(json!({"cursor": {"field": "at", "parameter": "s", "format": "soon"}})),
            "config.streams[0].cursor.format",
        ),
        (
            stream(json!({"cursor": {"field": "at", "parameter": "s", "window": "1d"}})),
            "config.streams[0].cursor.start",
        ),
        (
            stream(json!({"parent": {"stream": "s"}})),
            "config.streams[0].parent",
        ),
        (
            stream(json!({"parent": {"stream": "x"}, "path": "/{parent.id}"})),
            "config.streams[0].parent.stream",
        ),
    ] {
        let problems = validate(&config, &Value::Null).unwrap_err();
        let fields: Vec<_> = problems
            .iter()
            .map(|problem| problem.field.as_str())
            .collect();
        assert!(fields.contains(&field), "{config}: {problems:?}");
        assert!(
            problems
                .iter()
                .all(|problem| !problem.message.contains("Bearer x"))
        );
    }
}
