//! An integration from its creation to its end, for each kind of source.

use std::collections::BTreeMap;
use std::io::Read as _;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::caller::{Hub, ended, every_minute};
use super::cli;
use super::samples::{Database, ROWS};

/// Notes by external id.
fn notes(records: &[Value]) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    records
        .iter()
        .map(|record| (text(&record["externalId"]), text(&record["data"]["note"])))
        .collect()
}

/// The rows that the stream's newest run stored, by external id.
pub(super) async fn stored(hub: &Hub, id: u64) -> BTreeMap<String, Value> {
    let root = format!("integrations/tenant={}/integration={id}/", hub.tenant);
    let keys = hub.stack.keys(&root).await;
    let pointer = keys.iter().find(|key| key.ends_with("/_latest.json"));
    let pointer = hub.stack.object(pointer.unwrap()).await.unwrap();
    let pointer: Value = serde_json::from_slice(&pointer).unwrap();
    let mut rows = BTreeMap::new();
    for key in pointer["keys"].as_array().unwrap() {
        let packed = hub.stack.object(key.as_str().unwrap()).await.unwrap();
        let mut plain = String::new();
        flate2::read::MultiGzDecoder::new(packed.as_slice())
            .read_to_string(&mut plain)
            .unwrap();
        for line in plain.lines() {
            let mut row: Value = serde_json::from_str(line).unwrap();
            let own = row.as_object_mut().unwrap().shift_remove("_external_id");
            rows.insert(own.unwrap().as_str().unwrap().to_owned(), row);
        }
    }
    rows
}

/// Waits for the integration's schedule to have done its work once.
pub(super) async fn scheduled(hub: &Hub, id: u64) -> Value {
    hub.until(&format!("/{id}/runs"), |answer| {
        let runs = answer["runs"].as_array().unwrap();
        let of_schedule = |run: &&Value| run["trigger"] == "schedule" && ended(run);
        runs.iter().find(of_schedule).cloned()
    })
    .await
}

async fn of_database(hub: &Hub, mut database: Database) {
    let (platform, stream) = (database.platform(), database.stream());
    database.fill(hub).await;
    let id = hub.create(&every_minute(database.body(hub))).await;
    let shown = hub.get(&format!("/{id}")).await;
    assert_eq!(shown["status"], "active", "{shown}");
    assert!(
        !shown.to_string().contains("password\":\"") || shown["config"]["password"] == "***",
        "{shown}"
    );
    let tested = hub.test(id).await;
    assert_eq!(tested["success"], true, "{platform}: {tested}");

    let run = scheduled(hub, id).await;
    assert_eq!(run["status"], "succeeded", "{platform}: {run}");
    assert_eq!(run["streams"][0]["rows"], ROWS, "{run}");
    let records = hub.records(id, stream, false).await;
    assert_eq!(notes(&records), Database::truth(false), "{platform}");
    let rows = stored(hub, id).await;
    for record in &records {
        let external = record["externalId"].as_str().unwrap();
        assert_eq!(record["data"], rows[external], "{platform}: {external}");
        assert_eq!(record["syncStatus"], "synced");
    }
    if platform != "sqlite" {
        assert_eq!(rows["7"]["amount"], "7.100000000000000000", "{platform}");
    }

    database.change(hub).await;
    hub.sync(id, json!({})).await;
    let after = notes(&hub.records(id, stream, false).await);
    assert_eq!(after.get("7").map(String::as_str), Some("changed"));
    assert_eq!(after.get("1000").map(String::as_str), Some("new"));
    let run = hub.sync(id, json!({"full": true})).await;
    assert_eq!(run["streams"][0]["mode"], "full", "{run}");
    let records = hub.records(id, stream, false).await;
    assert_eq!(notes(&records), Database::truth(true), "{platform}");
    let all = hub.records(id, stream, true).await;
    let gone = all.iter().find(|record| record["externalId"] == "9");
    assert!(
        gone.is_some_and(|record| record["deletedAt"].is_string()),
        "{platform}: {gone:?}"
    );

    let streams = hub.get(&format!("/{id}/streams")).await;
    let drift = &streams["streams"][0]["drift"];
    assert!(drift.to_string().contains("colour"), "{platform}: {drift}");
    measured(hub, id).await;
    hub.delete(id).await;
    assert_eq!(hub.left_of(id).await, Vec::<String>::new(), "{platform}");
}

