use serde_json::json;
use vendor_http::{TokenErrorKind, TokenSource};

use crate::world::{SECRET, World, assert_fails, soon};

#[tokio::test]
async fn the_first_run_trades_the_code_and_keeps_what_people_wrote() {
    let world = World::start().await;
    let token = world.first_run().await;
    let secret = world.secret();
    let keys: Vec<_> = secret.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "note",
            "client_id",
            "client_secret",
            "org_id",
            "code",
            "refresh_token",
            "access_token",
            "expires_at",
            "code_used"
        ]
    );
    assert_eq!(secret["access_token"], token.expose());
    assert_eq!(secret["expires_at"], "2026-03-01T01:00:00Z");
    assert_eq!(secret["org_id"], json!(700_000_001), "still a number");
    assert_eq!(secret["code"], "1000.simgrantcode", "a person put it there");
    assert_ne!(secret["code_used"], secret["code"]);
    assert_eq!((world.mints(), world.puts()), (1, 1));
}

#[tokio::test]
async fn a_web_client_sends_its_redirect_uri() {
    let world = World::with(|zoho| zoho.redirect_uri = Some("https://x.test/cb".into())).await;
    let code = world.zoho.options().code.clone();
    world.fill_in(&json!({ "code": code, "redirect_uri": "https://x.test/wrong" }));
    let process = world.process();
    assert_fails(
        process.token(soon()).await,
        TokenErrorKind::SecretInvalid,
        &["`redirect_uri`", SECRET],
    );
    world.fill_in(&json!({ "code": code, "redirect-uri": "https://x.test/cb" }));
    process.begin_invocation();
    assert_fails(
        process.token(soon()).await,
        TokenErrorKind::SecretInvalid,
        &["did you mean `redirect_uri`?"],
    );
    world.fill_in(&json!({ "code": code, "redirect_uri": "https://x.test/cb" }));
    process.begin_invocation();
    process.token(soon()).await.unwrap();
}

#[tokio::test]
async fn later_processes_use_the_stored_token_until_half_a_minute_before_it_expires() {
    let world = World::start().await;
    let first = world.first_run().await;
    world.pass(3569);
    assert_eq!(world.process().token(soon()).await.unwrap(), first);
    world.pass(1);
    let second = world.process().token(soon()).await.unwrap();
    assert_ne!(second, first);
    assert_eq!(world.zoho.stats().refreshes, 1);
    assert_eq!(world.secret()["expires_at"], "2026-03-01T01:59:30Z");
}

#[tokio::test]
async fn a_day_of_calls_every_minute_mints_once_an_hour() {
    let world = World::start().await;
    world.fill_in_code();
    let process = world.process();
    for minute in 0..24 * 60 {
        process.begin_invocation();
        process.token(soon()).await.unwrap();
        // Another process looks in now and then.
        if minute % 97 == 0 {
            world.process().token(soon()).await.unwrap();
        }
        world.pass(60);
    }
    assert!((24..=25).contains(&world.mints()), "{}", world.mints());
    assert_eq!(world.puts(), world.mints());
    assert!(
        world
            .aws
            .secret_versions(SECRET)
            .iter()
            .all(|version| version.stages.len() <= 3)
    );
}

#[tokio::test]
async fn a_new_code_is_traded_at_once_although_the_old_token_still_works() {
    let world = World::start().await;
    let old = world.first_run().await;
    let mut secret = world.secret();
    secret["code"] = world.zoho.issue_code().into();
    world.aws.put_secret(SECRET, &secret.to_string());
    let new = world.process().token(soon()).await.unwrap();
    assert_ne!(new, old);
    assert_eq!(world.zoho.stats().exchanges, 2);
    assert_ne!(world.secret()["refresh_token"], secret["refresh_token"]);
    assert_eq!(world.process().token(soon()).await.unwrap(), new);
}

#[tokio::test]
async fn a_refused_new_code_leaves_the_earlier_grant_at_work_and_is_not_sent_again() {
    let world = World::start().await;
    world.first_run().await;
    let mut secret = world.secret();
    secret["code"] = "1000.expired-code".into();
    world.aws.put_secret(SECRET, &secret.to_string());
    for _ in 0..3 {
        world.process().token(soon()).await.unwrap();
        world.pass(3600);
    }
    assert_eq!(world.zoho.stats().refused("invalid_code"), 1);
    assert_eq!(world.zoho.stats().refreshes, 3);
    assert_eq!(world.secret()["refresh_token"], secret["refresh_token"]);
}

#[tokio::test]
async fn a_used_code_is_never_sent_twice() {
    let world = World::start().await;
    world.first_run().await;
    let mut secret = world.secret();
    secret.as_object_mut().unwrap().remove("refresh_token");
    world.aws.put_secret(SECRET, &secret.to_string());
    world.pass(3600);
    assert_fails(
        world.process().token(soon()).await,
        TokenErrorKind::AuthRequired,
        &["new grant code", "`code`"],
    );
    assert_eq!(world.token_requests(), 1);
}

#[tokio::test]
async fn a_dead_refresh_token_asks_for_a_new_code_and_then_takes_it() {
    let world = World::start().await;
    world.first_run().await;
    world.zoho.revoke_refresh_tokens();
    world.pass(3600);
    let process = world.process();
    for _ in 0..3 {
        assert_fails(
            process.token(soon()).await,
            TokenErrorKind::AuthRequired,
            &[
                "generate a new grant code",
                "3-10 minutes",
                "`code`",
                SECRET,
            ],
        );
    }
    assert_eq!(world.zoho.stats().refused("invalid_code"), 1, "remembered");

    let mut secret = world.secret();
    secret["code"] = world.zoho.issue_code().into();
    world.aws.put_secret(SECRET, &secret.to_string());
    process.begin_invocation();
    process.token(soon()).await.unwrap();
    world.pass(3600);
    world.process().token(soon()).await.unwrap();
    assert_eq!(
        world.zoho.stats().refreshes,
        1,
        "with the new refresh token"
    );
}

#[tokio::test]
async fn the_secret_is_read_once_an_invocation() {
    let world = World::start().await;
    world.first_run().await;
    let process = world.process();
    let before = world.aws.calls("GetSecretValue");
    let calls = (0..10).map(|_| process.token(soon()));
    futures_util::future::try_join_all(calls).await.unwrap();
    let secret = process.secret(soon()).await.unwrap();
    assert_eq!(secret.org_id().as_str(), "700000001");
    assert_eq!(world.aws.calls("GetSecretValue") - before, 1);
    process.begin_invocation();
    process.secret(soon()).await.unwrap();
    process.token(soon()).await.unwrap();
    assert_eq!(world.aws.calls("GetSecretValue") - before, 2);
}
