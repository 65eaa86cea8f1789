use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::Error;
use crate::session::Session;

/// Rows that the API takes at once.
const MOST_ROWS: u64 = 1000;
/// Bytes that it takes at once, with room to spare below its 4 MiB.
const MOST_BYTES: usize = 3_500_000;
/// An array is held in memory.
const LARGEST_ARRAY: u64 = 64 * 1024 * 1024;

/// The rows of a file, in parts that the API takes. JSON lines are read as they are needed; a JSON
/// array is read whole.
pub(crate) struct Rows {
    path: PathBuf,
    source: Source,
    /// A row that did not fit into the part before.
    ahead: Option<String>,
    number: u64,
    left_out: u64,
}

/// A record as `export` writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    #[serde(rename = "integrationId")]
    _integration: u64,
    #[serde(rename = "dataType")]
    _stream: String,
    external_id: String,
    data: Option<Box<RawValue>>,
    deleted_at: Option<String>,
}

enum Source {
    Lines(Box<dyn BufRead>),
    Array(std::vec::IntoIter<Box<RawValue>>),
}

/// Some rows, one a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) rows: u64,
}

impl Rows {
    pub(crate) fn open(session: &mut Session<'_>, path: &Path) -> Result<Self, Error> {
        let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(Cursor::new(session.read(path)?))
        } else {
            Box::new(BufReader::new(
                File::open(path).map_err(Error::reading(path))?,
            ))
        };
        Self::of(path, reader)
    }

    fn of(path: &Path, mut reader: Box<dyn BufRead>) -> Result<Self, Error> {
        let begins = reader.fill_buf().map_err(Error::reading(path))?;
        let source = if begins.trim_ascii_start().first() == Some(&b'[') {
            let mut bytes = Vec::new();
            reader
                .take(LARGEST_ARRAY + 1)
                .read_to_end(&mut bytes)
                .map_err(Error::reading(path))?;
            if bytes.len() as u64 > LARGEST_ARRAY {
                return Err(Error::Usage(format!(
                    "{} is an array of more than {LARGEST_ARRAY} bytes; write it as JSON lines, which may be of any size",
                    path.display()
                )));
            }
            let rows: Vec<Box<RawValue>> = serde_json::from_slice(&bytes).map_err(|error| {
                Error::Usage(format!(
                    "{} is not a JSON array: line {}, column {}",
                    path.display(),
                    error.line(),
                    error.column()
                ))
            })?;
            Source::Array(rows.into_iter())
        } else {
            Source::Lines(reader)
        };
        Ok(Self {
            path: path.to_owned(),
            source,
            ahead: None,
            number: 0,
            left_out: 0,
        })
    }

    /// Exported records without data, or deleted at their source: there is nothing to import.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The next rows; `None` at the end.
    pub(crate) fn part(&mut self) -> Result<Option<Part>, Error> {
        let mut part = Part {
            text: String::new(),
            rows: 0,
        };
        while part.rows < MOST_ROWS {
            let Some(row) = self.importable()? else {
                break;
            };
            if part.rows > 0 && part.text.len() + row.len() >= MOST_BYTES {
                self.ahead = Some(row);
                break;
            }
            part.text.push_str(&row);
            part.text.push('\n');
            part.rows += 1;
        }
        Ok((part.rows > 0).then_some(part))
    }

    /// The next row as the API takes it.
    fn importable(&mut self) -> Result<Option<String>, Error> {
        if let Some(row) = self.ahead.take() {
            return Ok(Some(row));
        }
        while let Some(row) = self.row()? {
            match importable(row) {
                Some(row) => return Ok(Some(row)),
                None => self.left_out += 1,
            }
        }
        Ok(None)
    }

    /// The next row on one line, checked to be an object.
    fn row(&mut self) -> Result<Option<String>, Error> {
        let row = match &mut self.source {
            Source::Array(rows) => match rows.next() {
                // Line breaks between the tokens of a row are none of its text.
                Some(row) => one_line(row.get()),
                None => return Ok(None),
            },
            Source::Lines(reader) => loop {
                let mut line = String::new();
                if reader
                    .read_line(&mut line)
                    .map_err(Error::reading(&self.path))?
                    == 0
                {
                    return Ok(None);
                }
                self.number += 1;
                let line = line.trim();
                if !line.is_empty() {
                    break line.to_owned();
                }
            },
        };
        if matches!(self.source, Source::Array(_)) {
            self.number += 1;
        }
        let is_object = row.starts_with('{') && serde_json::from_str::<&RawValue>(&row).is_ok();
        if !is_object {
            let what = match self.source {
                Source::Array(_) => "item",
                Source::Lines(_) => "line",
            };
            return Err(Error::Usage(format!(
                "{what} {} of {} is not a JSON object",
                self.number,
                self.path.display()
            )));
        }
        Ok(Some(row))
    }
}

