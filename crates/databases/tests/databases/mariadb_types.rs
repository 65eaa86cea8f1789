use serde_json::json;

use crate::reading::{Database, full, read};
use crate::servers::Servers;

/// Column, SQL of its value, JSON of its value, and of the same in a query if that differs.
const VALUES: &[(&str, &str, &str, Option<&str>)] = &[
    ("tiny tinyint(1)", "1", "1", None),
    ("tiny_two tinyint(1)", "2", "2", None),
    ("whole int unsigned", "4294967295", "4294967295", None),
    (
        "big bigint",
        "9007199254740993",
        r#""9007199254740993""#,
        None,
    ),
    (
        "big_unsigned bigint unsigned",
        "18446744073709551615",
        r#""18446744073709551615""#,
        None,
    ),
    ("big_small bigint", "-1", r#""-1""#, None),
    (
        "exact decimal(38,18)",
        "12345678901234567890.123456789012345678",
        r#""12345678901234567890.123456789012345678""#,
        None,
    ),
    ("real4 float", "1.1", "1.1", None),
    ("real4_large float", "16777216", "16777216.0", None),
    ("real8 double", "1e-7", "1e-7", None),
    ("bits bit(10)", "b'1000000001'", r#""1000000001""#, None),
    ("bit_one bit(1)", "b'1'", r#""1""#, None),
    ("chars char(5)", "'ab'", r#""ab""#, None),
    (
        "vchars varchar(20)",
        r#"'line\nü "q" 😀'"#,
        r#""line\nü \"q\" 😀""#,
        None,
    ),
    (
        "latin varchar(9) CHARACTER SET latin1",
        "'ü'",
        r#""ü""#,
        None,
    ),
    ("txt longtext", "'long'", r#""long""#, None),
    ("bytes varbinary(9)", "x'00ff10'", r#""AP8Q""#, None),
    ("fixed binary(3)", "x'01'", r#""AQAA""#, None),
    ("blobs blob", "x'00'", r#""AA==""#, None),
    ("day date", "'2024-02-29'", r#""2024-02-29""#, None),
    ("day_zero date", "'0000-00-00'", "null", None),
    (
        "local_moment datetime(3)",
        "'2024-02-29 23:59:59.120'",
        r#""2024-02-29T23:59:59.120""#,
        None,
    ),
    (
        "local_plain datetime",
        "'9999-12-31 23:59:59'",
        r#""9999-12-31T23:59:59""#,
        None,
    ),
    ("local_zero datetime", "'0000-00-00 00:00:00'", "null", None),
    (
        "moment timestamp(6)",
        "'2024-02-29 21:59:59.123456'",
        r#""2024-02-29T21:59:59.123456Z""#,
        None,
    ),
    ("clock time", "'-838:59:59'", r#""-838:59:59""#, None),
    (
        "clock_fine time(2)",
        "'26:00:00.25'",
        r#""26:00:00.25""#,
        None,
    ),
    ("yr year", "2024", "2024", None),
    (
        "doc json",
        r#"'{"b": 1.10, "a": [1, 12345678901234567890]}'"#,
        r#"{"b":1.10,"a":[1,12345678901234567890]}"#,
        Some(r#""{\"b\": 1.10, \"a\": [1, 12345678901234567890]}""#),
    ),
    ("mood enum('so so','good')", "'so so'", r#""so so""#, None),
    ("moods set('a','b')", "'a,b'", r#""a,b""#, None),
    (
        "uid uuid",
        "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
        r#""a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11""#,
        None,
    ),
    ("address inet6", "'::1'", r#""::1""#, None),
    ("nothing bigint", "NULL", "null", None),
    ("`odd ``name``` text", "'x'", r#""x""#, None),
];

fn name(column: &str) -> String {
    let name = match column.strip_prefix('`') {
        Some(rest) => rest[..rest.rfind('`').unwrap()].replace("``", "`"),
        None => column.split(' ').next().unwrap().to_owned(),
    };
    serde_json::to_string(&name).unwrap()
}

async fn made(servers: &Servers) -> Database {
    let database = Database::mariadb(servers.mariadb()).await;
    let columns: Vec<_> = VALUES.iter().map(|(column, ..)| *column).collect();
    let values: Vec<_> = VALUES.iter().map(|(_, value, ..)| *value).collect();
    database
        .run(&format!(
            "SET NAMES utf8mb4;; CREATE TABLE kinds (id int PRIMARY KEY, {}, spot point);; \
             INSERT INTO kinds VALUES (1, {}, ST_PointFromText('POINT(1.5 2)'))",
            columns.join(", "),
            values.join(", ")
        ))
        .await;
    database
}

fn expected(in_query: bool) -> String {
    let fields: Vec<_> = VALUES
        .iter()
        .map(|(column, _, json, differs)| {
            let json = differs.filter(|_| in_query).unwrap_or(json);
            format!("{}:{json}", name(column))
        })
        .collect();
    format!(
        "{{\"id\":1,{},\"spot\":\"POINT(1.5 2)\"}}",
        fields.join(",")
    )
}

pub(crate) async fn each_type_is_exact(servers: Servers) {
    let database = made(&servers).await;
    let source = database.source(&json!({})).await;
    let read = read(source.as_ref(), full("kinds")).await;
    assert_eq!(read.rows, [expected(false)]);
}

pub(crate) async fn a_query_has_the_same_types(servers: Servers) {
    let database = made(&servers).await;
    let queries =
        json!({"queries": [{"name": "all", "sql": "SELECT * FROM kinds", "primaryKey": "id"}]});
    let source = database.source(&queries).await;
    let read = read(source.as_ref(), full("all")).await;
    assert_eq!(read.rows, [expected(true)]);
}
