use simulators::aws::Fault;
use vendor_http::{TokenErrorKind, TokenSource};

use crate::world::{BUCKET, SECRET, World, assert_fails, distinct, soon, storm};

#[tokio::test]
async fn a_bad_secret_is_refused_by_name_and_cause() {
    for (text, phrases) in [
        (
            "{\"client_id\": \"1000.planted, \"code\": \"c\"}",
            &["not JSON", "line 1, column"][..],
        ),
        ("[]", &["JSON object"]),
        (
            "{\"clientId\": \"planted\"}",
            &["found `clientId`, did you mean `client_id`?"],
        ),
        (
            "{\"client_id\":\"c\",\"client_secret\":\"s\",\"code\":\"c\",\"org_id\":\"mine\"}",
            &["`org_id` must be digits"],
        ),
    ] {
        let world = World::start().await;
        world.aws.put_secret(SECRET, text);
        let process = world.process();
        let error = process.secret(soon()).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::SecretInvalid);
        assert!(!error.is_transient());
        assert!(!error.to_string().contains("planted"), "{error}");
        assert_fails(
            process.token(soon()).await,
            TokenErrorKind::SecretInvalid,
            phrases,
        );
        assert_fails(
            process.token(soon()).await,
            TokenErrorKind::SecretInvalid,
            &[SECRET],
        );
        assert_eq!(world.token_requests(), 0);
    }
}

#[tokio::test]
async fn a_corrected_secret_is_seen_by_the_next_invocation() {
    let world = World::start().await;
    world.aws.put_secret(SECRET, "{");
    let process = world.process();
    assert_fails(
        process.token(soon()).await,
        TokenErrorKind::SecretInvalid,
        &["not JSON"],
    );
    world.fill_in_code();
    process.begin_invocation();
    process.token(soon()).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_says_what_to_do() {
    let world = World::start().await;
    let missing = world.process().token(soon()).await;
    assert_fails(
        missing,
        TokenErrorKind::SecretInvalid,
        &["does not exist", "SECRET_ID"],
    );

    world.fill_in_code();
    world.aws.inject(Fault::deny("GetSecretValue"));
    let denied = world.process().token(soon()).await;
    assert_fails(denied, TokenErrorKind::SecretInvalid, &["SecretNamePrefix"]);

    world.aws.heal();
    world.aws.inject(Fault::internal_error("GetSecretValue"));
    let process = world.process();
    let failing = process.token(soon()).await;
    assert_fails(failing, TokenErrorKind::Unavailable, &["GetSecretValue"]);
    world.aws.heal();
    process.token(soon()).await.unwrap();
}

#[tokio::test]
async fn a_denied_write_names_the_permission_and_is_not_repeated_by_every_process() {
    for action in ["PutSecretValue", "UpdateSecretVersionStage"] {
        let world = World::start().await;
        world.fill_in_expired();
        world.aws.inject(Fault::deny(action));
        for outcome in storm(&world, 10).await {
            let permission = format!("secretsmanager:{action}");
            assert_fails(
                outcome,
                TokenErrorKind::StorageDenied,
                &[&permission, SECRET],
            );
        }
        assert_eq!(world.mints(), 1, "{action}");
    }
}

#[tokio::test]
async fn a_minted_token_that_could_not_be_stored_is_stored_later_instead_of_minted_again() {
    let world = World::start().await;
    world.fill_in_code();
    world.aws.inject(Fault::deny("PutSecretValue"));
    let process = world.process();
    assert_fails(
        process.token(soon()).await,
        TokenErrorKind::StorageDenied,
        &[],
    );
    world.aws.heal();
    process.begin_invocation();
    let token = process.token(soon()).await.unwrap();
    assert_eq!(world.mints(), 1);
    assert_eq!(world.secret()["access_token"], token.expose());
    assert!(world.secret()["refresh_token"].is_string());
}

#[tokio::test]
async fn locks_that_cannot_be_kept_stop_the_mint() {
    let world = World::start().await;
    world.fill_in_expired();
    world.aws.inject(Fault::deny("PutObject"));
    let denied = world.process().token(soon()).await;
    assert_fails(
        denied,
        TokenErrorKind::StorageDenied,
        &["s3:PutObject", "_locks/*"],
    );

    world.aws.heal();
    let mut config = world.config();
    config.locks.1 = "no-such-bucket".into();
    let nowhere = credentials::Broker::new(config).token(soon()).await;
    assert_fails(
        nowhere,
        TokenErrorKind::StorageDenied,
        &["`no-such-bucket` does not exist"],
    );
    assert_eq!(world.token_requests(), 0);
}

#[tokio::test]
async fn a_missing_lock_that_is_answered_as_denied_is_created() {
    let world = World::start().await;
    world.fill_in_expired();
    // What S3 says of a missing object to somebody without s3:ListBucket.
    world.aws.inject(Fault::deny("GetObject").times(1));
    world.process().token(soon()).await.unwrap();

    world.pass(3600);
    world.aws.inject(Fault::deny("GetObject"));
    let denied = world.process().token(soon()).await;
    assert_fails(
        denied,
        TokenErrorKind::StorageDenied,
        &["s3:GetObject", BUCKET],
    );
}

#[tokio::test]
async fn one_secret_by_name_and_by_arn_is_renewed_once() {
    let world = World::start().await;
    world.fill_in_expired();
    let mut config = world.config();
    config.secret_id = "arn:aws:secretsmanager:us-east-1:000000000000:secret:zoho_auth-AbCdEf"
        .parse()
        .unwrap();
    let (by_name, by_arn) = (world.process(), credentials::Broker::new(config));
    let (one, other) = tokio::join!(by_name.token(soon()), by_arn.token(soon()));
    assert_eq!(distinct(vec![one, other]).len(), 1);
    assert_eq!(world.mints(), 1);
}

#[tokio::test]
async fn a_lost_answer_of_a_write_is_not_a_second_mint() {
    for action in ["PutSecretValue", "UpdateSecretVersionStage", "PutObject"] {
        let world = World::start().await;
        world.fill_in_expired();
        // More often than the SDK itself tries again.
        world.aws.inject(Fault::lose_answer(action).times(3));
        let token = world.process().token(soon()).await;
        assert!(token.is_ok(), "{action}: {token:?}");
        assert_eq!(world.mints(), 1, "{action}");
        assert_eq!(
            world.secret()["access_token"],
            token.unwrap().expose(),
            "{action}"
        );
    }
}
