use serde::Deserialize;
use serde_json::Value;

use super::keys::Problems;
use super::stream::{Pagination, Place, Size, Source, Stop};
use crate::jsonpath::Selector;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    None,
    Page,
    Offset,
    Cursor,
    NextLink,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    kind: Kind,
    parameter: Option<String>,
    #[serde(default, rename = "in")]
    place: Place,
    start: Option<u64>,
    size_parameter: Option<String>,
    size: Option<u64>,
    from: Option<RawSource>,
    has_more: Option<String>,
    total: Option<String>,
    #[serde(default)]
    stop_when_short: bool,
    max_pages: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum RawSource {
    Body(String),
    Header(String),
    LastRow(String),
}

pub(super) fn read(path: &str, value: &Value, problems: &mut Problems) -> Option<Pagination> {
    let raw: Raw = problems.parse(path, value)?;
    let at = |key: &str| format!("{path}.{key}");
    let used: &[&str] = match raw.kind {
        Kind::None => &[],
        Kind::Page | Kind::Offset => &["parameter", "start"],
        Kind::Cursor => &["parameter", "from"],
        Kind::NextLink => &["from"],
    };
    for (key, is_given) in [
        ("parameter", raw.parameter.is_some()),
        ("start", raw.start.is_some()),
        ("from", raw.from.is_some()),
    ] {
        if is_given && !used.contains(&key) {
            problems.add(at(key), "does not go with this kind of pagination");
        }
    }
    let stop = stop(&raw, path, problems)?;
    let size = size(&raw, path, problems)?;
    if raw.kind == Kind::Cursor && raw.from.is_none() {
        let message = "is missing: {\"body\": \"$.next_cursor\"}, {\"header\": \"X-Next\"} or \
                       {\"lastRow\": \"id\"}";
        problems.add(at("from"), message);
        return None;
    }
    let from = match &raw.from {
        None => Source::Header("link".into()),
        Some(RawSource::Header(name)) => Source::Header(name.to_ascii_lowercase()),
        Some(RawSource::Body(path)) => Source::Body(problems.check(at("from.body"), path.parse())?),
        Some(RawSource::LastRow(_)) if raw.kind == Kind::NextLink => {
            problems.add(at("from"), "a link comes from the body or a header");
            return None;
        }
        Some(RawSource::LastRow(field)) => {
            Source::LastRow(problems.check(at("from.lastRow"), field.parse())?)
        }
    };
    let named = |usual: &str| raw.parameter.clone().unwrap_or_else(|| usual.to_owned());
    let place = raw.place;
    Some(match raw.kind {
        Kind::None => Pagination::None,
        Kind::Page => Pagination::Page {
            parameter: named("page"),
            place,
            start: raw.start.unwrap_or(1),
            size,
            stop,
        },
        Kind::Offset => Pagination::Offset {
            parameter: named("offset"),
            place,
            start: raw.start.unwrap_or(0),
            size,
            stop,
        },
        Kind::Cursor => Pagination::Cursor {
            parameter: named("cursor"),
            place,
            from,
            size,
            stop,
        },
        Kind::NextLink => Pagination::NextLink {
            from,
            size,
            place,
            stop,
        },
    })
}

fn stop(raw: &Raw, path: &str, problems: &mut Problems) -> Option<Stop> {
    let mut selector = |key: &str, text: Option<&str>| match text {
        None => Some(None),
        Some(text) => problems
            .check::<Selector, _>(format!("{path}.{key}"), text.parse())
            .map(Some),
    };
    let has_more = selector("hasMore", raw.has_more.as_deref())?;
    let total = selector("total", raw.total.as_deref())?;
    if raw.max_pages == Some(0) {
        problems.add(format!("{path}.maxPages"), "must be at least 1");
    }
    if raw.stop_when_short && raw.size.is_none() {
        problems.add(format!("{path}.stopWhenShort"), "needs `size`");
    }
    Some(Stop {
        has_more,
        total,
        when_short: raw.stop_when_short,
        max_pages: raw.max_pages,
    })
}

#[expect(clippy::option_option, reason = "outer: usable; inner: given")]
fn size(raw: &Raw, path: &str, problems: &mut Problems) -> Option<Option<Size>> {
    let Some(rows) = raw.size else {
        if raw.size_parameter.is_some() {
            problems.add(format!("{path}.size"), "is missing beside `sizeParameter`");
            return None;
        }
        return Some(None);
    };
    if rows == 0 {
        problems.add(format!("{path}.size"), "must be at least 1");
        return None;
    }
    let usual = if raw.kind == Kind::Page {
        "per_page"
    } else {
        "limit"
    };
    let parameter = raw.size_parameter.clone().unwrap_or_else(|| usual.into());
    Some(Some(Size { parameter, rows }))
}
