use std::os::unix::fs::PermissionsExt as _;

use deskbridge::Exit;
use serde_json::json;

use crate::stage::{DECOY, Said, Stage};
use crate::stub::{KEY, Reply, Stub};

fn nothing() -> Reply {
    Reply::json(
        200,
        &json!({"success": true, "integrations": [], "nextCursor": null}),
    )
}

async fn empty_hub() -> Stub {
    Stub::answering([("GET /api/integrations", nothing())]).await
}

#[tokio::test]
async fn login_stores_what_was_tried_where_only_its_owner_reads_it() {
    let stub = empty_hub().await;
    let mut stage = Stage::bare();
    let key = stage.file("key.txt", &format!("{KEY}\n"));
    let ran = stage
        .run(["login", "--url", &stub.url, "--key-file", &key])
        .await
        .expect(Exit::Done);
    assert!(ran.err.contains("profile `default` is stored"), "{ran:?}");
    assert_eq!(stub.lines(), ["GET /api/integrations?limit=1"]);
    let config = stage.folder.path().join("config.json");
    let mode = std::fs::metadata(&config).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    stage.run(["list"]).await.expect(Exit::Done);

    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = stage.run(["list"]).await.expect(Exit::NotAllowed);
    assert!(ran.err.contains("chmod 600"), "{ran:?}");
}

#[tokio::test]
async fn login_asks_for_address_and_key() {
    let stub = empty_hub().await;
    let url: &'static str = stub.url.clone().leak();
    let mut stage = Stage::bare().saying([Said::Line(url), Said::Secret(KEY)]);
    let ran = stage
        .run(["login", "--profile", "prod"])
        .await
        .expect(Exit::Done);
    assert_eq!(ran.asked.len(), 2);
    stage
        .run(["--profile", "prod", "list"])
        .await
        .expect(Exit::Done);
    let ran = stage
        .run(["--profile", "prod", "list", "--local"])
        .await
        .expect(Exit::Usage);
    assert!(ran.err.contains("an address of its own"), "{ran:?}");
    let ran = stage
        .run(["--profile", "other", "list"])
        .await
        .expect(Exit::Usage);
    assert!(ran.err.contains("there are prod"), "{ran:?}");
}

#[tokio::test]
async fn login_takes_a_key_from_standard_input_and_refuses_a_wrong_one() {
    let stub = empty_hub().await;
    let mut stage = Stage::bare().stdin(KEY);
    stage
        .run(["login", "--url", &stub.url])
        .await
        .expect(Exit::Done);
    let mut stage = Stage::bare().stdin(DECOY);
    let ran = stage
        .run(["login", "--url", &stub.url])
        .await
        .expect(Exit::NotAllowed);
    assert!(
        ran.err
            .contains("[unauthorized, HTTP 401, request req-1234]")
    );
    assert!(!stage.folder.path().join("config.json").exists());
}

#[tokio::test]
async fn a_stored_key_goes_to_its_own_hub_only() {
    let (own, other) = (empty_hub().await, empty_hub().await);
    let mut stage = Stage::bare().stdin(KEY);
    stage
        .run(["login", "--url", &own.url])
        .await
        .expect(Exit::Done);
    let ran = stage
        .run(["list", "--url", &other.url])
        .await
        .expect(Exit::NotAllowed);
    assert!(ran.err.contains("no API key for"), "{ran:?}");
    assert_eq!(other.lines(), Vec::<String>::new());
    stage
        .run(["list", "--url", &own.url])
        .await
        .expect(Exit::Done);
}

#[tokio::test]
async fn the_local_stack_is_found_from_below() {
    let stub = empty_hub().await;
    let mut stage = Stage::bare().env("DESKBRIDGE_API_KEY", KEY);
    stage.run(["--local", "list"]).await.expect(Exit::Usage);
    stage.file(
        ".local/stack.json",
        &json!({"http_api": stub.url, "bucket": "x"}).to_string(),
    );
    stage.run(["--local", "list"]).await.expect(Exit::Done);
    assert_eq!(stub.lines().len(), 1);
}

#[tokio::test]
async fn without_address_or_key_the_next_step_is_told() {
    let ran = Stage::bare().run(["list"]).await.expect(Exit::Usage);
    assert!(ran.err.contains("deskbridge login"), "{ran:?}");
    let ran = Stage::bare()
        .run(["list", "--url", "https://hub.example.com"])
        .await
        .expect(Exit::NotAllowed);
    assert!(ran.err.contains("DESKBRIDGE_API_KEY_FILE"), "{ran:?}");
    let ran = Stage::bare()
        .env("DESKBRIDGE_API_KEY", KEY)
        .run(["list", "--url", "http://hub.example.com"])
        .await
        .expect(Exit::Usage);
    assert!(ran.err.contains("must begin with https://"), "{ran:?}");
}

