//! Keysets and changes, the same on both servers.

use std::collections::BTreeMap;

use engine::{Kind, Stop};
use serde_json::json;

use crate::reading::{Database, full, incremental, read, read_in_legs, rest, rows, try_read};
use crate::servers::Servers;

/// 1000 rows of which many share a cursor, and every tenth has none.
async fn filled(database: &Database) {
    let (moment, series) = match database.platform {
        "postgresql" => ("timestamptz", "generate_series(1, 1000) AS n"),
        _ => (
            "timestamp(6) NULL",
            "(SELECT seq AS n FROM seq_1_to_1000) AS numbers",
        ),
    };
    let (changed, text) = match database.platform {
        "postgresql" => (
            "timestamptz '2024-01-01 00:00:00+00' + (n / 150) * interval '1 second'",
            "'row ' || n",
        ),
        _ => (
            "timestamp('2024-01-01 00:00:00') + INTERVAL (n DIV 150) SECOND",
            "concat('row ', n)",
        ),
    };
    database
        .run(&format!(
            "CREATE TABLE things (region varchar(9) NOT NULL, id integer NOT NULL, note varchar(99), \
             updated_at {moment}, PRIMARY KEY (region, id));; \
             INSERT INTO things SELECT CASE n % 3 WHEN 0 THEN 'east' WHEN 1 THEN 'west' ELSE 'north' END, \
             n, {text}, CASE WHEN n % 10 = 0 THEN NULL ELSE {changed} END FROM {series}"
        ))
        .await;
}

fn stream(database: &Database) -> &'static str {
    match database.platform {
        "postgresql" => "public.things",
        _ => "things",
    }
}

/// Rows as `region/id/note`, which is what the table's own text is compared with.
fn told(rows: &[String]) -> Vec<String> {
    rows.iter()
        .map(|row| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            let text = |name: &str| match &row[name] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("{}/{}/{}", text("region"), text("id"), text("note"))
        })
        .collect()
}

