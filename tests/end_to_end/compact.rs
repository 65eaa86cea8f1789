use serde_json::{Value, json};

use crate::stack::Stack;

#[tokio::test]
async fn a_report_becomes_one_object_that_the_next_compaction_brings_up_to_date() {
    let stack = Stack::of_environment().await;
    let event = json!({"report": "customer-happiness"});
    let full = json!({"full": true});
    let key = "current/customer-happiness/customer-happiness.parquet";
    for _ in 0..2 {
        let run = stack.invoke("customer-happiness", &full).await.result();
        let answer = stack.invoke("compact", &event).await.result();
        let table = &answer["tables"][0];
        assert_eq!((&table["rows"], &table["key"]), (&run["rows"], &json!(key)));
        assert_eq!(table["deleted"], 0);
        let stored = stack.object(key).await.unwrap();
        assert!(stored.starts_with(b"PAR1") && stored.ends_with(b"PAR1"));
        assert_eq!(stack.keys("current/customer-happiness/").await, [key]);
    }
}

#[tokio::test]
async fn a_report_that_has_no_table_is_refused() {
    let stack = Stack::of_environment().await;
    let event = json!({"report": "desk-route"});
    let (error_type, message) = stack.invoke("compact", &event).await.error();
    assert_eq!(error_type, "InvalidEvent");
    assert!(message.contains("`report`"), "{message}");
}

/// Runs the report in full, so that its table is the account as it is, and compacts it.
pub(crate) async fn compacted(stack: &Stack, report: &str) -> Value {
    let event = json!({"full": true, "format": "jsonl"});
    let run = stack.invoke(report, &event).await.result();
    assert_eq!(run["complete"], true, "{run}");
    let answer = stack.invoke("compact", &json!({"report": report})).await;
    answer.result()["tables"][0].clone()
}
