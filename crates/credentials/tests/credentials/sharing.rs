use std::time::{Duration, Instant};

use credentials::{Attempt, LEASE_TTL, Lock};
use serde_json::Value;
use simulators::aws::Fault as AwsFault;
use vendor_http::{TokenErrorKind, TokenSource};

use crate::world::{BUCKET, LOCK, SECRET, World, assert_fails, distinct, soon, storm};

#[tokio::test]
async fn fifty_cold_starts_with_an_expired_token_make_one_mint_and_one_write() {
    let world = World::with(|zoho| zoho.latency = Duration::from_millis(150)).await;
    world.fill_in_expired();
    let tokens = distinct(storm(&world, 50).await);
    assert_eq!(tokens.len(), 1);
    assert_eq!((world.token_requests(), world.puts()), (1, 1));
    assert_eq!(world.secret()["access_token"], *tokens.first().unwrap());
}

#[tokio::test]
async fn fifty_first_runs_trade_the_code_once() {
    let world = World::with(|zoho| zoho.latency = Duration::from_millis(50)).await;
    world.fill_in_code();
    assert_eq!(distinct(storm(&world, 50).await).len(), 1);
    assert_eq!((world.token_requests(), world.puts()), (1, 1));
}

#[tokio::test]
async fn processes_that_waited_for_a_failing_owner_do_not_repeat_the_failure() {
    let world = World::with(|zoho| zoho.latency = Duration::from_millis(100)).await;
    world.fill_in_expired();
    world.zoho.revoke_refresh_tokens();
    for outcome in storm(&world, 30).await {
        assert_fails(outcome, TokenErrorKind::AuthRequired, &["new grant code"]);
    }
    assert_eq!(world.token_requests(), 1);
}

#[tokio::test]
async fn a_storm_survives_lost_answers_and_conflicts() {
    let world = World::start().await;
    world.fill_in_expired();
    for fault in [
        AwsFault::lose_answer("PutObject"),
        AwsFault::conflict("PutObject"),
        AwsFault::slow_down("GetObject"),
        AwsFault::lose_answer("PutSecretValue"),
        AwsFault::lose_answer("UpdateSecretVersionStage"),
        AwsFault::throttle("GetSecretValue"),
    ] {
        world.aws.inject(fault.times(2));
    }
    assert_eq!(distinct(storm(&world, 10).await).len(), 1);
    assert_eq!(world.token_requests(), 1);
}

/// Leaves the lease with a process that has died in the middle of a mint.
async fn die_while_minting(world: &World) {
    world.zoho_stalls(3600.0);
    let process = world.process();
    let doomed = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    doomed.spawn(async move { process.token(soon()).await });
    world.until_token_requests(1).await;
    doomed.shutdown_background();
}

#[tokio::test]
async fn another_process_takes_over_when_the_owner_dies() {
    let world = World::start().await;
    world.fill_in_expired();
    die_while_minting(&world).await;
    let ttl = Duration::from_millis(1500);
    let began = Instant::now();
    let heirs: Vec<_> = (0..10)
        .map(|_| world.process().with_lease_ttl(ttl))
        .collect();
    let calls = heirs.iter().map(|heir| heir.token(soon()));
    let tokens = futures_util::future::try_join_all(calls).await.unwrap();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!((world.token_requests(), world.puts()), (2, 1));
    // The clock stands still: heirs go by how long they have watched. What comes on top of the time
    // to live must fit between it and the promised 20 s.
    let over = began.elapsed().saturating_sub(ttl);
    assert!(
        began.elapsed() >= ttl && over + LEASE_TTL < Duration::from_secs(20),
        "{over:?}"
    );
}

