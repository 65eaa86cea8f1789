//! What the OpenAPI document says is what the API does, whatever it is asked.

use std::process::Command;

use crate::chats::api_key;
use crate::stack::{Stack, root};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

#[tokio::test]
async fn no_request_made_from_the_document_meets_an_error_of_ours() {
    let _changing = Stack::account_changing().await;
    let stack = Stack::of_environment().await;
    let api = stack.text("/http_api");
    fuzz(&format!("{api}/openapi.json"), &api, &api_key("fuzz"));
}

/// Asks `api` what its `document` allows, and what it does not.
pub(crate) fn fuzz(document: &str, api: &str, key: &str) {
    let fuzz = Command::new(root().join(".venv/bin/schemathesis"))
        .current_dir(std::env::temp_dir())
        .args(["run", document, "--url", api])
        .args(["--header", &format!("authorization: Bearer {key}")])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "10", "--seed", "1", "--max-time", "150"])
        .args(["--workers", "1", "--generation-database", "none"])
        .args(["--no-shrink", "--no-color", "--warnings", "off"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&fuzz.stdout);
    assert!(
        fuzz.status.success(),
        "{}\n{said}",
        String::from_utf8_lossy(&fuzz.stderr)
    );
}
