use std::time::Duration;

use deskbridge::Exit;
use serde_json::{Value, json};

use crate::reading::integration;
use crate::stage::{Said, Screen, Stage};
use crate::stub::{Reply, Stub};

const RUN: &str = "GET /api/integrations/7/runs/01ab";

/// A sync of two streams of which the first is at `stage`.
pub(crate) fn run(status: &str, stage: &str, rows: u64) -> Value {
    let ended = matches!(status, "succeeded" | "failed");
    let second = if ended { "done" } else { "waiting" };
    json!({
        "id": "01ab", "kind": "sync", "trigger": "manual", "status": status, "stage": stage,
        "createdAt": "2026-01-15T11:58:00Z", "startedAt": "2026-01-15T11:58:01Z",
        "endedAt": if ended { json!("2026-01-15T11:59:13.4Z") } else { Value::Null },
        "updatedAt": "2026-01-15T11:59:13Z", "full": false,
        "streams": [
            {"name": "public.orders", "stage": stage, "mode": "incremental", "rows": rows, "pages": rows / 500,
             "failedRows": 2, "deleted": 0, "drift": 1, "legs": 1, "warnings": ["a column is new"]},
            {"name": "public.customers", "stage": second, "mode": "full", "rows": 0, "pages": 0, "failedRows": 0,
             "deleted": 15, "drift": 0, "legs": 1},
        ],
        "error": null, "used": {"requests": 14, "credits": 0, "retries": 1}, "result": null,
    })
}

fn queued() -> Reply {
    let mut run = run("queued", "queued", 0);
    run["streams"] = json!([]);
    run["startedAt"] = Value::Null;
    Reply::json(202, &json!({"success": true, "run": run}))
}

fn failed() -> Value {
    let mut run = run("failed", "failed", 1000);
    run["error"] =
        json!({"errorType": "AuthRequired", "message": "the password is refused: put a new one"});
    run["streams"][0]["error"] = run["error"].clone();
    run
}

async fn syncing() -> Stub {
    Stub::answering([
        ("POST /api/integrations/7/sync", queued()),
        (RUN, Reply::json(200, &run("running", "reading", 1000))),
        (RUN, Reply::json(200, &run("running", "reading", 2000))),
        (RUN, Reply::json(200, &run("partial", "merging", 6000))),
        (RUN, Reply::json(200, &run("succeeded", "done", 6000))),
    ])
    .await
}

