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
            "DeleteSecret",
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
