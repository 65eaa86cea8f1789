use engine::FieldKind;
use rusqlite::{Connection, OptionalExtension};
use sql::{Bind, CursorKind, From, ReadAs};

use crate::table::{ColumnInfo, Found, Shape};

/// Hidden columns of virtual tables (1) are no data; generated ones (2, 3) are.
const COLUMNS: &str = "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1) \
     WHERE hidden <> 1 ORDER BY cid";

const TABLES: &str = "SELECT name, type FROM sqlite_schema \
     WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     AND (?1 IS NULL OR name = ?1) ORDER BY name";

const UNIQUE: &str = "SELECT name FROM pragma_index_list(?1) \
     WHERE \"unique\" = 1 AND partial = 0 ORDER BY seq DESC";

const INDEXED: &str = "SELECT name FROM pragma_index_info(?1) ORDER BY seqno";

pub(super) fn tables(connection: &Connection, only: Option<&str>) -> rusqlite::Result<Vec<Found>> {
    let mut statement = connection.prepare(TABLES)?;
    let names = statement.query_map([only], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    names
        .map(|row| {
            let (name, kind) = row?;
            table(connection, name, &kind)
        })
        .collect()
}

fn table(connection: &Connection, name: String, kind: &str) -> rusqlite::Result<Found> {
    let mut columns = Vec::new();
    let mut key = Vec::new();
    let mut statement = connection.prepare(COLUMNS)?;
    let mut rows = statement.query([&name])?;
    while let Some(row) = rows.next()? {
        let not_null: bool = row.get(2)?;
        let at_key: i64 = row.get(3)?;
        let native: String = row.get(1)?;
        // Primary keys may be null in SQLite, but for row ids.
        let is_row_id = at_key > 0 && native.eq_ignore_ascii_case("INTEGER");
        let column = column(row.get(0)?, native, !(not_null || is_row_id));
        if at_key > 0 {
            key.push((at_key, column.name.clone()));
        }
        columns.push(column);
    }
    key.sort_unstable();
    let key: Vec<_> = key.into_iter().map(|(_, name)| name).collect();
    let key = if is_never_null(&columns, &key) {
        key
    } else {
        unique(connection, &name, &columns)?
    };
    Ok(Found {
        stream: name.clone(),
        short: None,
        from: From::Table { schema: None, name },
        is_view: kind == "view",
        columns,
        key,
    })
}

fn is_never_null(columns: &[ColumnInfo], key: &[String]) -> bool {
    !key.is_empty()
        && key.iter().all(|name| {
            columns
                .iter()
                .any(|column| column.name == *name && !column.nullable)
        })
}

/// Another unique index, none of whose columns is ever null.
fn unique(
    connection: &Connection,
    table: &str,
    columns: &[ColumnInfo],
) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(UNIQUE)?;
    let indexes: Vec<String> = statement
        .query_map([table], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for index in indexes {
        let mut statement = connection.prepare(INDEXED)?;
        let names: Vec<Option<String>> = statement
            .query_map([index], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        // An indexed expression has no name.
        let names: Option<Vec<String>> = names.into_iter().collect();
        if let Some(names) = names.filter(|names| is_never_null(columns, names)) {
            return Ok(names);
        }
    }
    Ok(Vec::new())
}

pub(super) fn column(name: String, native: String, nullable: bool) -> ColumnInfo {
    let upper = native.to_ascii_uppercase();
    // By the rules of https://www.sqlite.org/datatype3.html, and a few usual names.
    let shape = if upper.contains("BOOL") {
        Shape::Boolean
    } else if upper.contains("JSON") {
        Shape::Json
    } else if upper.contains("INT") {
        Shape::Any(FieldKind::Integer)
    } else if ["REAL", "FLOA", "DOUB", "DEC", "NUM"]
        .iter()
        .any(|part| upper.contains(part))
    {
        Shape::Any(FieldKind::Number)
    } else if ["CHAR", "CLOB", "TEXT", "DATE", "TIME", "UUID"]
        .iter()
        .any(|part| upper.contains(part))
    {
        Shape::Any(FieldKind::Text)
    } else if upper.contains("BLOB") {
        Shape::Any(FieldKind::Bytes)
    } else {
        Shape::Any(FieldKind::Mixed)
    };
    ColumnInfo {
        name,
        native: if native.is_empty() {
            "any".to_owned()
        } else {
            native
        },
        nullable,
        shape,
        fraction: 0,
        read: ReadAs::Value,
        bind: Some(Bind::Plain),
        cursor: CursorKind::Other,
        touched: false,
    }
}

/// The columns of a checked query.
pub(super) fn of_query(connection: &Connection, query: &str) -> rusqlite::Result<Vec<ColumnInfo>> {
    let statement = connection.prepare(query)?;
    Ok(statement
        .columns()
        .map(|about| {
            let native = about.decl_type().unwrap_or_default().to_owned();
            column(about.name().to_owned(), native, true)
        })
        .collect())
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("SELECT sqlite_version()", [], |row| row.get(0))
        .optional()
}
