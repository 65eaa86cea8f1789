//! The current records of an integration.

use std::fmt;

use jiff::Timestamp;
use mapping::external_id;
use records::{Counts, ImportRow, Query, Record, Status, StreamRecords};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use state::{Stored, TenantId};

use crate::asking::once;
use crate::error::Error;
use crate::hub::Hub;
use crate::owner::{IntegrationId, Owner};
use crate::run::{Run, RunKind};
use crate::store::stream_key;
use crate::stream_state::{DriftEntry, StreamState, slug};
use crate::view::Listed;

/// So many rows a call takes in.
const MOST_ROWS: usize = 1000;
/// Ids are exact in JSON readers that know floating-point numbers only.
const ID_BITS: u32 = 53;

/// Which records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataQuery {
    /// Of this stream; of all if absent.
    pub data_type: Option<String>,
    /// The record with this id; needs `data_type`.
    pub external_id: Option<String>,
    /// In this state.
    pub sync_status: Option<Status>,
    /// Those that the platform does not have any more too.
    pub include_deleted: bool,
    /// Changed at this moment or later.
    pub updated_since: Option<Timestamp>,
    /// At most so many, 1 to 1000.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A record as callers see it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataObject {
    /// The same for the same record always; made of data type and external id.
    pub id: u64,
    /// Of which integration.
    pub integration_id: IntegrationId,
    /// Its stream.
    pub data_type: String,
    /// The platform's id for it.
    pub external_id: String,
    /// As the platform, or the mapping, gave it; `null` if it failed before it was ever taken in.
    pub data: Option<Box<RawValue>>,
    /// Whether it is up to date.
    pub sync_status: Status,
    /// When a run last saw it.
    pub last_sync: Timestamp,
    /// When it was taken in.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Since when the platform does not have it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Without what may be personal.
impl fmt::Debug for DataObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataObject")
            .field("id", &self.id)
            .field("data_type", &self.data_type)
            .field("sync_status", &self.sync_status)
            .finish_non_exhaustive()
    }
}

/// What is known of a stream.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamView {
    /// The platform's name for it; the `dataType` of its records.
    pub name: String,
    /// The fields that make a row the same row.
    pub primary_key: Vec<String>,
    /// The field by which changed rows are found.
    pub cursor: Option<String>,
    /// What its rows have, as declared by the platform or as seen in rows.
    pub fields: Vec<engine::Field>,
    /// How its fields changed, oldest first.
    pub drift: Vec<DriftEntry>,
    /// When it was last synced.
    pub last_sync: Option<Timestamp>,
    /// When it was last read in full.
    pub last_full: Option<Timestamp>,
    /// How many records there are.
    pub counts: Counts,
}

/// Records on their way out, as NDJSON.
#[derive(Debug)]
pub struct DataExport {
    hub: Hub,
    tenant: TenantId,
    integration: IntegrationId,
    query: Option<DataQuery>,
}

impl Hub {
    /// The streams that were seen, with their fields and how these changed.
    pub async fn streams(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
    ) -> Result<Vec<StreamView>, Error> {
        let owner = Owner::new(tenant.clone(), id);
        self.found(&owner).await?;
        let streams = self.store.streams(&owner).await?;
        Ok(streams
            .into_iter()
            .map(|stored| view(stored.value))
            .collect())
    }

    /// A page of current records. It may hold fewer than asked for although there is a next one.
    pub async fn data(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        query: &DataQuery,
    ) -> Result<Listed<DataObject>, Error> {
        let owner = Owner::new(tenant.clone(), id);
        self.found(&owner).await?;
        let streams = self.chosen(&owner, query).await?;
        let (mut at, cursor) = match &query.cursor {
            None => (0, None),
            Some(cursor) => position(&streams, cursor)?,
        };
        if let (Some(external_id), Some((name, slug))) = (&query.external_id, streams.first()) {
            let record = self.records_of(&owner, slug)?.get(external_id).await?;
            let fits = |record: &Record| query.include_deleted || record.deleted_at.is_none();
            let items = record.filter(fits).map(|record| object(id, name, record));
            return Ok(Listed {
                items: items.into_iter().collect(),
                next: None,
            });
        }
        let mut inner = cursor;
        while let Some((name, slug)) = streams.get(at) {
            let page = self
                .records_of(&owner, slug)?
                .page(&Query {
                    cursor: inner.take(),
                    limit: query.limit.clamp(1, 1000),
                    status: query.sync_status,
                    include_deleted: query.include_deleted,
                    changed_since: query.updated_since,
                })
                .await
                .map_err(of_records)?;
            let next = match page.next {
                Some(next) => Some(format!("{slug}~{next}")),
                None => streams.get(at + 1).map(|(_, slug)| format!("{slug}~")),
            };
            if !page.records.is_empty() || next.is_none() {
                let records = page.records.into_iter();
                return Ok(Listed {
                    items: records.map(|record| object(id, name, record)).collect(),
                    next,
                });
            }
            match next.as_deref().map(|next| position(&streams, next)) {
                Some(next) => (at, inner) = next?,
                None => break,
            }
        }
        Ok(Listed {
            items: Vec::new(),
            next: None,
        })
    }

