use std::collections::{HashMap, HashSet};

use engine::Error;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use sql::From;

use super::{error, types};
use crate::table::{Found, Shape};

/// The server shows only the columns that this user may read.
const COLUMNS: &str = "SELECT c.table_name, t.table_type, c.column_name, c.data_type, \
     c.column_type, c.is_nullable, c.extra, c.datetime_precision \
     FROM information_schema.columns c JOIN information_schema.tables t \
     ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
     WHERE c.table_schema = DATABASE() AND (? IS NULL OR c.table_name = ?) \
     AND FIND_IN_SET('select', c.privileges) > 0 \
     ORDER BY c.table_name, c.ordinal_position";

/// Unique indexes none of whose columns may be null or is cut off, the primary key first.
const KEYS: &str = "SELECT table_name, index_name, \
     GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR '\\n') \
     FROM information_schema.statistics \
     WHERE table_schema = DATABASE() AND (? IS NULL OR table_name = ?) AND non_unique = 0 \
     GROUP BY table_name, index_name \
     HAVING SUM(nullable = 'YES') = 0 AND SUM(sub_part IS NOT NULL) = 0 \
     AND SUM(column_name IS NULL) = 0 \
     ORDER BY table_name, index_name <> 'PRIMARY', COUNT(*), index_name";

/// `MariaDB` keeps JSON as text with this constraint.
const JSON: &str = "SELECT table_name, check_clause FROM information_schema.check_constraints \
     WHERE constraint_schema = DATABASE() AND check_clause LIKE 'json_valid(%)'";

type ColumnRow = (
    String,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<u8>,
);

pub(super) async fn tables(
    conn: &mut Conn,
    is_mariadb: bool,
    only: Option<&str>,
) -> Result<Vec<Found>, Error> {
    let rows: Vec<ColumnRow> = conn
        .exec(COLUMNS, (only, only))
        .await
        .map_err(|e| error::of(&e))?;
    let json = if is_mariadb {
        json_columns(conn).await?
    } else {
        HashSet::new()
    };
    let mut found: Vec<(String, Found)> = Vec::new();
    for (table, kind, name, data_type, native, nullable, extra, fraction) in rows {
        if found.last().is_none_or(|(last, _)| *last != table) {
            found.push((table.clone(), entry(&table, &kind)));
        }
        let is_json = json.contains(&(table, name.clone()));
        let mut column = types::declared(
            name,
            &data_type.to_ascii_lowercase(),
            &native,
            fraction.unwrap_or(0),
        );
        column.nullable = nullable == "YES";
        column.touched = extra
            .unwrap_or_default()
            .to_ascii_lowercase()
            .contains("on update current_timestamp");
        if is_json {
            column.shape = Shape::Json;
            column.bind = None;
        }
        if let Some((_, entry)) = found.last_mut() {
            entry.columns.push(column);
        }
    }
    let mut keys = keys(conn, only).await?;
    Ok(found
        .into_iter()
        .map(|(name, mut table)| {
            table.key = keys
                .remove(&name)
                .filter(|key| {
                    key.iter()
                        .all(|k| table.columns.iter().any(|c| c.name == *k))
                })
                .unwrap_or_default();
            table
        })
        .collect())
}

fn entry(name: &str, kind: &str) -> Found {
    Found {
        stream: name.to_owned(),
        short: None,
        from: From::Table {
            schema: None,
            name: name.to_owned(),
        },
        is_view: kind.contains("VIEW"),
        columns: Vec::new(),
        key: Vec::new(),
    }
}

async fn keys(conn: &mut Conn, only: Option<&str>) -> Result<HashMap<String, Vec<String>>, Error> {
    let rows: Vec<(String, String, String)> = conn
        .exec(KEYS, (only, only))
        .await
        .map_err(|e| error::of(&e))?;
    let mut keys = HashMap::new();
    for (table, _, columns) in rows {
        keys.entry(table)
            .or_insert_with(|| columns.split('\n').map(str::to_owned).collect());
    }
    Ok(keys)
}

async fn json_columns(conn: &mut Conn) -> Result<HashSet<(String, String)>, Error> {
    let rows: Vec<(String, String)> = conn.exec(JSON, ()).await.map_err(|e| error::of(&e))?;
    Ok(rows
        .into_iter()
        .filter_map(|(table, clause)| {
            let name = clause.strip_prefix("json_valid(`")?.strip_suffix("`)")?;
            Some((table, name.replace("``", "`")))
        })
        .collect())
}
