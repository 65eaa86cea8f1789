use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Error;
use crate::place::Place;
use crate::record::{Record, Status};

/// Milliseconds since 1970, UTC.
pub(crate) type Millis = i64;

/// A record as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line<'a> {
    #[serde(rename = "k", borrow)]
    pub(crate) external_id: Cow<'a, str>,
    #[serde(rename = "c")]
    pub(crate) created: Millis,
    #[serde(rename = "u")]
    pub(crate) updated: Millis,
    /// When it was last seen, unless its segment was seen later.
    #[serde(rename = "l")]
    pub(crate) seen: Millis,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<Millis>,
    /// Why its newest row failed.
    #[serde(rename = "e", borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Cow<'a, str>>,
    /// No run ever had it, only an import.
    #[serde(rename = "i", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) imported: bool,
    #[serde(rename = "r", borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<&'a RawValue>,
}

impl Line<'_> {
    pub(crate) fn place(&self) -> Place {
        Place::of(&self.external_id)
    }

    pub(crate) fn status(&self) -> Status {
        match self.error {
            None => Status::Synced,
            Some(_) => Status::Failed,
        }
    }

    /// When the record was last seen, in a segment whose live records were all seen at `segment`.
    pub(crate) fn last_seen(&self, segment: Option<Millis>) -> Millis {
        if self.deleted.is_some() || self.imported {
            self.seen
        } else {
            segment.map_or(self.seen, |segment| segment.max(self.seen))
        }
    }

    /// Appends the line.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        serde_json::to_writer(&mut *out, self).map_err(|error| Error::Compression(error.into()))?;
        out.push(b'\n');
        Ok(())
    }

    pub(crate) fn record(&self, status: Status, segment: Option<Millis>) -> Record {
        Record {
            external_id: self.external_id.clone().into_owned(),
            data: self.data.map(ToOwned::to_owned),
            status,
            error: self.error.clone().map(Cow::into_owned),
            last_sync: moment(self.last_seen(segment)),
            created_at: moment(self.created),
            updated_at: moment(self.updated),
            deleted_at: self.deleted.map(moment),
        }
    }
}

pub(crate) fn moment(millis: Millis) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or_default()
}

/// The lines of a segment in their order, each with its bytes.
pub(crate) struct Lines<'a> {
    key: &'a str,
    text: &'a [u8],
    begin: usize,
    stream: serde_json::StreamDeserializer<'a, serde_json::de::SliceRead<'a>, Line<'a>>,
}

/// A line, and the bytes it was read from, the line break included.
pub(crate) struct Read<'a> {
    pub(crate) line: Line<'a>,
    pub(crate) place: Place,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Lines<'a> {
    /// `text` is the whole segment stored at `key`.
    pub(crate) fn new(key: &'a str, text: &'a [u8]) -> Self {
        Self {
            key,
            text,
            begin: 0,
            stream: serde_json::Deserializer::from_slice(text).into_iter(),
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Read<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.stream.next()? {
            Ok(line) => line,
            Err(error) => {
                let why = format!("line {}, column {}", error.line(), error.column());
                return Some(Err(Error::corrupt(self.key, &why)));
            }
        };
        let mut end = self.stream.byte_offset();
        if self.text.get(end) == Some(&b'\n') {
            end += 1;
        }
        let bytes = self.text.get(self.begin..end).unwrap_or_default();
        self.begin = end;
        let place = line.place();
        Some(Ok(Read { line, place, bytes }))
    }
}
