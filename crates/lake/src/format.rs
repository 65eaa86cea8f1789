use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

/// How rows are laid out in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// One JSON array.
    #[serde(rename = "json")]
    Json,
    /// One row per line.
    #[serde(rename = "jsonl")]
    Jsonl,
    /// One row per line, gzip.
    #[serde(rename = "jsonl.gz")]
    JsonlGz,
}

/// Text that names no [`Format`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("format {0:?} is unknown: use json, jsonl or jsonl.gz")]
pub struct UnknownFormat(pub String);

impl Format {
    /// The extension of object keys, without the dot; also the format's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::JsonlGz => "jsonl.gz",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Jsonl => "application/x-ndjson",
            Self::JsonlGz => "application/gzip",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        [Self::Json, Self::Jsonl, Self::JsonlGz]
            .into_iter()
            .find(|format| format.extension() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// Turns rows into the bytes of an object, which its owner takes out as they gather.
#[derive(Debug)]
pub(crate) struct Encoder {
    framing: Framing,
    sink: Sink,
}

#[derive(Debug)]
enum Framing {
    Array { empty: bool },
    Lines,
}

#[derive(Debug)]
enum Sink {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Encoder {
    /// `capacity` is how many bytes usually gather before they are taken.
    pub(crate) fn new(format: Format, capacity: usize) -> Self {
        let buffer = Vec::with_capacity(capacity);
        match format {
            Format::Json => Self {
                framing: Framing::Array { empty: true },
                sink: Sink::Plain(buffer),
            },
            Format::Jsonl => Self {
                framing: Framing::Lines,
                sink: Sink::Plain(buffer),
            },
            Format::JsonlGz => Self {
                framing: Framing::Lines,
                // No time and no system in the header: the same rows give the same bytes.
                sink: Sink::Gzip(
                    GzBuilder::new()
                        .mtime(0)
                        .operating_system(255)
                        .write(buffer, Compression::default()),
                ),
            },
        }
    }

    /// Adds a row; `row` must be one valid JSON value, so that a line break can only be layout.
    pub(crate) fn push(&mut self, row: &[u8]) -> io::Result<()> {
        match &mut self.framing {
            Framing::Array { empty } => {
                let before: &[u8] = if *empty { b"[" } else { b",\n" };
                *empty = false;
                self.sink.write_all(before)?;
                self.sink.write_all(row)
            }
            Framing::Lines if row.contains(&b'\n') || row.contains(&b'\r') => {
                for (n, piece) in row.split(|b| matches!(b, b'\r' | b'\n')).enumerate() {
                    if n > 0 {
                        self.sink.write_all(b" ")?;
                    }
                    self.sink.write_all(piece)?;
                }
                self.sink.write_all(b"\n")
            }
            Framing::Lines => {
                self.sink.write_all(row)?;
                self.sink.write_all(b"\n")
            }
        }
    }

    /// Bytes that wait to be taken.
    pub(crate) fn pending(&self) -> usize {
        self.sink.buffer().len()
    }

    /// The bytes gathered so far; more gather in `next`.
    pub(crate) fn take(&mut self, next: Vec<u8>) -> Vec<u8> {
        std::mem::replace(self.sink.buffer_mut(), next)
    }

    /// Ends the object; its last bytes. Nothing may be pushed after it.
    pub(crate) fn finish(&mut self) -> io::Result<Vec<u8>> {
        if let Framing::Array { empty } = self.framing {
            self.sink.write_all(if empty { b"[]\n" } else { b"]\n" })?;
        }
        if let Sink::Gzip(gzip) = &mut self.sink {
            gzip.try_finish()?;
        }
        Ok(self.take(Vec::new()))
    }
}

impl Sink {
    fn buffer(&self) -> &Vec<u8> {
        match self {
            Self::Plain(buffer) => buffer,
            Self::Gzip(gzip) => gzip.get_ref(),
        }
    }

    fn buffer_mut(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(buffer) => buffer,
            Self::Gzip(gzip) => gzip.get_mut(),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(buffer) => {
                buffer.extend_from_slice(bytes);
                Ok(())
            }
            Self::Gzip(gzip) => gzip.write_all(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn encoded(format: Format, rows: &[&str]) -> Vec<u8> {
        let mut encoder = Encoder::new(format, 0);
        let mut out = Vec::new();
        for row in rows {
            encoder.push(row.as_bytes()).unwrap();
            out.extend(encoder.take(Vec::new()));
        }
        out.extend(encoder.finish().unwrap());
        out
    }

    #[test]
    fn layouts() {
        for (format, rows, bytes) in [
            (Format::Json, &[][..], "[]\n"),
            (Format::Json, &["{}"], "[{}]\n"),
            (Format::Json, &["{\"a\":\n1}", "2"], "[{\"a\":\n1},\n2]\n"),
            (Format::Jsonl, &[], ""),
            (Format::Jsonl, &["{\"a\":\r\n1}", "2"], "{\"a\":  1}\n2\n"),
        ] {
            assert_eq!(String::from_utf8(encoded(format, rows)).unwrap(), bytes);
        }
    }

    #[test]
    fn gzip_holds_the_lines_and_depends_on_nothing_else() {
        let bytes = encoded(Format::JsonlGz, &["1", "2"]);
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "1\n2\n");
        assert_eq!(bytes[4..8], [0; 4], "modification time");
        assert_eq!(bytes, encoded(Format::JsonlGz, &["1", "2"]));
    }

    #[test]
    fn compressed_bytes_do_not_pile_up_inside() {
        let mut encoder = Encoder::new(Format::JsonlGz, 0);
        let mut state = 1_u64;
        let mut largest = 0;
        for _ in 0..40_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            encoder.push(format!("{state}").as_bytes()).unwrap();
            largest = largest.max(encoder.take(Vec::new()).len());
        }
        let last = encoder.finish().unwrap().len();
        assert!(
            largest < 100_000 && last < 200_000,
            "{largest}, then {last}"
        );
    }

    #[test]
    fn names() {
        for format in [Format::Json, Format::Jsonl, Format::JsonlGz] {
            assert_eq!(format.extension().parse(), Ok(format));
            assert_eq!(
                serde_json::to_value(format).unwrap(),
                format.extension(),
                "the manifest and the parameter use one name"
            );
        }
        assert!(
            "csv"
                .parse::<Format>()
                .unwrap_err()
                .to_string()
                .contains("jsonl.gz")
        );
    }
}