    /// All records that `query` wants, as lines of JSON.
    pub fn export_data(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        query: DataQuery,
    ) -> DataExport {
        DataExport {
            hub: self.clone(),
            tenant: tenant.clone(),
            integration: id,
            query: Some(query),
        }
    }

    /// Takes in rows of a stream: they are pending until a worker has merged them. A row is
    /// `{"externalId": "…", "data": {…}}`, or the data alone if the stream's primary key is known.
    pub async fn import_data(
        &self,
        tenant: &TenantId,
        id: IntegrationId,
        data_type: &str,
        rows: &[Box<RawValue>],
        idempotency_key: Option<&str>,
    ) -> Result<Run, Error> {
        let owner = Owner::new(tenant.clone(), id);
        let stored = self.usable(&owner).await?;
        if !(1..=200).contains(&data_type.chars().count()) {
            return Err(Error::invalid("dataType", "must have 1 to 200 characters"));
        }
        let mut stream = self.stream_or_new(&owner, data_type).await?;
        let rows = taken(rows, &stream.value.primary_key)?;
        let parts: Vec<_> = rows
            .iter()
            .flat_map(|row| [row.external_id.as_bytes(), row.data.get().as_bytes()])
            .collect();
        let once = once(
            &owner,
            &format!("import {data_type}"),
            idempotency_key,
            &parts,
        );
        if let Some(run) = self
            .asked_before(&owner, &stored.value, once.as_ref())
            .await?
        {
            return Ok(run);
        }
        if stream.version == 0 {
            match self.store.save_stream(&owner, &mut stream).await {
                // A sync made it meanwhile.
                Err(Error::State(error)) if error.is_conflict() => {}
                other => other?,
            }
        }
        let run = self
            .new_run(RunKind::Import)?
            .of_stream(data_type, rows.len());
        let records = self.records_of(&owner, &stream.value.slug)?;
        records.stage(&run.id, &rows).await?;
        self.queued(&owner, &stored.value, run, once.as_ref(), vec![])
            .await
    }

    pub(crate) fn records_of(&self, owner: &Owner, slug: &str) -> Result<StreamRecords, Error> {
        self.records
            .of(&owner.root(), slug)
            .map_err(|_| Error::Defect("a stream's name does not fit into a key"))
    }

    pub(crate) async fn stream_or_new(
        &self,
        owner: &Owner,
        name: &str,
    ) -> Result<Stored<StreamState>, Error> {
        let slug = slug(name);
        let found = self.store.stream(owner, &slug).await?;
        let key = stream_key(owner, &slug);
        Ok(found.unwrap_or_else(|| Stored::absent(key, StreamState::new(name))))
    }

    /// Name and slug of the streams that a query is about.
    async fn chosen(
        &self,
        owner: &Owner,
        query: &DataQuery,
    ) -> Result<Vec<(String, String)>, Error> {
        if let Some(name) = &query.data_type {
            return Ok(vec![(name.clone(), slug(name))]);
        }
        if query.external_id.is_some() {
            let message = "must be sent with externalId, whose record it says the kind of";
            return Err(Error::invalid("dataType", message));
        }
        let streams = self.store.streams(owner).await?.into_iter();
        Ok(streams
            .map(|stored| (stored.value.name, stored.value.slug))
            .collect())
    }
}

impl DataExport {
    /// The next lines, some hundred kB of them; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while let Some(query) = self.query.take() {
            let page = self
                .hub
                .data(&self.tenant, self.integration, &query)
                .await?;
            self.query = page.next.map(|next| DataQuery {
                cursor: Some(next),
                ..query
            });
            if page.items.is_empty() {
                continue;
            }
            let mut lines = Vec::new();
            for item in &page.items {
                serde_json::to_writer(&mut lines, item)
                    .map_err(|_| Error::Defect("a record does not become JSON"))?;
                lines.push(b'\n');
            }
            return Ok(Some(lines));
        }
        Ok(None)
    }

    /// Where another export goes on from here; `None` at the end.
    pub fn cursor(&self) -> Option<&str> {
        self.query.as_ref()?.cursor.as_deref()
    }
}

