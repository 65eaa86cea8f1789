use serde::{Deserialize, Serialize};

/// Something of a platform that is read as rows: an object type, a table, an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// The platform's name for it, such as `tickets` or `public.orders`.
    pub name: String,
    /// The fields that make a row the same row; none if the platform has no such thing.
    pub primary_key: Vec<String>,
    /// The field by which changed rows are found; without it each run reads everything.
    pub cursor: Option<String>,
    /// The stream whose rows this one is read for, one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Plans, scopes or rights that reading it takes, in words.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub needs: Vec<String>,
    /// What is known of its fields before reading; empty if only rows tell.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<Field>,
    /// Whether it is read if nobody chose streams.
    pub by_default: bool,
}

/// A field of a stream's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What its values are in JSON.
    pub kind: FieldKind,
    /// Whether it may be null or missing.
    pub nullable: bool,
    /// The platform's own name of its type, such as `numeric(38,18)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number; as text beyond 2^53.
    Integer,
    /// An exact decimal, as text.
    Decimal,
    /// A floating-point number.
    Number,
    /// Text.
    Text,
    /// `YYYY-MM-DD`.
    Date,
    /// A time of day.
    Time,
    /// A moment, RFC 3339 with an offset.
    Timestamp,
    /// Date and time of a clock on some wall, without an offset.
    LocalTimestamp,
    /// Bytes, as base64.
    Bytes,
    /// An object.
    Object,
    /// An array.
    List,
    /// Only nulls were seen.
    Null,
    /// Several of these, or something else.
    Mixed,
}
