use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Error, Row};

/// One page of a list or search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Rows in the whole search, where the route says so.
    pub(crate) count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    count: Option<&'a RawValue>,
    #[serde(borrow)]
    error_code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

impl Page {
    /// Cuts a body into rows, no more than `most`. `None` (204, or no bytes) is an empty page.
    pub(crate) fn read(body: Option<&Bytes>, path: &str, most: usize) -> Result<Self, Error> {
        let Some(body) = body else {
            return Ok(Self::default());
        };
        let malformed = |why: String| Error::Malformed {
            path: path.to_owned(),
            why,
        };
        let envelope: Envelope<'_> =
            serde_json::from_slice(body).map_err(|error| malformed(position(&error)))?;
        let Some(records) = envelope.data else {
            return Err(match envelope.error_code {
                Some(code) => Error::from_code(
                    200,
                    &code,
                    envelope.message.as_deref().unwrap_or_default(),
                    path,
                ),
                None => malformed("it has no `data` array".to_owned()),
            });
        };
        if records.len() > most {
            return Err(malformed(format!(
                "it has {} rows, far more than were asked for",
                records.len()
            )));
        }
        if let Some(record) = records.iter().find(|record| is_too_deep(record.get())) {
            let size = record.get().len();
            return Err(malformed(format!(
                "a record of {size} bytes is nested more than {MOST_LEVELS} levels deep"
            )));
        }
        let rows = records
            .into_iter()
            .map(Row::read)
            .collect::<Result<_, _>>()
            .map_err(|error| malformed(format!("a record is no object: {}", position(&error))))?;
        let count = envelope
            .count
            .and_then(|count| count.get().trim_matches('"').parse().ok());
        Ok(Self { rows, count })
    }
}

/// Rows of one page: ten times the largest `limit`, for a route that does not mind its `limit`.
pub(crate) const MOST_ROWS: usize = 2_000;

/// Levels of a record; readers of JSON commonly give up behind 128.
const MOST_LEVELS: usize = 100;

fn is_too_deep(record: &str) -> bool {
    // Nearly every record has fewer brackets than that, wherever they stand.
    if record.matches('{').count() + record.matches('[').count() <= MOST_LEVELS {
        return false;
    }
    let (mut level, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in record.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' if !quoted => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest > MOST_LEVELS
}

/// Where parsing stopped, without what stands there.
pub(crate) fn position(error: &serde_json::Error) -> String {
    format!(
        "not valid JSON at line {}, column {}",
        error.line(),
        error.column()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Page, Error> {
        Page::read(Some(&Bytes::from(text.to_owned())), "/tickets", MOST_ROWS)
    }

    #[test]
    fn rows_keep_their_bytes() {
        let page = read(r#"{"data":[{"id":"1", "x" : 1.0},{"id":"2"}],"count":"7"}"#).unwrap();
        let rows: Vec<_> = page.rows.iter().map(|row| row.json.get()).collect();
        assert_eq!(rows, [r#"{"id":"1", "x" : 1.0}"#, r#"{"id":"2"}"#]);
        assert_eq!(page.count, Some(7));
    }

    #[test]
    fn what_is_no_page_is_named_without_showing_it() {
        for odd in [
            "",
            "[]",
            "{}",
            r#"{"data":{}}"#,
            r#"{"data":["planted"]}"#,
            r#"{"data":[{"id":"planted"#,
        ] {
            let error = read(odd).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{odd}: {error}");
            assert!(!error.to_string().contains("planted"), "{error}");
        }
    }

    #[test]
    fn an_error_inside_a_200_is_an_error() {
        let error = read(r#"{"errorCode":"SCOPE_MISMATCH","message":"no"}"#).unwrap_err();
        assert!(matches!(error, Error::ScopeMissing { .. }), "{error}");
    }

    #[test]
    fn a_page_of_far_too_many_rows_is_refused() {
        let page = |rows: usize| format!(r#"{{"data":[{}{{}}]}}"#, "{},".repeat(rows - 1));
        assert_eq!(read(&page(MOST_ROWS)).unwrap().rows.len(), MOST_ROWS);
        let error = read(&page(MOST_ROWS + 1)).unwrap_err();
        assert!(error.to_string().contains("2001 rows"), "{error}");
    }

    #[test]
    fn nesting_without_measure_is_refused_without_recursion() {
        let nested = |levels: usize| {
            format!(
                r#"{{"data":[{{"id":"1","x":{}1{}}}]}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            )
        };
        assert_eq!(read(&nested(MOST_LEVELS - 1)).unwrap().rows.len(), 1);
        for levels in [MOST_LEVELS, 100_000] {
            let error = read(&nested(levels)).unwrap_err();
            assert!(error.to_string().contains("levels"), "{error}");
        }
        let wide = format!(
            r#"{{"data":[{{"id":"1","text":"{}\"[","x":[{}1]}}]}}"#,
            "[{".repeat(500),
            "[1],".repeat(500)
        );
        assert_eq!(read(&wide).unwrap().rows.len(), 1);
    }
}
