use axum::http::Request;
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{Aws, Fault, Reply};

async fn aws() -> Aws {
    let aws = Aws::start().await.unwrap();
    aws.create_table("t");
    aws
}

/// The answer's body; or the exception's name, and its body.
async fn sent(aws: &Aws, action: &str, body: &Value) -> Result<Value, (String, Value)> {
    let target = format!("DynamoDB_20120810.{action}");
    let request = Request::post("/").header("x-amz-target", target);
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let Reply::Now(response) = aws.world().reply(&parts, Bytes::from(body.to_string())) else {
        panic!("hung")
    };
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    let body: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
    if status == 200 {
        return Ok(body);
    }
    let name = body["__type"].as_str().unwrap();
    let (_, name) = name.split_once('#').unwrap();
    Err((name.to_owned(), body))
}

async fn refusal(aws: &Aws, action: &str, body: &Value) -> String {
    sent(aws, action, body).await.unwrap_err().0
}

fn key(pk: &str) -> Value {
    json!({ "pk": { "S": pk }, "sk": { "S": "s" } })
}

fn put(pk: &str, n: u32) -> Value {
    let mut item = key(pk);
    item["n"] = json!({ "N": n.to_string() });
    json!({ "TableName": "t", "Item": item })
}

#[tokio::test]
async fn conditions_decide_by_what_is_there() {
    // The condition's text, its value :v, and whether it holds for {n: 5} and for no item.
    let cases = [
        ("attribute_not_exists(pk)", None, false, true),
        ("attribute_exists(pk)", None, true, false),
        ("n = :v", Some(json!({ "N": "5.0" })), true, false),
        ("n = :v", Some(json!({ "S": "5" })), false, false),
        ("n <> :v", Some(json!({ "N": "5" })), false, true),
        ("n < :v", Some(json!({ "N": "10" })), true, false),
        ("n > :v", Some(json!({ "N": "10" })), false, false),
        (
            "n >= :v AND n <= :v",
            Some(json!({ "N": "5" })),
            true,
            false,
        ),
        (
            "n BETWEEN :v AND :v",
            Some(json!({ "N": "5" })),
            true,
            false,
        ),
        (
            "attribute_not_exists(pk) OR n <= :v",
            Some(json!({ "N": "4" })),
            false,
            true,
        ),
        (
            "NOT (n = :v OR begins_with(pk, :v))",
            Some(json!({ "S": "x" })),
            true,
            true,
        ),
        (
            "begins_with(pk, :v) and n > n",
            Some(json!({ "S": "a" })),
            false,
            false,
        ),
    ];
    for (text, value, there, absent) in cases {
        for (stored, holds) in [(true, there), (false, absent)] {
            let aws = aws().await;
            if stored {
                sent(&aws, "PutItem", &put("a", 5)).await.unwrap();
            }
            let mut request = put("a", 6);
            request["ConditionExpression"] = json!(text);
            if let Some(value) = &value {
                request["ExpressionAttributeValues"] = json!({ ":v": value });
            }
            match sent(&aws, "PutItem", &request).await {
                Ok(_) => assert!(holds, "{text} {stored}"),
                Err((name, body)) => {
                    assert!(!holds, "{text} {stored}: {body}");
                    assert_eq!(name, "ConditionalCheckFailedException");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_dynamodb_or_the_stand_in_does_not_know_is_refused() {
    let aws = aws().await;
    let with = |field: &str, value: Value| {
        let mut request = put("a", 1);
        request[field] = value;
        request
    };
    let condition = |text: &str| with("ConditionExpression", json!(text));
    let update = |text: &str| {
        json!({
            "TableName": "t", "Key": key("a"), "UpdateExpression": text,
            "ExpressionAttributeValues": { ":v": { "N": "1" } },
        })
    };
    let mut deep = json!({ "S": "x" });
    for _ in 0..32 {
        deep = json!({ "L": [deep] });
    }
    let cases = [
        ("PutItem", condition("size(n) > :v")),
        ("PutItem", condition("n = :undefined")),
        ("PutItem", condition("#undefined = n")),
        ("PutItem", condition("status = n")),
        ("PutItem", condition("n.deep = n")),
        ("PutItem", condition("n =")),
        (
            "PutItem",
            condition("attribute_exists(pk) attribute_exists(pk)"),
        ),
        (
            "PutItem",
            with("ExpressionAttributeNames", json!({ "#unused": "n" })),
        ),
        (
            "PutItem",
            with(
                "ExpressionAttributeValues",
                json!({ ":unused": { "N": "1" } }),
            ),
        ),
        ("PutItem", with("Expected", json!({}))),
        (
            "PutItem",
            json!({ "TableName": "t", "Item": { "pk": { "S": "a" } } }),
        ),
        ("PutItem", put("", 1)),
        (
            "PutItem",
            with(
                "Item",
                json!({ "pk": { "S": "a" }, "sk": { "S": "s" }, "x": deep }),
            ),
        ),
        (
            "PutItem",
            with(
                "Item",
                json!({ "pk": { "S": "a" }, "sk": { "S": "s" }, "x": { "N": "x" } }),
            ),
        ),
        (
            "PutItem",
            with(
                "Item",
                json!({ "pk": { "S": "a" }, "sk": { "S": "s" }, "lpk": { "S": "" } }),
            ),
        ),
        (
            "PutItem",
            with(
                "Item",
                json!({ "pk": { "S": "a" }, "sk": { "S": "s" }, "x": { "S": "x".repeat(409_600) } }),
            ),
        ),
        (
            "GetItem",
            json!({ "TableName": "t", "Key": { "pk": { "S": "a" } } }),
        ),
        ("GetItem", json!({ "Key": key("a") })),
        ("UpdateItem", update("SET n = n + :v")),
        ("UpdateItem", update("SET pk = :v")),
        ("UpdateItem", update("ADD n :v ADD m :v")),
        ("UpdateItem", update("")),
        ("TransactWriteItems", json!({ "TransactItems": [] })),
        (
            "TransactWriteItems",
            json!({ "TransactItems": vec![json!({ "Put": put("a", 1) }); 2] }),
        ),
        (
            "TransactWriteItems",
            json!({ "TransactItems": vec![json!({}); 101] }),
        ),
        (
            "TransactWriteItems",
            json!({ "TransactItems": [{ "Get": { "TableName": "t", "Key": key("a") } }] }),
        ),
    ];
    for (action, request) in cases {
        assert_eq!(
            refusal(&aws, action, &request).await,
            "ValidationException",
            "{request}"
        );
    }
    let unknown = json!({ "TableName": "other", "Key": key("a") });
    assert_eq!(
        refusal(&aws, "GetItem", &unknown).await,
        "ResourceNotFoundException"
    );
    assert_eq!(
        refusal(&aws, "Scan", &json!({})).await,
        "UnknownOperationException"
    );
    assert_eq!(
        refusal(&aws, "GetItem", &json!([])).await,
        "SerializationException"
    );
    assert!(aws.items("t").is_empty());
}

#[tokio::test]
async fn updates_add_set_and_remove() {
    let aws = aws().await;
    let update = json!({
        "TableName": "t", "Key": key("a"), "ReturnValues": "UPDATED_NEW",
        "UpdateExpression": "ADD #n :n SET x = :x REMOVE y",
        "ExpressionAttributeNames": { "#n": "count" },
        "ExpressionAttributeValues": { ":n": { "N": "2" }, ":x": { "S": "x" } },
    });
    for count in ["2", "4"] {
        let answer = sent(&aws, "UpdateItem", &update).await.unwrap();
        assert_eq!(
            answer["Attributes"],
            json!({ "count": { "N": count }, "x": { "S": "x" } })
        );
    }
    let removed = json!({ "TableName": "t", "Key": key("a"), "ReturnValues": "ALL_OLD" });
    let removed = sent(&aws, "DeleteItem", &removed).await.unwrap();
    assert_eq!(removed["Attributes"]["count"]["N"], "4");
    assert!(aws.items("t").is_empty());
}

#[tokio::test]
async fn a_cancelled_transaction_says_which_write_did_it() {
    let aws = aws().await;
    sent(&aws, "PutItem", &put("a", 1)).await.unwrap();
    let mut refused = put("a", 2);
    refused["ConditionExpression"] = json!("attribute_not_exists(pk)");
    refused["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let request = json!({ "TransactItems": [{ "Put": put("b", 1) }, { "Put": refused }] });
    let (name, body) = sent(&aws, "TransactWriteItems", &request)
        .await
        .unwrap_err();
    assert_eq!(name, "TransactionCanceledException");
    assert!(
        body["Message"]
            .as_str()
            .unwrap()
            .ends_with("[None, ConditionalCheckFailed]")
    );
    assert_eq!(body["CancellationReasons"][1]["Item"]["n"]["N"], "1");
    assert_eq!(aws.items("t").len(), 1);
}

#[tokio::test]
async fn a_request_token_makes_a_transaction_happen_once() {
    let aws = aws().await;
    let add = json!({ "Update": {
        "TableName": "t", "Key": key("a"), "UpdateExpression": "ADD n :n",
        "ExpressionAttributeValues": { ":n": { "N": "1" } },
    } });
    let mut request = json!({ "TransactItems": [add], "ClientRequestToken": "one" });
    for _ in 0..2 {
        sent(&aws, "TransactWriteItems", &request).await.unwrap();
    }
    assert_eq!(aws.items("t")[0]["n"]["N"], "1");
    request["TransactItems"][0] = json!({ "Put": put("b", 1) });
    assert_eq!(
        refusal(&aws, "TransactWriteItems", &request).await,
        "IdempotentParameterMismatchException"
    );
}

#[tokio::test]
async fn queries_want_one_partition_and_keep_to_their_pages() {
    let aws = aws().await;
    for n in 0..3 {
        let item = json!({
            "pk": { "S": "a" }, "sk": { "S": format!("s{n}") },
            "lpk": { "S": "L" }, "lsk": { "S": format!("{}", 9 - n) }, "x": { "S": "x".repeat(390_000) },
        });
        assert!(aws.put_item("t", item));
    }
    let query = |condition: &str, more: Value| {
        let mut query = json!({
            "TableName": "t", "KeyConditionExpression": condition,
            "ExpressionAttributeValues": { ":pk": { "S": "a" } },
        });
        query
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        query
    };
    let whole = sent(&aws, "Query", &query("pk = :pk", json!({})))
        .await
        .unwrap();
    assert_eq!(whole["Count"], 3, "1 MB is passed by the third item");
    assert_eq!(whole["LastEvaluatedKey"]["sk"]["S"], "s2");
    let start = json!({ "ExclusiveStartKey": whole["LastEvaluatedKey"] });
    let rest = sent(&aws, "Query", &query("pk = :pk", start))
        .await
        .unwrap();
    assert_eq!(
        (&rest["Count"], &rest["LastEvaluatedKey"]),
        (&json!(0), &Value::Null)
    );

    let elsewhere = json!({ "pk": { "S": "b" }, "sk": { "S": "s" } });
    for (condition, more) in [
        ("sk = :pk", json!({})),
        ("pk > :pk", json!({})),
        ("pk = :pk AND sk <> pk", json!({})),
        ("pk = :pk AND x = pk", json!({})),
        ("pk = :pk", json!({ "IndexName": "other" })),
        (
            "lpk = :pk",
            json!({ "IndexName": "listing", "ConsistentRead": true }),
        ),
        ("pk = :pk", json!({ "ExclusiveStartKey": elsewhere })),
        ("pk = :pk", json!({ "Limit": 0 })),
        ("pk = :pk", json!({ "FilterExpression": "x = :pk" })),
    ] {
        let request = query(condition, more);
        assert_eq!(
            refusal(&aws, "Query", &request).await,
            "ValidationException",
            "{request}"
        );
    }
}

#[tokio::test]
async fn batches_put_and_delete_all_or_are_refused() {
    let aws = aws().await;
    let put = |pk: &str| json!({ "PutRequest": { "Item": key(pk) } });
    let batch = |writes: Vec<Value>| json!({ "RequestItems": { "t": writes } });
    let delete = json!({ "DeleteRequest": { "Key": key("a") } });
    sent(&aws, "BatchWriteItem", &batch(vec![put("a"), put("b")]))
        .await
        .unwrap();
    sent(
        &aws,
        "BatchWriteItem",
        &batch(vec![delete.clone(), put("c")]),
    )
    .await
    .unwrap();
    assert_eq!(aws.items("t").len(), 2);
    let many = (0..26).map(|n| put(&n.to_string())).collect();
    for writes in [
        vec![],
        many,
        vec![put("d"), put("d")],
        vec![put("d"), json!({})],
    ] {
        let name = refusal(&aws, "BatchWriteItem", &batch(writes)).await;
        assert_eq!(name, "ValidationException");
    }
    assert_eq!(aws.items("t").len(), 2);
}

#[tokio::test]
async fn faults_have_the_names_of_dynamodb() {
    let transaction = json!({ "TransactItems": [{ "Put": put("CHAT#1", 1) }] });
    for (fault, alone, together) in [
        (
            Fault::throttle("*"),
            "ThrottlingException",
            "ThrottlingException",
        ),
        (
            Fault::slow_down("*"),
            "ThrottlingException",
            "ThrottlingException",
        ),
        (
            Fault::deny("PutItem"),
            "AccessDeniedException",
            "AccessDeniedException",
        ),
        (
            Fault::internal_error("*"),
            "InternalServerError",
            "InternalServerError",
        ),
        (
            Fault::conflict("*"),
            "TransactionConflictException",
            "TransactionCanceledException",
        ),
    ] {
        let aws = aws().await;
        aws.inject(fault.on("CHAT#"));
        assert_eq!(refusal(&aws, "PutItem", &put("CHAT#1", 1)).await, alone);
        assert_eq!(
            refusal(&aws, "TransactWriteItems", &transaction).await,
            together
        );
        assert!(aws.items("t").is_empty());
        sent(&aws, "PutItem", &put("DESK#1", 1)).await.unwrap();
    }
}
