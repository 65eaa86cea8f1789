use std::time::Duration;

use engine::{Kind, Stop};
use serde_json::json;

use crate::reading::{Database, deadline, full, incremental, read, rest, rows, try_read};
use crate::servers::Servers;

pub(crate) async fn streams_tell_keys_cursors_and_types(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE a (x integer, y text, modified_on timestamp, updated_at timestamptz, \
             created_at timestamptz, PRIMARY KEY (y, x)); \
             CREATE TABLE b (code text NOT NULL UNIQUE, other integer UNIQUE, updated_at text); \
             CREATE TABLE c (n numeric(38,18)); \
             CREATE TABLE d (id bigint PRIMARY KEY, day date) PARTITION BY RANGE (id); \
             CREATE TABLE d1 PARTITION OF d FOR VALUES FROM (0) TO (10); \
             CREATE VIEW v AS SELECT * FROM a; \
             CREATE SCHEMA sales; CREATE TABLE sales.a (id integer PRIMARY KEY); \
             GRANT USAGE ON SCHEMA sales TO reader; GRANT SELECT ON sales.a TO reader; \
             CREATE SCHEMA hidden; CREATE TABLE hidden.h (id integer)",
        )
        .await;
    let source = database.source(&json!({})).await;
    let told: Vec<_> = source
        .streams(deadline())
        .await
        .unwrap()
        .into_iter()
        .map(|s| (s.name, s.primary_key.join(","), s.cursor, s.by_default))
        .collect();
    let stream = |name: &str, key: &str, cursor: Option<&str>, by_default| {
        (
            name.to_owned(),
            key.to_owned(),
            cursor.map(str::to_owned),
            by_default,
        )
    };
    assert_eq!(
        told,
        [
            stream("public.a", "y,x", Some("updated_at"), true),
            stream("public.b", "code", None, true),
            stream("public.c", "", None, true),
            stream("public.d", "id", None, true),
            stream("public.v", "", None, false),
            stream("sales.a", "id", None, true),
        ]
    );
    let some = json!({"tables": [
        {"name": "a", "cursor": null},
        {"name": "v", "primaryKey": ["x", "y"], "cursor": "created_at"},
        {"name": "d", "cursor": "day"},
        "gone",
    ]});
    let source = database.source(&some).await;
    let told: Vec<_> = source
        .streams(deadline())
        .await
        .unwrap()
        .into_iter()
        .map(|s| {
            (
                s.name,
                s.primary_key.join(","),
                s.cursor,
                s.fields.is_empty(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            stream("gone", "", None, true),
            stream("public.a", "y,x", None, false),
            stream("public.d", "id", Some("day"), false),
            stream("public.v", "x,y", Some("created_at"), false),
        ]
    );
    let error = source.check(deadline()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::SchemaChanged, "{error}");
}

pub(crate) async fn only_readable_columns_are_read(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE staff (id integer PRIMARY KEY, name text, salary numeric); \
             INSERT INTO staff VALUES (1, 'a', 10); \
             REVOKE ALL ON staff FROM reader; GRANT SELECT (id, name) ON staff TO reader; \
             CREATE TABLE secret (id integer PRIMARY KEY); REVOKE ALL ON secret FROM reader",
        )
        .await;
    let source = database.source(&json!({})).await;
    let staff = read(source.as_ref(), full("public.staff")).await;
    assert_eq!(staff.rows, [r#"{"id":1,"name":"a"}"#]);
    let error = try_read(source.as_ref(), full("public.secret"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::ScopeMissing, "{error}");
}

pub(crate) async fn keys_of_every_type_are_walked(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    for (kind, value) in [
        ("smallint", "n - 100"),
        ("bigint", "n * 10000000000000 - 5"),
        ("numeric(20,5)", "n / 3.0"),
        ("double precision", "sqrt(n)"),
        ("text", "md5(n::text)"),
        ("char(40)", "md5(n::text)"),
        ("uuid", "md5(n::text)::uuid"),
        ("bytea", "decode(md5(n::text), 'hex')"),
        ("date", "date '2024-01-01' + n"),
        (
            "timestamptz",
            "timestamptz 'epoch' + n * interval '1.000001 s'",
        ),
        ("timestamp", "timestamp 'epoch' - n * interval '1 year'"),
        ("time", "time '00:00' + n * interval '1.5 s'"),
        ("interval", "n * interval '1.5 s'"),
        ("inet", "'10.0.0.0'::inet + n"),
        ("integer[]", "ARRAY[n % 7, n]"),
    ] {
        database
            .run(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (k {kind} PRIMARY KEY, n integer); \
                 INSERT INTO t SELECT {value}, n FROM generate_series(1, 200) AS n"
            ))
            .await;
        let source = database.source(&json!({"rowsPerChunk": 33})).await;
        let read = read(source.as_ref(), full("public.t")).await;
        let expected = database.texts("SELECT n::text FROM t ORDER BY k").await;
        assert_eq!(read.field("n"), expected, "{kind}");
    }
}

pub(crate) async fn a_table_without_key_is_read_in_one_snapshot(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE log (n integer, updated_at timestamptz, note text); \
             INSERT INTO log SELECT n % 100, now(), repeat('x', 1000) FROM generate_series(1, 30000) AS n",
        )
        .await;
    let source = database.source(&json!({})).await;
    let mut reader = source.read(full("public.log")).await.unwrap();
    let mut all = rows(reader.next().await.unwrap().unwrap());
    database
        .run("DELETE FROM log WHERE n = 1; INSERT INTO log VALUES (1000)")
        .await;
    // It goes on to its end although it is to stop soon: it could not be resumed.
    reader.stop(Stop::Soon);
    all.extend(rest(reader.as_mut()).await.unwrap());
    assert!(reader.at_end());
    assert_eq!(all.len(), 30_000);
    assert!(reader.state().unwrap().is_none());
    let mut reader = source.read(full("public.log")).await.unwrap();
    rows(reader.next().await.unwrap().unwrap());
    reader.stop(Stop::Now);
    rest(reader.as_mut()).await.unwrap();
    assert!(!reader.at_end());
    let resume = Some(reader.position().unwrap());
    let again = engine::Reading {
        resume,
        ..full("public.log")
    };
    let error = source.read(again).await.unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidConfig, "{error}");
}

