use aws_sdk_s3::types::CompletedPart;
use serde::{Deserialize, Serialize};

use crate::manifest::ObjectEntry;

/// The multipart upload of a leg that ended: all parts are there, the object is not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    pub(crate) key: String,
    pub(crate) upload_id: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// Metadata of the object that the upload becomes.
    pub(crate) attempt: String,
}

/// What S3 wants to hear again of a part when the upload is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    number: Option<i32>,
    etag: Option<String>,
    crc32: Option<String>,
}

impl From<CompletedPart> for Part {
    fn from(part: CompletedPart) -> Self {
        Self {
            number: part.part_number,
            etag: part.e_tag,
            crc32: part.checksum_crc32,
        }
    }
}

impl From<&Part> for CompletedPart {
    fn from(part: &Part) -> Self {
        Self::builder()
            .set_part_number(part.number)
            .set_e_tag(part.etag.clone())
            .set_checksum_crc32(part.crc32.clone())
            .build()
    }
}

impl Segment {
    /// The segment once it is an object.
    pub(crate) fn entry(&self) -> ObjectEntry {
        ObjectEntry {
            key: self.key.clone(),
            rows: self.rows,
            bytes: self.bytes,
            sha256: self.sha256.clone(),
        }
    }
}
