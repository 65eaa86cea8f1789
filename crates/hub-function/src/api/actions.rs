use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use front_door::{ApiError, Guarded, Json, Path, WithBody, WithId};
use hub::{Run, RunStatus};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{Caller, TimeLeft, Write};
use crate::api::answers::{Acted, Pending, Tested};
use crate::api::headers::idempotency_key;
use crate::api::query::Id;
use crate::api::refusals::{Conflicts, FromPlatform, of_platform, refused};
use crate::api::waiting::wait;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(test))
        .routes(routes!(act))
}

/// Test an integration
///
/// A worker proves that address and credentials work. A test that fails is an answer: 200 with
/// `success: false`.
#[utoipa::path(
    post,
    path = "/api/integrations/{id}/test",
    tag = "actions",
    operation_id = "test_integration",
    params(("id" = u64, Path, description = "The integration's id")),
    responses(
        (status = 200, description = "How the test went", body = Tested),
        (status = 202, description = "It takes longer than 20 s; see the run", body = Pending),
        Guarded, WithId, Conflicts,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn test(
    State(api): State<Api>,
    caller: Caller<Write>,
    Path(id): Path<Id>,
    TimeLeft(time_left): TimeLeft,
) -> Result<Response, ApiError> {
    let (tenant, id) = (&caller.tenant, id.integration());
    let platform = api.hub.get(tenant, id).await.map_err(refused)?.platform;
    let run = api.hub.start_check(tenant, id).await.map_err(refused)?;
    let run = wait(&api, tenant, id, &run.id, time_left)
        .await
        .map_err(refused)?;
    if !run.status.has_ended() {
        return Ok(pending(run));
    }
    Ok(Json(tested(run, platform)).into_response())
}

/// An action of the integration's platform.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"action": "create_ticket", "parameters": {"subject": "Customer Issue"}}))]
struct NewAction {
    /// Its name, as in `GET /api/integrations/templates`.
    #[schema(min_length = 1, max_length = 100)]
    action: String,
    /// Its parameters, as the schema there says.
    #[serde(default)]
    #[schema(required = false)]
    parameters: Map<String, Value>,
}

/// Carry out an action of the integration's platform
///
/// At most once: if nobody can tell whether it happened, the run fails and says so.
#[utoipa::path(
    post,
    path = "/api/integrations/{id}/actions",
    tag = "actions",
    operation_id = "act",
    params(
        ("id" = u64, Path, description = "The integration's id"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9._:@-]+$", description = "A key of your choice: a repeated request with it does nothing twice"),
    ),
    request_body = NewAction,
    responses(
        (status = 200, description = "It is done", body = Acted),
        (status = 202, description = "It takes longer than 20 s; see the run", body = Pending),
        Guarded, WithBody, WithId, Conflicts, FromPlatform,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn act(
    State(api): State<Api>,
    caller: Caller<Write>,
    Path(id): Path<Id>,
    TimeLeft(time_left): TimeLeft,
    headers: HeaderMap,
    Json(wanted): Json<NewAction>,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers)?;
    let (tenant, id) = (&caller.tenant, id.integration());
    let parameters = Value::Object(wanted.parameters);
    let run = api
        .hub
        .start_act(tenant, id, &wanted.action, parameters, key)
        .await
        .map_err(refused)?;
    let run = wait(&api, tenant, id, &run.id, time_left)
        .await
        .map_err(refused)?;
    match (run.status, &run.error) {
        (RunStatus::Succeeded, _) => Ok(Json(Acted {
            success: true,
            message: "Operation completed successfully".to_owned(),
            data: run.result.unwrap_or_default(),
        })
        .into_response()),
        (RunStatus::Failed, Some(error)) => Err(of_platform(&error.error_type, &error.message)),
        (RunStatus::Failed, None) => Err(ApiError::internal()),
        _ => Ok(pending(run)),
    }
}

fn pending(run: Run) -> Response {
    let answer = Json(Pending {
        success: true,
        pending: true,
        run: run.view(),
    });
    (StatusCode::ACCEPTED, answer).into_response()
}

/// Names of [`Tested`] that no fact may take.
const TAKEN: [&str; 5] = ["success", "message", "platform", "errorType", "facts"];

fn tested(run: Run, platform: String) -> Tested {
    let result = run.result.unwrap_or_default();
    let facts = match result.get("facts") {
        Some(Value::Object(facts)) => facts.clone(),
        _ => Map::new(),
    };
    let mut on_top = facts.clone();
    on_top.retain(|name, _| !TAKEN.contains(&name.as_str()));
    let said = result.get("message").and_then(Value::as_str);
    let message = match (&run.error, said) {
        (Some(error), _) => error.message.clone(),
        (None, Some(said)) => said.to_owned(),
        (None, None) => "Connection successful".to_owned(),
    };
    Tested {
        success: run.error.is_none(),
        message,
        platform,
        error_type: run.error.map(|error| error.error_type),
        facts,
        on_top,
    }
}
