//! Records.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, ask, ask_with};

#[tokio::test]
async fn rows_come_in_and_go_out() {
    let world = World::start().await;
    let (api, key) = world.admin().await;
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
    let (api, key) = world.admin().await;
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
