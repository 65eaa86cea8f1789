use std::fmt::Display;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use lambda_kit::{ErrorType, Failure};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::Notice;
use crate::reading::Reading;
use lambda_kit::causes;

/// Where events are in the bucket.
const PREFIX: &str = "desk_events";

/// Events in S3: an object of JSON lines for each batch, and a mark for each deleted ticket.
#[derive(Debug)]
pub(crate) struct Archive {
    s3: Client,
    bucket: String,
}

/// One event to be stored.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) notice: &'a Notice,
    /// The ticket as read again; none where the event is not a ticket's.
    pub(crate) reading: Option<&'a Reading>,
}

#[derive(Serialize)]
struct Line<'a> {
    event_type: &'a str,
    event_time: Timestamp,
    received_at: Timestamp,
    org_id: &'a str,
    entity: &'a str,
    id: Option<&'a str>,
    ticket_id: Option<&'a str>,
    deleted: bool,
    ticket: Option<&'a RawValue>,
}

/// A ticket that is gone, or in the recycle bin.
#[derive(Serialize)]
struct Deleted<'a> {
    id: &'a str,
    /// When Desk said so: what a run finds later counts for more.
    seen_at: Timestamp,
}

impl Record<'_> {
    /// Whether the event's ticket is gone, or in the recycle bin.
    pub(crate) fn is_deleted(&self) -> bool {
        match self.reading {
            Some(Reading::Gone) => true,
            Some(Reading::Found { ticket, .. }) => ticket.is_trashed,
            None => self.notice.event_type.ends_with("_Delete"),
        }
    }

    fn line(&self) -> Result<String, Failure> {
        let ticket = match self.reading {
            Some(Reading::Found { json, .. }) => {
                let json: &RawValue = serde_json::from_slice(json).map_err(internal)?;
                Some(json)
            }
            _ => None,
        };
        let notice = self.notice;
        let line = Line {
            event_type: &notice.event_type,
            event_time: notice.event_time,
            received_at: notice.received_at,
            org_id: &notice.org_id,
            entity: &notice.entity,
            id: notice.id.as_deref(),
            ticket_id: notice.ticket_id.as_deref(),
            deleted: self.is_deleted(),
            ticket,
        };
        let line = serde_json::to_string(&line).map_err(internal)?;
        // Between JSON's tokens only: in a string they are escaped.
        Ok(line.replace(['\n', '\r'], " "))
    }
}

impl Archive {
    pub(crate) fn new(s3: Client, bucket: &str) -> Self {
        Self {
            s3,
            bucket: bucket.to_owned(),
        }
    }

    /// Writes one object. Its name follows from the messages and when they came in, so that the
    /// same ones delivered again find it there.
    pub(crate) async fn write(&self, records: &[Record<'_>]) -> Result<(), Failure> {
        let Some(key) = key(records) else {
            return Ok(());
        };
        let mut lines = String::new();
        for record in records {
            lines.push_str(&record.line()?);
            lines.push('\n');
        }
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("application/x-ndjson")
            .if_none_match("*")
            .body(ByteStream::from(lines.into_bytes()));
        match Box::pin(put.send()).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(()),
            Err(error) => Err(self.failure(error.code(), &causes(&error))),
        }
    }

    /// Marks a ticket as deleted, for the reports' tables.
    pub(crate) async fn mark_deleted(&self, id: &str, seen_at: Timestamp) -> Result<(), Failure> {
        let mark = serde_json::to_vec(&Deleted { id, seen_at }).map_err(internal)?;
        let put = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(format!("{PREFIX}/_deleted/tickets/{id}.json"))
            .content_type("application/json")
            .body(ByteStream::from(mark));
        Box::pin(put.send())
            .await
            .map(drop)
            .map_err(|error| self.failure(error.code(), &causes(&error)))
    }

    fn failure(&self, code: Option<&str>, detail: &str) -> Failure {
        let bucket = &self.bucket;
        match code {
            Some("NoSuchBucket") => Failure::new(
                ErrorType::StorageDenied,
                format!("bucket {bucket} does not exist; create it, or set BUCKET"),
            ),
            Some("AccessDenied") => Failure::new(
                ErrorType::StorageDenied,
                format!("allow the function's role s3:PutObject on {bucket}/{PREFIX}/*"),
            ),
            Some(code) => Failure::new(ErrorType::Upstream, format!("S3 answered {code}")),
            None => Failure::new(ErrorType::Upstream, detail),
        }
    }
}

/// `desk_events/dt=2026-06-01/20260601T120000Z-<digest of the messages>.jsonl`; none for no record.
fn key(records: &[Record<'_>]) -> Option<String> {
    let came_in = records
        .iter()
        .map(|record| record.notice.received_at)
        .min()?;
    let mut ids: Vec<_> = records.iter().map(|record| record.message_id).collect();
    ids.sort_unstable();
    let digest = Sha256::digest(ids.join("\n"));
    let id = hex::encode(&digest[..8]);
    let time = came_in.strftime("%Y%m%dT%H%M%SZ");
    Some(format!(
        "{PREFIX}/dt={}/{time}-{id}.jsonl",
        came_in.strftime("%Y-%m-%d")
    ))
}

fn internal(error: impl Display) -> Failure {
    Failure::new(ErrorType::Internal, error)
}
