use aws_sdk_lambda::types::Environment;
use serde_json::{Value, json};

use crate::stack::Stack;

async fn refused(stack: &Stack, secret: &str) -> (String, String) {
    let before = stack.keys("calls/").await;
    let answer = stack
        .invoke("calls", &json!({"secret_id": secret, "full": true}))
        .await;
    let visible = stack.keys("calls/").await;
    assert_eq!(visible, before, "a failed run left something");
    answer.error()
}

#[tokio::test]
async fn secrets_that_cannot_work_are_refused_with_the_field_and_the_fix() {
    let stack = Stack::of_environment().await;
    let good = stack.good_secret().await;
    let changed = |field: &str, value: Option<Value>| {
        let mut secret = good.clone();
        match value {
            Some(value) => secret[field] = value,
            None => drop(secret.as_object_mut().unwrap().remove(field)),
        }
        secret.to_string()
    };
    let dead = {
        let mut secret = good.clone();
        secret["refresh_token"] = json!("1000.dead");
        secret["code"] = json!("1000.used");
        secret.to_string()
    };
    for (name, content, error_type, says) in [
        (
            "no_client_id",
            changed("client_id", None),
            "SecretInvalid",
            "client_id",
        ),
        (
            "not_json",
            "client_id=1".to_owned(),
            "SecretInvalid",
            "JSON",
        ),
        (
            "org_text",
            changed("org_id", Some(json!("acme"))),
            "SecretInvalid",
            "org_id",
        ),
        ("dead", dead, "AuthRequired", "code"),
        (
            "wrong_org",
            changed("org_id", Some(json!("700000099"))),
            "SecretInvalid",
            "org_id",
        ),
    ] {
        let secret = stack.secret(name, &content).await;
        let (found, message) = refused(&stack, &secret).await;
        assert_eq!(found, error_type, "{name}: {message}");
        assert!(message.contains(says), "{name}: {message}");
    }
    let (error_type, message) = refused(&stack, "zoho_auth_nowhere").await;
    assert_eq!(error_type, "SecretInvalid", "{message}");
    let (error_type, message) = refused(&stack, "somebody_elses").await;
    assert_eq!(error_type, "SecretInvalid", "{message}");
    assert!(message.contains("SecretNamePrefix"), "{message}");
}

#[tokio::test]
async fn another_secret_works_by_event_and_gains_its_tokens() {
    let stack = Stack::of_environment().await;
    let mut content = stack.good_secret().await;
    content["owner"] = json!("support-operations");
    let secret = stack.secret("second", &content.to_string()).await;
    stack
        .invoke("agents", &json!({"secret_id": secret}))
        .await
        .result();
    let stored = stack
        .secrets
        .get_secret_value()
        .secret_id(&secret)
        .send()
        .await
        .unwrap();
    let stored: Value = serde_json::from_str(stored.secret_string().unwrap()).unwrap();
    for field in ["refresh_token", "access_token", "expires_at"] {
        assert!(stored[field].is_string(), "{field}");
    }
    assert_eq!(stored["owner"], "support-operations");
    assert_eq!(stored["code"], content["code"]);
}

#[tokio::test]
async fn a_bucket_that_the_role_may_not_write_is_storage_denied() {
    let stack = Stack::of_environment().await;
    let other = format!("somebody-elses-bucket-{}", std::process::id());
    stack
        .s3
        .create_bucket()
        .bucket(&other)
        .send()
        .await
        .unwrap();
    let function = "notification-email-failures";
    let before = environment(&stack, function).await;
    let mut denied = before.clone();
    denied.insert("BUCKET".into(), other.clone());
    set_environment(&stack, function, denied).await;
    let answer = stack.invoke(function, &json!({})).await;
    set_environment(&stack, function, before).await;
    let (error_type, message) = answer.error();
    assert_eq!(error_type, "StorageDenied", "{message}");
    assert!(message.contains(&other), "{message}");
    let listed = stack
        .s3
        .list_objects_v2()
        .bucket(&other)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.contents().len(), 0);
}

type Variables = std::collections::HashMap<String, String>;

async fn environment(stack: &Stack, function: &str) -> Variables {
    let configuration = stack
        .lambda
        .get_function_configuration()
        .function_name(function);
    let configuration = configuration.send().await.unwrap();
    configuration
        .environment()
        .and_then(|e| e.variables().cloned())
        .unwrap()
}

async fn set_environment(stack: &Stack, function: &str, variables: Variables) {
    let environment = Environment::builder()
        .set_variables(Some(variables))
        .build();
    let update = stack
        .lambda
        .update_function_configuration()
        .function_name(function);
    update.environment(environment).send().await.unwrap();
}
