use engine::{Kind, Reading, Stop};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reading::{
    deadline, full, incremental, read, read_in_legs, rows, sqlite, try_read, with,
};
use crate::servers::Servers;

fn made(sql: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("a.db"))
        .unwrap()
        .execute_batch(sql)
        .unwrap();
    folder
}

async fn source(folder: &TempDir, settings: &Value) -> Box<dyn engine::Source> {
    sqlite(folder.path(), with(json!({"file": "a.db"}), settings))
        .await
        .unwrap()
}

pub(crate) async fn each_value_is_exact(_: Servers) {
    let folder = made(
        r#"PRAGMA journal_mode = wal;
        CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, x REAL, d DECIMAL(10,2), s TEXT, b BLOB,
            yes BOOLEAN, j JSON, at DATETIME, any, "odd ""name" TEXT);
        INSERT INTO t VALUES (1, 9007199254740993, 0.1, 1.5, 'ü' || char(10), x'00ff', 1, '{"a": 1.10}',
            '2024-01-01 00:00:00', 9e999, 'x');
        INSERT INTO t VALUES (2, 9007199254740992, -9e999, '1.50x', 7, 'text', 2, 'no json', 1704067200, x'01', NULL);
        INSERT INTO t (id) VALUES (-9223372036854775808);"#,
    );
    let rows = read(source(&folder, &json!({})).await.as_ref(), full("t"))
        .await
        .rows;
    let nulls = r#""n":null,"x":null,"d":null,"s":null,"b":null,"yes":null,"j":null,"at":null,"any":null,"odd \"name":null"#;
    assert_eq!(
        rows,
        [
            format!(r#"{{"id":"-9223372036854775808",{nulls}}}"#),
            r#"{"id":1,"n":"9007199254740993","x":0.1,"d":1.5,"s":"ü\n","b":"AP8=","yes":true,"j":{"a":1.10},"at":"2024-01-01 00:00:00","any":"Infinity","odd \"name":"x"}"#.to_owned(),
            r#"{"id":2,"n":9007199254740992,"x":"-Infinity","d":"1.50x","s":"7","b":"text","yes":2,"j":"no json","at":1704067200,"any":"AQ==","odd \"name":null}"#.to_owned(),
        ]
    );
}

pub(crate) async fn streams_tell_keys_and_cursors(_: Servers) {
    let folder = made(
        "CREATE TABLE a (x TEXT, y INTEGER, updatedAt TEXT, PRIMARY KEY (y, x)) WITHOUT ROWID;
         CREATE TABLE b (code TEXT PRIMARY KEY, other TEXT NOT NULL UNIQUE);
         CREATE TABLE c (n, updated_at);
         CREATE VIEW v AS SELECT * FROM a;",
    );
    let streams = source(&folder, &json!({}))
        .await
        .streams(deadline())
        .await
        .unwrap();
    let told: Vec<_> = streams
        .iter()
        .map(|s| {
            (
                s.name.as_str(),
                s.primary_key.join(","),
                s.cursor.as_deref(),
                s.by_default,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("a", "y,x".to_owned(), Some("updatedAt"), true),
            // A primary key may be null in SQLite, so the other one tells rows apart.
            ("b", "other".to_owned(), None, true),
            ("c", String::new(), None, true),
            ("v", String::new(), None, false),
        ]
    );
}

const NUMBERS: &str =
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 900) ";

