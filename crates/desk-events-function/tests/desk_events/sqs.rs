use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use desk_events_function::{Queue as _, Sqs};
use serde_json::{Value, json};

use crate::harness::serve;

type Seen = Arc<Mutex<Vec<Value>>>;

/// `SendMessageBatch` in SQS's JSON protocol; refuses messages that say so.
async fn batch(
    Shared(seen): Shared<Seen>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let request: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(headers["x-amz-target"], "AmazonSQS.SendMessageBatch");
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for entry in request["Entries"].as_array().unwrap() {
        let (id, body) = (&entry["Id"], entry["MessageBody"].as_str().unwrap());
        if body == "no queue" {
            let error = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "none"});
            return (StatusCode::BAD_REQUEST, Json(error));
        }
        if body == "refuse" {
            refused.push(json!({"Id": id, "SenderFault": false, "Code": "InternalError"}));
        } else {
            taken.push(
                json!({"Id": id, "MessageId": format!("m{id}"), "MD5OfMessageBody": md5(body)}),
            );
        }
    }
    seen.lock().unwrap().push(request);
    (
        StatusCode::OK,
        Json(json!({"Successful": taken, "Failed": refused})),
    )
}

/// The SDK compares no digest unless asked to.
fn md5(_: &str) -> &'static str {
    "00000000000000000000000000000000"
}

async fn queue() -> (Sqs, Seen) {
    let seen = Seen::default();
    let routes = Router::new()
        .route("/", post(batch))
        .with_state(Arc::clone(&seen));
    let origin = serve(routes).await;
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(&origin)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .region(Region::new("us-east-1"))
        .build();
    let client = aws_sdk_sqs::Client::from_conf(config);
    let url = format!("{origin}/000000000000/desk-events");
    (Sqs::new(client, url, "DESK_EVENTS_QUEUE_URL"), seen)
}

#[tokio::test]
async fn messages_go_ten_at_a_time_and_each_has_its_own_outcome() {
    let (queue, seen) = queue().await;
    let mut bodies: Vec<String> = (0..12).map(|n| format!("event {n}")).collect();
    bodies[11] = "refuse".to_owned();
    let outcomes = queue.send(&bodies).await;
    let refused: Vec<_> = (0..12).filter(|n| outcomes[*n].is_err()).collect();
    assert_eq!(refused, [11]);
    let calls = seen.lock().unwrap();
    let sizes: Vec<_> = calls
        .iter()
        .map(|it| it["Entries"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [10, 2]);
    assert_eq!(calls[1]["Entries"][0]["MessageBody"], "event 10");
}

#[tokio::test]
async fn a_queue_that_is_not_there_says_what_to_do() {
    let (queue, _) = queue().await;
    let outcomes = queue.send(&["no queue".to_owned()]).await;
    let error = outcomes[0].as_ref().unwrap_err().to_string();
    assert!(
        error.contains("DESK_EVENTS_QUEUE_URL") && error.contains("deploy"),
        "{error}"
    );
}