pub(crate) async fn a_key_that_is_none_is_told(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE t (a integer, b integer); \
             INSERT INTO t SELECT n / 2, NULLIF(n, 30) FROM generate_series(1, 60) AS n",
        )
        .await;
    for key in ["a", "b"] {
        let tables = json!({"rowsPerChunk": 7, "tables": [{"name": "t", "primaryKey": key}]});
        let source = database.source(&tables).await;
        let error = try_read(source.as_ref(), full("public.t"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidConfig, "{key}: {error}");
    }
}

pub(crate) async fn a_late_commit_is_not_missed(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE t (id bigserial PRIMARY KEY, updated_at timestamptz); \
             CREATE TABLE q (id bigserial PRIMARY KEY, seq bigserial)",
        )
        .await;
    // What a transaction that is open meanwhile will have written.
    database
        .run("INSERT INTO t VALUES (2, '2024-01-01 00:00:20+00'); INSERT INTO q VALUES (2, 500)")
        .await;
    let settings =
        json!({"lagSeconds": 15, "overlap": 100, "tables": ["t", {"name": "q", "cursor": "seq"}]});
    let source = database.source(&settings).await;
    for (stream, late, later) in [
        (
            "public.t",
            "INSERT INTO t VALUES (1, '2024-01-01 00:00:06+00')",
            "INSERT INTO t VALUES (3, '2024-01-01 00:00:04+00')",
        ),
        (
            "public.q",
            "INSERT INTO q VALUES (1, 401)",
            "INSERT INTO q VALUES (3, 399)",
        ),
    ] {
        let first = read(source.as_ref(), full(stream)).await;
        assert_eq!(first.field("id"), ["2"]);
        database.run(late).await;
        // Beyond the lag it is found by the next full reading only.
        database.run(later).await;
        let state = first.state.unwrap();
        let next = read(source.as_ref(), incremental(stream, &state)).await;
        assert_eq!(next.field("id"), ["1", "2"], "{stream}");
    }
}

