use axum::http::Request;
use serde_json::{Value, json};

use super::*;

async fn sent(aws: &Aws, request: axum::http::request::Builder, body: &str) -> (u16, String) {
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let reply = aws
        .world()
        .reply(&parts, Bytes::copy_from_slice(body.as_bytes()));
    let Reply::Now(response) = reply else {
        panic!("hung")
    };
    let status = response.status().as_u16();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// The answer's body, or the exception's name.
async fn secrets(aws: &Aws, action: &str, body: Value) -> Result<Value, String> {
    let request = Request::post("/").header("x-amz-target", format!("secretsmanager.{action}"));
    let (status, body) = sent(aws, request, &body.to_string()).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    if status == 200 {
        Ok(body)
    } else {
        Err(body["__type"].as_str().unwrap().to_owned())
    }
}

fn ids(aws: &Aws) -> Vec<String> {
    aws.secret_versions("s").into_iter().map(|v| v.id).collect()
}

#[tokio::test]
async fn a_label_moves_only_from_where_the_caller_saw_it() {
    let aws = Aws::start().await.unwrap();
    aws.put_secret("s", "one");
    let put = json!({ "SecretId": "s", "SecretString": "two", "VersionStages": ["mine"] });
    let put = secrets(&aws, "PutSecretValue", put).await.unwrap();
    assert_eq!(
        aws.secret("s").unwrap(),
        "one",
        "a private label shows nobody"
    );

    aws.put_secret("s", "person");
    let [one, mine, person] = ids(&aws).try_into().unwrap();
    assert_eq!(put["VersionId"], mine);
    let mut relabel = json!({
        "SecretId": "s", "VersionStage": "AWSCURRENT", "MoveToVersionId": mine,
    });
    for stale in [Value::Null, json!(one)] {
        relabel["RemoveFromVersionId"] = stale;
        assert_eq!(
            secrets(&aws, "UpdateSecretVersionStage", relabel.clone()).await,
            Err("InvalidParameterException".to_owned())
        );
    }
    assert_eq!(aws.secret("s").unwrap(), "person");

    relabel["RemoveFromVersionId"] = json!(person);
    secrets(&aws, "UpdateSecretVersionStage", relabel)
        .await
        .unwrap();
    let current = secrets(&aws, "GetSecretValue", json!({ "SecretId": "s" }))
        .await
        .unwrap();
    assert_eq!(current["SecretString"], "two");
    assert_eq!(current["VersionStages"], json!(["AWSCURRENT", "mine"]));
    let by_stage = json!({ "SecretId": current["ARN"], "VersionStage": "AWSPREVIOUS" });
    let previous = secrets(&aws, "GetSecretValue", by_stage).await.unwrap();
    assert_eq!(previous["SecretString"], "person");
}

#[tokio::test]
async fn exceptions_have_the_names_of_aws() {
    let aws = Aws::start().await.unwrap();
    aws.put_secret("s", "one");
    let token = "a".repeat(32);
    let put = |value: &str| json!({ "SecretId": "s", "SecretString": value, "ClientRequestToken": token });
    secrets(&aws, "PutSecretValue", put("two")).await.unwrap();
    secrets(&aws, "PutSecretValue", put("two")).await.unwrap();
    assert_eq!(
        ids(&aws).len(),
        2,
        "the same token and content is the same version"
    );
    for (action, body, exception) in [
        (
            "GetSecretValue",
            json!({ "SecretId": "x" }),
            "ResourceNotFoundException",
        ),
        (
            "GetSecretValue",
            json!({ "SecretId": "s", "VersionStage": "none" }),
            "ResourceNotFoundException",
        ),
        (
            "PutSecretValue",
            json!({ "SecretId": "s" }),
            "InvalidRequestException",
        ),
        ("PutSecretValue", put("three"), "ResourceExistsException"),
        (
            "CreateSecret",
            json!({ "Name": "s", "SecretString": "" }),
            "ResourceExistsException",
        ),
        (
            "RotateSecret",
            json!({ "SecretId": "s" }),
            "UnknownOperationException",
        ),
        ("GetSecretValue", json!([1]), "SerializationException"),
    ] {
        let answer = secrets(&aws, action, body).await;
        assert_eq!(answer, Err(exception.to_owned()), "{action}");
    }
    assert_eq!(aws.calls("PutSecretValue"), 4);
}

#[tokio::test]
async fn a_person_edits_between_read_and_write() {
    let aws = Aws::start().await.unwrap();
    aws.put_secret("s", "one");
    aws.edit_secret_before("PutSecretValue", "s", |value| format!("{value} edited"));
    secrets(&aws, "GetSecretValue", json!({ "SecretId": "s" }))
        .await
        .unwrap();
    assert_eq!(aws.secret("s").unwrap(), "one");
    let put = json!({ "SecretId": "s", "SecretString": "two", "VersionStages": ["mine"] });
    secrets(&aws, "PutSecretValue", put.clone()).await.unwrap();
    assert_eq!(aws.secret("s").unwrap(), "one edited");
    secrets(&aws, "PutSecretValue", put).await.unwrap();
    assert_eq!(ids(&aws).len(), 4, "an edit happens once");
}

#[tokio::test]
async fn faults_hit_what_they_name_as_often_as_they_say() {
    let aws = Aws::start().await.unwrap();
    aws.put_secret("s", "one");
    aws.inject(Fault::throttle("GetSecretValue").times(1));
    aws.inject(Fault::deny("GetObject").on("secret/"));
    aws.put_object("b", "secret/1", "x");
    aws.put_object("b", "open/1", "x");

    let get = json!({ "SecretId": "s" });
    assert_eq!(
        secrets(&aws, "GetSecretValue", get.clone()).await,
        Err("ThrottlingException".to_owned())
    );
    secrets(&aws, "GetSecretValue", get).await.unwrap();
    for (path, status) in [("/b/secret/1", 403), ("/b/open/1", 200), ("/b/open/2", 404)] {
        assert_eq!(sent(&aws, Request::get(path), "").await.0, status, "{path}");
    }
    aws.heal();
    assert_eq!(sent(&aws, Request::get("/b/secret/1"), "").await.0, 200);
}

#[tokio::test]
async fn a_killed_client_is_never_answered_and_its_request_may_have_counted() {
    for (how, stored) in [(Hang::BeforeEffect, false), (Hang::AfterEffect, true)] {
        let aws = Aws::start().await.unwrap();
        aws.create_bucket("b");
        aws.hang_from(2, how);
        for (key, answered) in [("1", true), ("2", false), ("3", false)] {
            let (parts, ()) = Request::put(format!("/b/{key}"))
                .body(())
                .unwrap()
                .into_parts();
            let reply = aws.world().reply(&parts, Bytes::new());
            assert_eq!(matches!(reply, Reply::Now(_)), answered, "{key}");
        }
        assert_eq!(aws.object("b", "2").is_some(), stored);
        assert_eq!(aws.object("b", "3"), None);
    }
}

#[tokio::test]
async fn listings_page_through_keys_and_folders() {
    let aws = Aws::start().await.unwrap();
    for key in ["a/1", "a/2", "b", "c/1", "d & é"] {
        aws.put_object("b", key, key.to_owned());
    }
    let mut seen = vec![];
    let mut query = "list-type=2&delimiter=/&max-keys=2".to_owned();
    for _ in 0..9 {
        let request = Request::get(format!("/b?{query}"));
        let (_, body) = sent(&aws, request, "").await;
        seen.extend(
            xml::elements(&body, "CommonPrefixes")
                .into_iter()
                .map(str::to_owned),
        );
        seen.extend(xml::elements(&body, "Key").into_iter().map(str::to_owned));
        match xml::text(&body, "NextContinuationToken") {
            Some(token) => {
                query = format!("list-type=2&delimiter=/&max-keys=2&continuation-token={token}");
            }
            None => break,
        }
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "<Prefix>a/</Prefix>",
            "<Prefix>c/</Prefix>",
            "b",
            "d &amp; é"
        ]
    );
    let (_, body) = sent(
        &aws,
        Request::get("/b?list-type=2&prefix=a/&start-after=a/1"),
        "",
    )
    .await;
    assert_eq!(xml::elements(&body, "Key"), ["a/2"]);
}

