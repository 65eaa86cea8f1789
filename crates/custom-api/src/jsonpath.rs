//! Finding values in JSON text without changing a byte of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::str::FromStr;

use serde_json::Value;
use serde_json::value::RawValue;
use serde_json_path::{JsonPath, PathElement};

/// What a `JSONPath` (RFC 9535) picks.
#[derive(Debug, Clone)]
pub(crate) enum Selector {
    /// Names and indexes only, and perhaps `[*]` at the end: followed in the text itself.
    Plain { steps: Vec<Step>, each: bool },
    /// Anything else: located in parsed JSON, cut from the text.
    Query(Box<JsonPath>),
    /// Not said: the list that the document is or holds.
    Found,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

/// A field of a row: `updated_at`, `fields.updated`, or a plain `JSONPath`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field(Vec<Step>);

/// The document is no JSON, or not as the selector needs it. Says nothing of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotJson;

type Object<'a> = HashMap<String, &'a RawValue>;

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((steps, each)) = plain(text) {
            return Ok(Self::Plain { steps, each });
        }
        JsonPath::parse(text)
            .map(|path| Self::Query(Box::new(path)))
            .map_err(|error| format!("is no JSONPath such as $.items[*]: {}", error.message()))
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty".into());
        }
        if !text.starts_with('$') {
            return Ok(Self(
                text.split('.')
                    .map(|name| Step::Name(name.into()))
                    .collect(),
            ));
        }
        match plain(text) {
            Some((steps, false)) if !steps.is_empty() => Ok(Self(steps)),
            _ => Err("must be a field's name, a.b, or a path such as $.a['b']".into()),
        }
    }
}

/// `$`, then `.name`, `['name']` and `[0]`, then perhaps `[*]` or `.*`.
fn plain(text: &str) -> Option<(Vec<Step>, bool)> {
    let mut rest = text.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if rest == "[*]" {
            return Some((steps, true));
        }
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let name = &after[..end];
            let is_name = !name.is_empty()
                && !name.starts_with(|first: char| first.is_ascii_digit())
                && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if !is_name {
                return None;
            }
            steps.push(Step::Name(name.into()));
            rest = &after[end..];
            continue;
        }
        let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
        let quoted = ['\'', '"']
            .iter()
            .find_map(|quote| inside.strip_prefix(*quote)?.strip_suffix(*quote));
        steps.push(match quoted {
            Some(name) if !name.contains(['\\', '\'', '"']) => Step::Name(name.into()),
            Some(_) => return None,
            None => Step::Index(inside.parse().ok()?),
        });
        rest = after;
    }
    Some((steps, false))
}

impl Selector {
    /// The values that it picks; an array that it names stands for its elements.
    pub(crate) fn rows<'a>(&self, root: &'a RawValue) -> Result<Vec<&'a RawValue>, NotJson> {
        match self {
            Self::Found => found(root),
            Self::Plain { steps, .. } => match follow(root, steps) {
                Some(value) => elements_or_itself(value),
                None => Ok(Vec::new()),
            },
            Self::Query(path) => {
                let picked = located(path, root)?;
                match picked.as_slice() {
                    [one] => elements_or_itself(one),
                    _ => Ok(picked),
                }
            }
        }
    }

    /// The first value that it picks, unless that is null.
    pub(crate) fn first<'a>(&self, root: &'a RawValue) -> Option<&'a RawValue> {
        let value = match self {
            Self::Found => None,
            Self::Plain { steps, each: false } => follow(root, steps),
            Self::Plain { steps, each: true } => {
                let array = array(follow(root, steps)?)?;
                array.first().copied()
            }
            Self::Query(path) => located(path, root).ok()?.first().copied(),
        };
        value.filter(|value| value.get() != "null")
    }
}

impl Field {
    pub(crate) fn of<'a>(&self, row: &'a RawValue) -> Option<&'a RawValue> {
        follow(row, &self.0).filter(|value| value.get() != "null")
    }
}

