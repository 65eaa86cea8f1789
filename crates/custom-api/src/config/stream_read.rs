use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::Problems;
use super::paging_read;
use super::read::{check_headers, check_path, error_rules};
use super::rules::ErrorRule;
use super::stream::{BodyFormat, Cursor, Format, Pagination, Parent, Place, Stream, Verb};
use crate::jsonpath::{Field, Selector};
use crate::time_format::{Span, TimeFormat};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    name: String,
    path: String,
    #[serde(default)]
    method: Verb,
    #[serde(default)]
    query: Map<String, Value>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    #[serde(default)]
    body_format: BodyFormat,
    records: Option<String>,
    #[serde(default)]
    primary_key: Keys,
    pagination: Option<Value>,
    cursor: Option<Value>,
    parent: Option<Value>,
    errors: Option<Vec<Value>>,
    #[serde(default)]
    format: RawFormat,
    #[serde(default = "comma")]
    delimiter: char,
    #[serde(default = "yes")]
    by_default: bool,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Keys {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

#[derive(Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawFormat {
    #[default]
    Json,
    Ndjson,
    Csv,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawCursor {
    field: String,
    #[serde(default = "rfc3339")]
    format: String,
    #[serde(default, rename = "in")]
    place: Option<CursorPlace>,
    parameter: Option<String>,
    until_parameter: Option<String>,
    lookback: Option<String>,
    window: Option<String>,
    start: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CursorPlace {
    Query,
    Body,
    Header,
    Template,
    Rows,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawParent {
    stream: String,
    #[serde(default = "id")]
    id: String,
    #[serde(rename = "as")]
    key: Option<String>,
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

fn rfc3339() -> String {
    "rfc3339".into()
}

fn id() -> String {
    "id".into()
}

pub(super) fn read(
    path: &str,
    value: &Value,
    common: &[ErrorRule],
    credentials: &BTreeSet<&str>,
    problems: &mut Problems,
) -> Option<Stream> {
    let raw: Raw = problems.parse(path, value)?;
    let at = |key: &str| format!("{path}.{key}");
    if raw.name.trim().is_empty() || raw.name.chars().count() > 100 {
        problems.add(at("name"), "must be 1 to 100 characters");
    }
    if raw.body.is_some() && raw.method == Verb::Get {
        problems.add(at("body"), "goes with \"method\": \"POST\" only");
    }
    check_headers(&at("headers"), &raw.headers, credentials, problems);
    let format = format(&raw, path, problems);
    let records = match (&raw.records, format) {
        (Some(_), Some(Format::Ndjson | Format::Csv { .. })) => {
            problems.add(at("records"), "goes with JSON only; each line is a row");
            None
        }
        (Some(selector), _) => problems.check(at("records"), selector.parse()),
        (None, _) => Some(Selector::Found),
    };
    let pagination = match &raw.pagination {
        Some(value) => paging_read::read(&at("pagination"), value, problems),
        None => Some(Pagination::None),
    };
    let cursor = raw
        .cursor
        .as_ref()
        .map(|value| cursor(&at("cursor"), value, problems));
    let parent = raw
        .parent
        .as_ref()
        .map(|value| parent(&at("parent"), value, problems));
    let mut known = Vec::new();
    if parent.is_some() {
        known.push("parent.id");
    }
    if cursor.is_some() {
        known.extend(["since", "until"]);
    }
    check_path(&at("path"), &raw.path, &known, problems);
    let mut errors = error_rules(&at("errors"), raw.errors.as_deref(), problems);
    errors.extend(common.iter().cloned());
    let stream = Stream {
        name: raw.name,
        path: raw.path,
        verb: raw.method,
        query: query(&raw.query, &at("query"), problems),
        headers: raw.headers,
        body: raw.body,
        body_format: raw.body_format,
        records: records?,
        primary_key: match raw.primary_key {
            Keys::None => Vec::new(),
            Keys::One(key) => vec![key],
            Keys::Several(keys) => keys,
        },
        pagination: pagination?,
        cursor: cursor.map_or(Some(None), |cursor| cursor.map(Some))?,
        parent: parent.map_or(Some(None), |parent| parent.map(Some))?,
        errors,
        format: format?,
        by_default: raw.by_default,
        digest: crate::hmac::digest_hex(value.to_string().as_bytes())[..16].to_owned(),
    };
    check_whole(&stream, path, problems);
    Some(stream)
}

fn check_whole(stream: &Stream, path: &str, problems: &mut Problems) {
    if stream.parent.is_some() && !stream.mentions("{parent.id}") {
        let message = "must use {parent.id} in `path`, `query`, `headers` or `body`";
        problems.add(format!("{path}.parent"), message);
    }
    if let Some(cursor) = &stream.cursor {
        let is_sent = cursor.since.is_some() || stream.mentions("{since}");
        if !is_sent && !cursor.compare {
            problems.add(
                format!("{path}.cursor"),
                "is not sent: name a `parameter`, use {since} in a template, or say \
                 \"in\": \"rows\" if the API cannot filter",
            );
        }
        if cursor.window.is_some() && cursor.until.is_none() && !stream.mentions("{until}") {
            problems.add(
                format!("{path}.cursor.window"),
                "needs the upper bound: `untilParameter`, or {until} in a template",
            );
        }
    }
    let in_body = |place: &Place| *place == Place::Body;
    let pages_in_body = match &stream.pagination {
        Pagination::None | Pagination::NextLink { .. } => false,
        Pagination::Page { place, .. }
        | Pagination::Offset { place, .. }
        | Pagination::Cursor { place, .. } => in_body(place),
    };
    let cursor_in_body = stream.cursor.as_ref().is_some_and(|cursor| {
        let bounds = [&cursor.since, &cursor.until];
        bounds
            .into_iter()
            .flatten()
            .any(|(place, _)| in_body(place))
    });
    if (pages_in_body || cursor_in_body) && stream.verb == Verb::Get {
        problems.add(
            format!("{path}.method"),
            "must be POST for parameters in the body",
        );
    }
}

fn format(raw: &Raw, path: &str, problems: &mut Problems) -> Option<Format> {
    match raw.format {
        RawFormat::Json => Some(Format::Json),
        RawFormat::Ndjson => Some(Format::Ndjson),
        RawFormat::Csv => match u8::try_from(raw.delimiter) {
            Ok(delimiter) if delimiter.is_ascii() => Some(Format::Csv { delimiter }),
            _ => {
                problems.add(format!("{path}.delimiter"), "must be one ASCII character");
                None
            }
        },
    }
}

fn query(query: &Map<String, Value>, path: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in query {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Value::String(text) => pairs.push((name.clone(), text.clone())),
                Value::Number(_) | Value::Bool(_) => pairs.push((name.clone(), value.to_string())),
                _ => problems.add(
                    format!("{path}.{name}"),
                    "must be text, a number, true, false or a list of them",
                ),
            }
        }
    }
    pairs
}

fn cursor(path: &str, value: &Value, problems: &mut Problems) -> Option<Cursor> {
    let raw: RawCursor = problems.parse(path, value)?;
    let at = |key: &str| format!("{path}.{key}");
    let format: TimeFormat = problems.check(at("format"), raw.format.parse())?;
    let field = problems.check(at("field"), raw.field.parse::<Field>())?;
    let span = |key: &str, text: Option<&str>, problems: &mut Problems| match text {
        Some(text) => problems.check(at(key), text.parse::<Span>()).map(Some),
        None => Some(None),
    };
    let lookback = span("lookback", raw.lookback.as_deref(), problems)?;
    let window = span("window", raw.window.as_deref(), problems)?;
    if let Some(window) = window {
        if window.0 < format.grain() {
            problems.add(at("window"), "is shorter than the format can tell apart");
        }
        if raw.start.is_none() {
            let message = "is missing; the first window of a full run begins there";
            problems.add(at("start"), message);
        }
    }
    let place = match raw.place {
        None | Some(CursorPlace::Query) => Some(Place::Query),
        Some(CursorPlace::Body) => Some(Place::Body),
        Some(CursorPlace::Header) => Some(Place::Header),
        Some(CursorPlace::Template | CursorPlace::Rows) => None,
    };
    if place.is_none() && (raw.parameter.is_some() || raw.until_parameter.is_some()) {
        problems.add(at("parameter"), "does not go with this `in`");
    }
    let bound = |name: Option<String>| Some((place?, name?));
    Some(Cursor {
        field,
        field_name: raw.field,
        // Whether the API means >= or > is seldom told; one grain back loses no tie.
        lookback: lookback.unwrap_or(Span(format.grain())),
        format,
        since: bound(raw.parameter),
        until: bound(raw.until_parameter),
        compare: raw.place == Some(CursorPlace::Rows),
        window,
        start: raw.start,
    })
}

fn parent(path: &str, value: &Value, problems: &mut Problems) -> Option<Parent> {
    let raw: RawParent = problems.parse(path, value)?;
    let id = problems.check(format!("{path}.id"), raw.id.parse::<Field>())?;
    let key = raw
        .key
        .unwrap_or_else(|| format!("{}_{}", raw.stream, raw.id));
    Some(Parent {
        stream: raw.stream,
        id,
        key,
    })
}
