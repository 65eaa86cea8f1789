//! The running stack, found as any user's tool would find it: by the environment.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_s3::operation::get_object::GetObjectError;
use serde_json::Value;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// All tests share one simulated Zoho account: who compares it as a whole holds it still, which
/// waits for those who write tickets into it.
static ACCOUNT: RwLock<()> = RwLock::const_new(());
/// Whether it may have changed since it was last still.
static CHANGED: AtomicBool = AtomicBool::new(true);

/// A run ends ten seconds before the present, and a job may be on its way for a moment.
const SETTLED: Duration = Duration::from_secs(13);
const MOST_LOOKS: u32 = 20;

pub(crate) struct Stack {
    about: Value,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) scheduler: aws_sdk_scheduler::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) enum Answer {
    Result(Value),
    Error { error_type: String, message: String },
}

impl Answer {
    pub(crate) fn result(self) -> Value {
        match self {
            Self::Result(result) => result,
            Self::Error {
                error_type,
                message,
            } => panic!("{error_type}: {message}"),
        }
    }

    pub(crate) fn error(self) -> (String, String) {
        match self {
            Self::Error {
                error_type,
                message,
            } => (error_type, message),
            Self::Result(result) => panic!("succeeded: {result}"),
        }
    }
}

impl Stack {
    pub(crate) async fn of_environment() -> Self {
        let file = variable("DESKBRIDGE_STACK").expect(
            "no stack: run these tests by `make test`, or with `infra/local/stack.py exec --`",
        );
        let about = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let config = aws_config::load_defaults(BehaviorVersion::v2026_01_12()).await;
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build();
        // A report may take longer than the SDK's patience with a retry.
        let lambda = aws_sdk_lambda::config::Builder::from(&config)
            .retry_config(aws_sdk_lambda::config::retry::RetryConfig::disabled())
            .build();
        Self {
            about,
            lambda: aws_sdk_lambda::Client::from_conf(lambda),
            s3: aws_sdk_s3::Client::from_conf(s3),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            scheduler: aws_sdk_scheduler::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
        }
    }

