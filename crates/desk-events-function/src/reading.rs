use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use zoho_desk::{Desk, Document, EntityId, Error, Ticket};

/// A ticket as Desk has it now.
#[derive(Debug)]
pub(crate) enum Reading {
    /// It is there, or in the recycle bin.
    Found {
        /// The answer, byte for byte.
        json: Bytes,
        /// What we read of it.
        ticket: Box<Ticket>,
    },
    /// It is deleted for good.
    Gone,
}

/// Reads each ticket once, however many events there are of it.
pub(crate) async fn read_all<'i>(
    desk: &Desk,
    ids: impl Iterator<Item = &'i str>,
) -> HashMap<&'i str, Result<Reading, Error>> {
    let ids: BTreeSet<&str> = ids.collect();
    stream::iter(ids)
        .map(|id| async move { (id, read(desk, id).await) })
        .buffer_unordered(desk.width())
        .collect()
        .await
}

async fn read(desk: &Desk, id: &str) -> Result<Reading, Error> {
    let path = format!("/tickets/{id}");
    let malformed = |why: String| Error::Malformed {
        path: path.clone(),
        why,
    };
    // What is no id must not become part of a request or of a key.
    id.parse::<EntityId>()
        .map_err(|_| malformed("the event's ticket is no id".to_owned()))?;
    let json = match desk.document(&path, []).await {
        Ok(Document::Value(json)) => json,
        Ok(Document::Empty) | Err(Error::NotFound { .. }) => return Ok(Reading::Gone),
        Ok(Document::Rows(_)) => return Err(malformed("it is a list".to_owned())),
        Err(error) => return Err(error),
    };
    let ticket: Ticket = serde_json::from_slice(&json)
        .map_err(|error| malformed(format!("line {}, column {}", error.line(), error.column())))?;
    Ok(Reading::Found {
        json,
        ticket: Box::new(ticket),
    })
}
