use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use front_door::{ApiError, Guarded, Json, Params, Path, RawBody, WithBody, WithId, WithInput};
use hub::DataQuery;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::form_urlencoded::Serializer;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::access::{Caller, Read, Write};
use crate::api::answers::{DataPage, Queued, Streams};
use crate::api::headers::idempotency_key;
use crate::api::model::SyncStatus;
use crate::api::pages::{Gathered, gather};
use crate::api::query::{Id, Limit};
use crate::api::refusals::{Conflicts, refused};
use crate::api::runs::queued;
use crate::api::{Api, model};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(streams))
        .routes(routes!(list))
        .routes(routes!(import))
        .routes(routes!(export))
}

const NDJSON: &str = "application/x-ndjson";
const PAGE: u32 = 100;
const MOST: u32 = 10_000;

/// List the streams that were seen
///
/// With their fields, and how these changed.
#[utoipa::path(
    get,
    path = "/api/integrations/{id}/streams",
    tag = "data",
    operation_id = "list_streams",
    params(("id" = u64, Path, description = "The integration's id")),
    responses((status = 200, description = "Streams", body = Streams), Guarded, WithId),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn streams(
    State(api): State<Api>,
    caller: Caller<Read>,
    Path(id): Path<Id>,
) -> Result<Json<Streams>, ApiError> {
    let streams = api
        .hub
        .streams(&caller.tenant, id.integration())
        .await
        .map_err(refused)?;
    Ok(Json(Streams {
        success: true,
        streams,
    }))
}

/// Which records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Of this stream; of all if absent.
    #[param(min_length = 1, max_length = 500)]
    data_type: Option<String>,
    /// In this state.
    #[param(inline)]
    sync_status: Option<SyncStatus>,
    /// The one with this id; needs `dataType`.
    #[param(min_length = 1, max_length = 500)]
    external_id: Option<String>,
    /// Changed at this moment (RFC 3339) or later.
    #[param(value_type = Option<String>, format = DateTime)]
    updated_since: Option<Timestamp>,
    /// Those that the platform does not have any more too.
    #[param(required = false)]
    #[serde(default)]
    include_deleted: bool,
    /// Most records of a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    limit: Option<Limit<1, MOST>>,
    /// Where the page before ended.
    #[param(min_length = 1, max_length = 2048)]
    cursor: Option<String>,
}

