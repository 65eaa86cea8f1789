use std::collections::HashMap;

use engine::Error;
use sql::{Bind, CursorKind};
use tokio_postgres::Client;

use super::error;
use crate::table::Shape;

/// The types of a database, but for those of tables' rows.
#[derive(Debug, Default)]
pub(super) struct Types(HashMap<u32, Type>);

#[derive(Debug)]
struct Type {
    name: String,
    /// One of PostgreSQL's own.
    is_built_in: bool,
    /// `b`ase, `d`omain, `e`num, `r`ange …
    kind: char,
    is_array: bool,
    base: u32,
    element: u32,
    /// As it is written in a cast.
    sql: String,
}

const ALL: &str = "SELECT t.oid, t.typname::text, n.nspname = 'pg_catalog', t.typtype::text, \
     t.typcategory = 'A' AND t.typlen = -1, t.typbasetype, t.typelem, \
     pg_catalog.format_type(t.oid, -1)::text \
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
     LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem \
     WHERE t.typtype <> 'c' AND (e.typtype IS NULL OR e.typtype <> 'c')";

impl Types {
    pub(super) async fn load(client: &Client) -> Result<Self, Error> {
        let rows = client.query(ALL, &[]).await.map_err(|e| error::of(&e))?;
        let mut types = HashMap::with_capacity(rows.len());
        for row in rows {
            let kind: String = row.get(3);
            types.insert(
                row.get(0),
                Type {
                    name: row.get(1),
                    is_built_in: row.get(2),
                    kind: kind.chars().next().unwrap_or('b'),
                    is_array: row.get(4),
                    base: row.get(5),
                    element: row.get(6),
                    sql: row.get(7),
                },
            );
        }
        Ok(Self(types))
    }

    /// The type itself, or what a domain is made of.
    fn base(&self, oid: u32) -> Option<&Type> {
        let mut found = self.0.get(&oid)?;
        // Domains of domains are rare, and never a circle.
        for _ in 0..32 {
            if found.kind != 'd' {
                break;
            }
            found = self.0.get(&found.base)?;
        }
        Some(found)
    }

    pub(super) fn shape(&self, oid: u32) -> Shape {
        let Some(found) = self.base(oid) else {
            return Shape::Text;
        };
        if found.is_array && found.element != 0 {
            let plain = matches!(found.name.as_str(), "int2vector" | "oidvector");
            // The items of box[] are parted by semicolons.
            let boxes = self.0.get(&found.element).is_some_and(|t| t.name == "box");
            return if plain || boxes {
                Shape::Text
            } else {
                Shape::List(Box::new(self.shape(found.element)))
            };
        }
        if !found.is_built_in {
            return Shape::Text;
        }
        match found.name.as_str() {
            "bool" => Shape::Boolean,
            "int2" | "int4" | "oid" => Shape::Integer,
            "int8" => Shape::WideInteger,
            "numeric" => Shape::Decimal,
            "float4" | "float8" => Shape::Float,
            "date" => Shape::Date,
            "time" | "timetz" => Shape::Time,
            "timestamptz" => Shape::Timestamp,
            "timestamp" => Shape::LocalTimestamp,
            "bytea" => Shape::Bytes,
            "json" | "jsonb" => Shape::Json,
            _ => Shape::Text,
        }
    }

    pub(super) fn bind(&self, oid: u32) -> Option<Bind> {
        let found = self.base(oid)?;
        let unordered = [
            "json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle",
        ];
        if found.is_built_in && unordered.contains(&found.name.as_str()) {
            return None;
        }
        Some(match self.cursor(oid) {
            // Comparing with bigint, a bound below the column's own range is no error.
            CursorKind::Whole => Bind::Cast("bigint".to_owned()),
            _ => Bind::Cast(found.sql.clone()),
        })
    }

    pub(super) fn cursor(&self, oid: u32) -> CursorKind {
        let Some(found) = self.base(oid).filter(|found| found.is_built_in) else {
            return CursorKind::Other;
        };
        match found.name.as_str() {
            "timestamptz" => CursorKind::Moment,
            "timestamp" => CursorKind::LocalMoment,
            "date" => CursorKind::Day,
            "int2" | "int4" | "int8" => CursorKind::Whole,
            _ => CursorKind::Other,
        }
    }
}
