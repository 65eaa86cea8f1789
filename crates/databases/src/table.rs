use engine::{Field, FieldKind, Stream};
use sql::{Bind, CursorKind, From, ReadAs};

/// What the values of a column are, and so how they become JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Boolean,
    /// At most 32 bits: a JSON number.
    Integer,
    /// 64 bits: text, in every row, so that a column does not change its type at 2^53.
    WideInteger,
    Decimal,
    Float,
    Text,
    Date,
    Time,
    Timestamp,
    LocalTimestamp,
    Bytes,
    Json,
    /// So many bits, as binary digits.
    Bits(u8),
    List(Box<Self>),
    /// Each value has a type of its own (`SQLite`); this one is likely.
    Any(FieldKind),
}

impl Shape {
    fn kind(&self) -> FieldKind {
        match self {
            Self::Boolean => FieldKind::Boolean,
            Self::Integer | Self::WideInteger => FieldKind::Integer,
            Self::Decimal => FieldKind::Decimal,
            Self::Float => FieldKind::Number,
            Self::Text | Self::Bits(_) => FieldKind::Text,
            Self::Date => FieldKind::Date,
            Self::Time => FieldKind::Time,
            Self::Timestamp => FieldKind::Timestamp,
            Self::LocalTimestamp => FieldKind::LocalTimestamp,
            Self::Bytes => FieldKind::Bytes,
            Self::Json => FieldKind::Mixed,
            Self::List(_) => FieldKind::List,
            Self::Any(kind) => *kind,
        }
    }
}

/// A column of a table, view or query.
#[derive(Debug, Clone)]
pub(crate) struct ColumnInfo {
    pub(crate) name: String,
    /// The database's name of its type.
    pub(crate) native: String,
    pub(crate) nullable: bool,
    pub(crate) shape: Shape,
    /// Digits of a second's fraction, where the driver does not tell by itself.
    pub(crate) fraction: u8,
    pub(crate) read: ReadAs,
    /// How its values are compared; `None` if rows cannot be ordered by it.
    pub(crate) bind: Option<Bind>,
    pub(crate) cursor: CursorKind,
    /// The database itself writes the time of each change into it.
    pub(crate) touched: bool,
}

/// A table or view as the database has it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) stream: String,
    /// The name without a schema, if that is enough to mean it.
    pub(crate) short: Option<String>,
    pub(crate) from: From,
    pub(crate) is_view: bool,
    pub(crate) columns: Vec<ColumnInfo>,
    /// Its primary key, or the columns of another unique index none of which is ever null.
    pub(crate) key: Vec<String>,
}

impl Found {
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.stream == name || self.short.as_deref() == Some(name)
    }
}

/// A table, view or query as it is read.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) stream: String,
    pub(crate) from: From,
    pub(crate) columns: Vec<ColumnInfo>,
    pub(crate) key: Vec<String>,
    /// The database sees to it that no two rows have the same key.
    pub(crate) key_is_enforced: bool,
    pub(crate) cursor: Option<String>,
    pub(crate) by_default: bool,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&ColumnInfo> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(crate) fn stream(&self) -> Stream {
        Stream {
            name: self.stream.clone(),
            primary_key: self.key.clone(),
            cursor: self.cursor.clone(),
            parent: None,
            needs: Vec::new(),
            fields: self.columns.iter().map(ColumnInfo::field).collect(),
            by_default: self.by_default,
        }
    }
}

impl ColumnInfo {
    fn field(&self) -> Field {
        Field {
            name: self.name.clone(),
            kind: self.shape.kind(),
            nullable: self.nullable,
            native: Some(self.native.clone()),
        }
    }
}
