use axum::extract::State;
use front_door::{ApiError, Guarded, Json, WithBody};
use hub::{Configuration, Imported};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{Admin, Caller};
use crate::api::refusals::refused;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(export))
        .routes(routes!(import))
}

/// Integrations without what is secret.
#[derive(Serialize, ToSchema)]
struct Exported {
    /// Always `true`.
    success: bool,
    /// Each as `POST /api/integrations/import` takes it.
    #[schema(value_type = Vec<Object>)]
    integrations: Vec<Configuration>,
}

/// Export all configurations
///
/// Without credentials: where they were, the import asks for them again.
#[utoipa::path(
    get,
    path = "/api/integrations/export",
    tag = "integrations",
    operation_id = "export_integrations",
    responses((status = 200, description = "The configurations", body = Exported), Guarded),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn export(State(api): State<Api>, caller: Caller<Admin>) -> Result<Json<Exported>, ApiError> {
    let integrations = api
        .hub
        .export_configurations(&caller.tenant)
        .await
        .map_err(refused)?;
    Ok(Json(Exported {
        success: true,
        integrations,
    }))
}

/// What `GET /api/integrations/export` gave.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct ExportedBody {
    /// As the export has it; ignored.
    success: Option<bool>,
    /// The configurations.
    #[schema(max_items = 100)]
    integrations: Vec<Map<String, Value>>,
}

/// What became of each configuration, in their order.
#[derive(Serialize, ToSchema)]
struct ImportedAll {
    /// Whether all are taken.
    success: bool,
    /// One entry for each: `name`, `id` if it was made, `needsCredentials`, `problems`.
    #[schema(value_type = Vec<Object>)]
    imported: Vec<Imported>,
}

/// Import configurations
///
/// Each becomes a new integration; those whose credentials are missing are inactive until they are
/// set.
#[utoipa::path(
    post,
    path = "/api/integrations/import",
    tag = "integrations",
    operation_id = "import_integrations",
    request_body = ExportedBody,
    responses((status = 200, description = "What became of each", body = ImportedAll), Guarded, WithBody),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn import(
    State(api): State<Api>,
    caller: Caller<Admin>,
    Json(body): Json<Value>,
) -> Result<Json<ImportedAll>, ApiError> {
    let all = configurations(body)?;
    let imported = api
        .hub
        .import_configurations(&caller.tenant, all)
        .await
        .map_err(refused)?;
    Ok(Json(ImportedAll {
        success: imported.iter().all(|one| one.problems.is_empty()),
        imported,
    }))
}

/// Those of an export, or of a list alone.
fn configurations(body: Value) -> Result<Vec<Configuration>, ApiError> {
    let list = match body {
        Value::Array(list) => list,
        Value::Object(mut exported) => match exported.remove("integrations") {
            Some(Value::Array(list)) => list,
            _ => return Err(ApiError::invalid_field("integrations", "must be a list")),
        },
        _ => {
            return Err(ApiError::invalid_field(
                "body",
                "must be an object or a list",
            ));
        }
    };
    let read = |(n, value): (usize, Value)| {
        serde_json::from_value(value)
            .map_err(|error| ApiError::invalid_field(format!("integrations[{n}]"), error))
    };
    list.into_iter().enumerate().map(read).collect()
}
