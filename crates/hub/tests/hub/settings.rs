use hub::{Configuration, Error, IntegrationStatus, SyncRequest};
use serde_json::{Value, json};
use state::TenantId;

use crate::world::{DECOY, World, acme, body, patch, shop_body};

fn fields(error: Error) -> Vec<String> {
    match error {
        Error::Invalid(problems) => problems.into_iter().map(|problem| problem.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_bodies_make_the_same_integration() {
    let world = World::start().await;
    let platform_body = json!({
        "platform": "Web_Shop",
        "name": "My shop",
        "credentials": {"API_KEY": DECOY},
        "config": {"base_url": "https://shop.example"},
    });
    let mut made = vec![];
    for sent in [shop_body(), platform_body] {
        let integration = world.hub.create(acme(), body(sent), None).await.unwrap();
        let mut shown = serde_json::to_value(&integration).unwrap();
        shown["id"] = Value::Null;
        made.push(shown);
    }
    assert_eq!(made[0], made[1]);
    let kept = world.ports.kept();
    for id in [1, 2] {
        assert!(kept.secrets[&format!("integrations/acme/{id}")].contains(DECOY));
    }
}

#[tokio::test]
async fn all_problems_are_told_at_once_and_nothing_is_left() {
    let world = World::start().await;
    for (sent, expected) in [
        (json!({}), vec!["name", "type"]),
        (
            json!({
                "name": " ", "type": "shop", "config": {"colour": "red", "region": "mars"},
                "syncInterval": 0, "fullEvery": 10_000, "streams": ["a", "a"],
                "mapping": {"orders": {"steps": [{"drop": {"fields": []}}, 7], "x": 1}},
            }),
            vec![
                "name",
                "syncInterval",
                "fullEvery",
                "streams",
                "mapping.orders.steps[1]",
                "mapping.orders.x",
                "config.colour",
                "config.region",
                "config.base_url",
                "credentials.api_key",
            ],
        ),
        (
            json!({"name": "x", "type": "shop", "config": {"baseUrl": "http://insecure", "apiKey": "k"}}),
            vec!["config.base_url"],
        ),
    ] {
        let refused = world
            .hub
            .create(acme(), body(sent), None)
            .await
            .unwrap_err();
        let message = refused.to_string();
        let mut found = fields(refused);
        found.sort_unstable();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(found, expected, "{message}");
    }
    world.assert_no_orphans("refused");
    assert_eq!(world.ports.kept().calls, 0);
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_name_and_masked_secrets() {
    let world = World::start().await;
    let made = world
        .hub
        .create(acme(), body(shop_body()), None)
        .await
        .unwrap();
    let change = json!({
        "config": {"apiKey": "***", "region": "EU"}, "syncInterval": 15, "status": "inactive",
        "streams": ["orders", {"name": "customers", "fields": ["name"]}],
    });
    let changed = world
        .hub
        .patch(acme(), made.id, patch(change), Some(made.version))
        .await
        .unwrap();
    assert_eq!(changed.name, "My shop");
    assert_eq!(changed.config["region"], "eu");
    assert_eq!(changed.config["api_key"], "***");
    assert_eq!(
        (changed.sync_interval, changed.status),
        (15, IntegrationStatus::Inactive)
    );
    assert_eq!(
        serde_json::to_value(&changed.streams).unwrap(),
        json!([{"name": "orders"}, {"name": "customers", "fields": ["name"]}])
    );
    {
        let kept = world.ports.kept();
        let schedule = &kept.schedules["acme-1"];
        assert_eq!((schedule.every_minutes, schedule.enabled), (15, false));
        assert!(kept.secrets["integrations/acme/1"].contains(DECOY));
    }
    let stale = world
        .hub
        .patch(
            acme(),
            made.id,
            patch(json!({"name": "y"})),
            Some(made.version),
        )
        .await;
    assert!(matches!(stale, Err(Error::Changed)), "{stale:?}");
    let refused = world
        .hub
        .start_sync(acme(), made.id, SyncRequest::default(), None)
        .await;
    assert!(matches!(refused, Err(Error::Inactive)), "{refused:?}");
    let removed = patch(json!({"config": {"base_url": null}}));
    let refused = world
        .hub
        .patch(acme(), made.id, removed, None)
        .await
        .unwrap_err();
    assert_eq!(fields(refused), ["config.base_url"]);
}

#[tokio::test]
async fn new_credentials_void_old_tokens_and_leave_what_others_wrote() {
    let world = World::start().await;
    let made = world
        .hub
        .create(acme(), body(shop_body()), None)
        .await
        .unwrap();
    let name = "integrations/acme/1";
    let salt = |text: &str| serde_json::from_str::<Value>(text).unwrap()["_hub"]["salt"].clone();
    let before = {
        let mut kept = world.ports.kept();
        let mut secret: Value = serde_json::from_str(&kept.secrets[name]).unwrap();
        secret["access_token"] = json!("a");
        secret["expires_at"] = json!(7);
        secret["code_used"] = json!("c");
        secret["_hub"]["tokens"] = json!("{}");
        kept.secrets.insert(name.to_owned(), secret.to_string());
        salt(&kept.secrets[name])
    };
    let renamed = world
        .hub
        .patch(acme(), made.id, patch(json!({"name": "Other"})), None)
        .await
        .unwrap();
    assert_eq!(
        renamed.config.len(),
        2,
        "only settings are shown: {:?}",
        renamed.config
    );
    assert!(world.ports.kept().secrets[name].contains("access_token"));
    let change = patch(json!({"credentials": {"apiKey": "new"}}));
    world
        .hub
        .patch(acme(), made.id, change, None)
        .await
        .unwrap();
    let kept = world.ports.kept();
    let secret: Value = serde_json::from_str(&kept.secrets[name]).unwrap();
    assert_eq!(secret["api_key"], "new");
    assert_eq!(secret["code_used"], "c");
    assert!(secret.get("access_token").is_none() && secret.get("expires_at").is_none());
    assert!(secret["_hub"].get("tokens").is_none());
    assert_eq!(salt(&kept.secrets[name]), before, "hashes stay the same");
}

#[tokio::test]
async fn the_same_idempotency_key_makes_one_integration() {
    let world = World::start().await;
    let first = world
        .hub
        .create(acme(), body(shop_body()), Some("k1"))
        .await
        .unwrap();
    let again = world
        .hub
        .create(acme(), body(shop_body()), Some("k1"))
        .await
        .unwrap();
    assert_eq!(first.id, again.id);
    let mut other = shop_body();
    other["name"] = json!("Another");
    let reused = world.hub.create(acme(), body(other), Some("k1")).await;
    assert!(matches!(reused, Err(Error::KeyReused)), "{reused:?}");
    let (one, two) = tokio::join!(
        world.hub.create(acme(), body(shop_body()), Some("k2")),
        world.hub.create(acme(), body(shop_body()), Some("k2")),
    );
    assert_eq!(one.unwrap().id, two.unwrap().id);
    world.drain().await;
    let kept = world.ports.kept();
    assert_eq!((kept.secrets.len(), kept.schedules.len()), (2, 2));
}

#[tokio::test]
async fn configurations_move_without_secrets_and_wait_for_them() {
    let (world, _) = World::stocked().await;
    let mapped = json!({"mapping": {"orders": {"select": ["id"]}}, "syncInterval": 5});
    world
        .hub
        .patch(acme(), hub::IntegrationId(1), patch(mapped), None)
        .await
        .unwrap();
    let exported = world.hub.export_configurations(acme()).await.unwrap();
    let text = serde_json::to_string(&exported).unwrap();
    assert!(!text.contains(DECOY) && !text.contains("***"), "{text}");
    let mut back: Vec<Configuration> = serde_json::from_str(&text).unwrap();
    let mut broken = back[0].clone();
    broken.platform = "nothing".to_owned();
    back.push(broken);
    let other = TenantId::parse("other").unwrap();
    let imported = world.hub.import_configurations(&other, back).await.unwrap();
    assert_eq!(imported[0].needs_credentials, ["api_key"]);
    assert_eq!(
        (imported[1].id, imported[1].problems[0].field.as_str()),
        (None, "type")
    );
    let id = imported[0].id.unwrap();
    let made = world.hub.get(&other, id).await.unwrap();
    assert_eq!(
        (made.status, made.sync_interval),
        (IntegrationStatus::Inactive, 5)
    );
    assert!(made.mapping.contains_key("orders"));
    let early = world
        .hub
        .patch(&other, id, patch(json!({"status": "active"})), None)
        .await;
    assert_eq!(fields(early.unwrap_err()), ["credentials.api_key"]);
    let whole = patch(json!({"status": "active", "credentials": {"api_key": "k"}}));
    let made = world.hub.patch(&other, id, whole, None).await.unwrap();
    assert_eq!(made.status, IntegrationStatus::Active);
}
