use hub::{DataFate, DataQuery, Error, IntegrationId, SyncRequest};
use jiff::civil::date;
use serde_json::json;
use state::TenantId;

use crate::world::{World, acme, body, patch, shop_body};

#[tokio::test]
async fn another_tenant_finds_nothing_whatever_it_tries() {
    let (world, id) = World::stocked().await;
    let run = world.sync(id).await.id;
    let hub = &world.hub;
    for other in ["acme2", "acm", "acme-1", "b"] {
        let other = TenantId::parse(other).unwrap();
        let before = world.table();
        let refused = [
            hub.get(&other, id).await.err(),
            hub.patch(&other, id, patch(json!({"name": "x"})), None)
                .await
                .err(),
            hub.delete(&other, id, DataFate::Delete).await.err(),
            hub.start_check(&other, id).await.err(),
            hub.start_sync(&other, id, SyncRequest::default(), None)
                .await
                .err(),
            hub.start_act(&other, id, "refund", json!({}), None)
                .await
                .err(),
            hub.runs(&other, id, 10, None).await.err(),
            hub.run(&other, id, &run).await.err(),
            hub.streams(&other, id).await.err(),
            hub.data(&other, id, &DataQuery::default()).await.err(),
            hub.import_data(&other, id, "orders", &[], None).await.err(),
            hub.metrics(&other, id, date(2026, 3, 1), date(2026, 3, 9))
                .await
                .err(),
        ];
        for (n, refused) in refused.into_iter().enumerate() {
            assert!(
                matches!(refused, Some(Error::NotFound(_))),
                "{other} {n}: {refused:?}"
            );
        }
        assert!(hub.list(&other, 10, None).await.unwrap().items.is_empty());
        assert!(hub.export_configurations(&other).await.unwrap().is_empty());
        assert_eq!(world.table(), before, "nothing was written");
    }
    assert!(world.ports.kept().jobs.is_empty());
}

#[tokio::test]
async fn tenants_have_ids_of_their_own_and_pages_of_their_own_integrations() {
    let world = World::start().await;
    let other = TenantId::parse("other").unwrap();
    for n in 1..=12 {
        let made = world
            .hub
            .create(acme(), body(shop_body()), None)
            .await
            .unwrap();
        assert_eq!(made.id, IntegrationId(n));
    }
    let made = world
        .hub
        .create(&other, body(shop_body()), None)
        .await
        .unwrap();
    assert_eq!(made.id, IntegrationId(1));
    let (mut ids, mut cursor) = (vec![], None);
    loop {
        let page = world.hub.list(acme(), 5, cursor.as_deref()).await.unwrap();
        ids.extend(page.items.iter().map(|made| made.id.0));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
        let stolen = world.hub.list(&other, 5, cursor.as_deref()).await;
        assert!(matches!(stolen, Err(Error::InvalidCursor)), "{stolen:?}");
    }
    assert_eq!(ids, (1..=12).collect::<Vec<_>>());
    assert_eq!(world.ports.kept().secrets.len(), 13);
}