    /// Until the guard is dropped no test writes into the account, and a report of now has all
    /// that is in it.
    pub(crate) async fn account_still(&self) -> RwLockWriteGuard<'static, ()> {
        let still = ACCOUNT.write().await;
        if CHANGED.swap(false, Ordering::Relaxed) {
            let mut before = self.truth("tickets", "").await;
            for look in 1.. {
                tokio::time::sleep(SETTLED).await;
                let now = self.truth("tickets", "").await;
                if now == before {
                    break;
                }
                assert!(look < MOST_LOOKS, "tickets are still being written");
                before = now;
            }
        }
        still
    }

    /// Held by tests that write tickets.
    pub(crate) async fn account_changing() -> RwLockReadGuard<'static, ()> {
        let changing = ACCOUNT.read().await;
        CHANGED.store(true, Ordering::Relaxed);
        changing
    }

    pub(crate) fn text(&self, path: &str) -> String {
        let value = self.about.pointer(path).and_then(Value::as_str);
        value
            .unwrap_or_else(|| panic!("the stack has no {path}"))
            .to_owned()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.about.pointer(path).is_some()
    }

    pub(crate) fn number(&self, path: &str) -> u16 {
        let value = self.about.pointer(path).and_then(Value::as_u64);
        u16::try_from(value.unwrap_or_else(|| panic!("the stack has no {path}"))).unwrap()
    }

    /// The whole table, as text.
    pub(crate) async fn all_items(&self) -> String {
        let table = self.text("/outputs/StateTableName");
        let mut pages = self
            .dynamodb
            .scan()
            .table_name(table)
            .into_paginator()
            .send();
        let mut text = String::new();
        while let Some(page) = pages.next().await {
            let _ = write!(text, "{:?}", page.unwrap().items());
        }
        text
    }

    pub(crate) fn bucket(&self) -> String {
        self.text("/bucket")
    }

    pub(crate) fn zoho(&self, path: &str) -> String {
        format!("{}{path}", self.text("/simulator/origin"))
    }

    pub(crate) async fn invoke(&self, function: &str, event: &Value) -> Answer {
        let payload = Blob::new(event.to_string());
        let sent = self
            .lambda
            .invoke()
            .function_name(function)
            .payload(payload)
            .send();
        let output = sent.await.unwrap();
        let answer: Value =
            serde_json::from_slice(output.payload().map_or(&[][..], Blob::as_ref)).unwrap();
        if output.function_error().is_none() {
            return Answer::Result(answer);
        }
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        Answer::Error {
            error_type: text("errorType"),
            message: text("errorMessage"),
        }
    }

    pub(crate) async fn object(&self, key: &str) -> Option<Vec<u8>> {
        let got = self
            .s3
            .get_object()
            .bucket(self.bucket())
            .key(key)
            .send()
            .await;
        match got {
            Ok(object) => Some(object.body.collect().await.unwrap().to_vec()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetObjectError::is_no_such_key) =>
            {
                None
            }
            Err(error) => panic!("{key}: {error:?}"),
        }
    }

    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        let mut pages = self
            .s3
            .list_objects_v2()
            .bucket(self.bucket())
            .prefix(prefix)
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            keys.extend(
                page.contents()
                    .iter()
                    .filter_map(|object| object.key().map(str::to_owned)),
            );
        }
        keys
    }

    /// The rows of a `json` object, as stored.
    pub(crate) async fn rows(&self, key: &str) -> Vec<String> {
        let stored = String::from_utf8(self.object(key).await.unwrap()).unwrap();
        let inner = stored
            .trim_end()
            .strip_prefix('[')
            .unwrap()
            .strip_suffix(']')
            .unwrap();
        let rows = inner.trim().split(",\n").filter(|row| !row.is_empty());
        sorted(rows.map(str::to_owned))
    }

    /// The rows that the simulated account says a complete report has.
    pub(crate) async fn truth(&self, report: &str, query: &str) -> Vec<String> {
        let lines = self.get(&format!("/_sim/truth/{report}?{query}")).await;
        sorted(lines.lines().map(|line| {
            // {"parent":{"ticketId":"1"}|null,"row":{…}}: the row's bytes must not be re-serialised.
            let (parent, row) = line.split_once(",\"row\":").unwrap();
            let row = row.strip_suffix('}').unwrap();
            let parent: Value = serde_json::from_str(&format!("{parent}}}")).unwrap();
            match parent["parent"]
                .as_object()
                .and_then(|parent| parent.iter().next())
            {
                Some((key, id)) if !row.contains(&format!("\"{key}\":")) => {
                    format!("{{\"{key}\":{id},{}", &row[1..])
                }
                _ => row.to_owned(),
            }
        }))
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let answer = reqwest::get(self.zoho(path)).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        body(answer).await
    }

    pub(crate) async fn post(&self, path: &str) -> String {
        let client = reqwest::Client::new();
        body(client.post(self.zoho(path)).send().await.unwrap()).await
    }

    /// A secret of its own for one test, under the prefix that functions may read.
    pub(crate) async fn secret(&self, name: &str, value: &str) -> String {
        let name = format!("zoho_auth_{name}_{}", std::process::id());
        let created = self
            .secrets
            .create_secret()
            .name(&name)
            .secret_string(value)
            .send()
            .await;
        created.unwrap();
        name
    }

    /// The content of a good secret, with a grant code of its own.
    pub(crate) async fn good_secret(&self) -> Value {
        let issued: Value = serde_json::from_str(&self.post("/_sim/code").await).unwrap();
        serde_json::json!({
            "client_id": self.text("/simulator/client_id"),
            "client_secret": self.text("/simulator/client_secret"),
            "redirect_uri": "https://example.com/callback",
            "code": issued["code"],
            "org_id": self.text("/simulator/org_id"),
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a local simulator of our own answers"
)]
async fn body(answer: reqwest::Response) -> String {
    answer.text().await.unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the stack is named by the environment"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// What a program of `infra/` prints, run as the Makefile runs it; it must succeed.
pub(crate) fn operate(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(root().join(".venv/bin/python"))
        .arg(root().join(program))
        .args(arguments)
        .env("PYTHONPATH", root().join("infra/local"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

pub(crate) fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort_unstable();
    rows
}