/// What a string says, or how a number or boolean is written.
pub(crate) fn scalar(value: &RawValue) -> Option<String> {
    match value.get().as_bytes().first()? {
        b'"' => serde_json::from_str(value.get()).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(value.get().to_owned()),
    }
}

fn object(value: &RawValue) -> Option<Object<'_>> {
    value.get().starts_with('{').then_some(())?;
    serde_json::from_str(value.get()).ok()
}

fn array(value: &RawValue) -> Option<Vec<&RawValue>> {
    value.get().starts_with('[').then_some(())?;
    serde_json::from_str(value.get()).ok()
}

fn follow<'a>(root: &'a RawValue, steps: &[Step]) -> Option<&'a RawValue> {
    let mut value = root;
    for step in steps {
        value = match step {
            Step::Name(name) => object(value)?.remove(name)?,
            Step::Index(at) => array(value)?.get(*at).copied()?,
        };
    }
    Some(value)
}

fn elements_or_itself(value: &RawValue) -> Result<Vec<&RawValue>, NotJson> {
    match value.get().as_bytes().first() {
        Some(b'[') => array(value).ok_or(NotJson),
        Some(b'n') => Ok(Vec::new()),
        _ => Ok(vec![value]),
    }
}

/// The list that a document is, or the only list of objects that it holds, or the document itself.
fn found(root: &RawValue) -> Result<Vec<&RawValue>, NotJson> {
    const USUAL: [&str; 8] = [
        "data", "items", "results", "records", "value", "values", "rows", "entries",
    ];
    if !root.get().starts_with('{') {
        return elements_or_itself(root);
    }
    let object = object(root).ok_or(NotJson)?;
    let is_list = |value: &RawValue| value.get().starts_with('[');
    let usual = USUAL
        .iter()
        .find_map(|name| object.get(*name).copied().filter(|value| is_list(value)));
    let mut lists = object.values().copied().filter(|value| is_list(value));
    match (usual, lists.next(), lists.next()) {
        (Some(list), ..) | (None, Some(list), None) => array(list).ok_or(NotJson),
        _ => Ok(vec![root]),
    }
}

fn located<'a>(path: &JsonPath, root: &'a RawValue) -> Result<Vec<&'a RawValue>, NotJson> {
    let value: Value = serde_json::from_str(root.get()).map_err(|_| NotJson)?;
    let mut cut = Cut::default();
    path.query_located(&value)
        .iter()
        .map(|node| {
            let steps: Vec<_> = node.location().iter().collect();
            cut.at(root, &steps).ok_or(NotJson)
        })
        .collect()
}

/// Cuts many values from one text; each container on the way is taken apart once.
#[derive(Default)]
struct Cut<'a> {
    containers: HashMap<usize, Container<'a>>,
}

enum Container<'a> {
    Object(Object<'a>),
    Array(Vec<&'a RawValue>),
}

impl<'a> Cut<'a> {
    fn at(&mut self, root: &'a RawValue, steps: &[&PathElement<'_>]) -> Option<&'a RawValue> {
        let mut value = root;
        for step in steps {
            // Where a text begins tells it apart: no two containers of a document share that.
            let key = value.get().as_ptr() as usize;
            let container = match self.containers.entry(key) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => new.insert(match array(value) {
                    Some(elements) => Container::Array(elements),
                    None => Container::Object(object(value)?),
                }),
            };
            value = match (container, step) {
                (Container::Object(object), PathElement::Name(name)) => {
                    object.get(*name).copied()?
                }
                (Container::Array(array), PathElement::Index(at)) => array.get(*at).copied()?,
                _ => return None,
            };
        }
        Some(value)
    }
}

