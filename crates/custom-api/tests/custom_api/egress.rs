use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use egress::{Egress, Names};
use engine::{Kind, Source};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use vendor_http::Deadline;

use crate::world::World;

/// All names are this machine.
#[derive(Debug)]
struct Loopback;

impl Names for Loopback {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
    }
}

fn items(path: &str, query: &Value) -> Value {
    json!([{"name": "items", "path": path, "query": query}])
}

async fn refusal(world: &World, base: &str) -> engine::Error {
    let config = json!({
        "baseUrl": base, "auth": {"kind": "bearer"}, "streams": items("/all", &json!({})),
        "rate": {"attempts": 1},
    });
    let source = world.source(&config, &[("token", "planted")]).unwrap();
    let deadline = Deadline::after(std::time::Duration::from_secs(9));
    source.check(deadline).await.unwrap_err()
}

#[tokio::test]
async fn private_and_metadata_addresses_are_refused_in_every_spelling() {
    let world = World {
        egress: Egress::public_only().with_names(Arc::new(Loopback)),
        ..World::with_rows(1).await
    };
    let port = world.api.origin().rsplit(':').next().unwrap().to_owned();
    for base in [
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[fd00:ec2::254]/latest".to_owned(),
        "https://[::ffff:169.254.169.254]/latest".to_owned(),
        format!("http://127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
        format!("https://2130706433:{port}"),
        format!("https://0x7f.1:{port}"),
        format!("https://[::1]:{port}"),
        format!("https://localhost:{port}"),
        format!("https://innocent.example:{port}"),
        "http://innocent.example".to_owned(),
        "https://10.0.0.1".to_owned(),
    ] {
        let error = refusal(&world, &base).await;
        assert_eq!(error.kind(), Kind::Refused, "{base}: {error}");
        assert!(!error.is_transient(), "{base}");
    }
    assert_eq!(world.api.received(), []);
}

#[tokio::test]
async fn metadata_stays_closed_when_everything_private_is_allowed() {
    let world = World {
        egress: Egress::allowing("0.0.0.0/0, ::/0").unwrap(),
        ..World::with_rows(1).await
    };
    let error = refusal(&world, "http://169.254.169.254/latest/meta-data").await;
    assert_eq!(error.kind(), Kind::Refused, "{error}");
}

#[tokio::test]
async fn a_redirect_or_link_to_a_private_address_is_refused() {
    let world = World::with_rows(1).await;
    let other = World::with_rows(1).await;
    let port = world.api.origin().rsplit(':').next().unwrap();
    let world = World {
        egress: Egress::allowing(&format!("127.0.0.1:{port}")).unwrap(),
        ..world
    };
    for to in [
        format!("{}/all", other.api.origin()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://[::1]/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let streams = items("/redirect", &json!({"to": to}));
        let error = world
            .read(&world.config("", &json!({"streams": streams})), &[])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{to}: {error}");
    }
    assert_eq!(other.api.received(), []);
}

#[tokio::test]
async fn another_host_gets_the_request_without_any_secret() {
    let world = World::with_rows(1).await;
    let other = World::with_rows(3).await;
    let to = format!("{}/all", other.api.origin());
    let secrets = world.api.secrets().clone();
    for (below, auth, secret) in [
        (
            "/auth/bearer",
            json!({"kind": "bearer"}),
            ("token", secrets.token.as_str()),
        ),
        (
            "/auth/key-header",
            json!({"kind": "api_key"}),
            ("apiKey", &secrets.api_key),
        ),
        (
            "/auth/key-query",
            json!({"kind": "api_key", "in": "query", "name": "api_key"}),
            ("apiKey", &secrets.api_key),
        ),
    ] {
        let config = world.config(below, &json!({
            "auth": auth, "headers": {"X-Second-Key": "{credentials.second}", "X-Plain": "plain"},
            "streams": items("/redirect", &json!({"to": to})),
        }));
        let read = world
            .read(&config, &[secret, ("second", "planted-second")])
            .await
            .unwrap();
        assert_eq!(read.rows, other.truth(), "{auth}");
        let here = world.api.received().pop().unwrap();
        assert_eq!(here.headers["x-second-key"], "planted-second");
        let there = format!("{:?}", other.api.received().pop().unwrap());
        for secret in [secret.1, "planted-second", "plain", "authorization"] {
            assert!(!there.contains(secret), "{auth}: {there}");
        }
    }
}

#[tokio::test]
async fn redirects_at_home_are_followed_five_times_with_the_secret() {
    let world = World::with_rows(3).await;
    let token = world.api.secrets().token.clone();
    let config = |path: &str, query: &Value| {
        world.config(
            "/auth/bearer",
            &json!({"auth": {"kind": "bearer"}, "streams": items(path, query)}),
        )
    };
    let home = config("/redirect", &json!({"to": "/auth/bearer/all"}));
    assert_eq!(
        world.read(&home, &[("token", &token)]).await.unwrap().rows,
        world.truth()
    );
    let round = config("/redirect-loop", &json!({}));
    let error = world.read(&round, &[("token", &token)]).await.unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidConfig, "{error}");
}
