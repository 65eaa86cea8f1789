//! What the routes refuse, and how they say so.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, ask_with};

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_what_would() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
    world.make_desk(&api, &key).await;
    let new = "POST /api/integrations";
    let text = |text: &str| Some(Value::String(text.to_owned()));
    let json_type = [("content-type", "application/json")];
    let lines = [("content-type", "application/x-ndjson")];
    let import = "POST /api/integrations/1/data/import?dataType=leads";
    for (route, body, headers, status, code, says) in [
        (new, text("{"), &json_type[..], 400, "invalid_json", ""),
        (
            new,
            text("a=b"),
            &[("content-type", "text/plain")],
            415,
            "unsupported_media_type",
            "",
        ),
        (
            new,
            Some(json!({"name": "x", "type": "fax"})),
            &[],
            422,
            "invalid_field",
            "zoho_desk",
        ),
        (
            new,
            Some(json!({"name": "", "type": "zoho_desk"})),
            &[],
            422,
            "invalid_field",
            "client_id",
        ),
        (
            new,
            Some(json!({"name": "x", "type": "zoho_desk", "more": 1})),
            &[],
            422,
            "invalid_field",
            "more",
        ),
        (
            new,
            Some(world.desk()),
            &[("idempotency-key", "a b")],
            422,
            "invalid_field",
            "letters",
        ),
        (
            "PATCH /api/integrations/1",
            Some(json!({"syncInterval": 0})),
            &[],
            422,
            "invalid_field",
            "10080",
        ),
        (
            "PATCH /api/integrations/1",
            Some(json!({"name": "x"})),
            &[("if-match", "7")],
            422,
            "invalid_field",
            "ETag",
        ),
        (
            "PATCH /api/integrations/2",
            Some(json!({"name": "x"})),
            &[],
            404,
            "not_found",
            "",
        ),
        (
            "GET /api/integrations/x",
            None,
            &[],
            422,
            "invalid_field",
            "",
        ),
        ("GET /api/integrations/9", None, &[], 404, "not_found", ""),
        (
            "GET /api/integrations?limit=0",
            None,
            &[],
            422,
            "invalid_field",
            "1 to 100",
        ),
        (
            "GET /api/integrations?limit=101",
            None,
            &[],
            422,
            "invalid_field",
            "1 to 100",
        ),
        (
            "GET /api/integrations?page=2",
            None,
            &[],
            422,
            "invalid_field",
            "page",
        ),
        (
            "GET /api/integrations?cursor=x",
            None,
            &[],
            422,
            "invalid_field",
            "this list",
        ),
        (
            "DELETE /api/integrations/1?data=burn",
            None,
            &[],
            422,
            "invalid_field",
            "keep",
        ),
        (
            "POST /api/integrations/1/sync",
            text("{"),
            &json_type,
            400,
            "invalid_json",
            "",
        ),
        (
            "POST /api/integrations/1/sync",
            Some(json!({"all": true})),
            &[],
            422,
            "invalid_field",
            "all",
        ),
        (
            "GET /api/integrations/1/runs/nothing",
            None,
            &[],
            404,
            "not_found",
            "run",
        ),
        (
            "GET /api/integrations/1/runs/01ab",
            None,
            &[],
            404,
            "not_found",
            "run",
        ),
        (
            "GET /api/integrations/1/metrics?startDate=2026-02-01&endDate=2026-01-01",
            None,
            &[],
            422,
            "invalid_field",
            "endDate",
        ),
        (
            "GET /api/integrations/1/metrics?startDate=2024-01-01&endDate=2026-01-01",
            None,
            &[],
            422,
            "invalid_field",
            "365",
        ),
        (
            "GET /api/integrations/1/metrics?startDate=yesterday",
            None,
            &[],
            422,
            "invalid_field",
            "",
        ),
        (
            "GET /api/integrations/1/data?externalId=5",
            None,
            &[],
            422,
            "invalid_field",
            "dataType",
        ),
        (
            "GET /api/integrations/1/data?syncStatus=lost",
            None,
            &[],
            422,
            "invalid_field",
            "synced",
        ),
        (
            "GET /api/integrations/1/data?updatedSince=then",
            None,
            &[],
            422,
            "invalid_field",
            "",
        ),
        (
            "GET /api/integrations/1/data/export?limit=10001",
            None,
            &[],
            422,
            "invalid_field",
            "10000",
        ),
        (
            "POST /api/integrations/1/data/import",
            Some(json!([])),
            &[],
            422,
            "invalid_field",
            "dataType",
        ),
        (
            import,
            Some(json!([])),
            &[],
            422,
            "invalid_field",
            "1 to 1000",
        ),
        (
            import,
            Some(json!({"rows": []})),
            &[],
            422,
            "invalid_field",
            "array",
        ),
        (
            import,
            Some(json!([{"externalId": "1"}])),
            &[],
            422,
            "invalid_field",
            "rows[0]",
        ),
        (
            import,
            text("{\"externalId\":\"1\",\"data\":{}}\n{"),
            &lines,
            400,
            "invalid_json",
            "line 2",
        ),
        (
            import,
            text("a,b"),
            &[("content-type", "text/csv")],
            415,
            "unsupported_media_type",
            "x-ndjson",
        ),
        (
            "POST /api/integrations/1/actions",
            Some(json!({"action": "fly"})),
            &[],
            422,
            "invalid_field",
            "create_ticket",
        ),
        (
            "POST /api/integrations/1/actions",
            Some(json!({"action": "get_ticket", "parameters": 7})),
            &[],
            422,
            "invalid_field",
            "parameters",
        ),
        (
            "POST /api/integrations/import",
            Some(json!({"integrations": 7})),
            &[],
            422,
            "invalid_field",
            "integrations",
        ),
        (
            "POST /api/integrations/import",
            Some(json!([{"name": "x"}])),
            &[],
            422,
            "invalid_field",
            "integrations[0]",
        ),
        (
            "GET /api/integrations/1/nothing",
            None,
            &[],
            404,
            "not_found",
            "route",
        ),
        (
            "PUT /api/integrations/1",
            None,
            &[],
            405,
            "method_not_allowed",
            "",
        ),
    ] {
        let answer = ask_with(&api, &key, route, body.as_ref(), headers).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{route} {body:?}: {}",
            answer.text
        );
        assert_eq!(answer.code(), code, "{route} {body:?}: {}", answer.text);
        assert!(
            answer.text.contains(says),
            "{route} {body:?}: {}",
            answer.text
        );
        assert_eq!(answer.json()["success"], false);
        assert!(answer.json()["request_id"].is_string());
    }
    let large = Value::String("x".repeat(4 * 1024 * 1024 + 1));
    let answer = ask_with(&api, &key, import, Some(&large), &lines).await;
    assert_eq!(
        answer.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "{}",
        answer.text
    );
}