/// The stream that a cursor stands in, and where.
fn position(streams: &[(String, String)], cursor: &str) -> Result<(usize, Option<String>), Error> {
    let (slug, inner) = cursor.split_once('~').ok_or(Error::InvalidCursor)?;
    let at = streams
        .iter()
        .position(|(_, known)| known == slug)
        .ok_or(Error::InvalidCursor)?;
    Ok((at, Some(inner.to_owned()).filter(|inner| !inner.is_empty())))
}

fn of_records(error: records::Error) -> Error {
    match error {
        records::Error::InvalidCursor => Error::InvalidCursor,
        other => other.into(),
    }
}

fn object(integration: IntegrationId, data_type: &str, record: Record) -> DataObject {
    DataObject {
        id: stable_id(data_type, &record.external_id),
        integration_id: integration,
        data_type: data_type.to_owned(),
        external_id: record.external_id,
        data: record.data,
        sync_status: record.status,
        last_sync: record.last_sync,
        created_at: record.created_at,
        updated_at: record.updated_at,
        deleted_at: record.deleted_at,
        error: record.error,
    }
}

fn stable_id(data_type: &str, external_id: &str) -> u64 {
    let digest = crate::digest::of(&[data_type.as_bytes(), external_id.as_bytes()]);
    let first = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    (first >> (u64::BITS - ID_BITS)).max(1)
}

fn view(stream: StreamState) -> StreamView {
    StreamView {
        fields: stream.schema.fields(),
        name: stream.name,
        primary_key: stream.primary_key,
        cursor: stream.cursor,
        drift: stream.drift,
        last_sync: stream.last_sync,
        last_full: stream.last_full,
        counts: stream.counts,
    }
}

/// A row with its id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    external_id: String,
    data: Box<RawValue>,
}

fn taken(rows: &[Box<RawValue>], primary_key: &[String]) -> Result<Vec<ImportRow>, Error> {
    if !(1..=MOST_ROWS).contains(&rows.len()) {
        return Err(Error::invalid("rows", "must be 1 to 1000 at a time"));
    }
    let mut problems = Vec::new();
    let mut taken = Vec::with_capacity(rows.len());
    for (n, row) in rows.iter().enumerate() {
        match import_row(row, primary_key) {
            Ok(row) => taken.push(row),
            Err(message) => problems.push(engine::Problem::new(format!("rows[{n}]"), message)),
        }
    }
    if problems.is_empty() {
        Ok(taken)
    } else {
        // All of them would say the same.
        problems.truncate(20);
        Err(Error::Invalid(problems))
    }
}

fn import_row(row: &RawValue, primary_key: &[String]) -> Result<ImportRow, String> {
    if let Ok(named) = serde_json::from_str::<Named>(row.get()) {
        let fits = (1..=500).contains(&named.external_id.len());
        if !fits || !named.data.get().starts_with('{') {
            return Err("must have an externalId of 1 to 500 bytes and data, an object".to_owned());
        }
        return Ok(ImportRow {
            external_id: named.external_id,
            data: named.data,
        });
    }
    if primary_key.is_empty() {
        return Err("must be {\"externalId\": …, \"data\": {…}}: this stream has no primary key that an id could be taken from".to_owned());
    }
    let external_id = external_id(row, primary_key).map_err(|error| error.to_string())?;
    Ok(ImportRow {
        external_id,
        data: row.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_exact_and_apart() {
        let id = stable_id("leads", "12345");
        assert_eq!(id, stable_id("leads", "12345"));
        assert!(id < 1 << ID_BITS);
        assert_ne!(id, stable_id("leads", "12346"));
        assert_ne!(stable_id("a", "bc"), stable_id("ab", "c"));
    }

    #[test]
    fn a_row_brings_its_id_or_has_it_in_its_key() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let key = ["n".to_owned()];
        for (row, key, id) in [
            (
                r#"{"externalId":"7","data":{"n":1.50}}"#,
                &[][..],
                Some("7"),
            ),
            (r#"{"n":7,"x":1}"#, &key[..], Some("7")),
            (r#"{"n":7,"x":1}"#, &[][..], None),
            (r#"{"x":1}"#, &key[..], None),
            (r#"{"externalId":"","data":{}}"#, &key[..], None),
            (r#"{"externalId":"7","data":[]}"#, &key[..], None),
            ("[]", &key[..], None),
        ] {
            let taken = import_row(&raw(row), key);
            assert_eq!(
                taken.as_ref().ok().map(|row| row.external_id.as_str()),
                id,
                "{row}"
            );
        }
        let taken = import_row(&raw(r#"{"externalId":"7","data":{"n":1.50}}"#), &[]).unwrap();
        assert_eq!(taken.data.get(), r#"{"n":1.50}"#, "bytes are kept");
    }
}
