//! The queries of `infra/queries`, as analysts run them: with DuckDB on the bucket, and in Athena.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::compact::compacted;
use crate::stack::{Stack, root, sorted};

const TABLES: [&str; 3] = ["departments", "threads", "tickets"];

/// The rows of a query, run by the program that the README tells users to run.
async fn duckdb(stack: &Stack, query: &str) -> Vec<Value> {
    let output = Command::new(root().join(".venv/bin/python"))
        .arg(root().join("infra/queries/run.py"))
        .args([&stack.bucket(), "--json", query])
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{query}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sum(rows: &[Value], column: &str) -> u64 {
    rows.iter().map(|row| row[column].as_u64().unwrap()).sum()
}

fn parsed(rows: Vec<String>) -> Vec<Value> {
    let rows = rows.into_iter();
    rows.map(|row| serde_json::from_str(&row).unwrap())
        .collect()
}

#[tokio::test]
async fn every_query_answers_and_tells_what_the_account_holds() {
    let stack = Stack::of_environment().await;
    let _still = stack.account_still().await;
    for report in TABLES {
        compacted(&stack, report).await;
    }
    let tickets = parsed(stack.truth("tickets", "").await);
    let threads = parsed(stack.truth("threads", "").await);

    let closed = |ticket: &&Value| ticket["statusType"] == "Closed";
    let open = tickets.iter().filter(|ticket| !closed(ticket)).count();
    let rows = duckdb(&stack, "open-tickets-by-age").await;
    assert_eq!(sum(&rows, "open_tickets"), open as u64);
    let ages = ["under_1_day", "under_7_days", "under_30_days", "older"];
    let by_age: u64 = ages.iter().map(|age| sum(&rows, age)).sum();
    assert_eq!(by_age, open as u64);

    let rows = duckdb(&stack, "tickets-per-department-and-week").await;
    assert_eq!(sum(&rows, "created"), tickets.len() as u64);
    assert_eq!(
        sum(&rows, "closed"),
        tickets.iter().filter(closed).count() as u64
    );

    let answered: BTreeSet<String> = threads
        .iter()
        .filter(|thread| thread["direction"] == "out")
        .map(|thread| thread["ticketId"].to_string())
        .collect();
    assert!(!answered.is_empty());
    let rows = duckdb(&stack, "first-response").await;
    assert_eq!(sum(&rows, "tickets"), tickets.len() as u64);
    assert_eq!(sum(&rows, "answered"), answered.len() as u64);

    let rows = duckdb(&stack, "tickets-read-today").await;
    assert!(rows.len() >= tickets.len(), "{} rows", rows.len());
    for query in files() {
        duckdb(&stack, &query).await;
    }
}

#[tokio::test]
async fn the_queries_of_the_readme_answer_on_the_bucket() {
    let stack = Stack::of_environment().await;
    let _still = stack.account_still().await;
    for report in TABLES {
        stack.invoke(report, &json!({"full": true})).await.result();
    }
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("## Query the objects").nth(1).unwrap();
    let queries: Vec<String> = section
        .split("```sql")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .map(|query| query.replace("zoho-reports-111122223333", &stack.bucket()))
        .collect();
    assert_eq!(queries.len(), 5);
    let ids = |rows: &[Value]| -> BTreeSet<String> {
        rows.iter().map(|row| row["id"].to_string()).collect()
    };
    for query in queries {
        let rows = duckdb(&stack, &query).await;
        assert!(!rows.is_empty(), "{query}");
        if query.contains("The tickets as they are now") {
            let tickets = parsed(stack.truth("tickets", "").await);
            assert_eq!(rows.len(), tickets.len());
            assert_eq!(ids(&rows), ids(&tickets));
        }
    }
}

#[tokio::test]
async fn a_deleted_row_is_marked_and_keeps_its_last_version() {
    let stack = Stack::of_environment().await;
    let run = stack.invoke("calls", &json!({"full": true})).await.result();
    stack
        .invoke("compact", &json!({"report": "calls"}))
        .await
        .result();
    let before = duckdb(
        &stack,
        "SELECT id, raw FROM calls WHERE NOT _deleted ORDER BY id",
    )
    .await;
    let rows: Vec<String> = before.iter().map(|row| text(row, "raw")).collect();
    assert!(
        sorted(rows.into_iter()) == stack.truth("calls", "").await,
        "raw is not the record byte for byte"
    );

    let ghost = json!({"id": "1", "subject": "deleted at Zoho since"}).to_string();
    commit_after(&stack, &run, &ghost).await;
    let table = compacted(&stack, "calls").await;
    assert_eq!(table["deleted"], 1, "{table}");
    let gone = duckdb(&stack, "SELECT id, raw FROM calls WHERE _deleted").await;
    assert_eq!(gone, [json!({"id": "1", "raw": ghost})]);
}

/// An incremental run just after `run` that saw one row more: one that the next full run will not
/// find. The account itself must stay as it is for the other tests.
async fn commit_after(stack: &Stack, run: &Value, row: &str) {
    let key = run["manifest_key"].as_str().unwrap();
    let mut manifest: Value = serde_json::from_slice(&stack.object(key).await.unwrap()).unwrap();
    let (key, manifest_key) = (
        "calls/dt=2026-01-01/20260101T000000Z-zz.jsonl",
        "calls/_runs/zz.json",
    );
    let entry = json!({
        "key": key,
        "rows": 1,
        "bytes": row.len(),
        "sha256": hex::encode(Sha256::digest(row)),
    });
    for (field, value) in [
        ("run", json!("zz")),
        ("mode", json!("incremental")),
        ("format", json!("jsonl")),
        ("rows", json!(1)),
        ("keys", json!([entry])),
        ("key", json!(key)),
        ("manifest_key", json!(manifest_key)),
    ] {
        manifest[field] = value;
    }
    put(stack, key, row.to_owned()).await;
    put(stack, manifest_key, manifest.to_string()).await;
}

async fn put(stack: &Stack, key: &str, text: String) {
    let put = stack.s3.put_object().bucket(stack.bucket()).key(key);
    put.body(text.into_bytes().into()).send().await.unwrap();
}

#[tokio::test]
async fn the_tables_of_the_template_can_be_queried_by_name() {
    let stack = Stack::of_environment().await;
    for report in ["agents", "departments"] {
        compacted(&stack, report).await;
    }
    let query = "SELECT count(*) AS n, count(lower(a.emailid)) AS named, count_if(d.isenabled) AS enabled \
                 FROM agents a CROSS JOIN departments d WHERE NOT a._deleted";
    let rows = athena(&stack, query).await;
    let count = |rows: Vec<String>| rows.len();
    let agents = count(stack.truth("agents", "").await);
    let departments = count(stack.truth("departments", "").await);
    assert_eq!(rows[0]["n"], json!((agents * departments).to_string()));
    assert_eq!(rows[0]["named"], rows[0]["n"]);
    assert_ne!(rows[0]["enabled"], "0");

    let query = "SELECT count(DISTINCT id) AS n FROM agents_runs WHERE dt > '2020-01-01'";
    let rows = athena(&stack, query).await;
    assert_eq!(rows[0]["n"], json!(agents.to_string()));
}

/// The rows of a query in Athena, every value as text.
async fn athena(stack: &Stack, query: &str) -> Vec<Value> {
    let output = Command::new(root().join(".venv/bin/python"))
        .arg(root().join("tests/end_to_end/athena.py"))
        .args([
            &stack.text("/outputs/AnalyticsDatabaseName"),
            &stack.bucket(),
            query,
        ])
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{query}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(row: &Value, column: &str) -> String {
    row[column].as_str().unwrap().to_owned()
}

/// The names of all queries.
fn files() -> Vec<String> {
    let entries = fs::read_dir(root().join("infra/queries")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let queries = names.filter_map(|name| name.strip_suffix(".sql").map(str::to_owned));
    sorted(queries)
}
