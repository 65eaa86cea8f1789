use serde_json::json;

use crate::stack::{Stack, operate, variable};

#[tokio::test]
async fn no_secret_and_no_address_is_in_any_log_line() {
    let stack = Stack::of_environment().await;
    // Something of each kind has been logged: success, refusal of an event, refusal of a secret.
    stack
        .invoke("contacts", &json!({"full": true}))
        .await
        .result();
    stack
        .invoke("contacts", &json!({"since": "planted@example.com"}))
        .await
        .error();
    let broken =
        r#"{"client_id": "planted-client", "client_secret": "planted-secret", "org_id": "x"}"#;
    let secret = stack.secret("planted", broken).await;
    stack
        .invoke("contacts", &json!({"secret_id": secret}))
        .await
        .error();

    let logs = of_all_functions();
    assert!(
        logs.contains("run finished"),
        "the functions' logs were not found"
    );

    let stored = stack
        .secrets
        .get_secret_value()
        .secret_id("zoho_auth")
        .send()
        .await
        .unwrap();
    let stored: serde_json::Value = serde_json::from_str(stored.secret_string().unwrap()).unwrap();
    let mut planted = vec!["planted".to_owned()];
    for field in ["client_secret", "code", "refresh_token", "access_token"] {
        planted.extend(stored[field].as_str().map(str::to_owned));
    }
    for line in logs.lines() {
        // Our own name of the secret is no secret.
        let line = line.replace(&secret, "");
        for word in &planted {
            assert!(
                !line.contains(word.as_str()),
                "a secret is in the log: {line}"
            );
        }
        assert!(
            !has_address(&line),
            "an e-mail address is in the log: {line}"
        );
    }
    assert!(variable("DESKBRIDGE_STACK").is_some());
}

/// All that the stack's functions have logged.
pub(crate) fn of_all_functions() -> String {
    operate("infra/local/stack.py", &["logs"])
}

fn has_address(line: &str) -> bool {
    line.match_indices('@').any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after: String = line[at + 1..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '.' || *c == '-')
            .collect();
        before.is_some_and(char::is_alphanumeric) && after.trim_end_matches('.').contains('.')
    })
}
