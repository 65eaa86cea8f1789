use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::rules::ErrorRule;
use crate::jsonpath::{Field, Selector};
use crate::time_format::{Span, TimeFormat};

/// One list of rows.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) verb: Verb,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Option<Value>,
    pub(crate) body_format: BodyFormat,
    pub(crate) records: Selector,
    pub(crate) primary_key: Vec<String>,
    pub(crate) pagination: Pagination,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) parent: Option<Parent>,
    /// The stream's own first, then those of all streams.
    pub(crate) errors: Vec<ErrorRule>,
    pub(crate) format: Format,
    pub(crate) by_default: bool,
    /// Digest of the declaration: a position of another one is worth nothing.
    pub(crate) digest: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verb {
    #[default]
    #[serde(alias = "get")]
    Get,
    #[serde(alias = "post")]
    Post,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BodyFormat {
    #[default]
    Json,
    Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Ndjson,
    Csv { delimiter: u8 },
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    #[default]
    Query,
    Body,
    Header,
}

/// How the next page is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Pagination {
    None,
    Page {
        parameter: String,
        place: Place,
        start: u64,
        size: Option<Size>,
        stop: Stop,
    },
    Offset {
        parameter: String,
        place: Place,
        start: u64,
        size: Option<Size>,
        stop: Stop,
    },
    Cursor {
        parameter: String,
        place: Place,
        from: Source,
        size: Option<Size>,
        stop: Stop,
    },
    NextLink {
        from: Source,
        size: Option<Size>,
        place: Place,
        stop: Stop,
    },
}

/// How many rows a page is asked to hold.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    pub(crate) parameter: String,
    pub(crate) rows: u64,
}

/// Where an answer says what comes next.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Body(Selector),
    Header(String),
    /// A field of the page's last row.
    LastRow(Field),
}

/// What ends a list, beside an empty page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    pub(crate) has_more: Option<Selector>,
    pub(crate) total: Option<Selector>,
    /// A page with fewer rows than asked for is the last.
    pub(crate) when_short: bool,
    /// Rows behind are left out, and the run says so.
    pub(crate) max_pages: Option<u64>,
}

/// How changed rows are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    pub(crate) field: Field,
    pub(crate) field_name: String,
    pub(crate) format: TimeFormat,
    /// The parameter with the lower bound; none if a template or nothing carries it.
    pub(crate) since: Option<(Place, String)>,
    pub(crate) until: Option<(Place, String)>,
    /// The API cannot filter: rows are compared here.
    pub(crate) compare: bool,
    pub(crate) lookback: Span,
    pub(crate) window: Option<Span>,
    pub(crate) start: Option<Timestamp>,
}

/// The stream whose rows this one is read for.
#[derive(Debug, Clone)]
pub(crate) struct Parent {
    pub(crate) stream: String,
    pub(crate) id: Field,
    /// The field that rows gain.
    pub(crate) key: String,
}

impl Pagination {
    pub(crate) fn stop(&self) -> Option<&Stop> {
        match self {
            Self::None => None,
            Self::Page { stop, .. }
            | Self::Offset { stop, .. }
            | Self::Cursor { stop, .. }
            | Self::NextLink { stop, .. } => Some(stop),
        }
    }

    pub(crate) fn size(&self) -> Option<&Size> {
        match self {
            Self::None => None,
            Self::Page { size, .. }
            | Self::Offset { size, .. }
            | Self::Cursor { size, .. }
            | Self::NextLink { size, .. } => size.as_ref(),
        }
    }
}

impl Stream {
    /// Whether `{since}` or `{until}` stands in a template of the request.
    pub(crate) fn mentions(&self, placeholder: &str) -> bool {
        let body = self.body.as_ref().map(Value::to_string);
        self.path.contains(placeholder)
            || self
                .query
                .iter()
                .any(|(_, value)| value.contains(placeholder))
            || self
                .headers
                .values()
                .any(|value| value.contains(placeholder))
            || body.is_some_and(|body| body.contains(placeholder))
    }
}