#[tokio::test]
async fn multipart_uploads_are_held_to_the_rules() {
    let aws = Aws::start().await.unwrap();
    aws.create_bucket("b");
    aws.set_min_part_bytes(3);
    let (_, body) = sent(&aws, Request::post("/b/k?uploads"), "").await;
    let id = xml::text(&body, "UploadId").unwrap().into_owned();
    for (number, bytes) in [(1, "abc"), (2, "d"), (3, "e")] {
        let request = Request::put(format!("/b/k?partNumber={number}&uploadId={id}"));
        assert_eq!(sent(&aws, request, bytes).await.0, 200);
    }
    let (_, listed) = sent(&aws, Request::get("/b?uploads&prefix=k"), "").await;
    assert_eq!(xml::text(&listed, "Key").unwrap(), "k");

    let etag = |bytes: &str| hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(bytes)[..16]);
    let part = |number: u32, bytes: &str| {
        format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{}&quot;</ETag></Part>",
            etag(bytes)
        )
    };
    for (parts, code) in [
        (vec![], "MalformedXML"),
        (vec![part(1, "abc"), part(1, "abc")], "InvalidPartOrder"),
        (vec![part(1, "xyz")], "InvalidPart"),
        (
            vec![part(1, "abc"), part(2, "d"), part(3, "e")],
            "EntityTooSmall",
        ),
    ] {
        let body = format!(
            "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
            parts.concat()
        );
        let (status, answer) =
            sent(&aws, Request::post(format!("/b/k?uploadId={id}")), &body).await;
        assert_eq!(
            (status, xml::text(&answer, "Code").as_deref()),
            (400, Some(code))
        );
    }
    let body = part(1, "abc") + &part(2, "d");
    let complete = || Request::post(format!("/b/k?uploadId={id}")).header("if-none-match", "*");
    aws.put_object("b", "k", "other");
    assert_eq!(sent(&aws, complete(), &body).await.0, 412);
    assert_eq!(sent(&aws, Request::delete("/b/k"), "").await.0, 204);
    assert_eq!(sent(&aws, complete(), &body).await.0, 200);
    assert_eq!(aws.object("b", "k").unwrap(), "abcd");
    assert_eq!(sent(&aws, complete(), &body).await.0, 404);
    assert_eq!(aws.open_uploads("b"), [""; 0]);
}

