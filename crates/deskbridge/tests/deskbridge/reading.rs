use deskbridge::Exit;
use serde_json::{Value, json};

use crate::stage::Stage;
use crate::stub::{Reply, Stub};

pub(crate) fn integration() -> Value {
    json!({
        "id": 7, "name": "Orders of the shop", "type": "postgresql", "status": "active",
        "config": {"host": "db.example.com", "port": 5432, "database": "shop", "username": "reader", "password": "***"},
        "lastSync": "2026-01-15T11:30:00Z", "syncInterval": 60, "errorMessage": null,
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-15T11:30:00Z",
        "streams": [{"name": "public.orders", "fields": ["id", "total"]}, {"name": "public.customers"}],
        "mapping": {"public.customers": {"steps": [{"hash": {"fields": ["email"]}}]}},
        "fullEvery": 24, "currentRun": null, "consecutiveFailures": 0, "removing": false, "version": 3,
    })
}

fn failing() -> Value {
    json!({
        "id": 12, "name": "Desk\u{1b}[31m of\nAcme", "type": "zoho_desk", "status": "error", "config": {},
        "lastSync": null, "syncInterval": 1440,
        "errorMessage": "the refresh token is refused: generate a new code and put it into the credentials",
        "createdAt": "2026-01-10T00:00:00Z", "updatedAt": "2026-01-15T11:59:30Z",
        "streams": [], "mapping": {}, "fullEvery": 0, "currentRun": null,
        "consecutiveFailures": 3, "removing": false, "version": 1,
    })
}

fn first_page() -> Reply {
    Reply::json(
        200,
        &json!({"success": true, "integrations": [integration()], "nextCursor": "c1"}),
    )
}

fn last_page() -> Reply {
    Reply::json(
        200,
        &json!({"success": true, "integrations": [failing()], "nextCursor": null}),
    )
}

async fn listing() -> Stub {
    Stub::answering([
        ("GET /api/integrations", first_page()),
        ("GET /api/integrations", last_page()),
    ])
    .await
}

