use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::item::{self, Attributes};

/// An expression with the names and values it refers to; every name is a placeholder, because
/// `DynamoDB` reserves some 570 words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expression {
    pub(crate) text: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<Attributes>,
}

impl Expression {
    pub(crate) fn new(text: String) -> Self {
        Self {
            text: Some(text),
            names: None,
            values: None,
        }
    }

    pub(crate) fn name(mut self, placeholder: &str, name: &str) -> Self {
        self.names
            .get_or_insert_default()
            .insert(placeholder.to_owned(), name.to_owned());
        self
    }

    pub(crate) fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values
            .get_or_insert_default()
            .insert(placeholder.to_owned(), value);
        self
    }
}

/// What must hold for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Requirement {
    Nothing,
    Absent,
    Version(u64),
    /// The item is still the one that this write made.
    WrittenBy(String),
}

impl Requirement {
    pub(crate) fn expression(&self, now: Timestamp) -> Expression {
        match self {
            Self::Nothing => Expression::default(),
            Self::Absent => {
                Expression::new("attribute_not_exists(#pk) OR #expires_at <= :now".to_owned())
                    .name("#pk", item::PK)
                    .name("#expires_at", item::EXPIRES_AT)
                    .value(":now", item::number(&now.as_second()))
            }
            Self::Version(version) => Expression::new("#version = :version".to_owned())
                .name("#version", item::VERSION)
                .value(":version", item::number(version)),
            Self::WrittenBy(id) => Expression::new("#write_id = :write_id".to_owned())
                .name("#write_id", item::WRITE)
                .value(":write_id", item::text(id)),
        }
    }
}
