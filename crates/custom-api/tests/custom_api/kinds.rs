use engine::{Mode, Source};
use jiff::Timestamp;
use serde_json::{Value, json};
use vendor_http::Deadline;

use crate::world::World;

fn paged() -> Vec<(&'static str, Value)> {
    vec![
        (
            "/page",
            json!({"pagination": {"kind": "page", "size": 10}, "records": "$.items"}),
        ),
        (
            "/page",
            json!({"pagination": {"kind": "page", "size": 10, "stopWhenShort": true}, "records": "$.items[*]"}),
        ),
        (
            "/more",
            json!({"pagination": {"kind": "page", "size": 10, "hasMore": "$.has_more"}, "records": "$.items"}),
        ),
        (
            "/offset",
            json!({"pagination": {"kind": "offset", "size": 10}, "records": "$.items"}),
        ),
        (
            "/offset",
            json!({"pagination": {"kind": "offset", "size": 10, "total": "$.total"}, "records": "$..items[*]"}),
        ),
        (
            "/cursor",
            json!({"pagination": {"kind": "cursor", "size": 10, "from": {"body": "$.next_cursor"}}}),
        ),
        (
            "/cursor-header",
            json!({"pagination": {"kind": "cursor", "size": 10, "from": {"header": "X-Next-Cursor"}}, "records": "$"}),
        ),
        (
            "/last-row",
            json!({
                "pagination": {"kind": "cursor", "size": 10, "parameter": "starting_after", "from": {"lastRow": "id"}, "hasMore": "$.has_more"},
                "records": "$.data",
            }),
        ),
        (
            "/link-header",
            json!({"pagination": {"kind": "next_link", "sizeParameter": "per_page", "size": 10}, "records": "$"}),
        ),
        (
            "/link-body",
            json!({"pagination": {"kind": "next_link", "sizeParameter": "per_page", "size": 10, "from": {"body": "$.links.next"}}}),
        ),
        (
            "/gzip",
            json!({"pagination": {"kind": "page", "size": 10}, "records": "$.items"}),
        ),
        ("/all", json!({})),
        ("/ndjson", json!({"format": "ndjson"})),
        ("/ndjson.gz", json!({"format": "ndjson"})),
        (
            "/search",
            json!({
                "method": "POST", "body": {"page": {"size": 10}}, "records": "$.result.rows",
                "pagination": {"kind": "cursor", "in": "body", "parameter": "page.after", "from": {"body": "$.page.next"}},
            }),
        ),
    ]
}

fn stream(path: &str, declared: &Value) -> Value {
    let mut stream = json!({"name": "items", "path": path, "primaryKey": "id"});
    for (key, value) in declared.as_object().unwrap() {
        stream[key] = value.clone();
    }
    stream
}

#[tokio::test]
async fn each_kind_of_paging_and_format_yields_every_row_once_with_its_bytes() {
    for rows in [0, 1, 10, 11, 35] {
        let world = World::with_rows(rows).await;
        for (path, declared) in paged() {
            let config = world.config("", &json!({"streams": [stream(path, &declared)]}));
            let read = world.read(&config, &[]).await;
            let read = read.unwrap_or_else(|error| panic!("{path} {rows}: {error}"));
            assert_eq!(read.rows, world.truth(), "{path} with {rows} rows");
        }
    }
}

#[tokio::test]
async fn csv_becomes_objects_of_texts() {
    let world = World::with_rows(2).await;
    for path in ["/csv", "/csv.gz"] {
        let declared = json!({"format": "csv", "delimiter": ";"});
        let config = world.config("", &json!({"streams": [stream(path, &declared)]}));
        let read = world.read(&config, &[]).await.unwrap();
        assert_eq!(
            read.rows[0],
            r#"{"id":"1","name":"item 1, \"x\"","amount":"1.10","updatedAt":"2026-06-01T11:59:00Z","version":"0"}"#
        );
        assert_eq!(read.rows.len(), 2);
    }
}

#[tokio::test]
async fn the_simple_form_reads_one_endpoint_with_whatever_secret_there_is() {
    let world = World::with_rows(3).await;
    let secrets = world.api.secrets();
    for (below, credentials) in [
        ("", vec![]),
        ("/auth/bearer", vec![("token", secrets.token.as_str())]),
        ("/auth/key-header", vec![("apiKey", &secrets.api_key)]),
        (
            "/auth/basic",
            vec![
                ("username", &secrets.username),
                ("password", &secrets.password),
            ],
        ),
    ] {
        let config = world.config(
            below,
            &json!({
                "testEndpoint": "/me", "testMethod": "GET", "headers": {"Accept-Language": "en"},
                "endpoint": {"name": "items", "path": "all"}, "method": "GET",
            }),
        );
        let source = world.source(&config, &credentials).unwrap();
        let checked = source
            .check(Deadline::after(std::time::Duration::from_secs(9)))
            .await
            .unwrap();
        assert_eq!(checked.message, "Connection successful");
        let read = world.run(&source, Mode::Full, None).await.unwrap();
        assert_eq!(read.rows, world.truth(), "{below}");
    }
    let config = world.config("", &json!({"endpoint": "/all"}));
    let streams = world.source(&config, &[]).unwrap();
    let streams = streams
        .streams(Deadline::after(std::time::Duration::from_secs(9)))
        .await
        .unwrap();
    assert_eq!(streams[0].name, "all");
}

