//! What the routes do, and how they refuse.

use axum::http::StatusCode;
use serde_json::{Value, json};
use state::Scope;

use crate::world::{World, ask, ask_with, call, context, request};

async fn admin(world: &World) -> (axum::Router, String) {
    (world.api(), world.key("acme", &[Scope::Admin]).await)
}

#[tokio::test]
async fn an_integration_is_made_shown_changed_and_removed() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
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
    let (api, key) = admin(&world).await;
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
    let (api, key) = admin(&world).await;
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
async fn what_makes_no_sense_is_refused_with_what_would() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
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

#[tokio::test]
async fn a_test_answers_with_facts_or_with_why_it_failed() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
    world.make_desk(&api, &key).await;
    let route = "POST /api/integrations/1/test";
    let works = world.ask_worked(&api, &key, route, None, &[]).await;
    assert_eq!(works.status, StatusCode::OK, "{}", works.text);
    let works = works.json();
    assert_eq!(works["success"], true, "{works}");
    assert_eq!(works["platform"], "zoho_desk");
    for (name, value) in works["facts"].as_object().unwrap() {
        assert_eq!(&works[name], value);
    }
    world.zoho.add_fault(simulators::zoho::FaultRule::always(
        simulators::zoho::Fault::ServerError,
    ));
    let fails = world.ask_worked(&api, &key, route, None, &[]).await;
    assert_eq!(fails.status, StatusCode::OK, "{}", fails.text);
    assert_eq!(fails.json()["success"], false);
    assert!(fails.json()["errorType"].is_string(), "{}", fails.text);
}

#[tokio::test]
async fn who_cannot_be_waited_for_is_named_by_its_run() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
    world.make_desk(&api, &key).await;
    let mut asked = request(&key, "POST /api/integrations/1/test", None, &[]);
    // Two seconds, of which answering takes one and a half.
    asked.extensions_mut().insert(context(2_000));
    let pending = call(&api, asked).await;
    assert_eq!(pending.status, StatusCode::ACCEPTED, "{}", pending.text);
    assert_eq!(pending.json()["pending"], true);
    let run = pending.json()["run"]["id"].as_str().unwrap().to_owned();
    world.drain().await;
    let route = format!("GET /api/integrations/1/runs/{run}");
    let ended = ask(&api, &key, &route, None).await.json();
    assert_eq!(ended["kind"], "check");
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(ended["result"]["success"], true, "{ended}");
}

#[tokio::test]
async fn an_action_is_done_once_for_its_key_and_keeps_the_platforms_refusal() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
    world.make_desk(&api, &key).await;
    let department = world.zoho.ids("departments", 1).remove(0);
    let action = json!({"action": "create_ticket", "parameters": {
        "subject": "Printer", "departmentId": department,
        "contact": {"lastName": "Doe", "email": "doe@example.com"},
    }});
    let route = "POST /api/integrations/1/actions";
    let templates = ask(&api, &key, "GET /api/integrations/templates", None).await;
    assert!(
        templates.text.contains("create_ticket"),
        "{}",
        templates.text
    );
    let once = [("idempotency-key", "ticket-1")];
    let done = world
        .ask_worked(&api, &key, route, Some(&action), &once)
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let done = world
        .ask_worked(&api, &key, route, Some(&action), &once)
        .await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(done.json()["success"], true);
    assert_eq!(done.json()["message"], "Operation completed successfully");
    assert!(done.json()["data"].is_object(), "{}", done.text);
    assert_eq!(world.zoho.written_tickets().len(), 1);
    let nobody = json!({"action": "get_ticket", "parameters": {"ticketId": "1"}});
    let refused = world
        .ask_worked(&api, &key, route, Some(&nobody), &[])
        .await;
    assert_eq!(
        refused.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        refused.text
    );
    assert_eq!(refused.code(), "refused");
}