pub(crate) async fn an_idle_table_costs_nothing_in_the_end(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE t (id integer PRIMARY KEY, updated_at timestamp); \
             INSERT INTO t SELECT n, now() FROM generate_series(1, 500) AS n",
        )
        .await;
    let source = database.source(&json!({"lagSeconds": 1})).await;
    let first = read(source.as_ref(), full("public.t")).await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let state = first.state.unwrap();
    let second = read(source.as_ref(), incremental("public.t", &state)).await;
    assert_eq!(
        second.rows.len(),
        500,
        "all were written at one moment, and late ones may come"
    );
    let state = second.state.unwrap();
    let third = read(source.as_ref(), incremental("public.t", &state)).await;
    assert_eq!(third.rows.len(), 0);
    database
        .run("UPDATE t SET updated_at = now() + interval '1 s' WHERE id = 7")
        .await;
    let state = third.state.unwrap();
    let fourth = read(source.as_ref(), incremental("public.t", &state)).await;
    assert_eq!(fourth.field("id"), ["7"]);
}

pub(crate) async fn a_date_in_the_future_does_not_stop_the_cursor(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE t (id integer PRIMARY KEY, updated_at timestamptz); \
             INSERT INTO t VALUES (1, 'infinity'), (2, '2199-01-01'), (3, now() - interval '1 h')",
        )
        .await;
    let source = database.source(&json!({})).await;
    let first = read(source.as_ref(), full("public.t")).await;
    assert_eq!(first.rows.len(), 3);
    database
        .run("UPDATE t SET updated_at = now() WHERE id = 1")
        .await;
    let state = first.state.unwrap();
    let next = read(source.as_ref(), incremental("public.t", &state)).await;
    assert_eq!(next.field("id"), ["3", "1"]);
}

pub(crate) async fn stopping_now_ends_the_statement(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run("CREATE VIEW slow AS SELECT n, pg_sleep(0.05) IS NULL AS s FROM generate_series(1, 10000) AS n")
        .await;
    let source = database.source(&json!({"tables": ["slow"]})).await;
    let mut reader = source.read(full("public.slow")).await.unwrap();
    tokio::time::timeout(Duration::from_millis(300), reader.next())
        .await
        .unwrap_err();
    reader.stop(Stop::Now);
    assert!(rest(reader.as_mut()).await.unwrap().is_empty());
    let active =
        "SELECT count(*)::text FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'";
    for _ in 0..100 {
        if database.texts(active).await == ["0"] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server is still at it");
}

pub(crate) async fn fields_are_chosen(servers: Servers) {
    let database = Database::postgres(servers.postgres()).await;
    database
        .run(
            "CREATE TABLE t (id integer PRIMARY KEY, a text, b text, updated_at timestamptz); \
             INSERT INTO t VALUES (1, 'a', 'b', '2024-01-01 00:00:00+00')",
        )
        .await;
    let source = database.source(&json!({})).await;
    let some = |fields: &[&str]| engine::Reading {
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        ..full("public.t")
    };
    let read = read(source.as_ref(), some(&["b"])).await;
    let expected = r#"{"id":1,"b":"b","updated_at":"2024-01-01T00:00:00Z"}"#;
    assert_eq!(read.rows, [expected]);
    let error = try_read(source.as_ref(), some(&["gone"]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::SchemaChanged);
}