pub(crate) async fn resumes_at_every_chunk_with_and_without_key(_: Servers) {
    let folder = made(&format!(
        "CREATE TABLE t (a TEXT NOT NULL, b REAL NOT NULL, updated_at TEXT, PRIMARY KEY (a, b));
         {NUMBERS} INSERT INTO t SELECT n % 7, n / 3.0, NULLIF(n / 200, 2) FROM numbers;
         CREATE TABLE log (n, note);
         {NUMBERS} INSERT INTO log SELECT n, printf('%.*c', 20000, 'x') FROM numbers;"
    ));
    let settings = json!({"rowsPerChunk": 100});
    let nothing = r#"{"v":1,"cursor":"updated_at","mark":null}"#.to_owned();
    let nothing = serde_json::value::RawValue::from_string(nothing).unwrap();
    for reading in [full("t"), incremental("t", &nothing), full("log")] {
        for how in [Stop::Soon, Stop::Now] {
            let at_once = read(source(&folder, &settings).await.as_ref(), reading.clone()).await;
            assert_eq!(at_once.rows.len(), 900);
            let (legs, count) = read_in_legs(
                async || source(&folder, &settings).await,
                reading.clone(),
                how,
            )
            .await;
            assert!(how == Stop::Soon || count > 3, "{count} legs");
            assert_eq!(legs.rows, at_once.rows);
        }
    }
}

pub(crate) async fn changes_come_with_the_next_file(_: Servers) {
    let folder = made(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, updated_at TEXT);
         INSERT INTO t VALUES (1, '2024-01-01 00:00:00'), (2, '2024-01-01 00:00:01'), (3, NULL);",
    );
    let first = read(source(&folder, &json!({})).await.as_ref(), full("t")).await;
    assert_eq!(first.rows.len(), 3);
    Connection::open(folder.path().join("a.db"))
        .unwrap()
        .execute_batch("INSERT INTO t VALUES (4, '2024-01-01 00:00:01'); UPDATE t SET updated_at = '2024-01-02' WHERE id = 1")
        .unwrap();
    let state = first.state.unwrap();
    let next = read(
        source(&folder, &json!({})).await.as_ref(),
        incremental("t", &state),
    )
    .await;
    assert_eq!(next.field("id"), ["3", "2", "4", "1"]);
}

pub(crate) async fn a_replaced_file_is_not_gone_on_with(_: Servers) {
    let folder = made(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); {NUMBERS} INSERT INTO t SELECT n FROM numbers"
    ));
    let settings = json!({"rowsPerChunk": 10});
    let before = source(&folder, &settings).await;
    let mut reader = before.read(full("t")).await.unwrap();
    rows(reader.next().await.unwrap().unwrap());
    reader.stop(Stop::Now);
    while reader.next().await.unwrap().is_some() {}
    Connection::open(folder.path().join("a.db"))
        .unwrap()
        .execute_batch("CREATE TABLE more (id)")
        .unwrap();
    let resume = Some(reader.position().unwrap());
    let again = Reading {
        resume,
        ..full("t")
    };
    let error = try_read(source(&folder, &settings).await.as_ref(), again)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Upstream, "{error}");
}

pub(crate) async fn errors_say_what_to_do(_: Servers) {
    let folder = made("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    std::fs::write(
        folder.path().join("text.db"),
        "this is no database, however long it is".repeat(99),
    )
    .unwrap();
    for (settings, kind) in [
        (json!({"file": "gone.db"}), Kind::InvalidConfig),
        (json!({"file": "text.db"}), Kind::InvalidConfig),
        (json!({"file": "../a.db"}), Kind::Refused),
        (json!({"file": "s3://b/k"}), Kind::Refused),
        (json!({"tables": ["gone"]}), Kind::SchemaChanged),
        (
            json!({"queries": [{"name": "q", "sql": "SELECT gone FROM t"}]}),
            Kind::SchemaChanged,
        ),
        (
            json!({"queries": [{"name": "q", "sql": "SELECT * FROM pragma_database_list"}]}),
            Kind::Refused,
        ),
        (
            json!({"queries": [{"name": "q", "sql": "INSERT INTO t VALUES (1)"}]}),
            Kind::Refused,
        ),
    ] {
        let config = with(json!({"file": "a.db"}), &settings);
        let error = match sqlite(folder.path(), config).await {
            Ok(source) => source.check(deadline()).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), kind, "{settings}: {error}");
    }
    let slow = json!({"statementTimeoutSeconds": 1, "queries": [{"name": "q", "primaryKey": "n", "sql":
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) AS n FROM c"}]});
    let error = try_read(source(&folder, &slow).await.as_ref(), full("q"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::DeadlineExceeded, "{error}");
}
