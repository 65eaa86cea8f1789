//! Runs that are longer than one invocation: a backfill in windows, and a run in legs.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode};
use serde_json::{Value, json};
use simulators::zoho::{Options, Simulator};
use tokio::process::Command;

use crate::stack::{Stack, root, sorted};

const CLOSED_TICKETS: &str = "events/backfill/closed-tickets.json";

#[tokio::test]
async fn a_backfill_reads_windows_side_by_side_and_becomes_visible_as_one_run() {
    let stack = Stack::of_environment().await;
    let _still = stack.account_still().await;
    // A report of its own, which no other test runs: tickets of one status.
    let partition = "tickets/status=Closed/";

    let said = make_backfill(&[
        "REPORT=tickets",
        "FULL=1",
        &format!("EVENT={CLOSED_TICKETS}"),
    ])
    .await;

    assert!(
        said.starts_with("Backfill of tickets in full on the local stack at "),
        "{said}"
    );
    let truth = stack.truth("tickets", "status=Closed").await;
    let result = said.lines().rev().nth(1).unwrap();
    assert!(
        result.starts_with(&format!("{} rows of ", truth.len())),
        "{said}"
    );
    let manifest_key = said
        .lines()
        .last()
        .unwrap()
        .rsplit_once(&stack.bucket())
        .unwrap()
        .1;
    let manifest = json_of(&stack, &manifest_key[1..]).await;
    assert_eq!(
        (&manifest["complete"], &manifest["rows"]),
        (&json!(true), &json!(truth.len()))
    );
    let keys = keys_of(&manifest);
    assert!(keys.len() > 3, "{manifest}");
    let mut stored = Vec::new();
    for key in &keys {
        stored.extend(stack.rows(key).await);
    }
    assert!(sorted(stored.into_iter()) == truth, "rows differ");

    let pointer = json_of(&stack, &format!("{partition}_latest.json")).await;
    assert_eq!(pointer["run"], manifest["run"]);
    assert_eq!(keys_of_pointer(&pointer), keys);
    // One commit: a manifest for the run and none for a window, and nothing left open.
    let run = manifest["run"].as_str().unwrap();
    let manifests = stack.keys(&format!("tickets/_runs/{run}")).await;
    assert_eq!(manifests, [&manifest_key[1..]]);
    let open = stack.keys(&format!("tickets/_open/{run}")).await;
    assert_eq!(open, Vec::<String>::new());
    let data = stack.keys(&format!("{partition}dt=")).await;
    let of_run = data.iter().filter(|key| key.contains(run));
    assert_eq!(of_run.count(), keys.len(), "{data:?}");
}

