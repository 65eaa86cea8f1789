use engine::{Kind, Stop};
use serde_json::json;

use crate::reading::{Database, deadline, full, read, rest, rows};
use crate::servers::Servers;

pub(crate) async fn streams_tell_keys_cursors_and_types(servers: Servers) {
    let database = Database::mariadb(servers.mariadb()).await;
    database
        .run(
            "CREATE TABLE a (x int, y varchar(9), updated_at datetime, \
             touched timestamp NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP, PRIMARY KEY (y, x));; \
             CREATE TABLE b (code varchar(9) NOT NULL UNIQUE, other int UNIQUE, modified datetime);; \
             CREATE TABLE c (n decimal(38,18), long_text text NOT NULL, UNIQUE (long_text(10)));; \
             CREATE VIEW v AS SELECT * FROM a",
        )
        .await;
    let source = database.source(&json!({})).await;
    let streams = source.streams(deadline()).await.unwrap();
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
            ("a", "y,x".to_owned(), Some("touched"), true),
            ("b", "code".to_owned(), Some("modified"), true),
            ("c", String::new(), None, true),
            ("v", String::new(), None, false),
        ]
    );
    assert_eq!(
        streams[2].fields[0].native.as_deref(),
        Some("decimal(38,18)")
    );
    let checked = source.check(deadline()).await.unwrap();
    assert!(
        checked.facts.contains(&("server", "MariaDB".to_owned())),
        "{checked:?}"
    );
}

pub(crate) async fn keys_of_every_type_are_walked(servers: Servers) {
    let database = Database::mariadb(servers.mariadb()).await;
    for (kind, value) in [
        ("tinyint", "n - 100"),
        ("bigint", "n * 10000000000000 - 5"),
        ("bigint unsigned", "18446744073709551615 - n"),
        ("decimal(38,5)", "n * 12345678901234567890.12345"),
        ("double", "sqrt(n)"),
        ("float", "n / 3"),
        ("varchar(40)", "concat(if(n % 2, 'É', 'e'), md5(n))"),
        ("binary(16)", "unhex(md5(n))"),
        ("uuid", "uuid()"),
        ("date", "date '2024-01-01' + INTERVAL n DAY"),
        (
            "datetime(6)",
            "timestamp('2024-01-01') + INTERVAL n * 1000001 MICROSECOND",
        ),
        ("timestamp", "timestamp('2024-01-01') + INTERVAL n SECOND"),
        ("time(3)", "sec_to_time(n * 1000.5 - 90000)"),
        ("year", "1950 + n"),
    ] {
        database
            .run(&format!(
                "CREATE OR REPLACE TABLE t (k {kind} PRIMARY KEY, n int);; \
                 INSERT INTO t SELECT {value}, n FROM (SELECT CAST(seq AS SIGNED) AS n FROM seq_1_to_200) AS numbers"
            ))
            .await;
        let source = database.source(&json!({"rowsPerChunk": 33})).await;
        let read = read(source.as_ref(), full("t")).await;
        let expected = database
            .texts("SELECT CAST(n AS CHAR) FROM t ORDER BY k")
            .await;
        assert_eq!(expected.len(), 200, "{kind}");
        assert_eq!(read.field("n"), expected, "{kind}");
    }
}

pub(crate) async fn a_table_without_key_is_read_in_one_snapshot(servers: Servers) {
    let database = Database::mariadb(servers.mariadb()).await;
    database
        .run(
            "CREATE TABLE log (n int, note text);; \
             INSERT INTO log SELECT seq % 100, repeat('x', 1000) FROM seq_1_to_20000",
        )
        .await;
    let source = database.source(&json!({})).await;
    let mut reader = source.read(full("log")).await.unwrap();
    let mut all = rows(reader.next().await.unwrap().unwrap());
    database
        .run("DELETE FROM log WHERE n = 1;; INSERT INTO log VALUES (1000, '')")
        .await;
    reader.stop(Stop::Soon);
    all.extend(rest(reader.as_mut()).await.unwrap());
    assert!(reader.at_end());
    assert_eq!(all.len(), 20_000);
    let mut reader = source.read(full("log")).await.unwrap();
    rows(reader.next().await.unwrap().unwrap());
    reader.stop(Stop::Now);
    rest(reader.as_mut()).await.unwrap();
    assert!(!reader.at_end());
    let resume = Some(reader.position().unwrap());
    let again = engine::Reading {
        resume,
        ..full("log")
    };
    let error = source.read(again).await.unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidConfig, "{error}");
    // Enums sort by their number and compare by their text: no order to go by.
    database
        .run("CREATE TABLE moods (mood enum('z', 'a', 'm') PRIMARY KEY);; INSERT INTO moods VALUES ('a'), ('m'), ('z')")
        .await;
    let source = database.source(&json!({"rowsPerChunk": 1})).await;
    let moods = read(source.as_ref(), full("moods")).await;
    assert_eq!(moods.rows.len(), 3);
}
