use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::faults::Fault;
use super::reply;
use super::rows::{Row, Rows};

/// What a list was asked for.
pub(super) struct Question<'a> {
    pub(super) origin: &'a str,
    /// Below the authentication.
    pub(super) path: &'a str,
    /// With it, for links.
    pub(super) full_path: &'a str,
    pub(super) query: &'a BTreeMap<String, String>,
    pub(super) body: &'a [u8],
    pub(super) fault: Option<&'a Fault>,
    pub(super) groups_at_start: u64,
}

/// The rows of a page, and what is said of the others.
struct Page {
    rows: Vec<String>,
    /// Rows of all pages.
    total: usize,
    /// Index behind the last row.
    end: usize,
    size: usize,
    last_id: Option<u64>,
    has_more: bool,
}

const MOST: usize = 1_000;
const USUAL: usize = 50;

impl Question<'_> {
    /// The answer; `None` if there is no such list.
    pub(super) fn answer(&self, rows: &Rows) -> Option<Response> {
        if let Some(id) = self.path.strip_prefix("groups/") {
            return Some(self.group(rows, id.strip_suffix("/items")?));
        }
        let list = || self.filtered(rows);
        Some(match self.path {
            "page" => self.by_page(rows, &list(), |page, number| {
                format!("{{\"items\":[{}],\"page\":{number}}}", page.rows.join(","))
            }),
            "gzip" => {
                let plain = self.by_page(rows, &list(), |page, _| {
                    format!("{{\"items\":[{}]}}", page.rows.join(","))
                });
                mark_gzip(plain)
            }
            "more" => self.by_page(rows, &list(), |page, _| {
                format!(
                    "{{\"items\":[{}],\"has_more\":{}}}",
                    page.rows.join(", "),
                    page.has_more
                )
            }),
            "offset" => self.by_offset(rows, &list()),
            "cursor" => {
                let page = self.by_id(rows, &list(), "cursor", "limit");
                let next = page.next().map_or("null".into(), |id| format!("\"c{id}\""));
                let items = page.rows.join(",\n");
                ok(format!("{{\"next_cursor\": {next}, \"items\": [{items}]}}"))
            }
            "cursor-header" => {
                let page = self.by_id(rows, &list(), "cursor", "limit");
                let mut response = ok(format!("[{}]", page.rows.join(",")));
                if let Some(id) = page.next()
                    && let Ok(next) = HeaderValue::from_str(&format!("c{id}"))
                {
                    response.headers_mut().insert("x-next-cursor", next);
                }
                response
            }
            "last-row" => {
                let page = self.by_id(rows, &list(), "starting_after", "limit");
                let items = page.rows.join(",");
                ok(format!(
                    "{{\"data\":[{items}],\"has_more\":{}}}",
                    page.has_more
                ))
            }
            "link-header" => self.with_link(rows, &list(), true),
            "link-body" => self.with_link(rows, &list(), false),
            "search" => self.search(rows),
            "all" => {
                let rows: Vec<_> = list().into_iter().map(|row| rows.json(row)).collect();
                ok(format!("[{}]", rows.join(",")))
            }
            "ndjson" | "ndjson.gz" => {
                let lines = list().into_iter().map(|row| rows.json(row) + "\n");
                self.file(lines.collect(), "application/x-ndjson")
            }
            "csv" | "csv.gz" => {
                let mut text = String::from("id;name;amount;updatedAt;version\n");
                for row in list() {
                    text.push_str(&Rows::csv(row, ';'));
                }
                self.file(text, "text/csv")
            }
            "groups" => self.groups(rows),
            _ => return None,
        })
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.query.get(name)?.parse().ok()
    }

    fn size(&self, name: &str) -> usize {
        self.number(name).unwrap_or(USUAL).clamp(1, MOST)
    }

    /// Rows changed from `since` on (`after`: later than), up to and with `until`.
    fn filtered(&self, rows: &Rows) -> Vec<Row> {
        let bound = |name: &str| self.query.get(name).and_then(|text| moment(text));
        let (since, after, until) = (bound("since"), bound("after"), bound("until"));
        let is_in = |row: &Row| {
            since.is_none_or(|since| row.updated >= since)
                && after.is_none_or(|after| row.updated > after)
                && until.is_none_or(|until| row.updated <= until)
        };
        rows.all().filter(is_in).collect()
    }

    fn slice(&self, rows: &Rows, list: &[Row], start: usize, size: usize) -> Page {
        let (start, endless) = match self.fault {
            Some(Fault::RepeatedPage) => (start.saturating_sub(size), false),
            Some(Fault::EndlessPages) => (0, true),
            _ => (start, false),
        };
        let start = start.min(list.len());
        let end = (start + size).min(list.len());
        let page = &list[start..end];
        Page {
            rows: page.iter().map(|row| rows.json(*row)).collect(),
            total: if endless { usize::MAX >> 1 } else { list.len() },
            end,
            size,
            last_id: page.last().map(|row| row.id),
            has_more: endless || end < list.len(),
        }
    }

    fn by_page(
        &self,
        rows: &Rows,
        list: &[Row],
        write: impl Fn(&Page, usize) -> String,
    ) -> Response {
        let number = self.number("page").unwrap_or(1).max(1);
        let size = self.size("per_page");
        let page = self.slice(rows, list, (number - 1) * size, size);
        ok(write(&page, number))
    }

    fn by_offset(&self, rows: &Rows, list: &[Row]) -> Response {
        let start = self.number("offset").unwrap_or(0);
        let page = self.slice(rows, list, start, self.size("limit"));
        let items = page.rows.join(",");
        ok(format!("{{\"total\":{},\"items\":[{items}]}}", page.total))
    }

    fn by_id(&self, rows: &Rows, list: &[Row], name: &str, size: &str) -> Page {
        let after: Option<u64> = self
            .query
            .get(name)
            .and_then(|text| text.trim_start_matches('c').parse().ok());
        let start = after.map_or(0, |after| list.partition_point(|row| row.id <= after));
        self.slice(rows, list, start, self.size(size))
    }

    fn with_link(&self, rows: &Rows, list: &[Row], in_header: bool) -> Response {
        let number = self.number("page").unwrap_or(1).max(1);
        let size = self.size("per_page");
        let page = self.slice(rows, list, (number - 1) * size, size);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let others = self
            .query
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "page" | "api_key"));
        query
            .extend_pairs(others)
            .append_pair("page", &(number + 1).to_string());
        let next = format!("/{}?{}", self.full_path, query.finish());
        let items = page.rows.join(",");
        if in_header {
            let mut response = ok(format!("[{items}]"));
            let mut link = format!("<{}/{}?page=1>; rel=\"first\"", self.origin, self.full_path);
            if page.has_more {
                let _ = write!(link, ", <{}{next}>; rel=\"next\"", self.origin);
            }
            if let Ok(link) = HeaderValue::from_str(&link) {
                response.headers_mut().insert(header::LINK, link);
            }
            return response;
        }
        let next = if page.has_more {
            serde_json::Value::from(next).to_string()
        } else {
            "null".into()
        };
        ok(format!(
            "{{\"links\":{{\"next\":{next}}},\"items\":[{items}]}}"
        ))
    }

    /// `POST /search` of `{"filter":{"since":…},"page":{"after":…,"size":…}}`.
    fn search(&self, rows: &Rows) -> Response {
        let Ok(asked) = serde_json::from_slice::<serde_json::Value>(self.body) else {
            return reply::error(StatusCode::BAD_REQUEST, "the body must be JSON");
        };
        let since = &asked["filter"]["since"];
        let since = since
            .as_str()
            .map_or_else(|| since.to_string(), str::to_owned);
        let since = moment(&since);
        let list: Vec<Row> = rows
            .all()
            .filter(|row| since.is_none_or(|since| row.updated >= since))
            .collect();
        let after: Option<u64> = asked["page"]["after"]
            .as_str()
            .and_then(|text| text.trim_start_matches('c').parse().ok());
        let start = after.map_or(0, |after| list.partition_point(|row| row.id <= after));
        let size = asked["page"]["size"].as_u64().unwrap_or(USUAL as u64) as usize;
        let page = self.slice(rows, &list, start, size.clamp(1, MOST));
        let next = page.next().map_or("null".into(), |id| format!("\"c{id}\""));
        ok(format!(
            "{{\"result\":{{\"rows\":[{}]}},\"page\":{{\"next\":{next}}}}}",
            page.rows.join(",")
        ))
    }

    fn groups(&self, rows: &Rows) -> Response {
        let number = self.number("page").unwrap_or(1).max(1) as u64;
        let size = self.size("per_page") as u64;
        let ids = (number - 1) * size + 1..=rows.groups().min(number * size);
        let groups: Vec<String> = ids
            .map(|id| format!("{{\"id\":\"g/{id}\",\"name\":\"group {id}\"}}"))
            .collect();
        ok(format!("{{\"groups\":[{}]}}", groups.join(",")))
    }

    /// The rows of a group, whose id holds a slash to see that it is escaped.
    fn group(&self, rows: &Rows, id: &str) -> Response {
        let number = id
            .strip_prefix("g%2F")
            .and_then(|id| id.parse::<u64>().ok());
        let Some(number) = number.filter(|number| (1..=rows.groups()).contains(number)) else {
            return reply::error(StatusCode::NOT_FOUND, "no such group");
        };
        let list = self.filtered(rows).into_iter();
        let list = list.filter(|row| Rows::group_of(*row, self.groups_at_start) == number);
        self.by_page(rows, &list.collect::<Vec<_>>(), |page, _| {
            format!("{{\"items\":[{}]}}", page.rows.join(","))
        })
    }

    fn file(&self, text: String, media_type: &'static str) -> Response {
        let body = if self.path.strip_suffix(".gz").is_some() {
            reply::gzip(text.as_bytes())
        } else {
            text.into()
        };
        ([(header::CONTENT_TYPE, media_type)], body).into_response()
    }
}

impl Page {
    /// The id behind which the next page begins.
    fn next(&self) -> Option<u64> {
        debug_assert!(self.rows.len() <= self.size && self.end <= self.total);
        self.last_id.filter(|_| self.has_more)
    }
}

fn ok(text: String) -> Response {
    reply::json(StatusCode::OK, text)
}

/// To be packed by the server.
fn mark_gzip(mut response: Response) -> Response {
    let gzip = HeaderValue::from_static("gzip");
    response
        .headers_mut()
        .insert(header::CONTENT_ENCODING, gzip);
    response
}

/// RFC 3339, a date, or seconds or milliseconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    if let Ok(number) = text.parse::<i64>() {
        return if number.abs() >= MILLISECONDS_FROM {
            Timestamp::from_millisecond(number).ok()
        } else {
            Timestamp::from_second(number).ok()
        };
    }
    let date = format!("{text}T00:00:00Z");
    text.parse().ok().or_else(|| date.parse().ok())
}