#[tokio::test]
async fn a_backfill_is_refused_before_it_starts_if_its_arguments_make_no_sense() {
    for (arguments, says) in [
        (&["REPORT=tickets"][..], "say from when"),
        (&["REPORT=nothing", "FULL=1"], "REPORT=nothing is unknown"),
        (
            &["REPORT=tickets", "SINCE=2024-02-01", "UNTIL=2024-01-01"],
            "is not before",
        ),
        (
            &["REPORT=tickets", "SINCE=yesterday"],
            "SINCE=yesterday is neither",
        ),
        (
            &["REPORT=tickets", "SINCE=2024-02-01", "FULL=1"],
            "leave out SINCE",
        ),
    ] {
        let (success, said) = make(arguments).await;
        assert!(!success, "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(!said.contains("started"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_backfill_that_the_report_refuses_fails_with_the_report_s_own_words() {
    let (success, said) = make(&["REPORT=departments", "FULL=1"]).await;
    assert!(!success, "{said}");
    assert!(said.contains("the plan: InvalidEvent: "), "{said}");
    assert!(said.contains("start it again"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_its_invocation_is_too_short_for_is_continued_to_its_end() {
    let stack = Stack::of_environment().await;
    // About ten seconds of reading, one request at a time, for invocations of four.
    let mut options = Options::with_tickets(200);
    options.latency = Duration::from_millis(40);
    let zoho = Simulator::start(options).await.unwrap();
    let secret = json!({
        "client_id": zoho.options().client_id,
        "client_secret": zoho.options().client_secret,
        "org_id": zoho.options().org_id,
        "code": zoho.issue_code(),
    });
    let secret = stack.secret("legs", &secret.to_string()).await;
    let function = short_function(&stack, "threads", &zoho.origin()).await;
    let event = json!({"full": true, "format": "jsonl", "secret_id": secret});

    let first = stack.invoke(&function, &event).await.result();
    assert_eq!(first["status"], "partial", "{first}");
    assert_eq!(
        (&first["key"], &first["manifest_key"]),
        (&Value::Null, &Value::Null)
    );
    announce(&stack, &function, &event, &first).await;
    let ended = ended(&stack, &event).await;
    let deleted = stack.lambda.delete_function().function_name(&function);
    deleted.send().await.unwrap();

    assert_eq!(ended["status"], "SUCCEEDED", "{ended}");
    let result: Value = serde_json::from_str(ended["output"].as_str().unwrap()).unwrap();
    let truth = sorted(zoho.truth("threads", "").unwrap().into_iter().map(|row| {
        let (key, id) = row.parent.unwrap();
        if row.row.contains(&format!("\"{key}\":")) {
            row.row
        } else {
            format!("{{\"{key}\":\"{id}\",{}", &row.row[1..])
        }
    }));
    assert_eq!(
        (&result["status"], &result["complete"], &result["rows"]),
        (&json!("complete"), &json!(true), &json!(truth.len())),
        "{result}"
    );
    let manifest = json_of(&stack, result["manifest_key"].as_str().unwrap()).await;
    let keys = keys_of(&manifest);
    assert!(keys.len() > 1, "{manifest}");
    let mut stored = Vec::new();
    for key in &keys {
        let object = String::from_utf8(stack.object(key).await.unwrap()).unwrap();
        stored.extend(object.lines().map(str::to_owned));
    }
    assert!(sorted(stored.into_iter()) == truth, "rows differ");
}

#[test]
fn the_tasks_of_both_state_machines_retry_alike_and_no_two_states_share_a_name() {
    let mut retries = BTreeSet::new();
    for file in ["backfill", "continue-run"] {
        let path = root().join(format!("infra/state-machines/{file}.asl.json"));
        let text = std::fs::read_to_string(path).unwrap();
        let machine: Value =
            serde_json::from_str(&text.replace("${BackfillConcurrency}", "2")).unwrap();
        let mut states = Vec::new();
        collect(&machine, &mut states);
        let names: BTreeSet<&str> = states.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), states.len(), "{file}");
        let tasks = states.iter().filter(|(_, state)| state["Type"] == "Task");
        retries.extend(tasks.map(|(_, task)| task["Retry"].to_string()));
    }
    assert_eq!(retries.len(), 1, "{retries:#?}");
}

/// All states of a machine, those inside of a Map included.
fn collect<'a>(machine: &'a Value, states: &mut Vec<(&'a str, &'a Value)>) {
    for (name, state) in machine["States"].as_object().unwrap() {
        states.push((name, state));
        if state["Type"] == "Map" {
            collect(&state["ItemProcessor"], states);
        }
    }
}

async fn make_backfill(arguments: &[&str]) -> String {
    let (success, said) = make(arguments).await;
    assert!(success, "{said}");
    said
}

/// `make backfill`, as a person runs it: whether it succeeded, and what it said.
async fn make(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("make")
        .args(["--silent", "--no-print-directory", "backfill"])
        .args(arguments)
        .current_dir(root())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8(said).unwrap().trim().to_owned(),
    )
}

/// A function with the code, role and settings of `report`, but seconds to live and its own account.
async fn short_function(stack: &Stack, report: &str, zoho: &str) -> String {
    let name = format!("{report}-short-{}", std::process::id());
    let model = stack
        .lambda
        .get_function()
        .function_name(report)
        .send()
        .await
        .unwrap();
    let settings = model.configuration().unwrap();
    let mut variables = settings
        .environment()
        .and_then(|e| e.variables().cloned())
        .unwrap();
    for (key, value) in [
        ("ZOHO_ACCOUNTS_URL", zoho),
        ("ZOHO_DESK_URL", zoho),
        ("MAX_CONCURRENCY", "1"),
    ] {
        variables.insert(key.to_owned(), value.to_owned());
    }
    let code = reqwest::get(model.code().unwrap().location().unwrap())
        .await
        .unwrap();
    let code = FunctionCode::builder().zip_file(Blob::new(bytes(code).await));
    let created = stack
        .lambda
        .create_function()
        .function_name(&name)
        .runtime(settings.runtime().unwrap().clone())
        .handler("bootstrap")
        .role(settings.role().unwrap())
        .timeout(4)
        .code(code.build())
        .environment(
            Environment::builder()
                .set_variables(Some(variables))
                .build(),
        );
    created.send().await.unwrap();
    name
}

/// What Lambda puts on the bus for an asynchronous invocation that succeeded.
async fn announce(stack: &Stack, function: &str, event: &Value, answer: &Value) {
    let mut answer = answer.clone();
    answer["report"] = json!(function);
    let record = json!({
        "version": "1.0",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "requestContext": {
            "requestId": "c2a6f2ae-7dbb-4d22-8782-d0485c9877e2",
            "functionArn": format!("arn:aws:lambda:us-east-1:000000000000:function:{function}:$LATEST"),
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": answer,
    });
    let entry = json!({
        "Source": "lambda",
        "DetailType": "Lambda Function Invocation Result - Success",
        "EventBusName": format!("{}-runs", stack.text("/stack_name")),
        "Detail": record.to_string(),
    });
    let put = aws(
        stack,
        "events",
        "AWSEvents.PutEvents",
        &json!({"Entries": [entry]}),
    )
    .await;
    assert_eq!(put["FailedEntryCount"], 0, "{put}");
}

/// The execution that continues the run of `event`, once it has ended.
async fn ended(stack: &Stack, event: &Value) -> Value {
    let began = Instant::now();
    loop {
        for execution in executions(stack, "ContinueRunArn").await {
            let input: Value = serde_json::from_str(execution["input"].as_str().unwrap()).unwrap();
            if input["event"] == *event && execution["status"] != "RUNNING" {
                return execution;
            }
        }
        assert!(
            began.elapsed() < Duration::from_mins(2),
            "no execution ended"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn executions(stack: &Stack, machine: &str) -> Vec<Value> {
    let machine = stack.text(&format!("/outputs/{machine}"));
    let about = json!({"stateMachineArn": machine});
    let listed = aws(stack, "states", "AWSStepFunctions.ListExecutions", &about).await;
    let mut executions = Vec::new();
    for execution in listed["executions"].as_array().unwrap() {
        let about = json!({"executionArn": execution["executionArn"]});
        executions.push(
            aws(
                stack,
                "states",
                "AWSStepFunctions.DescribeExecution",
                &about,
            )
            .await,
        );
    }
    executions
}

/// One call of an API whose SDK is not worth compiling for a test. The local AWS does not check the
/// signature of its root key.
async fn aws(stack: &Stack, service: &str, target: &str, input: &Value) -> Value {
    let scope = format!("test/20260101/us-east-1/{service}/aws4_request");
    let sent = reqwest::Client::new()
        .post(stack.text("/endpoint_url"))
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .body(input.to_string());
    let answer = sent.send().await.unwrap();
    let status = answer.status();
    let body = bytes(answer).await;
    assert!(
        status.is_success(),
        "{target}: {}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the local stack answers")]
async fn bytes(answer: reqwest::Response) -> Vec<u8> {
    answer.bytes().await.unwrap().to_vec()
}

async fn json_of(stack: &Stack, key: &str) -> Value {
    serde_json::from_slice(&stack.object(key).await.unwrap()).unwrap()
}

fn keys_of(manifest: &Value) -> Vec<String> {
    let keys = manifest["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["key"].as_str().unwrap().to_owned())
        .collect()
}

fn keys_of_pointer(pointer: &Value) -> Vec<String> {
    let keys = pointer["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key.as_str().unwrap().to_owned())
        .collect()
}
