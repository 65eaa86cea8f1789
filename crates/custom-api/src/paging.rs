//! Which page comes next.

use engine::{Error, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;
use vendor_http::header::HeaderMap;

use crate::config::{Pagination, Place, Source};
use crate::jsonpath::scalar;
use crate::request::Parameter;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Page {
    First,
    /// By number or offset.
    Number(u64),
    Cursor(String),
    /// The whole URL.
    Link(String),
}

/// What an answer says that matters for paging.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    /// Rows in it, before any are left out here.
    pub(crate) rows: u64,
    /// Rows of the pages before.
    pub(crate) before: u64,
    /// The document, if it is one JSON document.
    pub(crate) root: Option<&'a RawValue>,
    pub(crate) last_row: Option<&'a RawValue>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) url: &'a Url,
}

impl Pagination {
    /// The parameters that ask for `page`. A link needs none.
    pub(crate) fn parameters(&self, page: &Page) -> Vec<Parameter> {
        let (name, place, value) = match (self, page) {
            (Self::None, _) | (_, Page::Link(_)) => return Vec::new(),
            (
                Self::Page {
                    parameter,
                    place,
                    start,
                    ..
                }
                | Self::Offset {
                    parameter,
                    place,
                    start,
                    ..
                },
                page,
            ) => {
                let number = match page {
                    Page::Number(number) => *number,
                    _ => *start,
                };
                (parameter, *place, Some(number.to_string()))
            }
            (
                Self::Cursor {
                    parameter, place, ..
                },
                Page::Cursor(cursor),
            ) => (parameter, *place, Some(cursor.clone())),
            (
                Self::Cursor {
                    parameter, place, ..
                },
                _,
            ) => (parameter, *place, None),
            (Self::NextLink { place, .. }, _) => {
                return self.size_parameter(*place).into_iter().collect();
            }
        };
        let is_number = !matches!(self, Self::Cursor { .. });
        let turn = value.map(|value| Parameter {
            place,
            name: name.clone(),
            value,
            is_number,
        });
        self.size_parameter(place).into_iter().chain(turn).collect()
    }

    fn size_parameter(&self, place: Place) -> Option<Parameter> {
        let size = self.size()?;
        Some(Parameter {
            place,
            name: size.parameter.clone(),
            value: size.rows.to_string(),
            is_number: true,
        })
    }

    /// The page after `page`; `None` if it was the last.
    pub(crate) fn after(&self, page: &Page, seen: &Seen<'_>) -> Result<Option<Page>, Error> {
        if self.is_last(seen) {
            return Ok(None);
        }
        let number = |start: u64| match page {
            Page::Number(number) => *number,
            _ => start,
        };
        Ok(match self {
            Self::None => None,
            Self::Page { start, .. } => {
                (seen.rows > 0).then(|| Page::Number(number(*start).saturating_add(1)))
            }
            Self::Offset { start, .. } => {
                (seen.rows > 0).then(|| Page::Number(number(*start).saturating_add(seen.rows)))
            }
            Self::Cursor { from, .. } => from.next(seen).map(Page::Cursor),
            Self::NextLink { from, .. } => match from.next(seen) {
                Some(link) => Some(Page::Link(absolute(&link, seen.url)?)),
                None => None,
            },
        })
    }

    /// Whether a stop says so.
    fn is_last(&self, seen: &Seen<'_>) -> bool {
        let Some(stop) = self.stop() else {
            return true;
        };
        let said = |selector: &Option<crate::jsonpath::Selector>| {
            let selector = selector.as_ref()?;
            Some(
                seen.root
                    .and_then(|root| selector.first(root))
                    .and_then(scalar),
            )
        };
        if let Some(has_more) = said(&stop.has_more) {
            let has_more = has_more.map(|text| text.to_ascii_lowercase());
            if matches!(has_more.as_deref(), None | Some("false" | "0" | "" | "no")) {
                return true;
            }
        }
        let total = said(&stop.total).flatten();
        if let Some(total) = total.and_then(|text| text.parse::<u64>().ok())
            && seen.before + seen.rows >= total
        {
            return true;
        }
        stop.when_short && self.size().is_some_and(|size| seen.rows < size.rows)
    }
}

impl Source {
    fn next(&self, seen: &Seen<'_>) -> Option<String> {
        let next = match self {
            Self::Body(selector) => scalar(selector.first(seen.root?)?),
            Self::LastRow(field) => scalar(field.of(seen.last_row?)?),
            Self::Header(name) if name == "link" => next_link(seen.headers),
            Self::Header(name) => {
                let value = seen.headers.get(name.as_str())?;
                value.to_str().ok().map(str::to_owned)
            }
        };
        next.filter(|next| !next.trim().is_empty() && next != "false")
    }
}

fn absolute(link: &str, from: &Url) -> Result<String, Error> {
    let url = from.join(link.trim()).map_err(|_| {
        Error::new(
            Kind::Upstream,
            "the API's link to the next page is no URL; check `pagination.from`",
        )
    })?;
    Ok(url.into())
}

/// The target of `rel="next"` (RFC 8288, 3).
fn next_link(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all("link").iter();
    values
        .filter_map(|value| value.to_str().ok())
        .find_map(next_of)
}

fn next_of(value: &str) -> Option<String> {
    let mut rest = value;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (parameters, following) = parameters(after);
        let is_next = parameters.iter().any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else {
                return false;
            };
            let rels = value.trim().trim_matches('"').to_ascii_lowercase();
            name.trim().eq_ignore_ascii_case("rel")
                && rels.split_ascii_whitespace().any(|rel| rel == "next")
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = following;
    }
}

