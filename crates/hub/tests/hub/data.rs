use hub::{DataQuery, Error, RunKind, RunStatus};
use records::Status;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::world::{World, acme, orders};

fn rows(rows: &[Value]) -> Vec<Box<RawValue>> {
    let raw = rows
        .iter()
        .map(|row| serde_json::value::to_raw_value(row).unwrap());
    raw.collect()
}

#[tokio::test]
async fn imported_rows_are_pending_until_a_worker_merged_them() {
    let (world, id) = World::stocked().await;
    let legacy = rows(&[
        json!({"externalId": "a", "data": {"name": "Ann"}}),
        json!({"externalId": "b", "data": {"name": "Bo"}}),
    ]);
    let run = world
        .hub
        .import_data(acme(), id, "legacy", &legacy, Some("k"))
        .await
        .unwrap();
    let again = world
        .hub
        .import_data(acme(), id, "legacy", &legacy, Some("k"))
        .await
        .unwrap();
    assert_eq!((run.kind, &run.id), (RunKind::Import, &again.id));
    let pending = world.data(id, DataQuery::default()).await;
    assert_eq!(pending.len(), 2);
    assert!(
        pending
            .iter()
            .all(|object| object.sync_status == Status::Pending)
    );
    world.drain().await;
    let run = world.hub.run(acme(), id, &run.id).await.unwrap();
    assert_eq!((run.status, run.rows()), (RunStatus::Succeeded, 2));
    let merged = world.data(id, DataQuery::default()).await;
    assert!(
        merged
            .iter()
            .all(|object| object.sync_status == Status::Synced)
    );
    let first = merged.iter().find(|object| object.external_id == "a");
    let shown = serde_json::to_value(first.unwrap()).unwrap();
    assert_eq!(shown["integrationId"], 1);
    assert_eq!(
        (&shown["dataType"], &shown["externalId"]),
        (&json!("legacy"), &json!("a"))
    );
    assert_eq!(
        (&shown["data"], &shown["syncStatus"]),
        (&json!({"name": "Ann"}), &json!("synced"))
    );
    let before = pending.iter().find(|object| object.external_id == "a");
    assert_eq!(shown["id"], before.unwrap().id, "ids are stable");
    world.sync(id).await;
    assert_eq!(
        world.live(id).await.len(),
        7,
        "a sync of other streams leaves them"
    );
}

#[tokio::test]
async fn rows_without_an_id_are_refused_together_unless_their_key_is_known() {
    let (world, id) = World::stocked().await;
    let plain = rows(&[json!({"id": 90, "total": 1}), json!({"total": 2})]);
    let refused = world
        .hub
        .import_data(acme(), id, "orders", &plain, None)
        .await;
    let Err(Error::Invalid(problems)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(problems.len(), 2);
    world.sync(id).await;
    let refused = world
        .hub
        .import_data(acme(), id, "orders", &plain, None)
        .await;
    assert!(matches!(refused, Err(Error::Invalid(problems)) if problems.len() == 1));
    world
        .hub
        .import_data(acme(), id, "orders", &plain[..1], None)
        .await
        .unwrap();
    world.drain().await;
    assert!(world.live(id).await.contains(&"orders/90".to_owned()));
}

#[tokio::test]
async fn data_is_paged_across_streams_filtered_and_exported() {
    let (world, id) = World::stocked().await;
    world.shop.rows("orders", |rows| *rows = orders(30));
    world.sync(id).await;
    let mut query = DataQuery {
        limit: 7,
        ..DataQuery::default()
    };
    let mut ids = vec![];
    loop {
        let page = world.hub.data(acme(), id, &query).await.unwrap();
        assert!(page.items.len() <= 7);
        ids.extend(page.items.into_iter().map(|object| object.id));
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((count, ids.len()), (32, 32));
    let only = DataQuery {
        data_type: Some("customers".into()),
        limit: 100,
        ..DataQuery::default()
    };
    let mut export = world.hub.export_data(acme(), id, only);
    let mut lines = vec![];
    while let Some(some) = export.next().await.unwrap() {
        lines.extend(some);
    }
    let lines: Vec<Value> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().any(|line| line["data"]["name"] == "Ann"));
    let missing = DataQuery {
        data_type: Some("orders".into()),
        external_id: Some("999".into()),
        ..DataQuery::default()
    };
    assert!(world.data(id, missing).await.is_empty());
    for (cursor, external_id) in [
        (Some("x~y"), None),
        (Some("nonsense"), None),
        (None, Some("1")),
    ] {
        let query = DataQuery {
            cursor: cursor.map(str::to_owned),
            external_id: external_id.map(str::to_owned),
            limit: 10,
            ..DataQuery::default()
        };
        assert!(
            world.hub.data(acme(), id, &query).await.is_err(),
            "{query:?}"
        );
    }
}
