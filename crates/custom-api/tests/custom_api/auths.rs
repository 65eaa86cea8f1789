use std::sync::Arc;

use custom_api::MemoryVault;
use engine::{Kind, Mode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use vendor_http::Deadline;

use crate::world::World;

const LIST: &str = "/cursor";

fn streams() -> Value {
    json!([{
        "name": "items", "path": LIST,
        "pagination": {"kind": "cursor", "size": 2, "from": {"body": "$.next_cursor"}},
    }])
}

fn refreshing(world: &World) -> Value {
    let token_url = format!("{}/oauth/token", world.api.origin());
    world.config(
        "/auth/oauth",
        &json!({
            "auth": {"kind": "oauth2", "grant": "refresh_token", "tokenUrl": token_url},
            "streams": streams(),
        }),
    )
}

fn secrets(world: &World) -> [(&'static str, String); 3] {
    let secrets = world.api.secrets();
    [
        ("clientId", secrets.client_id.clone()),
        ("clientSecret", secrets.client_secret.clone()),
        ("refreshToken", secrets.refresh_token.clone()),
    ]
}

fn texts<'a>(secrets: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    secrets
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect()
}

#[tokio::test]
async fn each_kind_of_authentication_opens_the_api_and_a_wrong_secret_does_not() {
    let world = World::with_rows(5).await;
    let token_url = format!("{}/oauth/token", world.api.origin());
    let secrets = world.api.secrets();
    for (below, auth, credentials, message) in [
        (
            "/auth/key-header",
            json!({"kind": "api_key"}),
            vec![("apiKey", secrets.api_key.as_str())],
            "Invalid API Key",
        ),
        (
            "/auth/key-query",
            json!({"kind": "api_key", "in": "query", "name": "api_key"}),
            vec![("apiKey", &secrets.api_key)],
            "Invalid API Key",
        ),
        (
            "/auth/bearer",
            json!({"kind": "bearer"}),
            vec![("token", &secrets.token)],
            "Authentication Failed",
        ),
        (
            "/auth/bearer",
            json!({"kind": "api_key", "name": "Authorization", "prefix": "Bearer "}),
            vec![("apiKey", &secrets.token)],
            "Invalid API Key",
        ),
        (
            "/auth/basic",
            json!({"kind": "basic"}),
            vec![
                ("username", &secrets.username),
                ("password", &secrets.password),
            ],
            "Authentication Failed",
        ),
        (
            "/auth/hmac",
            json!({
                "kind": "hmac", "header": "X-Signature", "prefix": "sha256=", "timestampHeader": "X-Timestamp",
                "sign": "{method}\n{path}\n{query}\n{timestamp}\n{body}",
            }),
            vec![("secret", &secrets.signing_secret)],
            "Authentication Failed",
        ),
        (
            "/auth/oauth",
            json!({"kind": "oauth2", "grant": "client_credentials", "tokenUrl": token_url}),
            vec![
                ("clientId", &secrets.client_id),
                ("clientSecret", &secrets.client_secret),
            ],
            "Authentication Failed",
        ),
        (
            "/auth/oauth",
            json!({"kind": "oauth2", "grant": "client_credentials", "tokenUrl": token_url, "clientAuthentication": "basic"}),
            vec![
                ("clientId", &secrets.client_id),
                ("clientSecret", &secrets.client_secret),
            ],
            "Authentication Failed",
        ),
    ] {
        let config = world.config(below, &json!({"auth": auth, "streams": streams()}));
        let read = world.read(&config, &credentials).await;
        let read = read.unwrap_or_else(|error| panic!("{auth}: {error}"));
        assert_eq!(read.rows, world.truth(), "{auth}");

        let fresh = World {
            vault: Arc::new(MemoryVault::default()),
            ..World::with_rows(1).await
        };
        let wrong: Vec<_> = credentials
            .iter()
            .map(|(name, _)| (*name, "planted-wrong"))
            .collect();
        let token_url = format!("{}/oauth/token", fresh.api.origin());
        let mut auth = auth.clone();
        if auth.get("tokenUrl").is_some() {
            auth["tokenUrl"] = json!(token_url);
        }
        let config = fresh.config(below, &json!({"auth": auth, "streams": streams()}));
        let error = fresh.read(&config, &wrong).await.unwrap_err();
        assert_eq!(error.kind(), Kind::AuthRequired, "{auth}: {error}");
        assert!(error.to_string().contains(message), "{auth}: {error}");
        assert!(!format!("{error} {error:?}").contains("planted"), "{auth}");

        let missing = world.source(
            &world.config(below, &json!({"auth": auth, "streams": streams()})),
            &[],
        );
        assert_eq!(missing.unwrap_err().kind(), Kind::AuthRequired, "{auth}");
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_is_stored_and_used_next() {
    let world = World::with_rows(5).await;
    let (config, secrets) = (refreshing(&world), secrets(&world));
    for run in 1..=3 {
        // Each run is a process of its own; only the vault is shared.
        let read = world.read(&config, &texts(&secrets)).await.unwrap();
        assert_eq!(read.rows.len(), 5);
        assert_eq!(world.api.tokens_issued(), run);
        let kept = world
            .vault
            .load(Deadline::after(std::time::Duration::from_secs(1)))
            .await
            .unwrap();
        assert_eq!(
            kept.refresh_token.unwrap().expose_secret(),
            format!("sim-refresh-{run}")
        );
        // Its hour is over.
        world.pass(3600);
    }
    assert_eq!(world.api.token_refusals(), 0);
}

#[tokio::test]
async fn many_runs_at_once_refresh_once() {
    let world = World::with_rows(5).await;
    let (config, secrets) = (refreshing(&world), secrets(&world));
    let texts = texts(&secrets);
    let runs = (0..8).map(|_| world.read(&config, &texts));
    for read in futures_util::future::join_all(runs).await {
        assert_eq!(read.unwrap().rows.len(), 5);
    }
    assert_eq!(
        (world.api.tokens_issued(), world.api.token_refusals()),
        (1, 0)
    );
}

#[tokio::test]
async fn a_token_that_ends_early_is_replaced_and_the_page_asked_for_again() {
    let world = World::with_rows(5).await;
    let (config, secrets) = (refreshing(&world), secrets(&world));
    let source = world.source(&config, &texts(&secrets)).unwrap();
    world.run(&source, Mode::Full, None).await.unwrap();
    world.api.expire_tokens();
    let read = world.run(&source, Mode::Full, None).await.unwrap();
    assert_eq!(read.rows.len(), 5);
    assert_eq!(world.api.tokens_issued(), 2);
}

#[tokio::test]
async fn after_a_failed_refresh_nobody_tries_for_thirty_seconds() {
    let world = World::with_rows(5).await;
    let (config, secrets) = (refreshing(&world), secrets(&world));
    world.api.revoke_refresh_token();
    for _ in 0..5 {
        let error = world.read(&config, &texts(&secrets)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::AuthRequired, "{error}");
    }
    assert_eq!(world.api.token_refusals(), 1);
    world.pass(31);
    world.read(&config, &texts(&secrets)).await.unwrap_err();
    assert_eq!(world.api.token_refusals(), 2);
}

#[tokio::test]
async fn new_credentials_make_kept_tokens_and_the_cooldown_void() {
    let world = World::with_rows(5).await;
    let (config, mut secrets) = (refreshing(&world), secrets(&world));
    secrets[2].1 = "planted-old".into();
    world.read(&config, &texts(&secrets)).await.unwrap_err();
    secrets[2].1 = world.api.secrets().refresh_token.clone();
    assert_eq!(
        world
            .read(&config, &texts(&secrets))
            .await
            .unwrap()
            .rows
            .len(),
        5
    );
}
