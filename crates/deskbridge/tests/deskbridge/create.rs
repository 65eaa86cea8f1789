use deskbridge::Exit;
use serde_json::json;

use crate::reading::{integration, templates};
use crate::stage::{DECOY, Said, Stage};
use crate::stub::{Reply, Stub};

async fn hub() -> Stub {
    Stub::answering([
        (
            "GET /api/integrations/templates",
            Reply::json(200, &templates()),
        ),
        ("POST /api/integrations", Reply::json(201, &integration())),
        (
            "PATCH /api/integrations/7",
            Reply::json(200, &integration()),
        ),
    ])
    .await
}

#[tokio::test]
async fn questions_lead_to_a_platform() {
    let stub = hub().await;
    let ran = Stage::of(&stub)
        .saying([
            Said::Choice(0),
            Said::Line("Orders"),
            Said::Line(""),
            Said::Line("db.example.com"),
            Said::Line("many"),
            Said::Line("5432"),
            Said::Choice(1),
            Said::Line("yes"),
            Said::Line("{\"schema\": \"public\"}"),
            Said::Secret(""),
            Said::Secret(DECOY),
            Said::Line("15"),
        ])
        .run(["create"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!(format!("{}\n{}", ran.asked.join("\n"), ran.shown()));
    assert_eq!(
        stub.seen()[1].json(),
        json!({
            "name": "Orders", "type": "postgresql",
            "config": {
                "host": "db.example.com", "port": 5432, "tls": "verify-full", "strict": true,
                "options": {"schema": "public"},
            },
            "credentials": {"password": DECOY}, "syncInterval": 15,
        })
    );
}

#[tokio::test]
async fn a_template_asks_for_what_it_leaves_open_only() {
    let stub = hub().await;
    Stage::of(&stub)
        .saying([Said::Line("acme"), Said::Secret(DECOY), Said::Line("")])
        .run(["create", "github-issues", "--name", "Issues"])
        .await
        .expect(Exit::Done);
    assert_eq!(
        stub.seen()[1].json(),
        json!({
            "type": "custom_api",
            "config": {"baseUrl": "https://api.github.com", "streams": [{"name": "issues", "path": "/repos/acme/issues"}]},
            "credentials": {"token": DECOY}, "syncInterval": 60, "name": "Issues",
        })
    );
}

#[tokio::test]
async fn what_a_secrets_file_holds_is_not_asked_for() {
    let stub = hub().await;
    let mut stage = Stage::of(&stub).saying([Said::Line("acme"), Said::Line("")]);
    let secrets = stage.file("secrets", &format!("token={DECOY}\n"));
    let arguments = [
        "create",
        "github-issues",
        "--name",
        "Issues",
        "--secrets-file",
        &secrets,
    ];
    stage.run(arguments).await.expect(Exit::Done);
    assert_eq!(stub.seen()[1].json()["credentials"]["token"], DECOY);
}

#[tokio::test]
async fn a_file_is_sent_with_the_secrets_of_another() {
    let stub = hub().await;
    let mut stage = Stage::of(&stub).stdin(&json!({"password": DECOY}).to_string());
    let body = stage.file(
        "orders.json",
        r#"{"name": "Orders", "platform": "postgresql", "config": {"host": "db.example.com"}}"#,
    );
    let ran = stage
        .run(["create", "--file", &body, "--secrets-file", "-"])
        .await
        .expect(Exit::Done);
    assert!(!ran.err.contains("warning"), "{ran:?}");
    assert_eq!(
        stub.seen()[0].json(),
        json!({
            "name": "Orders", "platform": "postgresql", "config": {"host": "db.example.com"},
            "credentials": {"password": DECOY},
        })
    );
}

#[tokio::test]
async fn secrets_in_a_file_are_taken_with_a_warning() {
    let stub = hub().await;
    let mut stage = Stage::of(&stub);
    let body = json!({
        "name": "Orders", "type": "postgresql", "config": {"host": "h", "password": DECOY},
    });
    let body = stage.file("orders.json", &body.to_string());
    let ran = stage
        .run(["create", "--file", &body, "--json"])
        .await
        .expect(Exit::Done);
    assert!(
        ran.err
            .starts_with("warning: config.password in the file is a secret in plain text"),
        "{ran:?}"
    );
    assert_eq!(ran.out, format!("{}\n", integration()));
    assert_eq!(stub.seen()[0].json()["config"]["password"], DECOY);
}

#[tokio::test]
async fn a_refusal_that_quotes_a_secret_is_veiled() {
    let refusal = Reply::refusal(
        422,
        "invalid_field",
        &format!("password {DECOY} is too short"),
    );
    let stub = Stub::answering([("POST /api/integrations", refusal)]).await;
    let mut stage = Stage::of(&stub);
    let body = stage.file(
        "orders.json",
        &json!({"credentials": {"password": DECOY}}).to_string(),
    );
    let ran = stage
        .run(["create", "--file", &body])
        .await
        .expect(Exit::Usage);
    assert!(ran.err.contains("password *** is too short"), "{ran:?}");
}

#[tokio::test]
async fn broken_files_are_refused_without_quoting_them() {
    let stub = hub().await;
    let mut stage = Stage::of(&stub);
    let broken = stage.file("broken.json", &format!("{{\"password\": \"{DECOY}\", oops"));
    let list = stage.file("list.json", "[]");
    for path in [&broken, &list, "missing.json"] {
        stage
            .run(["create", "--file", path])
            .await
            .expect(Exit::Usage);
    }
    let ran = stage.run(["create"]).await.expect(Exit::Usage);
    assert!(ran.err.contains("--file"), "{ran:?}");
    assert_eq!(stub.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_new_integration_can_be_tested_at_once() {
    let tested =
        json!({"success": false, "message": "no route", "errorType": "Unreachable", "facts": {}});
    let stub = Stub::answering([
        ("POST /api/integrations", Reply::json(201, &integration())),
        ("POST /api/integrations/7/test", Reply::json(200, &tested)),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    let body = stage.file("orders.json", r#"{"name": "Orders", "type": "postgresql"}"#);
    stage
        .run(["create", "--file", &body, "--test"])
        .await
        .expect(Exit::Failed);
}

#[tokio::test]
async fn an_update_sends_what_changes() {
    let stub = hub().await;
    let mut stage = Stage::of(&stub);
    let secrets = stage.file("secrets", &format!("password={DECOY}"));
    let ran = stage
        .run([
            "update",
            "7",
            "--status",
            "inactive",
            "--every",
            "30",
            "--secrets-file",
            &secrets,
        ])
        .await
        .expect(Exit::Done);
    assert!(ran.out.contains("Orders of the shop"), "{ran:?}");
    assert_eq!(
        stub.seen()[0].json(),
        json!({"credentials": {"password": DECOY}, "status": "inactive", "syncInterval": 30})
    );
}
