use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use simulators::aws::Aws;
use simulators::lambda::{InvocationResult, RuntimeApi};
use simulators::zoho::{Options, Simulator};
use tokio::process::{Child, Command};

use crate::stack::root;

const BUCKET: &str = "zoho-reports-000000000000";
const PROCESSES: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_processes_that_start_at_once_with_an_expired_token_renew_it_once() {
    let aws = Aws::start().await.unwrap();
    aws.create_bucket(BUCKET);
    let zoho = Simulator::start(Options::with_tickets(20)).await.unwrap();
    let options = zoho.options();
    let secret = json!({
        "client_id": options.client_id,
        "client_secret": options.client_secret,
        "org_id": options.org_id,
        "code": "",
        "refresh_token": zoho.issue_refresh_token(),
        "access_token": "1000.expired",
        "expires_at": "2020-01-01T00:00:00Z",
        "note": "a person wrote this",
    });
    aws.put_secret("zoho_auth", &secret.to_string());

    let mut running = Vec::new();
    for _ in 0..PROCESSES {
        let runtime = RuntimeApi::start().await.unwrap();
        let child = start(&runtime, &aws, &zoho.origin());
        running.push(tokio::spawn(async move {
            let event = json!({});
            let result = runtime.invoke(&event, Duration::from_mins(2)).await;
            drop(child);
            result
        }));
    }
    for process in running {
        match process.await.unwrap() {
            InvocationResult::Success(result) => assert_eq!(result["complete"], true),
            failure @ InvocationResult::Failure { .. } => panic!("{failure:?}"),
        }
    }
    let stats = zoho.stats();
    assert_eq!(stats.mints(), 1, "token requests");
    assert!(
        aws.calls("PutSecretValue") <= 1,
        "{} writes",
        aws.calls("PutSecretValue")
    );
    let stored: Value = serde_json::from_str(&aws.secret("zoho_auth").unwrap()).unwrap();
    assert_eq!(stored["note"], secret["note"]);
    assert_ne!(stored["access_token"], secret["access_token"]);
}

fn start(runtime: &RuntimeApi, aws: &Aws, zoho: &str) -> Child {
    Command::new(root().join("target/lambda/departments/bootstrap"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
        .env("AWS_LAMBDA_FUNCTION_NAME", "departments")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "test")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", aws.origin())
        .env("BUCKET", BUCKET)
        .env("ZOHO_ACCOUNTS_URL", zoho)
        .env("ZOHO_DESK_URL", zoho)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .expect("run `make build` first")
}
