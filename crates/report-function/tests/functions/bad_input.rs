use std::time::Duration;

use lambda_kit::{ErrorType, Failure};
use reports::Report;
use serde_json::{Value, json};
use simulators::aws;
use simulators::zoho::{Edition, Fault, FaultRule, Options};

use crate::harness::{BUCKET, SECRET, World, ahead, invoke, invoke_within};

async fn failure(world: &World, report: Report, event: Value) -> Failure {
    let failure = invoke(&world.function(report), event).await.unwrap_err();
    assert_nothing_visible(world);
    failure
}

fn assert_nothing_visible(world: &World) {
    let keys = world.aws.keys(BUCKET);
    let left: Vec<_> = keys
        .iter()
        .filter(|key| !key.starts_with("_locks/"))
        .collect();
    assert!(left.is_empty(), "a failed run left {left:?}");
    assert!(world.aws.open_uploads(BUCKET).is_empty());
}

#[tokio::test]
async fn a_key_of_the_wrong_kind_is_named() {
    let world = World::with_tickets(10).await;
    for (event, key) in [
        (json!({"ticket_id": 5}), "`ticket_id`"),
        (json!({"since": "yesterday-ish"}), "`since`"),
        (
            json!({"secret_id": "no such/../secret name"}),
            "`secret_id`",
        ),
        (json!({"full": true, "since": "2026-01-01"}), "`full`"),
    ] {
        let failure = failure(&world, Report::Tickets, event.clone()).await;
        assert_eq!(failure.error_type, ErrorType::InvalidEvent, "{event}");
        assert!(failure.message.contains(key), "{event}: {failure}");
    }
}

#[tokio::test]
async fn a_bad_secret_is_named_with_its_field_and_the_fix() {
    let world = World::with_tickets(10).await;
    let without = |field: &str| {
        let mut secret = world.good_secret();
        secret.as_object_mut().unwrap().remove(field);
        secret.to_string()
    };
    let with = |field: &str, value: Value| {
        let mut secret = world.good_secret();
        secret[field] = value;
        secret.to_string()
    };
    for (secret, error_type, says) in [
        (without("client_id"), ErrorType::SecretInvalid, "client_id"),
        (without("org_id"), ErrorType::SecretInvalid, "org_id"),
        (without("code"), ErrorType::SecretInvalid, "code"),
        ("not json".to_owned(), ErrorType::SecretInvalid, "JSON"),
        (
            with("org_id", json!("my-company")),
            ErrorType::SecretInvalid,
            "org_id",
        ),
        (
            with("org_id", json!("700000002")),
            ErrorType::SecretInvalid,
            "org_id",
        ),
        (
            with("client_secret", json!("wrong")),
            ErrorType::AuthRequired,
            "client",
        ),
        (
            with("code", json!("1000.used")),
            ErrorType::AuthRequired,
            "code",
        ),
        (
            with("refresh_token", json!("1000.dead")),
            ErrorType::AuthRequired,
            "code",
        ),
    ] {
        let world = World::with_tickets(10).await;
        world.aws.put_secret(SECRET, &secret);
        if error_type == ErrorType::AuthRequired && says == "code" {
            // A dead refresh token is only final when the grant code is used up too.
            let mut secret: Value = serde_json::from_str(&secret).unwrap();
            secret["code"] = json!("1000.used");
            world.aws.put_secret(SECRET, &secret.to_string());
        }
        let failure = failure(&world, Report::Departments, json!({})).await;
        assert_eq!(failure.error_type, error_type, "{failure}");
        assert!(failure.message.contains(says), "{failure}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_secret_invalid() {
    let world = World::with_tickets(10).await;
    let failure = failure(
        &world,
        Report::Departments,
        json!({"secret_id": "zoho_auth_eu"}),
    )
    .await;
    assert_eq!(failure.error_type, ErrorType::SecretInvalid);
    assert!(failure.message.contains("zoho_auth_eu"), "{failure}");
}

#[tokio::test]
async fn a_bucket_that_is_missing_or_denies_is_storage_denied() {
    let world = World::with_tickets(10).await;
    let function = world.function_with(Report::Departments, &[("BUCKET", "no-such-bucket")]);
    let failure_missing = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(
        failure_missing.error_type,
        ErrorType::StorageDenied,
        "{failure_missing}"
    );

    let world = World::with_tickets(10).await;
    world
        .aws
        .inject(aws::Fault::deny("PutObject").on("departments/"));
    let failure = failure(&world, Report::Departments, json!({})).await;
    assert_eq!(failure.error_type, ErrorType::StorageDenied, "{failure}");
    assert!(failure.message.contains("s3:PutObject"), "{failure}");
}

#[tokio::test]
async fn what_the_account_lacks_is_named() {
    let mut options = Options::with_tickets(10);
    options.edition = Edition::Standard;
    let world = World::of(options).await;
    for report in [
        Report::TicketTimeEntry,
        Report::CustomerHappiness,
        Report::AgentTimeEntry,
    ] {
        let failure = failure(&world, report, json!({"full": true})).await;
        assert_eq!(failure.error_type, ErrorType::PlanRequired, "{failure}");
        assert!(failure.message.contains("Professional"), "{failure}");
    }
    world.zoho.drop_scope("Desk.search.READ");
    let failure = failure(&world, Report::Tickets, json!({})).await;
    assert_eq!(failure.error_type, ErrorType::ScopeMissing, "{failure}");
    assert!(failure.message.contains("Desk.search.READ"), "{failure}");
}

#[tokio::test]
async fn a_failing_vendor_is_upstream_or_deadline_exceeded() {
    let world = World::with_tickets(10).await;
    world.zoho.add_fault(FaultRule::always(Fault::ServerError));
    let function = world.function(Report::Departments);
    let short = invoke_within(&function, json!({}), Duration::from_millis(1_500)).await;
    let failure = short.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::DeadlineExceeded, "{failure}");
    assert_nothing_visible(&world);

    world.zoho.clear_faults();
    world
        .zoho
        .add_fault(FaultRule::always(Fault::OversizedBody { bytes: 1 << 31 }));
    let failure = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Upstream, "{failure}");

    world.zoho.clear_faults();
    let spent = Fault::ThresholdExceeded { retry_after_s: 60 };
    world.zoho.add_fault(FaultRule::always(spent));
    let failure = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::QuotaExhausted, "{failure}");
    assert_nothing_visible(&world);

    world.zoho.clear_faults();
    let later = world.function_at(Report::Departments, ahead(Duration::from_secs(61)));
    invoke(&later, json!({})).await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_not_there_is_the_events_fault() {
    let world = World::with_tickets(10).await;
    let failure = failure(&world, Report::Threads, json!({"ticket_id": "404"})).await;
    assert_eq!(failure.error_type, ErrorType::InvalidEvent, "{failure}");
    assert!(
        failure.message.contains("/tickets/404/threads"),
        "{failure}"
    );
}

#[tokio::test]
async fn reports_stop_at_the_credit_reserve() {
    let mut options = Options::with_tickets(2_000);
    options.edition = Edition::Standard;
    options.daily_credits = Some(5_020);
    let world = World::of(options).await;
    let function = world.function_with(Report::Tickets, &[("CREDIT_RESERVE_PERCENT", "10")]);
    let failure = invoke(&function, json!({})).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::QuotaExhausted, "{failure}");
    assert!(
        failure.message.contains("CREDIT_RESERVE_PERCENT"),
        "{failure}"
    );
    let used = world.zoho.stats().credits;
    assert!(
        (18..=60).contains(&used),
        "a Standard account keeps 5,000: {used} used"
    );
}