/// `row` on one line. A raw line end in JSON is only space between its parts.
pub(crate) fn on_one_line(row: &RawValue) -> Box<RawValue> {
    let text = row.get();
    if !text.contains(['\n', '\r']) {
        return row.to_owned();
    }
    let line: Cow<'_, str> = text.replace(['\n', '\r'], "").into();
    RawValue::from_string(line.into_owned()).unwrap_or_else(|_| row.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"meta":{"next":"c\u0031","n":1.50},"items":[{"id":1.0,"on":true},
        {"id":12345678901234567890,"on":false}],"groups":[{"rows":[{"a":1e5}]},{"rows":[{"a":0.10}]}]}"#;

    fn rows(selector: &str) -> Vec<String> {
        let root: &RawValue = serde_json::from_str(DOCUMENT).unwrap();
        let selector: Selector = selector.parse().unwrap();
        let rows = selector.rows(root).unwrap();
        rows.into_iter().map(|row| row.get().to_owned()).collect()
    }

    #[test]
    fn picked_values_keep_their_bytes() {
        let items = [
            r#"{"id":1.0,"on":true}"#,
            r#"{"id":12345678901234567890,"on":false}"#,
        ];
        for selector in [
            "$.items",
            "$.items[*]",
            "$['items']",
            "$[\"items\"][*]",
            "$.items[?@.id > 0]",
            "$..items[*]",
        ] {
            assert_eq!(rows(selector), items, "{selector}");
        }
        for (selector, expected) in [
            ("$.items[1]", vec![items[1]]),
            ("$.items[?@.on == true]", vec![items[0]]),
            ("$.groups[*].rows[*]", vec![r#"{"a":1e5}"#, r#"{"a":0.10}"#]),
            ("$.groups[0].rows", vec![r#"{"a":1e5}"#]),
            ("$.nothing", vec![]),
            ("$.items.nothing", vec![]),
        ] {
            assert_eq!(rows(selector), expected, "{selector}");
        }
    }

    #[test]
    fn without_a_selector_the_only_or_usual_list_is_taken() {
        for (document, expected) in [
            (r#"[{"a":1},{"a":2}]"#, 2),
            (r#"{"total":3,"things":[{"a":1},{"a":2}]}"#, 2),
            (r#"{"errors":[],"data":[{"a":1}]}"#, 1),
            (r#"{"a":[1],"b":[2]}"#, 1),
            (r#"{"id":7}"#, 1),
            ("null", 0),
            ("[]", 0),
        ] {
            let root: &RawValue = serde_json::from_str(document).unwrap();
            assert_eq!(
                Selector::Found.rows(root).unwrap().len(),
                expected,
                "{document}"
            );
        }
    }

    #[test]
    fn scalars_are_text_as_written() {
        let root: &RawValue = serde_json::from_str(DOCUMENT).unwrap();
        for (selector, expected) in [
            ("$.meta.next", Some("c1")),
            ("$.meta.n", Some("1.50")),
            ("$.items[1].id", Some("12345678901234567890")),
            ("$.items[0].on", Some("true")),
            ("$.items[-1:].id", Some("12345678901234567890")),
            ("$.meta", None),
            ("$.absent", None),
        ] {
            let selector: Selector = selector.parse().unwrap();
            let text = selector.first(root).and_then(scalar);
            assert_eq!(text.as_deref(), expected, "{selector:?}");
        }
    }

    #[test]
    fn fields_are_names_and_paths() {
        let row: &RawValue = serde_json::from_str(r#"{"a":{"b":7},"c d":8,"n":null}"#).unwrap();
        for (field, expected) in [
            ("a.b", Some("7")),
            ("$.a.b", Some("7")),
            ("$['c d']", Some("8")),
            ("c d", Some("8")),
            ("n", None),
            ("x", None),
        ] {
            let field: Field = field.parse().unwrap();
            assert_eq!(field.of(row).map(RawValue::get), expected, "{field:?}");
        }
        for wrong in ["", "$", "$.a[*]", "$..a"] {
            assert!(wrong.parse::<Field>().is_err(), "{wrong}");
        }
        assert!("items".parse::<Selector>().is_err());
    }

    #[test]
    fn a_row_over_several_lines_becomes_one_line() {
        let row: &RawValue = serde_json::from_str("{\r\n \"a\": \"x\\n\",\n \"b\": 1 }").unwrap();
        assert_eq!(on_one_line(row).get(), r#"{ "a": "x\n", "b": 1 }"#);
    }
}
