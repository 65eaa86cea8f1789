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
    /// Cuts a body into rows. `None` (204, or no bytes) is an empty page.
    pub(crate) fn read(body: Option<&Bytes>, path: &str) -> Result<Self, Error> {
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
        let rows = records
            .into_iter()
            .map(|record| Row::read(body, record))
            .collect::<Result<_, _>>()
            .map_err(|error| malformed(format!("a record is no object: {}", position(&error))))?;
        let count = envelope
            .count
            .and_then(|count| count.get().trim_matches('"').parse().ok());
        Ok(Self { rows, count })
    }
}

/// Where parsing stopped, without what stands there.
fn position(error: &serde_json::Error) -> String {
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
        Page::read(Some(&Bytes::from(text.to_owned())), "/tickets")
    }

    #[test]
    fn rows_keep_their_bytes() {
        let page = read(r#"{"data":[{"id":"1", "x" : 1.0},{"id":"2"}],"count":"7"}"#).unwrap();
        let bytes: Vec<_> = page.rows.iter().map(|row| row.bytes.as_ref()).collect();
        assert_eq!(
            bytes,
            [br#"{"id":"1", "x" : 1.0}"#.as_slice(), br#"{"id":"2"}"#]
        );
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
    fn deep_nesting_is_passed_through_without_recursion() {
        let deep = format!(
            r#"{{"data":[{{"id":"1","x":{}1{}}}]}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        assert_eq!(read(&deep).unwrap().rows.len(), 1);
    }
}