impl Filter {
    fn most(&self, otherwise: u32) -> usize {
        let limit = self.limit.map_or(otherwise, |limit| limit.0);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    fn query(&self) -> DataQuery {
        DataQuery {
            data_type: self.data_type.clone(),
            external_id: self.external_id.clone(),
            sync_status: self.sync_status.map(|status| match status {
                SyncStatus::Synced => records::Status::Synced,
                SyncStatus::Pending => records::Status::Pending,
                SyncStatus::Failed => records::Status::Failed,
            }),
            include_deleted: self.include_deleted,
            updated_since: self.updated_since,
            limit: 0,
            cursor: self.cursor.clone(),
        }
    }

    /// The query string of the page from `cursor` on.
    fn after(&self, cursor: &str) -> String {
        let mut pairs = Serializer::new(String::new());
        if let Some(data_type) = &self.data_type {
            pairs.append_pair("dataType", data_type);
        }
        if let Some(status) = self.sync_status {
            pairs.append_pair("syncStatus", status.as_str());
        }
        if let Some(since) = self.updated_since {
            pairs.append_pair("updatedSince", &since.to_string());
        }
        if self.include_deleted {
            pairs.append_pair("includeDeleted", "true");
        }
        if let Some(limit) = self.limit {
            pairs.append_pair("limit", &limit.0.to_string());
        }
        pairs.append_pair("cursor", cursor).finish()
    }
}

/// List records
///
/// As they were after the last sync. An answer holds 4 MB at most, so a page may end early.
#[utoipa::path(
    get,
    path = "/api/integrations/{id}/data",
    tag = "data",
    operation_id = "list_data",
    params(("id" = u64, Path, description = "The integration's id"), Filter),
    responses((status = 200, description = "Records; 100 unless `limit` says otherwise", body = DataPage), Guarded, WithId, WithInput),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn list(
    State(api): State<Api>,
    caller: Caller<Read>,
    Path(id): Path<Id>,
    Params(filter): Params<Filter>,
) -> Result<Json<DataPage>, ApiError> {
    let Gathered { records, next } = gather(
        &api.hub,
        &caller.tenant,
        id.integration(),
        filter.query(),
        filter.most(PAGE),
    )
    .await?;
    Ok(Json(DataPage {
        success: true,
        data: records,
        next_cursor: next,
    }))
}

/// Export records as lines of JSON
///
/// An answer holds up to 10,000 records and 4 MB. If there are more, the header `link` is the next
/// one's address and `x-next-cursor` its cursor.
#[utoipa::path(
    get,
    path = "/api/integrations/{id}/data/export",
    tag = "data",
    operation_id = "export_data",
    params(("id" = u64, Path, description = "The integration's id"), Filter),
    responses(
        (status = 200, description = "A record a line", content_type = "application/x-ndjson", body = String, headers(("link" = String, description = "`<path>; rel=\"next\"`, if there is more"), ("x-next-cursor" = String, description = "For the parameter `cursor`, if there is more"))),
        Guarded, WithId, WithInput,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn export(
    State(api): State<Api>,
    caller: Caller<Read>,
    Path(id): Path<Id>,
    Params(filter): Params<Filter>,
) -> Result<Response, ApiError> {
    let id = id.integration();
    let most = filter.most(MOST);
    let Gathered { records, next } =
        gather(&api.hub, &caller.tenant, id, filter.query(), most).await?;
    let mut lines = String::new();
    for record in records {
        lines.push_str(record.get());
        lines.push('\n');
    }
    let mut response = ([(header::CONTENT_TYPE, NDJSON)], lines).into_response();
    if let Some(next) = next {
        let link = format!(
            "</api/integrations/{id}/data/export?{}>; rel=\"next\"",
            filter.after(&next)
        );
        let value = |text: String| HeaderValue::try_from(text).map_err(|_| ApiError::internal());
        let headers = response.headers_mut();
        headers.insert(header::LINK, value(link)?);
        headers.insert("x-next-cursor", value(next)?);
    }
    Ok(response)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// The stream that the rows are of; it need not be the platform's.
    #[param(min_length = 1, max_length = 200)]
    data_type: String,
}

/// Take in rows
///
/// 1 to 1000 of them: a JSON array, or JSON lines as `application/x-ndjson`. A row is
/// `{"externalId": "…", "data": {…}}`, or the data alone where the stream's primary key is known.
/// They are `pending` until a worker has merged them.
#[utoipa::path(
    post,
    path = "/api/integrations/{id}/data/import",
    tag = "data",
    operation_id = "import_data",
    params(
        ("id" = u64, Path, description = "The integration's id"),
        ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9._:@-]+$", description = "A key of your choice: a repeated request with it takes nothing in twice"),
    ),
    request_body(content((Vec<model::Row> = "application/json"), (String = "application/x-ndjson"))),
    responses((status = 202, description = "The run", body = Queued), Guarded, WithBody, WithId, Conflicts),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn import(
    State(api): State<Api>,
    caller: Caller<Write>,
    Path(id): Path<Id>,
    Params(query): Params<ImportQuery>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let rows = rows(&headers, &body)?;
    let key = idempotency_key(&headers)?;
    let run = api
        .hub
        .import_data(
            &caller.tenant,
            id.integration(),
            &query.data_type,
            &rows,
            key,
        )
        .await
        .map_err(refused)?;
    Ok(queued(run))
}

fn rows(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Box<RawValue>>, ApiError> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|kind| kind.trim().to_ascii_lowercase());
    match kind.as_deref() {
        Some("application/json") => serde_json::from_slice(body).map_err(|error| {
            if error.is_data() {
                ApiError::invalid_field("body", "must be an array of rows")
            } else {
                no_json(format_args!("the body is no JSON: {error}"))
            }
        }),
        Some(NDJSON | "application/ndjson" | "application/jsonl") => lines(body),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send an array as `application/json`, or lines of JSON as `application/x-ndjson`",
        )),
    }
}

fn lines(body: &[u8]) -> Result<Vec<Box<RawValue>>, ApiError> {
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
        .map(|(n, line)| {
            serde_json::from_slice(line)
                .map_err(|_| no_json(format_args!("line {} is no JSON", n + 1)))
        })
        .collect()
}

fn no_json(message: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_json", message)
}