#[tokio::test]
async fn secrets_are_not_taken_as_arguments() {
    for argument in ["--password", "--api-key", "--client-secret"] {
        let joined = format!("{argument}={DECOY}");
        for arguments in [[argument, DECOY], [&joined, "--json"]] {
            let [first, second] = arguments;
            let ran = Stage::bare()
                .run(["create", first, second])
                .await
                .expect(Exit::Usage);
            assert!(ran.err.contains("not taken as arguments"), "{ran:?}");
        }
    }
    let url = format!("https://user:{DECOY}@hub.example.com");
    let ran = Stage::bare()
        .run(["list", "--url", &url])
        .await
        .expect(Exit::Usage);
    assert!(ran.err.contains("must not hold a user name"), "{ran:?}");
}

#[tokio::test]
async fn a_hub_that_is_not_there_cannot_be_reached() {
    let stub = empty_hub().await;
    let mut stage = Stage::of(&stub);
    drop(stub);
    // The port may be gone a moment later only.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let ran = stage.run(["list"]).await.expect(Exit::Unreachable);
    assert!(
        ran.err.contains("cannot reach http://127.0.0.1:"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn only_reading_is_tried_again() {
    let busy = || Reply::refusal(503, "unavailable", "try again").header("retry-after", "0");
    let stub = Stub::answering([
        ("GET /api/integrations", busy()),
        ("GET /api/integrations", busy()),
        ("GET /api/integrations", nothing()),
        ("POST /api/integrations/7/test", busy()),
    ])
    .await;
    let mut stage = Stage::of(&stub);
    stage.run(["list"]).await.expect(Exit::Done);
    assert_eq!(stub.lines().len(), 3);
    let ran = stage.run(["test", "7"]).await.expect(Exit::Unavailable);
    assert!(ran.err.contains("try again in 0 s"), "{ran:?}");
    assert_eq!(stub.lines().len(), 4);
}

#[tokio::test]
async fn refusals_have_their_exit_codes() {
    for (status, code, exit) in [
        (400, "invalid_request", Exit::Usage),
        (401, "unauthorized", Exit::NotAllowed),
        (403, "forbidden", Exit::NotAllowed),
        (404, "not_found", Exit::NotFound),
        (409, "busy", Exit::Conflict),
        (412, "changed", Exit::Conflict),
        (422, "invalid_field", Exit::Usage),
        (429, "rate_limited", Exit::Unavailable),
        (500, "internal", Exit::Unavailable),
    ] {
        let refusal = Reply::refusal(status, code, "this is why");
        let stub = Stub::answering([("POST /api/integrations/7/sync", refusal)]).await;
        let ran = Stage::of(&stub)
            .run(["sync", "7", "--json"])
            .await
            .expect(exit);
        let expected = format!("deskbridge: this is why [{code}, HTTP {status}, request req-1234]");
        assert!(ran.err.starts_with(&expected), "{ran:?}");
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn answers_of_something_else_than_a_hub_are_recognised() {
    let page = Reply::text(200, "<html>hello</html>");
    let stub = Stub::answering([("GET /api/integrations", page)]).await;
    let ran = Stage::of(&stub)
        .run(["list"])
        .await
        .expect(Exit::Unavailable);
    assert!(
        ran.err.contains("check that the address is a hub's"),
        "{ran:?}"
    );
    let moved = Reply::text(302, "").header("location", "https://elsewhere.example.com/");
    let stub = Stub::answering([("GET /api/integrations", moved)]).await;
    let ran = Stage::of(&stub)
        .run(["list"])
        .await
        .expect(Exit::Unavailable);
    assert!(ran.err.contains("the key is not taken there"), "{ran:?}");
}

#[tokio::test]
async fn what_an_answer_quotes_of_the_key_is_veiled() {
    let refusal = Reply::refusal(403, "forbidden", &format!("the key {KEY} may not\u{1b}[2J"));
    let stub = Stub::answering([("GET /api/integrations", refusal)]).await;
    let ran = Stage::of(&stub)
        .run(["list"])
        .await
        .expect(Exit::NotAllowed);
    assert!(
        ran.err.contains("the key *** may not\u{fffd}[2J"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn what_api_gateway_refuses_by_itself_is_told_too() {
    let refusal =
        Reply::json(403, &json!({"message": "Forbidden"})).header("apigw-requestid", "gw-1");
    let stub = Stub::answering([("GET /api/integrations", refusal)]).await;
    let ran = Stage::of(&stub)
        .run(["list"])
        .await
        .expect(Exit::NotAllowed);
    let expected = "deskbridge: Forbidden [forbidden, HTTP 403, request gw-1]\nnext: ";
    assert!(ran.err.starts_with(expected), "{ran:?}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_no_answer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ran = Stage::bare()
        .patience(std::time::Duration::from_millis(50))
        .env("DESKBRIDGE_URL", &url)
        .env("DESKBRIDGE_API_KEY", KEY)
        .run(["sync", "7"])
        .await
        .expect(Exit::Unreachable);
    assert!(ran.err.contains("may have been carried out"), "{ran:?}");
}
