use engine::Mode;
use hub::{
    DataFate, DataQuery, Error, IntegrationStatus, RunKind, RunStatus, StreamStage, SyncRequest,
};
use serde_json::json;

use crate::world::{BUCKET, DECOY, HOUR, World, acme, body, patch, shop_body};

#[tokio::test]
async fn a_new_integration_has_a_secret_a_record_and_a_schedule() {
    let world = World::start().await;
    let made = world
        .hub
        .create(acme(), body(shop_body()), None)
        .await
        .unwrap();
    let shown = serde_json::to_value(&made).unwrap();
    assert_eq!(
        shown["config"],
        json!({"base_url": "https://shop.example", "api_key": "***"})
    );
    assert_eq!(
        (
            &shown["id"],
            &shown["type"],
            &shown["status"],
            &shown["syncInterval"]
        ),
        (&json!(1), &json!("shop"), &json!("active"), &json!(60))
    );
    assert_eq!(
        (&shown["lastSync"], &shown["errorMessage"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        serde_json::to_value(world.get(made.id).await).unwrap(),
        shown
    );
    let kept = world.ports.kept();
    let secret: serde_json::Value =
        serde_json::from_str(&kept.secrets["integrations/acme/1"]).unwrap();
    assert_eq!(secret["api_key"], DECOY);
    let schedule = &kept.schedules["acme-1"];
    assert_eq!((schedule.every_minutes, schedule.enabled), (60, true));
    assert_eq!(
        serde_json::to_value(&schedule.job).unwrap(),
        json!({"tenant": "acme", "integration": 1, "kind": "sync", "scheduled": true})
    );
}

#[tokio::test]
async fn rows_changed_added_and_deleted_arrive_and_new_columns_are_told() {
    let (world, id) = World::stocked().await;
    let run = world.sync(id).await;
    assert_eq!(run.status, RunStatus::Succeeded, "{run:?}");
    assert_eq!(run.rows(), 5);
    assert!(
        run.streams
            .iter()
            .all(|stream| stream.stage == StreamStage::Done)
    );
    assert_eq!(
        world.live(id).await,
        [
            "customers/c1",
            "customers/c2",
            "orders/1",
            "orders/2",
            "orders/3"
        ]
    );
    let integration = world.get(id).await;
    assert_eq!(integration.last_sync, run.ended_at);
    assert_eq!(integration.status, IntegrationStatus::Active);
    assert!(integration.current_run.is_none());

    world.shop.rows("orders", |orders| {
        orders[1] = json!({"id": 2, "updated": 9, "total": 25, "note": "changed"});
        orders.remove(0);
    });
    world.shop.rows("customers", |customers| {
        customers.remove(0);
    });
    let run = world.sync(id).await;
    assert_eq!(run.status, RunStatus::Succeeded, "{run:?}");
    let modes: Vec<_> = run
        .streams
        .iter()
        .map(|stream| (stream.mode, stream.rows, stream.deleted))
        .collect();
    assert_eq!(
        modes,
        [(Some(Mode::Full), 1, 1), (Some(Mode::Incremental), 1, 0)]
    );
    assert_eq!(
        world.live(id).await,
        ["customers/c2", "orders/1", "orders/2", "orders/3"],
        "an incremental run does not see what is gone"
    );
    let streams = world.hub.streams(acme(), id).await.unwrap();
    let orders = serde_json::to_value(&streams[1]).unwrap();
    assert_eq!(orders["drift"][0]["field"], "note");
    assert_eq!(orders["drift"][0]["change"], "added");
    assert_eq!(orders["drift"][0]["run"], run.id.as_str());
    let changed = DataQuery {
        data_type: Some("orders".into()),
        external_id: Some("2".into()),
        ..DataQuery::default()
    };
    let changed = world.data(id, changed).await;
    assert_eq!(
        changed[0].data.as_ref().unwrap().get(),
        r#"{"id":2,"updated":9,"total":25,"note":"changed"}"#
    );

    let full = SyncRequest {
        full: true,
        streams: vec!["orders".into()],
    };
    let run = world.sync_as(id, full).await;
    assert_eq!((run.streams.len(), run.streams[0].deleted), (1, 1));
    assert_eq!(
        world.live(id).await,
        ["customers/c2", "orders/2", "orders/3"]
    );
    let gone = DataQuery {
        include_deleted: true,
        ..DataQuery::default()
    };
    assert_eq!(world.data(id, gone).await.len(), 5);
}

#[tokio::test]
async fn streams_with_a_cursor_are_read_in_full_again_in_time() {
    let (world, id) = World::stocked().await;
    for (hours, expected) in [(0, Mode::Full), (1, Mode::Incremental), (24, Mode::Full)] {
        world.pass(HOUR * hours);
        world.sync(id).await;
        let modes = std::mem::take(&mut world.shop.stock().modes);
        assert!(
            modes.contains(&("orders".into(), expected)),
            "{hours}: {modes:?}"
        );
    }
    let never = patch(json!({"fullEvery": 0}));
    world.hub.patch(acme(), id, never, None).await.unwrap();
    world.pass(HOUR * 1000);
    world.sync(id).await;
    let modes = std::mem::take(&mut world.shop.stock().modes);
    assert!(
        modes.contains(&("orders".into(), Mode::Incremental)),
        "{modes:?}"
    );
}

#[tokio::test]
async fn a_removed_integration_leaves_no_secret_no_schedule_no_state_and_no_data_if_asked() {
    for fate in [DataFate::Keep, DataFate::Delete] {
        let (world, id) = World::stocked().await;
        world.sync(id).await;
        // What a stream leaves that was begun and has no state yet.
        let root = world.owner(id).root();
        world
            .aws
            .put_object(BUCKET, &format!("{root}new/_open/r-1.json"), "{}");
        world.hub.delete(acme(), id, fate).await.unwrap();
        assert!(world.get(id).await.removing);
        let refused = world
            .hub
            .start_sync(acme(), id, SyncRequest::default(), None)
            .await;
        assert!(matches!(refused, Err(Error::Removing)), "{refused:?}");
        world.hub.delete(acme(), id, fate).await.unwrap();
        world.drain().await;
        assert!(matches!(
            world.hub.get(acme(), id).await,
            Err(Error::NotFound(_))
        ));
        world.assert_no_orphans("removed");
        assert_eq!(world.shop.stock().revoked, 1);
        let objects = world.aws.keys(BUCKET).len();
        assert_eq!(
            objects == 0,
            fate == DataFate::Delete,
            "{fate:?}: {objects} objects"
        );
    }
}

#[tokio::test]
async fn no_secret_lies_anywhere_but_in_the_vault() {
    let (world, id) = World::stocked().await;
    let run = world.hub.start_check(acme(), id).await.unwrap();
    assert_eq!(run.kind, RunKind::Check);
    world.drain().await;
    world.sync(id).await;
    let other = "decoy-second-9c";
    let change = patch(json!({"credentials": {"api_key": other}}));
    assert!(!format!("{change:?} {:?}", body(shop_body())).contains("decoy"));
    let changed = world.hub.patch(acme(), id, change, None).await.unwrap();
    world.sync(id).await;
    let mut seen = world.table();
    for key in world.aws.keys(BUCKET) {
        let object = world.aws.object(BUCKET, &key).unwrap();
        seen.push_str(&String::from_utf8_lossy(&object));
    }
    seen.push_str(&format!("{changed:?} {:?}", world.hub));
    seen.push_str(&serde_json::to_string(&changed).unwrap());
    seen.push_str(
        &serde_json::to_string(&world.hub.export_configurations(acme()).await.unwrap()).unwrap(),
    );
    seen.push_str(&format!("{:?}", world.ports.kept().jobs));
    assert!(!seen.contains("decoy"), "{seen}");
    let keys = world.shop.stock().keys.clone();
    assert_eq!(
        (
            keys.first().unwrap().as_str(),
            keys.last().unwrap().as_str()
        ),
        (DECOY, other)
    );
}
