use mysql_async::Column;
use mysql_async::consts::{ColumnFlags, ColumnType};
use sql::{Bind, CursorKind, ReadAs};

use crate::table::{ColumnInfo, Shape};

/// The charset that says `bytes`.
const BINARY: u16 = 63;

/// A column by what `information_schema.columns` says: `data_type` and `column_type`.
pub(super) fn declared(name: String, data_type: &str, native: &str, fraction: u8) -> ColumnInfo {
    let (shape, bind, cursor) = match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "year" => {
            (Shape::Integer, Some(Bind::Plain), CursorKind::Whole)
        }
        "bigint" => (Shape::WideInteger, Some(Bind::Plain), CursorKind::Whole),
        "decimal" => (
            Shape::Decimal,
            Some(Bind::Cast("DECIMAL(65,30)".to_owned())),
            CursorKind::Other,
        ),
        // FLOAT is compared after rounding, so that no bound meets it.
        "float" => (Shape::Float, None, CursorKind::Other),
        "double" => (Shape::Float, Some(Bind::Plain), CursorKind::Other),
        "bit" => (Shape::Bits(width(native)), None, CursorKind::Other),
        "date" => (
            Shape::Date,
            Some(Bind::Cast("DATE".to_owned())),
            CursorKind::Day,
        ),
        "datetime" => (
            Shape::LocalTimestamp,
            Some(Bind::Cast("DATETIME(6)".to_owned())),
            CursorKind::LocalMoment,
        ),
        "timestamp" => (
            Shape::Timestamp,
            Some(Bind::Cast("DATETIME(6)".to_owned())),
            CursorKind::Moment,
        ),
        "time" => (
            Shape::Time,
            Some(Bind::Cast("TIME(6)".to_owned())),
            CursorKind::Other,
        ),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            (Shape::Bytes, Some(Bind::Hex), CursorKind::Other)
        }
        "json" => (Shape::Json, None, CursorKind::Other),
        // Ordered by their number, but compared as text.
        "enum" | "set" => (Shape::Text, None, CursorKind::Other),
        kind if is_geometry(kind) => (Shape::Text, None, CursorKind::Other),
        _ => (Shape::Text, Some(Bind::Plain), CursorKind::Other),
    };
    ColumnInfo {
        name,
        native: native.to_owned(),
        nullable: true,
        shape,
        fraction,
        read: if is_geometry(data_type) {
            ReadAs::WellKnownText
        } else {
            ReadAs::Value
        },
        bind,
        cursor,
        touched: false,
    }
}

fn is_geometry(data_type: &str) -> bool {
    matches!(
        data_type,
        "geometry"
            | "point"
            | "linestring"
            | "polygon"
            | "multipoint"
            | "multilinestring"
            | "multipolygon"
            | "geometrycollection"
            | "geomcollection"
    )
}

/// 10, of `bit(10)`.
fn width(native: &str) -> u8 {
    native
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(bits, _)| bits.parse().ok())
        .unwrap_or(1)
}

/// A column by what the server says of a query's result.
pub(super) fn resulting(column: &Column) -> ColumnInfo {
    let is_binary = column.character_set() == BINARY;
    let data_type = match column.column_type() {
        ColumnType::MYSQL_TYPE_TINY
        | ColumnType::MYSQL_TYPE_SHORT
        | ColumnType::MYSQL_TYPE_INT24
        | ColumnType::MYSQL_TYPE_LONG => "int",
        ColumnType::MYSQL_TYPE_YEAR => "year",
        ColumnType::MYSQL_TYPE_LONGLONG => "bigint",
        ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => "decimal",
        ColumnType::MYSQL_TYPE_FLOAT => "float",
        ColumnType::MYSQL_TYPE_DOUBLE => "double",
        ColumnType::MYSQL_TYPE_BIT => "bit",
        ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => "date",
        ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_DATETIME2 => "datetime",
        ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => "timestamp",
        ColumnType::MYSQL_TYPE_TIME | ColumnType::MYSQL_TYPE_TIME2 => "time",
        ColumnType::MYSQL_TYPE_JSON => "json",
        ColumnType::MYSQL_TYPE_GEOMETRY => "geometry",
        _ if column.flags().contains(ColumnFlags::ENUM_FLAG)
            || column.flags().contains(ColumnFlags::SET_FLAG) =>
        {
            "enum"
        }
        ColumnType::MYSQL_TYPE_TINY_BLOB
        | ColumnType::MYSQL_TYPE_BLOB
        | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
        | ColumnType::MYSQL_TYPE_LONG_BLOB
        | ColumnType::MYSQL_TYPE_VARCHAR
        | ColumnType::MYSQL_TYPE_VAR_STRING
        | ColumnType::MYSQL_TYPE_STRING
            if is_binary =>
        {
            "varbinary"
        }
        _ => "varchar",
    };
    let native = match data_type {
        "bit" => format!("bit({})", column.column_length()),
        data_type => data_type.to_owned(),
    };
    let mut info = declared(
        column.name_str().into_owned(),
        data_type,
        &native,
        column.decimals().min(6),
    );
    info.nullable = !column.flags().contains(ColumnFlags::NOT_NULL_FLAG);
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_a_width() {
        assert_eq!(width("bit(10)"), 10);
        assert_eq!(width("bit"), 1);
    }

    #[test]
    fn rows_are_not_ordered_by_what_compares_otherwise_than_it_sorts() {
        for data_type in ["enum", "set", "float", "json", "bit", "geometry"] {
            let column = declared("a".into(), data_type, data_type, 0);
            assert_eq!(column.bind, None, "{data_type}");
        }
    }
}
