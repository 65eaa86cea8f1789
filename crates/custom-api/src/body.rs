//! From the bytes of an answer to rows.

use std::io::Read;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::config::Format;
use crate::jsonpath::{Selector, on_one_line};

/// Deeper than any honest row; readers of rows may recurse.
const MOST_NESTING: usize = 100;

/// Why the bytes are no rows. Says nothing of their content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Packed bytes that are damaged.
    Damaged,
    /// Unpacked, it is over the limit.
    TooLarge,
    NotText,
    Html,
    NotJson(String),
    TooDeep,
    NotCsv(String),
    /// What `records` picks is no object.
    NotAnObject,
}

impl Unreadable {
    /// Whether another attempt may bring a better answer.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Damaged | Self::NotText | Self::Html | Self::NotJson(_)
        )
    }

    pub(crate) fn describe(&self, limit: usize) -> String {
        match self {
            Self::Damaged => "a gzip answer that is damaged".into(),
            Self::TooLarge => format!("an answer of more than {limit} bytes unpacked"),
            Self::NotText => "an answer that is no UTF-8 text".into(),
            Self::Html => "a web page instead of data".into(),
            Self::NotJson(place) => format!("an answer that is no JSON ({place})"),
            Self::TooDeep => format!("JSON nested more than {MOST_NESTING} deep"),
            Self::NotCsv(place) => format!("an answer that is no CSV ({place})"),
            Self::NotAnObject => "rows that are no JSON objects; check `records`".into(),
        }
    }
}

/// The text of a body: unpacked if it is gzip, without byte order mark.
pub(crate) fn unpacked(body: &Bytes, limit: usize) -> Result<Bytes, Unreadable> {
    const GZIP: [u8; 2] = [0x1f, 0x8b];
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    let text = if body.starts_with(&GZIP) {
        let mut text = Vec::new();
        let packed = flate2::read::MultiGzDecoder::new(&body[..]);
        packed
            .take(limit as u64 + 1)
            .read_to_end(&mut text)
            .map_err(|_| Unreadable::Damaged)?;
        Bytes::from(text)
    } else {
        body.clone()
    };
    if text.len() > limit {
        return Err(Unreadable::TooLarge);
    }
    let start = if text.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    };
    Ok(text.slice(start..))
}

/// Whether `text` is whole, as far as that shows without taking rows from it.
pub(crate) fn check(text: &Bytes, format: Format) -> Result<(), Unreadable> {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'<') {
        return Err(Unreadable::Html);
    }
    match format {
        Format::Json => document(text).map(|_| ()),
        Format::Ndjson => lines(text)?.try_for_each(|line| document(line.as_bytes()).map(|_| ())),
        Format::Csv { .. } => text_of(text).map(|_| ()),
    }
}

/// The document of a JSON answer; an empty one is null.
pub(crate) fn document(text: &[u8]) -> Result<&RawValue, Unreadable> {
    let text = text_of(text)?;
    if text.trim().is_empty() {
        return Ok(RawValue::NULL);
    }
    if nesting(text.as_bytes()) > MOST_NESTING {
        return Err(Unreadable::TooDeep);
    }
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let end = if error.is_eof() {
            "it ends early, "
        } else {
            ""
        };
        Unreadable::NotJson(format!("{end}line {line}, column {column}"))
    })
}

/// The rows of `text`, each on one line, with the API's bytes.
pub(crate) fn rows(
    text: &Bytes,
    format: Format,
    records: &Selector,
) -> Result<Vec<Box<RawValue>>, Unreadable> {
    match format {
        Format::Json => {
            let root = document(text)?;
            let rows = records
                .rows(root)
                .map_err(|_| Unreadable::NotJson("its structure".into()))?;
            rows.into_iter().map(an_object).collect()
        }
        Format::Ndjson => lines(text)?
            .map(|line| an_object(document(line.as_bytes())?))
            .collect(),
        Format::Csv { delimiter } => csv_rows(text, delimiter),
    }
}

fn an_object(value: &RawValue) -> Result<Box<RawValue>, Unreadable> {
    if value.get().starts_with('{') {
        Ok(on_one_line(value))
    } else {
        Err(Unreadable::NotAnObject)
    }
}

