use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::stack::{Stack, root};

fn cargo_lambda() -> Command {
    let mut command = Command::new("cargo");
    command
        .arg("lambda")
        .current_dir(root())
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// `cargo lambda watch` and all that it started, ended on drop.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(pid) = self.0.id() {
            let _ = std::process::Command::new("kill")
                .args(["-TERM", "--", &format!("-{pid}")])
                .status();
        }
    }
}

#[tokio::test]
async fn watch_and_invoke_work_as_the_readme_says() {
    let stack = Stack::of_environment().await;
    let port = free_port().to_string();
    // The stack's environment names bucket, secret, local AWS and simulator.
    let watch = cargo_lambda()
        .args([
            "watch",
            "--quiet",
            "--ignore-changes",
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
            &port,
            "-p",
            "tickets",
        ])
        .process_group(0)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _watch = Watch(watch);
    for _ in 0..60 {
        if tokio::net::TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .is_ok()
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let address = ["--invoke-address", "127.0.0.1", "--invoke-port", &port];
    let result = invoke("tickets", "events/tickets-full.json", &address).await;
    assert_eq!(result["report"], "tickets", "{result}");
    assert!(
        stack
            .object(result["key"].as_str().unwrap())
            .await
            .is_some()
    );
}

#[tokio::test]
async fn invoke_reaches_the_deployed_function() {
    let stack = Stack::of_environment().await;
    let endpoint = stack.text("/endpoint_url");
    let remote = ["--remote", "--endpoint-url", &endpoint];
    let result = invoke("departments", "events/departments.json", &remote).await;
    assert_eq!(result["report"], "departments", "{result}");
}

/// `cargo lambda invoke`; under `watch` the first one waits for the compiler.
async fn invoke(function: &str, event: &str, where_to: &[&str]) -> Value {
    let output = cargo_lambda()
        .args(["invoke", function, "--data-file", event])
        .args(["--output-format", "json"])
        .args(where_to)
        .output();
    let output = tokio::time::timeout(Duration::from_mins(10), output)
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{complaint}");
    serde_json::from_str(&text).unwrap()
}
