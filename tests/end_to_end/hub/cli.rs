//! The same life by the command line.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use super::caller::Hub;
use super::samples::{Database, ROWS};
use crate::stack::{root, variable};

struct Shell<'a> {
    hub: &'a Hub,
    folder: tempfile::TempDir,
}

fn program() -> PathBuf {
    let target = variable("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("debug/deskbridge")
}

impl Shell<'_> {
    fn file(&self, name: &str, content: &Value) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        Command::new(program())
            .args(arguments)
            .env("DESKBRIDGE_URL", self.hub.stack.text("/http_api"))
            .env("DESKBRIDGE_API_KEY", &self.hub.key)
            .env("HOME", self.folder.path())
            .output()
            .await
            .unwrap()
    }

    /// Standard output of a command that must succeed.
    async fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {shown}\n{said}");
        shown
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let shown = self.done(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error}: {shown}"))
    }
}

/// Creates an integration that has `rows` records after a sync, watches it, and deletes it.
pub(super) async fn followed(hub: &Hub, mut body: Value, rows: usize) {
    let shell = Shell {
        hub,
        folder: tempfile::tempdir().unwrap(),
    };
    let platform = body.get("type").or(body.get("platform")).unwrap();
    let platform = platform.as_str().unwrap().to_owned();
    let secrets = body.as_object_mut().unwrap().shift_remove("credentials");
    let file = shell.file("integration.json", &body);
    let secrets_file = shell.file("secrets.json", secrets.as_ref().unwrap_or(&Value::Null));
    let mut create = vec!["create", "--file", &file];
    if secrets.is_some() {
        create.extend(["--secrets-file", &secrets_file]);
    }
    let made = shell.json(&create).await;
    let id = made["id"].to_string();

    assert!(shell.done(&["list"]).await.contains(&platform));
    shell.done(&["test", &id]).await;
    shell.done(&["sync", &id]).await;
    let runs = shell.json(&["runs", &id]).await;
    assert!(
        runs["runs"].to_string().contains("succeeded"),
        "{platform}: {runs}"
    );
    let export = shell.folder.path().join("records.ndjson");
    shell
        .done(&["export", &id, "-o", export.to_str().unwrap()])
        .await;
    let exported = std::fs::read_to_string(&export).unwrap();
    assert_eq!(exported.lines().count(), rows, "{platform}");
    let shown = shell.done(&["data", &id, "--limit", "5"]).await;
    assert!(shown.contains("synced"), "{platform}: {shown}");
    shell.done(&["metrics", &id]).await;
    shell.done(&["streams", &id]).await;
    shell.done(&["delete", &id, "--yes", "--with-data"]).await;
    let gone = shell.run(&["show", &id]).await;
    assert_eq!(gone.status.code(), Some(4), "{platform}");
    let left = hub.left_of(id.parse().unwrap()).await;
    assert_eq!(left, Vec::<String>::new(), "{platform}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_are_followed_by_the_command_line() {
    let hub = Hub::of("shell").await;
    for mut database in Database::all(&hub).await {
        database.fill(&hub).await;
        followed(&hub, database.body(&hub), ROWS as usize).await;
    }
}
