use std::os::unix::fs::PermissionsExt as _;

use deskbridge::Exit;
use serde_json::{Value, json};

use crate::runs::run;
use crate::stage::Stage;
use crate::stub::{Reply, Stub};

const IMPORT: &str = "POST /api/integrations/7/data/import";
const EXPORT: &str = "GET /api/integrations/7/data/export";
const RUN: &str = "GET /api/integrations/7/runs/01ab";

fn import_run(status: &str) -> Value {
    let mut run = run(status, "done", 1000);
    run["kind"] = "import".into();
    run
}

fn importing() -> Reply {
    Reply::json(202, &json!({"success": true, "run": import_run("queued")}))
}

#[tokio::test]
async fn a_file_is_imported_in_parts_one_after_another() {
    let stub = Stub::answering([
        (IMPORT, importing()),
        (RUN, Reply::json(200, &import_run("succeeded"))),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    let row = "{\"externalId\":\"1\",\"data\":{\"n\":1.50}}\n";
    let rows = stage.file("rows.jsonl", &row.repeat(1001));
    let ran = stage
        .run(["import", "7", &rows, "--type", "public.orders", "--quiet"])
        .await
        .expect(Exit::Done);
    assert_eq!(
        stub.lines(),
        [
            "POST /api/integrations/7/data/import?dataType=public.orders",
            "GET /api/integrations/7/runs/01ab",
            "POST /api/integrations/7/data/import?dataType=public.orders",
            "GET /api/integrations/7/runs/01ab",
        ]
    );
    assert_eq!(stub.seen()[0].body, row.repeat(1000));
    assert_eq!(stub.seen()[2].body, row);
    assert_eq!(
        ran.out.matches("import 01ab succeeded").count(),
        2,
        "{ran:?}"
    );
}

#[tokio::test]
async fn an_import_stops_at_the_first_part_that_fails() {
    let refusal = Reply::refusal(422, "invalid_field", "row 3 has no id");
    let stub = Stub::answering([
        (IMPORT, importing()),
        (IMPORT, refusal),
        (RUN, Reply::json(200, &import_run("succeeded"))),
    ])
    .await;
    let mut stage = Stage::of(&stub).stdin(&"{\"id\":1}\n".repeat(1500));
    let ran = stage
        .run(["import", "7", "-", "--type", "orders"])
        .await
        .expect(Exit::Usage);
    assert!(
        ran.err.contains("the first 1,000 rows were sent"),
        "{ran:?}"
    );
    let mut stage = Stage::of(&stub);
    let empty = stage.file("empty.json", "[]");
    stage
        .run(["import", "7", &empty, "--type", "orders"])
        .await
        .expect(Exit::Usage);
}

fn page(text: &str, next: Option<&str>) -> Reply {
    let reply = Reply::text(200, text).header("content-type", "application/x-ndjson");
    match next {
        Some(next) => reply.header("x-next-cursor", next),
        None => reply,
    }
}

#[tokio::test]
async fn records_are_exported_page_after_page_byte_for_byte() {
    let pages = || {
        [
            (EXPORT, page("{\"n\":1.10}\n", Some("c1"))),
            (EXPORT, page("", Some("c2"))),
            (EXPORT, page("{\"n\":2}\n", None)),
        ]
    };
    let stub = Stub::answering(pages()).await;
    let mut stage = Stage::of(&stub);
    let path = stage.folder.path().join("records.jsonl");
    let ran = stage
        .run([
            "export",
            "7",
            "--type",
            "orders",
            "-o",
            path.to_str().unwrap(),
        ])
        .await
        .expect(Exit::Done);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "{\"n\":1.10}\n{\"n\":2}\n"
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(ran.err.starts_with("2 records (19 B) in "), "{ran:?}");
    assert_eq!(
        stub.lines()[2],
        "GET /api/integrations/7/data/export?dataType=orders&cursor=c2"
    );
    let stub = Stub::answering(pages()).await;
    let ran = Stage::of(&stub)
        .run(["export", "7"])
        .await
        .expect(Exit::Done);
    assert_eq!(ran.out, "{\"n\":1.10}\n{\"n\":2}\n");
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn an_export_that_breaks_off_leaves_the_old_file() {
    let stub = Stub::answering([
        (EXPORT, page("{\"n\":1}\n", Some("c1"))),
        (
            EXPORT,
            Reply::refusal(500, "internal", "something went wrong here"),
        ),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    let path = stage.file("records.jsonl", "old\n");
    stage
        .run(["export", "7", "-o", &path])
        .await
        .expect(Exit::Unavailable);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\n");
    let files = std::fs::read_dir(stage.folder.path()).unwrap().count();
    assert_eq!(files, 1, "no part is left");
}

#[tokio::test]
async fn configurations_go_out_and_in() {
    let configurations = json!({"success": true, "integrations": [{"name": "Orders", "type": "postgresql", "config": {}}]});
    let imported = json!({"success": false, "imported": [
        {"name": "Orders", "id": 8, "needsCredentials": ["password"], "problems": []},
        {"name": "Broken", "id": null, "needsCredentials": [],
         "problems": [{"field": "config.host", "message": "is missing"}]},
    ]});
    let stub = Stub::answering([
        (
            "GET /api/integrations/export",
            Reply::json(200, &configurations),
        ),
        ("POST /api/integrations/import", Reply::json(200, &imported)),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    let path = stage.folder.path().join("configurations.json");
    let path = path.to_str().unwrap();
    let ran = stage
        .run(["config", "export", "--output", path])
        .await
        .expect(Exit::Done);
    assert!(ran.err.starts_with("1 configuration in "), "{ran:?}");
    let ran = stage
        .run(["config", "import", path])
        .await
        .expect(Exit::Failed);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(stub.seen()[1].json(), configurations);
    let ran = stage.run(["config", "export"]).await.expect(Exit::Done);
    assert_eq!(ran.out, format!("{configurations}\n"));
}

#[tokio::test]
async fn pages_without_end_are_no_export() {
    let stub = Stub::answering([(EXPORT, page("{\"n\":1}\n", Some("c1")))]).await;
    let ran = Stage::of(&stub)
        .run(["export", "7"])
        .await
        .expect(Exit::Unavailable);
    assert!(ran.err.contains("its pages do not end"), "{ran:?}");
}
