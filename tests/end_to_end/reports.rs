use serde_json::json;

use crate::stack::Stack;

#[tokio::test]
async fn every_deployed_report_is_the_account_row_for_row() {
    let stack = Stack::of_environment().await;
    let _still = stack.account_still().await;
    for (report, query) in [
        ("accounts", ""),
        ("agents", ""),
        ("agent-time-entry", ""),
        ("calls", ""),
        ("contacts", ""),
        ("customer-happiness", ""),
        ("departments", ""),
        ("notification-email-failures", ""),
        ("notification-pending-approvals", "parent=ticket"),
        ("queue-by-status", "status=Open"),
        ("threads", ""),
        ("ticket-tags", ""),
        ("ticket-time-entry", ""),
        ("tickets", ""),
    ] {
        let result = stack.invoke(report, &json!({"full": true})).await.result();
        assert_eq!(result["report"], report);
        assert_eq!(
            (&result["status"], &result["complete"]),
            (&json!("complete"), &json!(true)),
            "{result}"
        );
        let (stored, truth) = (
            stack.rows(result["key"].as_str().unwrap()).await,
            stack.truth(report, query).await,
        );
        assert!(!truth.is_empty(), "{report}: nothing to compare");
        assert_eq!(result["rows"], json!(truth.len()), "{report}");
        assert!(stored == truth, "{report}: rows differ");
        manifest_tells_the_same(&stack, &result).await;
    }
}

async fn manifest_tells_the_same(stack: &Stack, result: &serde_json::Value) {
    let stored = stack
        .object(result["manifest_key"].as_str().unwrap())
        .await
        .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    for key in [
        "report", "rows", "key", "since", "until", "requests", "credits", "complete",
    ] {
        assert_eq!(manifest[key], result[key], "{key}");
    }
    let data = stack
        .object(manifest["key"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(manifest["bytes"], json!(data.len()));
}

#[tokio::test]
async fn desk_route_stores_what_the_route_answers() {
    let stack = Stack::of_environment().await;
    let event = json!({"route": "/organizations"});
    let result = stack.invoke("desk-route", &event).await.result();
    let rows = stack.rows(result["key"].as_str().unwrap()).await;
    assert_eq!(rows.len(), 1);
    assert!(
        rows[0].contains(&stack.text("/simulator/org_id")),
        "{rows:?}"
    );
}