/// What the API takes: an exported record loses what the hub knows of it, any other row stays.
fn importable(row: String) -> Option<String> {
    let Ok(exported) = serde_json::from_str::<Exported>(&row) else {
        return Some(row);
    };
    let data = exported.data.filter(|_| exported.deleted_at.is_none())?;
    let id = Value::from(exported.external_id);
    Some(format!("{{\"externalId\":{id},\"data\":{}}}", data.get()))
}

/// Raw line breaks cannot be inside JSON strings, so those that are there are blanks.
fn one_line(row: &str) -> String {
    row.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Rows {
        let reader = Box::new(Cursor::new(text.as_bytes().to_vec()));
        Rows::of(Path::new("rows.json"), reader).unwrap()
    }

    fn parts(text: &str) -> Vec<Part> {
        let mut rows = rows(text);
        std::iter::from_fn(|| rows.part().unwrap()).collect()
    }

    #[test]
    fn lines_and_arrays_give_the_same_rows() {
        let expected = vec![Part {
            text: "{\"a\": 1.10}\n{\"b\": \"\\n\"}\n".to_owned(),
            rows: 2,
        }];
        assert_eq!(parts("{\"a\": 1.10}\n\n{\"b\": \"\\n\"}"), expected);
        assert_eq!(parts(" [{\"a\": 1.10},\n {\"b\": \"\\n\"}]"), expected);
        assert_eq!(parts(""), vec![]);
        assert_eq!(parts("[]"), vec![]);
    }

    #[test]
    fn parts_have_as_many_rows_as_the_api_takes() {
        let text = "{\"a\":1}\n".repeat(2001);
        let counts: Vec<_> = parts(&text).iter().map(|part| part.rows).collect();
        assert_eq!(counts, [1000, 1000, 1]);
        let row = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1_200_000));
        let counts: Vec<_> = parts(&row.repeat(5)).iter().map(|part| part.rows).collect();
        assert_eq!(counts, [2, 2, 1]);
    }

    #[test]
    fn what_was_exported_can_be_imported() {
        let record = |rest: &str| {
            format!(
                r#"{{"id":1,"integrationId":7,"dataType":"orders","externalId":"a\"b","syncStatus":"synced",{rest}}}"#
            )
        };
        let rows_of = |rest: &str| rows(&record(rest)).part().unwrap();
        assert_eq!(
            rows_of(r#""data":{"id":1.10}"#).unwrap().text,
            "{\"externalId\":\"a\\\"b\",\"data\":{\"id\":1.10}}\n"
        );
        let gone = r#""data":{"id":1},"deletedAt":"2026-01-15T00:00:00Z""#;
        assert_eq!(rows_of(gone), None);
        let mut failed = rows(&record(r#""data":null"#));
        assert_eq!(failed.part().unwrap(), None);
        assert_eq!(failed.left_out(), 1);
        let own = r#"{"externalId":"7","data":{"id":7}}"#;
        assert_eq!(rows(own).part().unwrap().unwrap().text, format!("{own}\n"));
    }

    #[test]
    fn what_is_no_row_is_named_by_its_place_only() {
        for (text, place) in [
            ("{}\nhunter2\n", "line 2"),
            ("{}\n{\"a\": hunter2}", "line 2"),
            ("[{}, {}, \"hunter2\"]", "item 3"),
        ] {
            let error = rows(text).part().unwrap_err().to_string();
            assert!(error.starts_with(place), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
