use std::collections::HashMap;

use engine::Error;
use sql::{From, ReadAs};
use tokio_postgres::Client;

use super::error;
use super::types::Types;
use crate::table::{ColumnInfo, Found};

/// Tables, views, materialized views, foreign and partitioned tables (not their partitions), with
/// the columns that this user may read.
const COLUMNS: &str = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, \
     a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)::text, a.atttypid, \
     a.attnotnull \
     FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
     WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition \
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
     AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') \
     AND ($1::text IS NULL OR $1 IN (c.relname::text, n.nspname::text || '.' || c.relname::text)) \
     ORDER BY n.nspname, c.relname, a.attnum";

/// Unique indexes that hold for every row, the primary key first, then the narrowest.
const KEYS: &str = "SELECT i.indrelid, array_agg(a.attname::text ORDER BY k.at) \
     FROM pg_catalog.pg_index i \
     CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at) \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
     WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND i.indimmediate \
     AND i.indpred IS NULL AND i.indexprs IS NULL AND k.at <= i.indnkeyatts \
     GROUP BY i.indexrelid, i.indrelid, i.indisprimary, i.indnkeyatts \
     HAVING bool_and(a.attnotnull) \
     ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid";

pub(super) async fn tables(
    client: &Client,
    types: &Types,
    only: Option<&str>,
) -> Result<Vec<Found>, Error> {
    let rows = client
        .query(COLUMNS, &[&only])
        .await
        .map_err(|e| error::of(&e))?;
    let mut found: Vec<(u32, Found)> = Vec::new();
    for row in rows {
        let oid: u32 = row.get(0);
        if found.last().is_none_or(|(last, _)| *last != oid) {
            found.push((oid, table(&row)));
        }
        let type_oid: u32 = row.get(6);
        let column = column(
            types,
            row.get(4),
            row.get(5),
            type_oid,
            !row.get::<_, bool>(7),
        );
        if let Some((_, table)) = found.last_mut() {
            table.columns.push(column);
        }
    }
    let oids: Vec<u32> = found.iter().map(|(oid, _)| *oid).collect();
    let mut keys: HashMap<u32, Vec<String>> = HashMap::new();
    for row in client
        .query(KEYS, &[&oids])
        .await
        .map_err(|e| error::of(&e))?
    {
        keys.entry(row.get(0)).or_insert_with(|| row.get(1));
    }
    Ok(found
        .into_iter()
        .map(|(oid, mut table)| {
            // A key of which a column may not be read is none.
            table.key = keys
                .remove(&oid)
                .filter(|key| {
                    key.iter()
                        .all(|k| table.columns.iter().any(|c| c.name == *k))
                })
                .unwrap_or_default();
            table
        })
        .collect())
}

fn table(row: &tokio_postgres::Row) -> Found {
    let schema: String = row.get(1);
    let name: String = row.get(2);
    let kind: String = row.get(3);
    Found {
        stream: format!("{schema}.{name}"),
        short: (schema == "public").then(|| name.clone()),
        from: From::Table {
            schema: Some(schema),
            name,
        },
        is_view: matches!(kind.as_str(), "v" | "m"),
        columns: Vec::new(),
        key: Vec::new(),
    }
}

pub(super) fn column(
    types: &Types,
    name: String,
    native: String,
    type_oid: u32,
    nullable: bool,
) -> ColumnInfo {
    ColumnInfo {
        name,
        native,
        nullable,
        shape: types.shape(type_oid),
        fraction: 0,
        // Every type has a text form that reads back as the same value.
        read: ReadAs::Text,
        bind: types.bind(type_oid),
        cursor: types.cursor(type_oid),
        touched: false,
    }
}
