use axum::http::StatusCode;
use front_door::ApiError;
use hub::{DataObject, DataQuery, Hub, IntegrationId, Listed};
use serde_json::value::RawValue;
use state::TenantId;

use crate::api::refusals::refused;

/// API Gateway takes 6 MB from a function, and what is no JSON grows by a third on the way.
const MOST_BYTES: usize = 4_000_000;
/// Records asked for at a time.
const CHUNK: usize = 1000;
/// How often a request asks the hub: where few records fit, a page costs the reading of many.
const MOST_CALLS: u32 = 12;

/// Records as JSON, as many as an answer can hold.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) records: Vec<Box<RawValue>>,
    pub(crate) next: Option<String>,
}

/// Up to `most` records.
pub(crate) async fn gather(
    hub: &Hub,
    tenant: &TenantId,
    id: IntegrationId,
    mut query: DataQuery,
    most: usize,
) -> Result<Gathered, ApiError> {
    let mut gathered = Gathered::default();
    let (mut bytes, mut chunk) = (0, CHUNK);
    for _ in 0..MOST_CALLS {
        query.limit = chunk.min(most - gathered.records.len());
        let page = hub.data(tenant, id, &query).await.map_err(refused)?;
        let (records, size, next) = written(page)?;
        if bytes + size > MOST_BYTES {
            // What was read already goes out first; else fewer at a time may fit.
            if !gathered.records.is_empty() {
                break;
            }
            if query.limit == 1 {
                return Err(too_large());
            }
            chunk = (query.limit / 4).max(1);
            continue;
        }
        bytes += size;
        gathered.records.extend(records);
        gathered.next.clone_from(&next);
        query.cursor = next;
        if query.cursor.is_none() || gathered.records.len() >= most {
            break;
        }
    }
    Ok(gathered)
}

type Written = (Vec<Box<RawValue>>, usize, Option<String>);

fn written(page: Listed<DataObject>) -> Result<Written, ApiError> {
    let mut size = 0;
    let mut records = Vec::with_capacity(page.items.len());
    for object in &page.items {
        let record = serde_json::value::to_raw_value(object).map_err(|_| ApiError::internal())?;
        size += record.get().len() + 1;
        records.push(record);
    }
    Ok((records, size, page.next))
}

fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "record_too_large",
        "the next record is larger than an answer can be; read it from the bucket, where the run's manifest names its object",
    )
}