/// The parameters up to the comma that ends a link, and what follows it.
fn parameters(text: &str) -> (Vec<&str>, &str) {
    let mut parameters = Vec::new();
    let (mut start, mut in_quotes) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' => in_quotes = !in_quotes,
            ';' if !in_quotes => {
                parameters.push(&text[start..at]);
                start = at + 1;
            }
            ',' if !in_quotes => {
                parameters.push(&text[start..at]);
                return (parameters, &text[at + 1..]);
            }
            _ => {}
        }
    }
    parameters.push(&text[start..]);
    (parameters, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config;

    fn pagination(value: &serde_json::Value) -> Pagination {
        let whole = json!({"baseUrl": "https://x.test", "streams": [{"name": "s", "path": "/s", "pagination": value}]});
        config::read(&whole, &std::collections::BTreeSet::new())
            .unwrap()
            .streams
            .remove(0)
            .pagination
    }

    fn after(paging: &Pagination, page: &Page, rows: u64, before: u64, root: &str) -> Option<Page> {
        let headers = HeaderMap::new();
        let root: &RawValue = serde_json::from_str(root).unwrap();
        paging
            .after(
                page,
                &Seen {
                    rows,
                    before,
                    root: Some(root),
                    last_row: Some(root),
                    headers: &headers,
                    url: &"https://x.test/s?page=1".parse().unwrap(),
                },
            )
            .unwrap()
    }

    #[test]
    fn each_kind_stops_where_it_is_told() {
        let number = |number| Some(Page::Number(number));
        let cursor = |text: &str| Some(Page::Cursor(text.into()));
        for (paging, rows, before, root, expected) in [
            (json!({"kind": "none"}), 5, 0, "{}", None),
            (json!({"kind": "page"}), 5, 0, "{}", number(2)),
            (json!({"kind": "page", "start": 0}), 5, 0, "{}", number(1)),
            (json!({"kind": "page"}), 0, 9, "{}", None),
            (
                json!({"kind": "page", "size": 10, "stopWhenShort": true}),
                9,
                0,
                "{}",
                None,
            ),
            (
                json!({"kind": "page", "size": 10, "stopWhenShort": true}),
                10,
                0,
                "{}",
                number(2),
            ),
            (
                json!({"kind": "page", "hasMore": "$.more"}),
                5,
                0,
                r#"{"more":true}"#,
                number(2),
            ),
            (
                json!({"kind": "page", "hasMore": "$.more"}),
                5,
                0,
                r#"{"more":false}"#,
                None,
            ),
            (
                json!({"kind": "page", "hasMore": "$.more"}),
                5,
                0,
                "{}",
                None,
            ),
            (
                json!({"kind": "offset", "total": "$.n"}),
                5,
                5,
                r#"{"n":11}"#,
                number(5),
            ),
            (
                json!({"kind": "offset", "total": "$.n"}),
                5,
                5,
                r#"{"n":10}"#,
                None,
            ),
            (
                json!({"kind": "cursor", "from": {"body": "$.next"}}),
                0,
                0,
                r#"{"next":"c"}"#,
                cursor("c"),
            ),
            (
                json!({"kind": "cursor", "from": {"body": "$.next"}}),
                5,
                0,
                r#"{"next":7}"#,
                cursor("7"),
            ),
            (
                json!({"kind": "cursor", "from": {"body": "$.next"}}),
                5,
                0,
                r#"{"next":null}"#,
                None,
            ),
            (
                json!({"kind": "cursor", "from": {"body": "$.next"}}),
                5,
                0,
                r#"{"next":""}"#,
                None,
            ),
            (
                json!({"kind": "cursor", "from": {"lastRow": "id"}, "hasMore": "$.more"}),
                5,
                0,
                r#"{"id":"z","more":true}"#,
                cursor("z"),
            ),
            (
                json!({"kind": "next_link", "from": {"body": "$.links.next"}}),
                5,
                0,
                r#"{"links":{"next":"?page=2"}}"#,
                Some(Page::Link("https://x.test/s?page=2".into())),
            ),
        ] {
            let kind = pagination(&paging);
            assert_eq!(
                after(&kind, &Page::First, rows, before, root),
                expected,
                "{paging} {root}"
            );
        }
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, expected) in [
            (
                r#"<https://x.test/?p=2>; rel="next", <https://x.test/?p=9>; rel="last""#,
                Some("https://x.test/?p=2"),
            ),
            (
                r#"<https://x.test/?a=1,2>; title="a, b; rel=next"; rel="prev", </p3>; rel=next"#,
                Some("/p3"),
            ),
            (r#"<a>; rel="first NEXT""#, Some("a")),
            (r#"<a>; rel="prev""#, None),
            ("", None),
            ("<a", None),
        ] {
            assert_eq!(next_of(header).as_deref(), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn pages_and_offsets_cover_a_list_exactly_once(total in 0_u64..500, size in 1_u64..60, by_offset: bool, start in 0_u64..2) {
            let paging = pagination(&if by_offset {
                json!({"kind": "offset", "size": size})
            } else {
                json!({"kind": "page", "size": size, "start": start})
            });
            let (mut page, mut read) = (Page::First, 0);
            for _ in 0..=total + 1 {
                let turn = &paging.parameters(&page)[1];
                let number: u64 = turn.value.parse().unwrap();
                let from = if by_offset { number } else { (number - start) * size };
                // Behind a short page the list is over, whatever is asked for.
                prop_assert!(from == read || (read == total && from > read));
                let rows = total.saturating_sub(from).min(size);
                match after(&paging, &page, rows, read, "{}") {
                    Some(next) => page = next,
                    None => break,
                }
                read += rows;
            }
            prop_assert_eq!(read, total);
        }
    }
}