fn text_of(text: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(text).map_err(|_| Unreadable::NotText)
}

fn lines(text: &[u8]) -> Result<impl Iterator<Item = &str>, Unreadable> {
    let lines = text_of(text)?.lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty()))
}

/// Each record as an object of texts, in the order of the header line.
fn csv_rows(text: &Bytes, delimiter: u8) -> Result<Vec<Box<RawValue>>, Unreadable> {
    let wrong = |error: &csv::Error| {
        let line = error.position().map_or(0, csv::Position::line);
        Unreadable::NotCsv(format!("line {line}"))
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(&text[..]);
    let names = reader.headers().map_err(|error| wrong(&error))?.clone();
    let names: Vec<String> = names.iter().map(json_text).collect();
    let mut rows = Vec::new();
    for record in reader.into_records() {
        let record = record.map_err(|error| wrong(&error))?;
        let mut row = String::from("{");
        for (name, value) in names.iter().zip(&record) {
            let comma = if row.len() > 1 { "," } else { "" };
            row.push_str(comma);
            row.push_str(name);
            row.push(':');
            row.push_str(&json_text(value));
        }
        row.push('}');
        let row = RawValue::from_string(row).map_err(|_| Unreadable::NotCsv("a row".into()))?;
        rows.push(row);
    }
    Ok(rows)
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// How deep brackets go, strings left out; without recursion.
fn nesting(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Bytes {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).unwrap();
        packer.finish().unwrap().into()
    }

    fn all(text: &str, format: Format) -> Result<Vec<String>, Unreadable> {
        let rows = rows(&Bytes::from(text.to_owned()), format, &Selector::Found)?;
        Ok(rows.into_iter().map(|row| row.get().to_owned()).collect())
    }

    #[test]
    fn rows_come_from_json_lines_and_csv() {
        let csv = Format::Csv { delimiter: b';' };
        for (format, text, expected) in [
            (
                Format::Json,
                r#"[{"a":1.0}, {"b":2}]"#,
                vec![r#"{"a":1.0}"#, r#"{"b":2}"#],
            ),
            (Format::Json, "", vec![]),
            (
                Format::Ndjson,
                "{\"a\":1}\r\n\n{\"a\":2}",
                vec![r#"{"a":1}"#, r#"{"a":2}"#],
            ),
            (
                csv,
                "id;na\"me\n1;\"x;\"\"y\"\"\nz\"\n",
                vec![r#"{"id":"1","na\"me":"x;\"y\"\nz"}"#],
            ),
            (csv, "id;name\n", vec![]),
            (csv, "", vec![]),
        ] {
            assert_eq!(all(text, format).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_data_is_told_without_its_content() {
        let html = Bytes::from_static(b" <html>secret</html>");
        assert_eq!(check(&html, Format::Json), Err(Unreadable::Html));
        for (text, format) in [
            ("{\"a\":", Format::Json),
            ("[1,2]", Format::Json),
            ("{\"a\":1}\n{", Format::Ndjson),
            ("a,b\n1,2,3\n", Format::Csv { delimiter: b',' }),
        ] {
            let error = all(text, format).unwrap_err().describe(1);
            assert!(!error.is_empty(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
        assert_eq!(all(&deep, Format::Json), Err(Unreadable::TooDeep));
        let text = format!(r#"{{"a":"{}"}}"#, "[{\\\"".repeat(500));
        assert_eq!(
            all(&text, Format::Json).unwrap().len(),
            1,
            "brackets in text"
        );
    }

    #[test]
    fn packed_bodies_are_unpacked_up_to_the_limit() {
        let text = br#"[{"a":1}]"#;
        assert_eq!(unpacked(&gzip(text), 100).unwrap(), text[..]);
        assert_eq!(
            unpacked(&Bytes::from_static(b"\xef\xbb\xbf[]"), 9).unwrap(),
            b"[]"[..]
        );
        let bomb = gzip(&vec![b' '; 10 << 20]);
        assert!(bomb.len() < 20_000);
        assert_eq!(unpacked(&bomb, 1 << 20), Err(Unreadable::TooLarge));
        let cut = gzip(text).slice(..12);
        assert_eq!(unpacked(&cut, 100), Err(Unreadable::Damaged));
    }
}
