//! Who may do what, and to whose integrations.

use serde_json::{Value, json};
use state::Scope;

use crate::world::{World, ask};

/// Every route with the scope that it needs, and a body that it reads.
fn routes() -> Vec<(&'static str, Scope, Option<Value>)> {
    use Scope::{Admin, Read, Write};
    let new = json!({"name": "x", "type": "postgresql"});
    let action = json!({"action": "get_ticket", "parameters": {}});
    let rows = json!([{"externalId": "1", "data": {}}]);
    vec![
        ("GET /api/integrations", Read, None),
        ("GET /api/integrations/templates", Read, None),
        ("POST /api/integrations", Admin, Some(new)),
        ("GET /api/integrations/export", Admin, None),
        ("POST /api/integrations/import", Admin, Some(json!([]))),
        ("GET /api/integrations/1", Read, None),
        (
            "PATCH /api/integrations/1",
            Admin,
            Some(json!({"name": "y"})),
        ),
        ("DELETE /api/integrations/1", Admin, None),
        ("POST /api/integrations/1/test", Write, None),
        ("POST /api/integrations/1/sync", Write, None),
        ("GET /api/integrations/1/runs", Read, None),
        ("GET /api/integrations/1/runs/01ab", Read, None),
        ("GET /api/integrations/1/streams", Read, None),
        ("GET /api/integrations/1/metrics", Read, None),
        ("GET /api/integrations/1/data", Read, None),
        (
            "POST /api/integrations/1/data/import?dataType=x",
            Write,
            Some(rows),
        ),
        ("GET /api/integrations/1/data/export", Read, None),
        ("POST /api/integrations/1/actions", Write, Some(action)),
    ]
}

#[tokio::test]
async fn every_route_needs_a_tenants_key_with_its_scope() {
    let world = World::start().await;
    let api = world.api();
    let service = {
        use secrecy::ExposeSecret as _;
        let keys = world.state().api_keys;
        let issued = keys.issue("tests", [Scope::Admin], None).await.unwrap();
        issued.key.expose_secret().to_owned()
    };
    let read = world.key("acme", &[Scope::Read]).await;
    let write = world.key("acme", &[Scope::Write]).await;
    for (route, scope, body) in routes() {
        for (key, status) in [("", 401), ("dbk_none_none", 401), (service.as_str(), 403)] {
            let answer = ask(&api, key, route, body.as_ref()).await;
            assert_eq!(answer.status.as_u16(), status, "{route}: {}", answer.text);
        }
        for (key, has) in [(&read, Scope::Read), (&write, Scope::Write)] {
            let answer = ask(&api, key, route, body.as_ref()).await;
            let refused = answer.status.as_u16() == 403;
            assert_eq!(
                refused,
                scope != has,
                "{route} with {has:?}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn another_tenants_integration_is_none() {
    let world = World::start().await;
    let api = world.api();
    let acme = world.key("acme", &[Scope::Admin]).await;
    let other = world.key("globex", &[Scope::Admin]).await;
    let id = world.make_desk(&api, &acme).await;
    assert_eq!(id, 1);
    world.drain().await;
    let before = (
        world.aws.items(crate::world::TABLE).len(),
        world.aws.mutations(),
    );
    for (route, _, body) in routes() {
        let answer = ask(&api, &other, route, body.as_ref()).await;
        if route.contains("/api/integrations/1") {
            assert_eq!(answer.status.as_u16(), 404, "{route}: {}", answer.text);
        }
        assert!(
            !answer.text.contains("Support desk"),
            "{route}: {}",
            answer.text
        );
    }
    let list = ask(&api, &other, "GET /api/integrations", None)
        .await
        .json();
    assert_eq!(list["integrations"], json!([]));
    let kept = ask(&api, &acme, "GET /api/integrations/1", None)
        .await
        .json();
    assert_eq!(kept["name"], "Support desk");
    assert_eq!(kept["removing"], false);
    assert!(world.aws.secret("test/integrations/acme/1").is_some());
    assert!(world.aws.secret("test/integrations/globex/1").is_none());
    assert!(world.aws.items(crate::world::TABLE).len() >= before.0);
}

#[tokio::test]
async fn ids_are_counted_by_tenant() {
    let world = World::start().await;
    let api = world.api();
    for tenant in ["acme", "globex"] {
        let key = world.key(tenant, &[Scope::Admin]).await;
        assert_eq!(world.make_desk(&api, &key).await, 1);
        assert!(
            world
                .aws
                .secret(&format!("test/integrations/{tenant}/1"))
                .is_some()
        );
    }
    let names: Vec<_> = world.post.schedules().into_keys().collect();
    assert_eq!(
        names,
        [
            "deskbridge-integrations/acme-1",
            "deskbridge-integrations/globex-1"
        ]
    );
}
