use std::time::{Duration, Instant};

use credentials::DataCentre;
use serde_json::{Value, json};
use simulators::zoho::{Fault, FaultRule};
use vendor_http::{Deadline, TokenErrorKind, TokenSource};

use crate::world::{World, assert_fails, soon};

#[tokio::test]
async fn each_refusal_of_the_vendor_is_told_apart() {
    use TokenErrorKind::{AuthRequired, RateLimited, ScopeMissing, SecretInvalid, Unavailable};
    for (error, kind, phrases) in [
        ("invalid_code", AuthRequired, &["new grant code"][..]),
        (
            "invalid_client",
            AuthRequired,
            &["`client_id`", "data centre us"],
        ),
        (
            "invalid_client_secret",
            AuthRequired,
            &["`client_secret`", "data centre us"],
        ),
        ("invalid_redirect_uri", SecretInvalid, &["`redirect_uri`"]),
        ("invalid_scope", ScopeMissing, &["scope"]),
        ("access_denied", RateLimited, &["10 in 10 minutes"]),
        ("general_error", Unavailable, &["general_error"]),
        (
            "unsupported_grant_type",
            AuthRequired,
            &["unsupported_grant_type"],
        ),
    ] {
        let world = World::start().await;
        world.fill_in_code();
        world.zoho_answers(&json!({ "error": error }));
        assert_fails(world.process().token(soon()).await, kind, phrases);
        assert_eq!(world.puts(), 0, "{error}");
    }
}

#[tokio::test]
async fn a_wrong_client_is_refused_by_name() {
    let world = World::start().await;
    world.fill_in(&json!({ "code": "c", "client_secret": "typo" }));
    assert_fails(
        world.process().token(soon()).await,
        TokenErrorKind::AuthRequired,
        &["client_id and client_secret", "data centre us"],
    );
}

#[tokio::test]
async fn throttled_mints_are_passing_trouble() {
    let world = World::start().await;
    world.fill_in_expired();
    world.zoho.add_fault(FaultRule::always(Fault::MintThrottle));
    let process = world.process();
    assert_fails(
        process.token(soon()).await,
        TokenErrorKind::RateLimited,
        &["too many tokens"],
    );
    world.zoho.clear_faults();
    process.token(soon()).await.unwrap();
}

#[tokio::test]
async fn passing_vendor_trouble_is_waited_out() {
    for fault in [
        Fault::ServerError,
        Fault::ConnectionReset,
        Fault::TruncatedBody,
        Fault::Html { status: 200 },
        Fault::Html { status: 502 },
        Fault::MalformedJson,
    ] {
        let world = World::start().await;
        world.fill_in_expired();
        let shown = format!("{fault:?}");
        world
            .zoho
            .add_fault(FaultRule::next(2, fault).on("oauth/token"));
        let outcome = world.process().token(soon()).await;
        assert!(outcome.is_ok(), "{shown}: {outcome:?}");
        assert_eq!(world.puts(), 1, "{shown}");
    }
}

#[tokio::test]
async fn a_host_that_is_no_accounts_server_is_named() {
    let world = World::start().await;
    world.fill_in_expired();
    let html = FaultRule::always(Fault::Html { status: 404 }).on("oauth/token");
    world.zoho.add_fault(html);
    assert_fails(
        world.process().token(soon()).await,
        TokenErrorKind::AuthRequired,
        &["HTTP 404", "ZOHO_ACCOUNTS_URL"],
    );
}

