use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use front_door::{ApiError, Guarded, Json, Params, Path, RawBody, WithBody, WithId, WithInput};
use hub::{Metrics, Run, RunView, SyncRequest};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::access::{Caller, Read, Write};
use crate::api::answers::{Queued, RunPage};
use crate::api::headers::idempotency_key;
use crate::api::query::{Id, OfRun, PageQuery};
use crate::api::refusals::{Conflicts, refused};
use crate::api::{Api, model};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(sync))
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(metrics))
}

/// What to sync; no body at all is what a schedule would do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"full": true, "streams": ["leads"]}))]
#[allow(dead_code, reason = "only its schema is used; the hub has its own")]
struct SyncBody {
    /// Everything, whatever is known.
    #[serde(default)]
    #[schema(required = false)]
    full: bool,
    /// These streams only; those of the integration if absent or empty.
    #[serde(default)]
    #[schema(required = false)]
    streams: Vec<String>,
}

/// Sync an integration
#[utoipa::path(
    post,
    path = "/api/integrations/{id}/sync",
    tag = "runs",
    operation_id = "sync_integration",
    params(
        ("id" = u64, Path, description = "The integration's id"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9._:@-]+$", description = "A key of your choice: a repeated request with it starts no second run"),
    ),
    request_body = Option<SyncBody>,
    responses((status = 202, description = "The run", body = Queued), Guarded, WithBody, WithId, Conflicts),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn sync(
    State(api): State<Api>,
    caller: Caller<Write>,
    Path(id): Path<Id>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let request = wanted(&body)?;
    let key = idempotency_key(&headers)?;
    let run = api
        .hub
        .start_sync(&caller.tenant, id.integration(), request, key)
        .await
        .map_err(refused)?;
    Ok(queued(run))
}

/// List the runs of the last 90 days, newest first
#[utoipa::path(
    get,
    path = "/api/integrations/{id}/runs",
    tag = "runs",
    operation_id = "list_runs",
    params(("id" = u64, Path, description = "The integration's id"), PageQuery),
    responses((status = 200, description = "Runs", body = RunPage), Guarded, WithId, WithInput),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn list(
    State(api): State<Api>,
    caller: Caller<Read>,
    Path(id): Path<Id>,
    Params(query): Params<PageQuery>,
) -> Result<Json<RunPage>, ApiError> {
    let cursor = query.cursor.as_deref();
    let listed = api
        .hub
        .runs(&caller.tenant, id.integration(), query.limit(), cursor)
        .await
        .map_err(refused)?;
    Ok(Json(RunPage {
        success: true,
        runs: listed.items.into_iter().map(Run::view).collect(),
        next_cursor: listed.next,
    }))
}

/// Read a run
///
/// While it is under way: how far it is, by stream, in rows and pages.
#[utoipa::path(
    get,
    path = "/api/integrations/{id}/runs/{run}",
    tag = "runs",
    operation_id = "get_run",
    params(
        ("id" = u64, Path, description = "The integration's id"),
        ("run" = String, Path, description = "The run's id"),
    ),
    responses((status = 200, description = "The run", body = model::Run), Guarded, WithId),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn one(
    State(api): State<Api>,
    caller: Caller<Read>,
    Path(path): Path<OfRun>,
) -> Result<Json<RunView>, ApiError> {
    let run = path.run()?;
    let found = api
        .hub
        .run(&caller.tenant, path.id.integration(), &run)
        .await;
    found.map(|run| Json(run.view())).map_err(refused)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Period {
    /// First day, UTC; 29 days before the last if absent.
    #[param(value_type = Option<String>, format = Date)]
    start_date: Option<Date>,
    /// Last day, UTC, included; today if absent.
    #[param(value_type = Option<String>, format = Date)]
    end_date: Option<Date>,
}

/// Read what syncs did over some days, at most 366
#[utoipa::path(
    get,
    path = "/api/integrations/{id}/metrics",
    tag = "runs",
    operation_id = "get_metrics",
    params(("id" = u64, Path, description = "The integration's id"), Period),
    responses((status = 200, description = "Figures", body = model::Metrics), Guarded, WithId, WithInput),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn metrics(
    State(api): State<Api>,
    caller: Caller<Read>,
    Path(id): Path<Id>,
    Params(period): Params<Period>,
) -> Result<Json<Metrics>, ApiError> {
    let today = || api.clock.now().to_zoned(TimeZone::UTC).date();
    let end = period.end_date.unwrap_or_else(today);
    let start = match period.start_date {
        Some(start) => start,
        None => end.saturating_sub(29.days()),
    };
    let figures = api
        .hub
        .metrics(&caller.tenant, id.integration(), start, end)
        .await;
    figures.map(Json).map_err(refused)
}

/// 202 with a run that waits for a worker.
pub(crate) fn queued(run: Run) -> Response {
    let answer = Json(Queued {
        success: true,
        run: run.view(),
    });
    (StatusCode::ACCEPTED, answer).into_response()
}

/// An empty body asks for what a schedule would do, whatever its content type.
fn wanted(body: &Bytes) -> Result<SyncRequest, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(SyncRequest::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            ApiError::invalid_field("body", error)
        } else {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_json",
                "the body is no JSON; send an object or nothing",
            )
        }
    })
}