async fn truth(database: &Database, condition: &str) -> Vec<String> {
    let text = match database.platform {
        "postgresql" => "region || '/' || id || '/' || note",
        _ => "concat(region, '/', id, '/', note)",
    };
    let sql = format!("SELECT {text} FROM things WHERE {condition}");
    let mut rows = database.texts(&sql).await;
    rows.sort();
    rows
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

pub(crate) async fn postgres_ties_and_nulls_are_read_once(servers: Servers) {
    ties_and_nulls_are_read_once(Database::postgres(servers.postgres()).await).await;
}

pub(crate) async fn mariadb_ties_and_nulls_are_read_once(servers: Servers) {
    ties_and_nulls_are_read_once(Database::mariadb(servers.mariadb()).await).await;
}

async fn ties_and_nulls_are_read_once(database: Database) {
    filled(&database).await;
    for rows_per_chunk in [1, 7, 149, 150, 151, 10_000] {
        let source = database
            .source(&json!({"rowsPerChunk": rows_per_chunk}))
            .await;
        let all = read(source.as_ref(), full(stream(&database))).await;
        assert_eq!(
            sorted(told(&all.rows)),
            truth(&database, "true").await,
            "{rows_per_chunk}"
        );
        // Changes since nothing: everything by its cursor, those without one first.
        let nothing = r#"{"v":1,"cursor":"updated_at","mark":null}"#.to_owned();
        let nothing = serde_json::value::RawValue::from_string(nothing).unwrap();
        let again = read(source.as_ref(), incremental(stream(&database), &nothing)).await;
        assert_eq!(
            sorted(told(&again.rows)),
            truth(&database, "true").await,
            "{rows_per_chunk}"
        );
        assert_eq!(again.field("updated_at")[..100], vec!["null"; 100]);
        let state = all.state.unwrap();
        let changed = read(source.as_ref(), incremental(stream(&database), &state)).await;
        // Those with the greatest cursor, and those without one.
        let expected = truth(&database, "id % 10 = 0 OR id >= 900").await;
        assert_eq!(sorted(told(&changed.rows)), expected, "{rows_per_chunk}");
    }
}

pub(crate) async fn postgres_resumes_at_every_chunk(servers: Servers) {
    resumes_at_every_chunk(Database::postgres(servers.postgres()).await).await;
}

pub(crate) async fn mariadb_resumes_at_every_chunk(servers: Servers) {
    resumes_at_every_chunk(Database::mariadb(servers.mariadb()).await).await;
}

async fn resumes_at_every_chunk(database: Database) {
    filled(&database).await;
    let settings = json!({"rowsPerChunk": 61});
    let nothing = r#"{"v":1,"cursor":"updated_at","mark":null}"#.to_owned();
    let nothing = serde_json::value::RawValue::from_string(nothing).unwrap();
    for how in [Stop::Soon, Stop::Now] {
        for reading in [
            full(stream(&database)),
            incremental(stream(&database), &nothing),
        ] {
            let at_once = read(database.source(&settings).await.as_ref(), reading.clone()).await;
            let (legs, count) =
                read_in_legs(async || database.source(&settings).await, reading, how).await;
            assert!(count > 5, "{count} legs");
            assert_eq!(legs.rows, at_once.rows, "{how:?}");
        }
    }
}

pub(crate) async fn postgres_loses_no_change_made_meanwhile(servers: Servers) {
    loses_no_change_made_meanwhile(Database::postgres(servers.postgres()).await).await;
}

pub(crate) async fn mariadb_loses_no_change_made_meanwhile(servers: Servers) {
    loses_no_change_made_meanwhile(Database::mariadb(servers.mariadb()).await).await;
}

async fn loses_no_change_made_meanwhile(database: Database) {
    filled(&database).await;
    let source = database.source(&json!({"rowsPerChunk": 40})).await;
    let mut reader = source.read(full(stream(&database))).await.unwrap();
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    let mut keep = |rows: &[String]| {
        for row in told(rows) {
            let (key, _) = row.rsplit_once('/').unwrap();
            held.insert(key.to_owned(), row.clone());
        }
    };
    let now = match database.platform {
        "postgresql" => "clock_timestamp()",
        _ => "CURRENT_TIMESTAMP(6)",
    };
    let mut id = 5000;
    while let Some(piece) = reader.next().await.unwrap() {
        keep(&rows(piece));
        id += 1;
        database
            .run(&format!(
                "UPDATE things SET note = 'changed {id}', updated_at = {now} WHERE id % 50 = {};; \
                 INSERT INTO things VALUES ('aaa', {id}, 'new', {now}), ('zzz', {id}, 'new', {now}), \
                 ('mmm', {id}, 'without', NULL);; \
                 DELETE FROM things WHERE id = {}",
                id % 50,
                id - 4500
            ))
            .await;
    }
    let mut state = reader.state().unwrap().unwrap();
    for _ in 0..2 {
        let changes = read(source.as_ref(), incremental(stream(&database), &state)).await;
        keep(&changes.rows);
        state = changes.state.unwrap();
    }
    let truth = truth(&database, "true").await;
    let missing: Vec<_> = truth
        .iter()
        .filter(|row| held.get(row.rsplit_once('/').unwrap().0) != Some(row))
        .collect();
    assert!(missing.is_empty(), "lost or old: {missing:?}");
    // What is deleted is known by a full reading alone.
    let again = read(source.as_ref(), full(stream(&database))).await;
    assert_eq!(sorted(told(&again.rows)), truth);
}

pub(crate) async fn postgres_columns_come_and_go(servers: Servers) {
    columns_come_and_go(Database::postgres(servers.postgres()).await).await;
}

pub(crate) async fn mariadb_columns_come_and_go(servers: Servers) {
    columns_come_and_go(Database::mariadb(servers.mariadb()).await).await;
}

async fn columns_come_and_go(database: Database) {
    filled(&database).await;
    let settings =
        json!({"rowsPerChunk": 100, "tables": [{"name": "things", "cursor": "updated_at"}]});
    let source = database.source(&settings).await;
    let mut reader = source.read(full(stream(&database))).await.unwrap();
    let first = rows(reader.next().await.unwrap().unwrap());
    reader.stop(Stop::Now);
    let begun = [first, rest(reader.as_mut()).await.unwrap()].concat();
    assert!(begun.iter().all(|row| !row.contains("colour")));
    database
        .run("ALTER TABLE things ADD COLUMN colour varchar(9) DEFAULT 'red'")
        .await;
    let resume = Some(reader.position().unwrap());
    let rest = read(
        source.as_ref(),
        engine::Reading {
            resume,
            ..full(stream(&database))
        },
    )
    .await;
    assert!(
        rest.rows
            .iter()
            .all(|row| row.ends_with(",\"colour\":\"red\"}"))
    );
    assert_eq!(begun.len() + rest.rows.len(), 1000);
    database
        .run("ALTER TABLE things DROP COLUMN updated_at")
        .await;
    let state = rest.state.unwrap();
    let error = try_read(source.as_ref(), incremental(stream(&database), &state)).await;
    assert_eq!(error.unwrap_err().kind(), Kind::SchemaChanged);
    database.run("DROP TABLE things").await;
    let error = try_read(source.as_ref(), full(stream(&database))).await;
    assert_eq!(error.unwrap_err().kind(), Kind::SchemaChanged);
}