#[tokio::test]
async fn integrations_are_listed_page_after_page() {
    let stub = listing().await;
    let ran = Stage::of(&stub).run(["list"]).await.expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(
        stub.lines(),
        [
            "GET /api/integrations?limit=100",
            "GET /api/integrations?limit=100&cursor=c1"
        ]
    );
    let stub = listing().await;
    let narrow = Stage::of(&stub)
        .width(80)
        .run(["list"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!("integrations_fit_80_columns", narrow.out);
    assert!(narrow.out.lines().all(|line| line.chars().count() <= 80));
}

#[tokio::test]
async fn json_is_what_the_api_sent_byte_for_byte() {
    let odd = "{\"success\": true,\n \"integrations\":[ ],\"nextCursor\":null, \"new\": 1.10}";
    let stub = Stub::answering([("GET /api/integrations", Reply::text(200, odd))]).await;
    let ran = Stage::of(&stub)
        .run(["list", "--json"])
        .await
        .expect(Exit::Done);
    assert_eq!(ran.out, format!("{odd}\n"));
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn one_integration_is_shown_in_full() {
    let mut running = integration();
    running["currentRun"] = crate::runs::run("running", "reading", 1000);
    let stub = Stub::answering([
        ("GET /api/integrations/7", Reply::json(200, &running)),
        ("GET /api/integrations/12", Reply::json(200, &failing())),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    let ran = stage.run(["show", "7"]).await.expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    let ran = stage.run(["show", "12"]).await.expect(Exit::Done);
    insta::assert_snapshot!("an_integration_in_error", ran.shown());
    let ran = stage.run(["show", "8"]).await.expect(Exit::NotFound);
    assert!(ran.err.contains("deskbridge list"), "{ran:?}");
}

pub(crate) fn templates() -> Value {
    let setting = |name: &str, kind: &str, required: bool, secret: bool| {
        json!({
            "name": name, "title": name, "help": format!("the {name} of the server"),
            "kind": kind, "required": required, "secret": secret,
        })
    };
    json!({"success": true, "templates": [
        {
            "kind": "platform", "name": "postgresql", "type": "postgresql", "aliases": ["postgres"],
            "title": "PostgreSQL", "description": "Reads tables and views of a PostgreSQL database.",
            "documentation": "https://www.postgresql.org/docs/",
            "settings": [
                setting("host", "text", true, false),
                setting("port", "integer", false, false),
                {"name": "tls", "title": "TLS", "help": "", "kind": "choice", "required": false, "secret": false,
                 "choices": ["require", "verify-full"]},
                setting("strict", "boolean", false, false),
                setting("options", "json", false, false),
                setting("password", "text", true, true),
            ],
            "actions": [{"name": "vacuum", "description": "Cleans up.", "parameters": {"type": "object"}}],
        },
        {
            "kind": "template", "name": "github-issues", "type": "custom_api", "title": "GitHub issues",
            "description": "Issues of a repository.", "documentation": "https://docs.github.com/rest",
            "config": {"baseUrl": "https://api.github.com", "streams": [{"name": "issues", "path": "/repos/OWNER/issues"}]},
            "credentials": ["token"],
        },
    ]})
}

#[tokio::test]
async fn templates_are_listed_and_shown() {
    let reply = Reply::json(200, &templates());
    let stub = Stub::answering([("GET /api/integrations/templates", reply)]).await;
    let mut stage = Stage::of(&stub);
    let ran = stage.run(["templates"]).await.expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    let ran = stage
        .run(["templates", "Postgres"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!("the_settings_of_a_platform", ran.shown());
    let ran = stage
        .run(["templates", "github_issues"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!("a_template_of_a_custom_api", ran.shown());
    let ran = stage
        .run(["templates", "github-issues", "--json"])
        .await
        .expect(Exit::Done);
    let sent: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(sent, templates()["templates"][1]);
    stage
        .run(["templates", "nothing"])
        .await
        .expect(Exit::Usage);
}

#[tokio::test]
async fn streams_are_shown_with_their_drift() {
    let streams = json!({"success": true, "streams": [
        {
            "name": "public.orders", "primaryKey": ["id"], "cursor": "updated_at",
            "fields": [
                {"name": "id", "kind": "integer", "nullable": false, "native": "bigint"},
                {"name": "total", "kind": "decimal", "nullable": true},
            ],
            "drift": [
                {"at": "2026-01-14T12:00:00Z", "run": "01ab", "field": "total", "change": "kind_changed", "from": "integer", "to": "decimal"},
                {"at": "2026-01-15T11:00:00Z", "run": "01ac", "field": "note", "change": "became_nullable"},
            ],
            "lastSync": "2026-01-15T11:30:00Z", "lastFull": "2026-01-15T00:30:00Z",
            "counts": {"synced": 1_000_000, "pending": 0, "failed": 2, "deleted": 15},
        },
        {
            "name": "public.customers", "primaryKey": [], "cursor": null, "fields": [], "drift": [],
            "lastSync": null, "lastFull": null,
            "counts": {"synced": 0, "pending": 0, "failed": 0, "deleted": 0},
        },
    ]});
    let reply = Reply::json(200, &streams);
    let stub = Stub::answering([("GET /api/integrations/7/streams", reply)]).await;
    let ran = Stage::of(&stub)
        .run(["streams", "7"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
}

fn records(ids: &[&str], next: Option<&str>) -> Reply {
    let records: Vec<_> = ids
        .iter()
        .map(|id| {
            format!(
                r#"{{"id": 1, "integrationId": 7, "dataType": "public.orders", "externalId": "{id}",
                "data": {{"id": {id}, "total": 12345678901234567890.10}}, "syncStatus": "synced",
                "lastSync": "2026-01-15T11:30:00Z", "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-15T11:30:00Z"}}"#
            )
        })
        .collect();
    let next = next.map_or("null".to_owned(), |next| format!("\"{next}\""));
    let body = format!(
        r#"{{"success": true, "data": [{}], "nextCursor": {next}}}"#,
        records.join(",")
    );
    Reply::text(200, body)
}

#[tokio::test]
async fn records_are_listed_a_page_at_a_time_or_all() {
    let odd = json!({"success": true, "nextCursor": null, "data": [
        {"id": 2, "integrationId": 7, "dataType": "public.orders", "externalId": "8", "data": null,
         "syncStatus": "failed", "error": "total is not a decimal", "lastSync": "2026-01-15T11:30:00Z"},
        {"id": 3, "integrationId": 7, "dataType": "public.orders", "externalId": "9", "data": {"id": 9},
         "syncStatus": "synced", "lastSync": "2026-01-14T11:30:00Z", "deletedAt": "2026-01-15T00:30:00Z"},
    ]});
    let pages = || {
        [
            // A page may be empty although there is a next one.
            ("GET /api/integrations/7/data", records(&[], Some("c0"))),
            (
                "GET /api/integrations/7/data",
                records(&["1", "2"], Some("c1")),
            ),
            ("GET /api/integrations/7/data", Reply::json(200, &odd)),
        ]
    };
    let stub = Stub::answering(pages()).await;
    let ran = Stage::of(&stub)
        .run(["data", "7", "--limit", "2"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    let stub = Stub::answering(pages()).await;
    let ran = Stage::of(&stub)
        .run(["data", "7", "--all", "--type", "public.orders", "--deleted"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!("all_records", ran.shown());
    assert_eq!(
        stub.lines()[2],
        "GET /api/integrations/7/data?limit=50&dataType=public.orders&cursor=c1&includeDeleted=true"
    );
}

#[tokio::test]
async fn records_as_json_are_one_page_a_line() {
    let stub = Stub::answering([
        (
            "GET /api/integrations/7/data",
            Reply::text(200, r#"{"data":[],"nextCursor":"c"}"#),
        ),
        (
            "GET /api/integrations/7/data",
            Reply::text(200, r#"{"data":[],"nextCursor":null}"#),
        ),
    ])
    .await;
    let ran = Stage::of(&stub)
        .run(["data", "7", "--json", "--all", "--status", "failed"])
        .await
        .expect(Exit::Done);
    assert_eq!(
        ran.out,
        "{\"data\":[],\"nextCursor\":\"c\"}\n{\"data\":[],\"nextCursor\":null}\n"
    );
    assert_eq!(
        stub.lines()[0],
        "GET /api/integrations/7/data?limit=50&syncStatus=failed"
    );
}

#[tokio::test]
async fn metrics_are_shown_by_day_and_stream() {
    let figures = |runs: u64, failed: u64, rows: u64| {
        json!({
            "runs": runs, "succeeded": runs - failed, "failed": failed, "rows": rows, "failedRows": 2, "deleted": 15,
            "requests": 40, "durationMs": 104_000, "averageDurationMs": 34_666, "p50DurationMs": 4000,
            "p95DurationMs": 128_000,
            "streams": {"public.orders": {"rows": rows, "failedRows": 2, "deleted": 15, "failed": failed}},
        })
    };
    let mut day = figures(3, 1, 1_200_000);
    day["date"] = "2026-01-14".into();
    let metrics = json!({
        "startDate": "2026-01-01", "endDate": "2026-01-15", "totals": figures(3, 1, 1_200_000), "days": [day],
    });
    let reply = Reply::json(200, &metrics);
    let stub = Stub::answering([("GET /api/integrations/7/metrics", reply)]).await;
    let mut stage = Stage::of(&stub);
    let ran = stage
        .run(["metrics", "7", "--from", "2026-01-01", "--to", "2026-01-15"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(
        stub.lines(),
        ["GET /api/integrations/7/metrics?startDate=2026-01-01&endDate=2026-01-15"]
    );
    for wrong in [["2026-01-15", "2026-01-01"], ["yesterday", "2026-01-01"]] {
        stage
            .run(["metrics", "7", "--from", wrong[0], "--to", wrong[1]])
            .await
            .expect(Exit::Usage);
    }
}