/// What the runs did is in the metrics.
async fn measured(hub: &Hub, id: u64) {
    let runs = hub.get(&format!("/{id}/runs?limit=100")).await;
    let syncs: Vec<&Value> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["kind"] == "sync" && run["status"] == "succeeded")
        .collect();
    let streams = syncs
        .iter()
        .flat_map(|run| run["streams"].as_array().unwrap());
    let rows: u64 = streams.map(|stream| stream["rows"].as_u64().unwrap()).sum();
    let metrics = hub
        .get(&format!(
            "/{id}/metrics?startDate=2026-01-01&endDate=2026-12-31"
        ))
        .await;
    let (total, succeeded) = (&metrics["totals"]["rows"], &metrics["totals"]["succeeded"]);
    assert_eq!(total.as_u64(), Some(rows), "{metrics}");
    assert!(succeeded.as_u64() >= Some(syncs.len() as u64), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_are_followed_row_by_row_from_creation_to_deletion() {
    let hub = Hub::of("life").await;
    let mut lives = Vec::new();
    for database in Database::all(&hub).await {
        lives.push(of_database(&hub, database));
    }
    futures_util::future::join_all(lives).await;
}

#[tokio::test]
async fn a_zoho_desk_account_is_one_integration_among_others() {
    let hub = Hub::of("desk").await;
    let _still = hub.stack.account_still().await;
    let mut body = json!({
        "name": "Support",
        "type": "zoho_desk",
        "config": {"data_center": "us"},
        "credentials": hub.stack.good_secret().await,
        "streams": ["departments", "tickets"],
    });
    let id = hub.create(&every_minute(body.clone())).await;
    let tested = hub.test(id).await;
    assert_eq!(tested["success"], true, "{tested}");
    let run = scheduled(&hub, id).await;
    assert_eq!(run["status"], "succeeded", "{run}");

    let mut total = 0;
    for stream in ["departments", "tickets"] {
        let truth = hub.stack.truth(stream, "").await;
        let mut truth: Vec<Value> = truth
            .iter()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        let mut rows: Vec<Value> = hub
            .records(id, stream, false)
            .await
            .into_iter()
            .map(|record| record["data"].clone())
            .collect();
        for rows in [&mut truth, &mut rows] {
            rows.sort_by_key(|row| row["id"].to_string());
        }
        assert_eq!(rows.len(), truth.len(), "{stream}");
        assert!(rows == truth, "{stream} differs");
        total += rows.len();
    }
    let done = hub
        .expect(
            Method::POST,
            &format!("/{id}/actions"),
            Some(json!({"action": "get_ticket", "parameters": {"ticketId": first_ticket(&hub, id).await}})),
            StatusCode::OK,
        )
        .await;
    assert_eq!(done["success"], true, "{done}");
    hub.delete(id).await;
    assert_eq!(hub.left_of(id).await, Vec::<String>::new());
    body["credentials"] = hub.stack.good_secret().await;
    cli::followed(&hub, body, total).await;
}

async fn first_ticket(hub: &Hub, id: u64) -> String {
    let page = hub
        .get(&format!("/{id}/data?dataType=tickets&limit=1"))
        .await;
    page["data"][0]["externalId"].as_str().unwrap().to_owned()
}

/// The simulated REST API, which only this test changes.
struct Rest<'a>(&'a Hub);

impl Rest<'_> {
    fn url(&self, path: &str) -> String {
        self.0.stack.text("/rest_api/origin") + path
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a local simulator of our own answers"
    )]
    async fn truth(&self) -> BTreeMap<String, Value> {
        let answer = reqwest::get(self.url("/_sim/truth")).await.unwrap();
        let lines = answer.text().await.unwrap();
        let rows = lines.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            (row["id"].to_string(), row)
        });
        rows.collect()
    }

    async fn post(&self, path: &str, body: &Value) {
        let request = reqwest::Client::new().post(self.url(path));
        let sent = request
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = sent.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    fn body(&self) -> Value {
        json!({
            "name": "Items",
            "type": "custom_api",
            "config": {
                "baseUrl": self.url("/auth/bearer"),
                "auth": {"kind": "bearer"},
                "test": {"path": "/me"},
                "streams": [{
                    "name": "items", "path": "/cursor", "records": "$.items", "primaryKey": ["id"],
                    "pagination": {"kind": "cursor", "parameter": "cursor", "from": {"body": "$.next_cursor"}, "size": 50},
                    "cursor": {"field": "updatedAt", "parameter": "since"},
                }],
                "rate": {"requestsPerSecond": 1000},
            },
            "credentials": {"token": self.0.stack.text("/rest_api/token")},
        })
    }
}

fn rows(records: &[Value]) -> BTreeMap<String, Value> {
    let id = |record: &Value| record["externalId"].as_str().unwrap().to_owned();
    records
        .iter()
        .map(|record| (id(record), record["data"].clone()))
        .collect()
}

#[tokio::test]
async fn a_rest_api_is_followed_row_by_row_from_creation_to_deletion() {
    let hub = Hub::of("rest").await;
    let rest = Rest(&hub);
    let id = hub.create(&every_minute(rest.body())).await;
    let tested = hub.test(id).await;
    assert_eq!(tested["success"], true, "{tested}");
    let run = scheduled(&hub, id).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(
        rows(&hub.records(id, "items", false).await),
        rest.truth().await
    );
    assert_eq!(stored(&hub, id).await, rest.truth().await);

    rest.post("/_sim/field", &json!({"name": "colour"})).await;
    rest.post("/_sim/change", &json!({"ids": [3, 5]})).await;
    rest.post("/_sim/add", &json!({"count": 2})).await;
    rest.post("/_sim/delete", &json!({"ids": [8]})).await;
    hub.sync(id, json!({"full": true})).await;
    assert_eq!(
        rows(&hub.records(id, "items", false).await),
        rest.truth().await
    );
    let all = hub.records(id, "items", true).await;
    let gone = all.iter().find(|record| record["externalId"] == "8");
    assert!(gone.is_some_and(|record| record["deletedAt"].is_string()));
    let streams = hub.get(&format!("/{id}/streams")).await;
    let drift = &streams["streams"][0]["drift"];
    assert!(drift.to_string().contains("colour"), "{drift}");
    measured(&hub, id).await;
    hub.delete(id).await;
    assert_eq!(hub.left_of(id).await, Vec::<String>::new());
    cli::followed(&hub, rest.body(), rest.truth().await.len()).await;
}