#[tokio::test]
async fn rows_come_in_and_go_out() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
    world.make_desk(&api, &key).await;
    let import = "POST /api/integrations/1/data/import?dataType=leads";
    let rows: Vec<_> = (0..5)
        .map(|n| json!({"externalId": format!("{n}"), "data": {"id": n, "name": "x"}}))
        .collect();
    let queued = ask(&api, &key, import, Some(&json!(rows))).await;
    assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.text);
    let list = "GET /api/integrations/1/data?dataType=leads";
    let pending = ask(&api, &key, &format!("{list}&syncStatus=pending"), None).await;
    assert_eq!(
        pending.json()["data"].as_array().unwrap().len(),
        5,
        "{}",
        pending.text
    );
    world.drain().await;
    let lines = "{\"externalId\":\"5\",\"data\":{\"id\":5}}\n\n{\"externalId\":\"6\",\"data\":{\"id\":6}}\n";
    let more = ask_with(
        &api,
        &key,
        import,
        Some(&Value::String(lines.to_owned())),
        &[("content-type", "application/x-ndjson; charset=utf-8")],
    )
    .await;
    assert_eq!(more.status, StatusCode::ACCEPTED, "{}", more.text);
    world.drain().await;

    let mut seen = Vec::new();
    let mut route = format!("{list}&limit=3");
    loop {
        let page = ask(&api, &key, &route, None).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let page = page.json();
        for record in page["data"].as_array().unwrap() {
            assert_eq!(record["syncStatus"], "synced", "{record}");
            assert_eq!(record["integrationId"], 1);
            assert_eq!(record["dataType"], "leads");
            seen.push(record["externalId"].as_str().unwrap().to_owned());
        }
        match page["nextCursor"].as_str() {
            Some(next) => route = format!("{list}&limit=3&cursor={next}"),
            None => break,
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);

    let mut exported = Vec::new();
    let mut route = "GET /api/integrations/1/data/export?dataType=leads&limit=4".to_owned();
    loop {
        let page = ask(&api, &key, &route, None).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert_eq!(page.header("content-type"), Some("application/x-ndjson"));
        for line in page.text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            exported.push(record["externalId"].as_str().unwrap().to_owned());
        }
        let Some(link) = page.header("link") else {
            assert_eq!(page.header("x-next-cursor"), None);
            break;
        };
        assert!(page.header("x-next-cursor").is_some());
        let path = link.split(['<', '>']).nth(1).unwrap();
        assert!(
            path.contains("limit=4") && path.contains("dataType=leads"),
            "{path}"
        );
        route = format!("GET {path}");
    }
    exported.sort_unstable();
    assert_eq!(exported, seen);
    let one = ask(&api, &key, &format!("{list}&externalId=6"), None)
        .await
        .json();
    assert_eq!(one["data"][0]["data"], json!({"id": 6}));
}

#[tokio::test]
async fn an_answer_holds_what_a_gateway_can_carry() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
    world.make_desk(&api, &key).await;
    let filler = "x".repeat(700_000);
    for batch in 0..2 {
        let rows: Vec<_> = (0..5)
            .map(|n| json!({"externalId": format!("{batch}-{n}"), "data": {"filler": filler}}))
            .collect();
        let route = "POST /api/integrations/1/data/import?dataType=large";
        let queued = ask(&api, &key, route, Some(&json!(rows))).await;
        assert_eq!(queued.status, StatusCode::ACCEPTED, "{}", queued.text);
        world.drain().await;
    }
    let mut records = 0;
    let mut route = "GET /api/integrations/1/data/export".to_owned();
    loop {
        let page = ask(&api, &key, &route, None).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert!(page.text.len() <= 4_000_000, "{}", page.text.len());
        records += page.text.lines().count();
        match page.header("x-next-cursor") {
            Some(next) => route = format!("GET /api/integrations/1/data/export?cursor={next}"),
            None => break,
        }
    }
    assert_eq!(records, 10);
}

#[tokio::test]
async fn configurations_go_out_without_secrets_and_come_in_inactive() {
    let world = World::start().await;
    let (api, key) = admin(&world).await;
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
    let (api, key) = admin(&world).await;
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
