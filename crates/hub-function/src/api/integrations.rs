use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use front_door::{ApiError, Guarded, Json, Params, Path, WithBody, WithId, WithInput};
use hub::{DataFate, Integration, NewIntegration, Patch};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::access::{Admin, Caller, Read};
use crate::api::answers::{IntegrationPage, Removing, Templates};
use crate::api::headers::{idempotency_key, if_match};
use crate::api::query::{Id, PageQuery};
use crate::api::refusals::{Conflicts, Outdated, refused};
use crate::api::{Api, model};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(templates))
        .routes(routes!(one, change, remove))
}

/// List integrations
#[utoipa::path(
    get,
    path = "/api/integrations",
    tag = "integrations",
    operation_id = "list_integrations",
    params(PageQuery),
    responses((status = 200, description = "Integrations", body = IntegrationPage), Guarded, WithInput),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn list(
    State(api): State<Api>,
    caller: Caller<Read>,
    Params(query): Params<PageQuery>,
) -> Result<Json<IntegrationPage>, ApiError> {
    let listed = api
        .hub
        .list(&caller.tenant, query.limit(), query.cursor.as_deref())
        .await
        .map_err(refused)?;
    Ok(Json(IntegrationPage {
        success: true,
        integrations: listed.items,
        next_cursor: listed.next,
    }))
}

/// List what can be integrated
///
/// Each platform with the settings to fill in and the actions it has, then templates of custom
/// APIs that are filled in but for the credentials.
#[utoipa::path(
    get,
    path = "/api/integrations/templates",
    tag = "integrations",
    operation_id = "list_templates",
    responses((status = 200, description = "Platforms and templates", body = Templates), Guarded),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn templates(State(api): State<Api>, _caller: Caller<Read>) -> Json<Templates> {
    Json(Templates {
        success: true,
        templates: api.hub.templates(),
    })
}

/// Make an integration
///
/// Its credentials go to AWS Secrets Manager and are never shown again. If it is active, its first
/// sync begins at once, and then every `syncInterval` minutes.
#[utoipa::path(
    post,
    path = "/api/integrations",
    tag = "integrations",
    operation_id = "create_integration",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9._:@-]+$", description = "A key of your choice: a repeated request with it makes no second integration")),
    request_body = model::NewIntegration,
    responses(
        (status = 201, description = "The integration", body = model::Integration, headers(("location" = String, description = "Its path"), ("etag" = String, description = "Its version, for `If-Match`"))),
        Guarded, WithBody, Conflicts,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn create(
    State(api): State<Api>,
    caller: Caller<Admin>,
    headers: HeaderMap,
    Json(new): Json<NewIntegration>,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers)?;
    let made = api
        .hub
        .create(&caller.tenant, new, key)
        .await
        .map_err(refused)?;
    let location = format!("/api/integrations/{}", made.id);
    let location = HeaderValue::try_from(location).map_err(|_| ApiError::internal())?;
    let mut response = (StatusCode::CREATED, tagged(made)).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Read an integration
///
/// With how far its current run is.
#[utoipa::path(
    get,
    path = "/api/integrations/{id}",
    tag = "integrations",
    operation_id = "get_integration",
    params(("id" = u64, Path, description = "The integration's id")),
    responses(
        (status = 200, description = "The integration", body = model::Integration, headers(("etag" = String, description = "Its version, for `If-Match`"))),
        Guarded, WithId,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn one(
    State(api): State<Api>,
    caller: Caller<Read>,
    Path(id): Path<Id>,
) -> Result<impl IntoResponse, ApiError> {
    let found = api.hub.get(&caller.tenant, id.integration()).await;
    found.map(tagged).map_err(refused)
}

/// Change an integration
#[utoipa::path(
    patch,
    path = "/api/integrations/{id}",
    tag = "integrations",
    operation_id = "change_integration",
    params(
        ("id" = u64, Path, description = "The integration's id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the integration as it was read: it is changed only if it still is like that"),
    ),
    request_body = model::Patch,
    responses(
        (status = 200, description = "The integration", body = model::Integration, headers(("etag" = String, description = "Its version, for `If-Match`"))),
        Guarded, WithBody, WithId, Conflicts, Outdated,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn change(
    State(api): State<Api>,
    caller: Caller<Admin>,
    Path(id): Path<Id>,
    headers: HeaderMap,
    Json(patch): Json<Patch>,
) -> Result<impl IntoResponse, ApiError> {
    let version = if_match(&headers)?;
    let changed = api
        .hub
        .patch(&caller.tenant, id.integration(), patch, version)
        .await;
    changed.map(tagged).map_err(refused)
}

/// What becomes of the data of an integration that is removed.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Data {
    /// Rows and records stay in the bucket.
    Keep,
    /// They go too.
    Delete,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RemoveQuery {
    /// What becomes of its data: `keep` (if absent) or `delete`.
    #[param(inline)]
    data: Option<Data>,
}

/// Remove an integration
///
/// A worker makes its credentials worthless at the vendor, where that is possible, and removes
/// secret and schedule. Until then it is shown with `removing: true`.
#[utoipa::path(
    delete,
    path = "/api/integrations/{id}",
    tag = "integrations",
    operation_id = "remove_integration",
    params(("id" = u64, Path, description = "The integration's id"), RemoveQuery),
    responses((status = 202, description = "It is being removed", body = Removing), Guarded, WithId),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn remove(
    State(api): State<Api>,
    caller: Caller<Admin>,
    Path(id): Path<Id>,
    Params(query): Params<RemoveQuery>,
) -> Result<Response, ApiError> {
    let fate = match query.data {
        None | Some(Data::Keep) => DataFate::Keep,
        Some(Data::Delete) => DataFate::Delete,
    };
    let removing = api
        .hub
        .delete(&caller.tenant, id.integration(), fate)
        .await
        .map_err(refused)?;
    let answer = Json(Removing {
        success: true,
        message: "The integration is being removed".to_owned(),
        id: removing.id.0,
    });
    Ok((StatusCode::ACCEPTED, answer).into_response())
}

fn tagged(integration: Integration) -> ([(HeaderName, String); 1], Json<Integration>) {
    let tag = format!("\"{}\"", integration.version);
    ([(header::ETAG, tag)], Json(integration))
}
