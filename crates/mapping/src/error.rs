use std::fmt;

/// Why a row cannot be mapped. Names the field and never quotes its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The field that a step stumbled over, as it is called at that step; empty if it is the row.
    pub field: String,
    /// What is wrong with it, as the end of a sentence that begins with the field.
    pub why: String,
}

impl RowError {
    pub(crate) fn new(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            why: why.into(),
        }
    }

    /// Always false: the same row under the same rules fails again.
    pub fn is_transient(&self) -> bool {
        false
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, why } = self;
        if field.is_empty() {
            write!(f, "the row {why}")
        } else {
            write!(f, "field `{field}` {why}")
        }
    }
}

impl std::error::Error for RowError {}

/// Why a row has no external id. Names the field and never quotes its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoId {
    /// A field of the primary key is missing, null or empty text.
    #[error("field `{field}` of the primary key is missing, null or empty; choose another key")]
    Missing {
        /// The field.
        field: String,
    },
    /// A field of the primary key is an object or a list.
    #[error("field `{field}` of the primary key is an object or a list; choose another key")]
    NotScalar {
        /// The field.
        field: String,
    },
    /// The row is something else than an object.
    #[error("the row is not a JSON object, so that it has no primary key")]
    NotAnObject,
}

impl NoId {
    /// Always false: the same row has no id the next time either.
    pub fn is_transient(&self) -> bool {
        false
    }
}