#[tokio::test]
async fn changed_rows_are_found_however_the_bound_is_sent() {
    let with_size = |cursor: Value| json!({"pagination": {"kind": "page", "size": 10}, "records": "$.items", "cursor": cursor});
    let window = json!({
        "field": "updatedAt", "parameter": "since", "untilParameter": "until", "window": "10m", "start": "2026-06-01T11:00:00Z",
    });
    let cases = [
        (
            "/page",
            with_size(json!({"field": "updatedAt", "parameter": "since"})),
        ),
        // Strict comparison at the API: the lookback keeps ties.
        (
            "/page",
            with_size(json!({"field": "updatedAt", "parameter": "after"})),
        ),
        (
            "/page",
            with_size(
                json!({"field": "updatedMs", "format": "epoch_ms", "parameter": "since", "lookback": "1s"}),
            ),
        ),
        (
            "/page",
            with_size(json!({"field": "updatedMs", "format": "epoch_ms", "in": "rows"})),
        ),
        ("/page", with_size(window)),
        ("/page", {
            let mut stream = with_size(
                json!({"field": "updatedAt", "in": "template", "format": "epoch_s", "start": "2020-01-01T00:00:00Z"}),
            );
            stream["query"] = json!({"since": "{since}"});
            stream["cursor"]["field"] = json!("updatedMs");
            stream["cursor"]["format"] = json!("epoch_ms");
            stream
        }),
        (
            "/search",
            json!({
                "method": "POST", "body": {"filter": {"since": "{since}"}}, "records": "$.result.rows",
                "pagination": {"kind": "cursor", "in": "body", "parameter": "page.after", "from": {"body": "$.page.next"}},
                "cursor": {"field": "updatedAt", "in": "template"},
            }),
        ),
    ];
    for (path, declared) in cases {
        let world = World::with_rows(40).await;
        let config = world.config("", &json!({"streams": [stream(path, &declared)]}));
        let source = world.source(&config, &[]).unwrap();
        let full = world.run(&source, Mode::Full, None).await.unwrap();
        assert_eq!(full.rows, world.truth(), "{declared}");

        world.pass(600);
        let ids: Vec<u64> = (1..=23).collect();
        world.api.change(&ids);
        let changed = world
            .run(&source, Mode::Incremental, full.state)
            .await
            .unwrap();
        let truth = world.truth();
        assert!(
            truth[..23].iter().all(|row| changed.rows.contains(row)),
            "{declared}"
        );
        assert!(
            changed.rows.len() <= 25,
            "{declared}: {}",
            changed.rows.len()
        );

        let again = world
            .run(&source, Mode::Incremental, changed.state)
            .await
            .unwrap();
        assert!(
            again.rows.iter().all(|row| truth[..23].contains(row)),
            "only ties are read again"
        );
        assert!(again.state.is_some());
    }
}

#[tokio::test]
async fn the_state_never_runs_ahead_of_the_run() {
    let world = World::with_rows(2).await;
    let declared = json!({"cursor": {"field": "updatedAt", "parameter": "since"}});
    let config = world.config("", &json!({"streams": [stream("/all", &declared)]}));
    world.pass(3600);
    world.api.change(&[1]);
    world
        .clock
        .set("2026-06-01T12:10:00Z".parse::<Timestamp>().unwrap());
    let read = world.read(&config, &[]).await.unwrap();
    assert_eq!(
        read.state.unwrap().get(),
        r#"{"v":1,"high":"2026-06-01T12:10:00Z"}"#
    );
}

#[tokio::test]
async fn pages_beyond_the_configured_ones_are_a_gap_that_is_told() {
    let world = World::with_rows(35).await;
    let declared =
        json!({"pagination": {"kind": "page", "size": 10, "maxPages": 2}, "records": "$.items"});
    let config = world.config("", &json!({"streams": [stream("/page", &declared)]}));
    let read = world.read(&config, &[]).await.unwrap();
    assert_eq!((read.rows.len(), read.gaps.len()), (20, 1));
    assert!(read.gaps[0].contains("maxPages"), "{:?}", read.gaps);
}