#[tokio::test]
async fn a_token_of_another_data_centre_is_not_stored() {
    for (api_domain, configured, expected) in [
        (
            "https://www.zohoapis.eu",
            Some(DataCentre::Us),
            Err("set ZOHO_DATA_CENTER=eu"),
        ),
        (
            "https://www.zohoapis.evil.example",
            None,
            Err("none of Zoho's"),
        ),
        ("https://www.zohoapis.eu", Some(DataCentre::Eu), Ok(())),
        ("https://www.zohoapis.ca", Some(DataCentre::Ca), Ok(())),
        ("https://www.zohocloud.ca", Some(DataCentre::Ca), Ok(())),
        ("https://www.zohoapis.jp", None, Ok(())),
        ("http://127.0.0.1:1", Some(DataCentre::Us), Ok(())),
    ] {
        let world = World::with(|zoho| zoho.api_domain = api_domain.into()).await;
        world.fill_in_code();
        let mut config = world.config();
        config.data_centre = configured;
        let outcome = credentials::Broker::new(config).token(soon()).await;
        match expected {
            Ok(()) => assert!(outcome.is_ok(), "{api_domain}: {outcome:?}"),
            Err(phrase) => {
                assert_fails(outcome, TokenErrorKind::AuthRequired, &[phrase]);
                assert_eq!(world.secret().get("access_token"), None, "{api_domain}");
            }
        }
    }
}

#[tokio::test]
async fn the_life_of_a_token_is_what_the_answer_says() {
    for (life, expires_at) in [
        (json!({ "expires_in": 1800 }), "2026-03-01T00:30:00Z"),
        (
            json!({ "expires_in": 3_600_000, "expires_in_sec": 3600 }),
            "2026-03-01T01:00:00Z",
        ),
    ] {
        let world = World::start().await;
        world.fill_in_expired();
        let mut answer: Value = life;
        answer["access_token"] = "1000.granted".into();
        answer["refresh_token"] = "1000.rotated".into();
        world.zoho_answers(&answer);
        world.process().token(soon()).await.unwrap();
        assert_eq!(world.secret()["expires_at"], expires_at);
        assert_eq!(world.secret()["refresh_token"], "1000.rotated");
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_the_deadline() {
    let world = World::start().await;
    world.fill_in_expired();
    world.zoho_stalls(20.0);
    let began = Instant::now();
    let short = || Deadline::after(Duration::from_millis(400));
    let (first, second) = (world.process(), world.process());
    let (minting, waiting) = tokio::join!(first.token(short()), second.token(short()));
    assert_fails(minting, TokenErrorKind::Deadline, &["time ran out"]);
    assert_fails(waiting, TokenErrorKind::Deadline, &["time ran out"]);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_rejected_token_is_replaced_by_the_one_another_process_stored() {
    let world = World::start().await;
    let old = world.first_run().await;
    let process = world.process();
    assert_eq!(process.token(soon()).await.unwrap(), old);
    world.pass(3600);
    let stored = world.process().token(soon()).await.unwrap();
    assert_eq!(process.replace(&old, soon()).await.unwrap(), stored);
    assert_eq!(world.mints(), 2);
}

#[tokio::test]
async fn a_rejected_token_is_minted_anew_once_for_all() {
    let world = World::start().await;
    let old = world.first_run().await;
    world.pass(600);
    let processes: Vec<_> = (0..8).map(|_| world.process()).collect();
    let calls = processes
        .iter()
        .flat_map(|process| [process.replace(&old, soon()), process.replace(&old, soon())]);
    let tokens = futures_util::future::try_join_all(calls).await.unwrap();
    assert!(
        tokens
            .iter()
            .all(|token| *token == tokens[0] && *token != old)
    );
    assert_eq!(world.mints(), 2);
}

#[tokio::test]
async fn a_fresh_token_that_is_rejected_is_not_answered_by_another_mint() {
    let world = World::start().await;
    let old = world.first_run().await;
    world.pass(600);
    let process = world.process();
    let fresh = process.replace(&old, soon()).await.unwrap();
    world.pass(59);
    for process in [process, world.process(), world.process()] {
        assert_fails(
            process.replace(&fresh, soon()).await,
            TokenErrorKind::AuthRequired,
            &["59 s ago", "ZOHO_DATA_CENTER", "`org_id`"],
        );
    }
    assert_eq!(world.mints(), 2);
    world.pass(1);
    assert_ne!(
        world.process().replace(&fresh, soon()).await.unwrap(),
        fresh
    );
}