#[tokio::test]
async fn a_lease_abandoned_long_ago_delays_nobody() {
    let world = World::start().await;
    world.fill_in_expired();
    die_while_minting(&world).await;
    world.pass(LEASE_TTL.as_secs().cast_signed() + 3);
    let began = Instant::now();
    world.process().token(soon()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_lose_the_exchanged_grant() {
    let world = World::with(|zoho| zoho.latency = Duration::from_millis(100)).await;
    world.fill_in_code();
    let process = world.process();
    let call = process.token(soon());
    let gave_up = tokio::time::timeout(Duration::from_millis(80), call).await;
    assert!(gave_up.is_err());
    let token = process.token(soon()).await.unwrap();
    assert_eq!(world.secret()["access_token"], token.expose());
    assert_eq!(world.mints(), 1);
}

#[tokio::test]
async fn a_lock_has_one_owner_and_a_late_one_does_not_break_the_next() {
    let world = World::start().await;
    let lock = || Lock::new(world.s3(), BUCKET, "x", LEASE_TTL, world.clock.clone()).unwrap();
    let (mut first, mut second) = (lock(), lock());
    let Attempt::Held(late) = first.try_acquire().await.unwrap() else {
        panic!("nobody has it");
    };
    assert!(matches!(second.try_acquire().await.unwrap(), Attempt::Busy));
    world.pass(60);
    let Attempt::Held(lease) = second.try_acquire().await.unwrap() else {
        panic!("it has expired");
    };
    let memo = late.memo().clone();
    first.release(late, memo).await.unwrap();
    assert!(matches!(lock().try_acquire().await.unwrap(), Attempt::Busy));
    let memo = lease.memo().clone();
    second.release(lease, memo).await.unwrap();
    assert!(matches!(
        lock().try_acquire().await.unwrap(),
        Attempt::Held(_)
    ));
}

#[tokio::test]
async fn an_unreadable_lock_is_taken_over() {
    let world = World::start().await;
    world.fill_in_expired();
    world.aws.put_object(BUCKET, LOCK, "not a lease");
    world.process().token(soon()).await.unwrap();
}

fn edited(secret: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut secret = serde_json::from_str(secret).unwrap();
    change(&mut secret);
    secret.to_string()
}

#[tokio::test]
async fn what_a_person_saves_while_a_token_is_stored_survives() {
    for moment in ["PutSecretValue", "UpdateSecretVersionStage"] {
        let world = World::start().await;
        world.fill_in_expired();
        world.aws.edit_secret_before(moment, SECRET, |old| {
            edited(old, |secret| {
                secret["note"] = "edited".into();
                secret["added"] = serde_json::json!({ "n": [1, 2] });
                secret["org_id"] = "700000002".into();
            })
        });
        let token = world.process().token(soon()).await.unwrap();
        let secret = world.secret();
        assert_eq!(secret["note"], "edited", "{moment}");
        assert_eq!(secret["added"]["n"][1], 2, "{moment}");
        assert_eq!(secret["org_id"], "700000002", "{moment}");
        assert_eq!(secret["access_token"], token.expose(), "{moment}");
        assert_eq!(world.mints(), 1, "{moment}");
    }
}

#[tokio::test]
async fn a_new_code_saved_while_a_token_is_stored_wins_and_is_traded_next() {
    let world = World::start().await;
    world.fill_in_expired();
    let code = world.zoho.issue_code();
    world
        .aws
        .edit_secret_before("UpdateSecretVersionStage", SECRET, move |old| {
            edited(old, |secret| secret["code"] = code.into())
        });
    let process = world.process();
    let token = process.token(soon()).await.unwrap();
    assert_eq!(
        world.secret()["access_token"],
        "1000.expired",
        "the person's values"
    );
    assert_eq!(
        process.token(soon()).await.unwrap(),
        token,
        "good for this invocation"
    );
    process.begin_invocation();
    assert_ne!(process.token(soon()).await.unwrap(), token);
    assert_eq!(world.zoho.stats().exchanges, 1);
}

#[tokio::test]
async fn a_token_of_a_client_that_was_replaced_meanwhile_is_not_used() {
    let world = World::start().await;
    world.fill_in_expired();
    world
        .aws
        .edit_secret_before("UpdateSecretVersionStage", SECRET, |old| {
            edited(old, |secret| secret["client_id"] = "1000.OTHER".into())
        });
    assert_fails(
        world.process().token(soon()).await,
        TokenErrorKind::AuthRequired,
        &["`client_id`"],
    );
    assert_eq!(world.secret()["access_token"], "1000.expired");
}

#[tokio::test]
async fn someone_who_edits_without_end_is_not_overwritten() {
    let world = World::start().await;
    world.fill_in_expired();
    for round in 0..20 {
        world
            .aws
            .edit_secret_before("UpdateSecretVersionStage", SECRET, move |old| {
                edited(old, |secret| secret["note"] = round.into())
            });
    }
    let process = world.process();
    let outcome = process.token(soon()).await;
    assert_fails(
        outcome,
        TokenErrorKind::Unavailable,
        &["edited again and again"],
    );
    assert_eq!(world.secret()["access_token"], "1000.expired");
    assert_eq!(world.mints(), 1, "the unsaved token is kept");
}
