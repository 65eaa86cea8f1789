use serde_json::json;

use crate::reading::{Database, full, read};
use crate::servers::Servers;

/// Column, SQL of its value, JSON of its value.
const VALUES: &[(&str, &str, &str)] = &[
    ("small smallint", "-32768", "-32768"),
    ("whole integer", "2147483647", "2147483647"),
    ("big bigint", "9007199254740993", r#""9007199254740993""#),
    ("big_small bigint", "1", r#""1""#),
    (
        "exact decimal(38,18)",
        "12345678901234567890.123456789012345678",
        r#""12345678901234567890.123456789012345678""#,
    ),
    ("scale decimal(10,4)", "1.5", r#""1.5000""#),
    ("exact_nan numeric", "'NaN'", r#""NaN""#),
    ("exact_infinity numeric", "'-Infinity'", r#""-Infinity""#),
    (
        "wide numeric",
        "1e40",
        r#""10000000000000000000000000000000000000000""#,
    ),
    ("real4 real", "1.1", "1.1"),
    (
        "real8 double precision",
        "0.1::float8 + 0.2::float8",
        "0.30000000000000004",
    ),
    ("real_nan double precision", "'NaN'", r#""NaN""#),
    ("real_infinity real", "'-Infinity'", r#""-Infinity""#),
    ("yes boolean", "true", "true"),
    ("no boolean", "false", "false"),
    (
        "txt text",
        r#"E'line\nquote" ü \\ \u0001'"#,
        r#""line\nquote\" ü \\ \u0001""#,
    ),
    ("chars char(5)", "'ab'", r#""ab""#),
    ("vchars varchar(5)", "'ab '", r#""ab ""#),
    ("bytes bytea", r"'\x00ff10'", r#""AP8Q""#),
    ("day date", "'2024-02-29'", r#""2024-02-29""#),
    ("day_bc date", "'0044-03-15 BC'", r#""-000043-03-15""#),
    ("day_infinity date", "'infinity'", r#""Infinity""#),
    (
        "moment timestamptz",
        "'2024-02-29 23:59:59.123456+02'",
        r#""2024-02-29T21:59:59.123456Z""#,
    ),
    (
        "moment_bc timestamptz",
        "'0001-01-01 00:00:00+00 BC'",
        r#""0000-01-01T00:00:00Z""#,
    ),
    (
        "moment_infinity timestamptz",
        "'-infinity'",
        r#""-Infinity""#,
    ),
    (
        "local_moment timestamp",
        "'2024-02-29 23:59:59.1'",
        r#""2024-02-29T23:59:59.1""#,
    ),
    ("clock time", "'23:59:59.5'", r#""23:59:59.5""#),
    ("clock_zone timetz", "'24:00:00+02'", r#""24:00:00+02""#),
    (
        "span interval",
        "'1 year 2 mons 3 days 04:05:06'",
        r#""P1Y2M3DT4H5M6S""#,
    ),
    (
        "json_text json",
        r#"'{"b": 1.10, "a": [1, {"x": null}],  "b": 12345678901234567890}'"#,
        r#"{"b":1.10,"a":[1,{"x":null}],"b":12345678901234567890}"#,
    ),
    (
        "json_binary jsonb",
        r#"'{"n": 1.10, "t": "a  b"}'"#,
        r#"{"n":1.10,"t":"a  b"}"#,
    ),
    (
        "uid uuid",
        "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",
        r#""a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11""#,
    ),
    ("mood mood", "'so so'", r#""so so""#),
    ("ints integer[]", "'{1,NULL,3}'", "[1,null,3]"),
    ("grid integer[]", "'{{1,2},{3,4}}'", "[[1,2],[3,4]]"),
    (
        "texts text[]",
        r#"ARRAY['a "b"', 'NULL', '', 'c,d']"#,
        r#"["a \"b\"","NULL","","c,d"]"#,
    ),
    (
        "bigs bigint[]",
        "'{9007199254740993}'",
        r#"["9007199254740993"]"#,
    ),
    (
        "moments timestamptz[]",
        "ARRAY['2024-01-01 00:00:00+00'::timestamptz]",
        r#"["2024-01-01T00:00:00Z"]"#,
    ),
    (
        "jsons jsonb[]",
        r#"ARRAY['{"a": 1}'::jsonb]"#,
        r#"[{"a":1}]"#,
    ),
    ("bools boolean[]", "'{t,f}'", "[true,false]"),
    ("moods mood[]", "ARRAY['so so']::mood[]", r#"["so so"]"#),
    ("none_list integer[]", "'{}'", "[]"),
    ("address inet", "'10.0.0.1/8'", r#""10.0.0.1/8""#),
    ("bits bit(5)", "B'00101'", r#""00101""#),
    ("varbits bit varying", "B'1'", r#""1""#),
    ("price money", "'1234.5'", r#""$1,234.50""#),
    ("spot point", "'(1.5,2)'", r#""(1.5,2)""#),
    ("reach int4range", "'[1,5)'", r#""[1,5)""#),
    ("pair pair", "ROW(1, 'x')", r#""(1,x)""#),
    ("positive positive", "7", r#""7""#),
    ("search tsvector", "'a b'", r#""'a' 'b'""#),
    ("nothing bigint", "NULL", "null"),
    (r#""odd ""name""" text"#, "'x'", r#""x""#),
];

const TYPES: &str = "CREATE TYPE mood AS ENUM ('so so', 'good'); \
     CREATE TYPE pair AS (a integer, b text); \
     CREATE DOMAIN positive AS bigint CHECK (value > 0)";

fn name(column: &str) -> String {
    let name = match column.strip_prefix('"') {
        Some(rest) => rest[..rest.rfind('"').unwrap()].replace("\"\"", "\""),
        None => column.split(' ').next().unwrap().to_owned(),
    };
    serde_json::to_string(&name).unwrap()
}

async fn made(servers: &Servers) -> (Database, String) {
    let database = Database::postgres(servers.postgres()).await;
    let columns: Vec<_> = VALUES.iter().map(|(column, ..)| *column).collect();
    let values: Vec<_> = VALUES.iter().map(|(_, value, _)| *value).collect();
    database.run(TYPES).await;
    database
        .run(&format!(
            "SET lc_monetary = 'C'; CREATE TABLE kinds (id integer PRIMARY KEY, {}); \
             INSERT INTO kinds VALUES (1, {})",
            columns.join(", "),
            values.join(", ")
        ))
        .await;
    let fields: Vec<_> = VALUES
        .iter()
        .map(|(column, _, json)| format!("{}:{json}", name(column)))
        .collect();
    (database, format!("{{\"id\":1,{}}}", fields.join(",")))
}

pub(crate) async fn each_type_is_exact(servers: Servers) {
    let (database, expected) = made(&servers).await;
    let source = database.source(&json!({})).await;
    let read = read(source.as_ref(), full("public.kinds")).await;
    compare(&read.rows[0], &expected);
}

pub(crate) async fn a_query_has_the_same_types(servers: Servers) {
    let (database, expected) = made(&servers).await;
    let queries =
        json!({"queries": [{"name": "all", "sql": "SELECT * FROM kinds", "primaryKey": "id"}]});
    let source = database.source(&queries).await;
    let read = read(source.as_ref(), full("all")).await;
    compare(&read.rows[0], &expected);
}

/// Field by field, to see what differs; then as a whole, for what parsing would hide.
fn compare(row: &str, expected: &str) {
    type Fields = std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>;
    let (got, wanted): (Fields, Fields) = (
        serde_json::from_str(row).unwrap(),
        serde_json::from_str(expected).unwrap(),
    );
    for (name, value) in &wanted {
        assert_eq!(got.get(name).map(|v| v.get()), Some(value.get()), "{name}");
    }
    assert_eq!(row, expected);
}