#[tokio::test]
async fn a_sync_is_watched_to_its_end() {
    let stub = syncing().await;
    let ran = Stage::of(&stub)
        .run(["sync", "7", "--full", "--stream", "public.orders"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(
        stub.seen()[0].json(),
        json!({"full": true, "streams": ["public.orders"]})
    );
}

#[tokio::test]
async fn a_sync_draws_a_bar_on_a_terminal() {
    let (stub, screen) = (syncing().await, Screen::default());
    let ran = Stage::of(&stub)
        .screen(&screen)
        .run(["sync", "7"])
        .await
        .expect(Exit::Done);
    let drawn = screen.drawn();
    assert!(drawn.contains("public.orders: reading"), "{drawn}");
    assert!(drawn.contains("0/2"), "{drawn}");
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn a_sync_as_json_is_its_last_record_alone() {
    let stub = syncing().await;
    let ran = Stage::of(&stub)
        .run(["sync", "7", "--json", "--quiet"])
        .await
        .expect(Exit::Done);
    assert_eq!(ran.out, format!("{}\n", run("succeeded", "done", 6000)));
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn a_sync_that_fails_says_why() {
    let stub = Stub::answering([
        ("POST /api/integrations/7/sync", queued()),
        (RUN, Reply::json(200, &failed())),
    ])
    .await;
    let ran = Stage::of(&stub)
        .run(["sync", "7"])
        .await
        .expect(Exit::Failed);
    insta::assert_snapshot!(ran.shown());
}

#[tokio::test]
async fn a_sync_goes_on_without_its_watcher() {
    let stub = Stub::answering([
        ("POST /api/integrations/7/sync", queued()),
        (RUN, Reply::json(200, &run("running", "reading", 1000))),
    ])
    .await;
    let ran = Stage::of(&stub)
        .interrupted_after(Duration::from_millis(200))
        .run(["sync", "7"])
        .await
        .expect(Exit::Interrupted);
    assert!(ran.err.contains("run 01ab goes on at the hub"), "{ran:?}");
    assert!(ran.err.contains("`deskbridge runs 7 01ab`"), "{ran:?}");
    let ran = Stage::of(&stub)
        .run(["sync", "7", "--no-wait", "--idempotency-key", "nightly-1"])
        .await
        .expect(Exit::Done);
    assert!(ran.out.contains("sync 01ab is queued"), "{ran:?}");
    let last = stub.seen().pop().unwrap();
    assert_eq!(last.once.as_deref(), Some("nightly-1"));
}

#[tokio::test]
async fn runs_are_listed_and_shown() {
    let page = json!({"success": true, "runs": [run("succeeded", "done", 6000), failed()], "nextCursor": "c"});
    let stub = Stub::answering([
        ("GET /api/integrations/7/runs", Reply::json(200, &page)),
        (RUN, Reply::json(200, &failed())),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    let ran = stage
        .run(["runs", "7", "--limit", "2"])
        .await
        .expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(stub.lines(), ["GET /api/integrations/7/runs?limit=2"]);
    let ran = stage.run(["runs", "7", "01ab"]).await.expect(Exit::Done);
    insta::assert_snapshot!("one_run", ran.shown());
}

#[tokio::test]
async fn a_test_shows_what_it_found() {
    let tested = json!({
        "success": true, "message": "Connection successful", "platform": "postgresql",
        "facts": {"version": "17.5", "read only": true}, "version": "17.5",
    });
    let refused = json!({
        "success": false, "message": "the password is refused: put a new one", "platform": "postgresql",
        "errorType": "AuthRequired", "facts": {},
    });
    let route = "POST /api/integrations/7/test";
    let stub = Stub::answering([
        (route, Reply::json(200, &tested)),
        (route, Reply::json(200, &refused)),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    let ran = stage.run(["test", "7"]).await.expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    let ran = stage.run(["test", "7"]).await.expect(Exit::Failed);
    insta::assert_snapshot!("a_test_that_fails", ran.shown());
}

#[tokio::test]
async fn a_test_that_takes_long_is_watched() {
    let mut ended = run("succeeded", "ended", 0);
    ended["kind"] = "check".into();
    ended["streams"] = json!([]);
    let mut pending = ended.clone();
    pending["status"] = "running".into();
    ended["result"] =
        json!({"success": true, "message": "Connection successful", "facts": {"version": "17.5"}});
    let answer = json!({"success": true, "pending": true, "run": pending});
    let stub = Stub::answering([
        ("POST /api/integrations/7/test", Reply::json(202, &answer)),
        (RUN, Reply::json(200, &pending)),
        (RUN, Reply::json(200, &ended)),
    ])
    .await;
    let ran = Stage::of(&stub)
        .run(["test", "7", "-q"])
        .await
        .expect(Exit::Done);
    assert_eq!(
        ran.out,
        "success  yes\nmessage  Connection successful\nversion  17.5\n"
    );
}

#[tokio::test]
async fn an_action_is_carried_out_once() {
    let route = "POST /api/integrations/7/actions";
    let done = json!({"success": true, "message": "Operation completed successfully", "data": {"ticket_id": 12345}});
    let refusal = Reply::refusal(502, "auth_required", "the token has ended: log in again");
    let stub = Stub::answering([(route, Reply::json(200, &done)), (route, refusal)]).await;
    let mut stage = Stage::of(&stub);
    let parameters = stage.file("ticket.json", r#"{"subject": "Printer"}"#);
    let arguments = ["act", "7", "create_ticket", "--file", &parameters];
    let ran = stage.run(arguments).await.expect(Exit::Done);
    insta::assert_snapshot!(ran.shown());
    assert_eq!(
        stub.seen()[0].json(),
        json!({"action": "create_ticket", "parameters": {"subject": "Printer"}})
    );
    // The platform failed, not the hub.
    stage.run(arguments).await.expect(Exit::Failed);
    assert_eq!(stub.lines().len(), 2);
}

#[tokio::test]
async fn an_integration_is_deleted_once_somebody_said_yes() {
    let gone = Reply::refusal(404, "not_found", "there is no such integration");
    let removing = json!({"success": true, "message": "The integration is being removed", "id": 7});
    let stub = Stub::answering([
        ("GET /api/integrations/7", Reply::json(200, &integration())),
        ("GET /api/integrations/7", Reply::json(200, &integration())),
        ("GET /api/integrations/7", Reply::json(200, &integration())),
        ("GET /api/integrations/7", gone),
        ("DELETE /api/integrations/7", Reply::json(202, &removing)),
    ])
    .await;
    let ran = Stage::of(&stub)
        .saying([Said::Yes(false)])
        .run(["delete", "7"])
        .await
        .expect(Exit::Failed);
    assert!(ran.err.contains("nothing was deleted"), "{ran:?}");
    let ran = Stage::of(&stub)
        .saying([Said::Yes(true)])
        .run(["delete", "7"])
        .await
        .expect(Exit::Done);
    assert!(ran.asked[0].contains("`Orders of the shop` (postgresql)"));
    assert!(ran.err.contains("integration 7 is deleted"), "{ran:?}");
    let ran = Stage::of(&stub).run(["delete", "7"]).await;
    assert_eq!(ran.exit, Exit::NotFound);
    Stage::of(&stub)
        .run(["delete", "7", "--yes", "--with-data"])
        .await
        .expect(Exit::Done);
    let deletes: Vec<_> = stub
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("DELETE"))
        .collect();
    assert_eq!(
        deletes,
        [
            "DELETE /api/integrations/7?data=keep",
            "DELETE /api/integrations/7?data=delete"
        ]
    );
}

#[tokio::test]
async fn nobody_to_ask_means_no_deletion() {
    let reply = Reply::json(200, &integration());
    let stub = Stub::answering([("GET /api/integrations/7", reply)]).await;
    let ran = Stage::of(&stub)
        .run(["delete", "7"])
        .await
        .expect(Exit::Usage);
    assert!(ran.err.contains("--yes"), "{ran:?}");
    assert!(stub.lines().iter().all(|line| line.starts_with("GET")));
}

#[tokio::test]
async fn a_hub_that_goes_away_does_not_end_a_sync() {
    let stub = Stub::answering([
        ("POST /api/integrations/7/sync", queued()),
        (
            RUN,
            Reply::refusal(503, "unavailable", "this cannot be done right now"),
        ),
    ])
    .await;
    let ran = Stage::of(&stub)
        .run(["sync", "7"])
        .await
        .expect(Exit::Unavailable);
    assert!(
        ran.err.starts_with("run 01ab goes on at the hub"),
        "{ran:?}"
    );
    assert_eq!(stub.lines().len(), 4, "reading is tried three times");
}