#[tokio::test]
async fn secrets_manager_throttles_fails_and_loses_answers_on_demand() {
    let put = json!({ "SecretId": "s", "SecretString": "two" });
    let cases = [
        (
            Fault::throttle("PutSecretValue"),
            "ThrottlingException",
            "one",
        ),
        (Fault::slow_down("*"), "ThrottlingException", "one"),
        (
            Fault::internal_error("PutSecretValue"),
            "InternalServiceError",
            "one",
        ),
        (
            Fault::lose_answer("PutSecretValue"),
            "InternalServiceError",
            "two",
        ),
        (
            Fault::deny("PutSecretValue"),
            "AccessDeniedException",
            "one",
        ),
    ];
    for (fault, exception, then_holds) in cases {
        let aws = Aws::start().await.unwrap();
        aws.put_secret("s", "one");
        aws.put_secret("other", "one");
        aws.inject(fault.clone().on("s").times(1));
        let mut elsewhere = put.clone();
        elsewhere["SecretId"] = json!("other");
        secrets(&aws, "PutSecretValue", elsewhere).await.unwrap();
        let refused = secrets(&aws, "PutSecretValue", put.clone()).await;
        assert_eq!(refused, Err(exception.to_owned()), "{fault:?}");
        assert_eq!(aws.secret("s").unwrap(), then_holds, "{fault:?}");
        secrets(&aws, "PutSecretValue", put.clone()).await.unwrap();
        assert_eq!(aws.secret("s").unwrap(), "two");
    }
}

#[tokio::test]
async fn every_step_of_a_multipart_upload_fails_on_demand_and_can_be_sent_again() {
    type Make = fn(&str) -> Fault;
    let faults: [(Make, u16, &str); 3] = [
        (Fault::slow_down, 503, "SlowDown"),
        (Fault::internal_error, 500, "InternalError"),
        (Fault::conflict, 409, "ConditionalRequestConflict"),
    ];
    for (action, fault, status, code) in [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
    ]
    .into_iter()
    .flat_map(|action| faults.map(|(fault, status, code)| (action, fault(action), status, code)))
    .chain([(
        "CompleteMultipartUpload",
        Fault::failing_complete(),
        200,
        "InternalError",
    )]) {
        let aws = Aws::start().await.unwrap();
        aws.create_bucket("b");
        aws.inject(fault.on("k").times(1));
        let mut refusals = Vec::new();
        let mut send =
            async |name: &str, request: &dyn Fn() -> axum::http::request::Builder, body: &str| {
                let (first_status, first) = sent(&aws, request(), body).await;
                let Some(refused) = xml::text(&first, "Code") else {
                    return first;
                };
                refusals.push((name.to_owned(), first_status, refused.into_owned()));
                let (second_status, second) = sent(&aws, request(), body).await;
                assert_eq!(second_status, 200, "{second}");
                second
            };
        let created = send(
            "CreateMultipartUpload",
            &|| Request::post("/b/k?uploads"),
            "",
        )
        .await;
        let id = xml::text(&created, "UploadId").unwrap().into_owned();
        let part = format!("/b/k?partNumber=1&uploadId={id}");
        send("UploadPart", &|| Request::put(&part), "abc").await;
        let etag = hex::encode(&<sha2::Sha256 as sha2::Digest>::digest("abc")[..16]);
        let list = format!("<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>");
        let complete = format!("/b/k?uploadId={id}");
        send(
            "CompleteMultipartUpload",
            &|| Request::post(&complete),
            &list,
        )
        .await;
        assert_eq!(refusals, [(action.to_owned(), status, code.to_owned())]);
        assert_eq!(aws.object("b", "k").unwrap(), "abc");
        assert!(aws.open_uploads("b").is_empty());
    }
}
