use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::model;

/// Integrations, oldest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntegrationPage {
    /// Always `true`.
    pub(crate) success: bool,
    /// The integrations.
    #[schema(value_type = Vec<model::Integration>)]
    pub(crate) integrations: Vec<hub::Integration>,
    /// For the parameter `cursor` of the next page; `null` on the last.
    pub(crate) next_cursor: Option<String>,
}

/// What can be integrated.
#[derive(Serialize, ToSchema)]
pub(crate) struct Templates {
    /// Always `true`.
    pub(crate) success: bool,
    /// Platforms with their settings and actions, and templates for custom APIs.
    #[schema(value_type = Vec<Object>)]
    pub(crate) templates: Vec<Value>,
}

/// An integration is being removed.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "The integration is being removed", "id": 7}))]
pub(crate) struct Removing {
    /// Always `true`.
    pub(crate) success: bool,
    /// For people.
    pub(crate) message: String,
    /// The integration.
    pub(crate) id: u64,
}

/// Runs, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunPage {
    /// Always `true`.
    pub(crate) success: bool,
    /// The runs.
    #[schema(value_type = Vec<model::Run>)]
    pub(crate) runs: Vec<hub::RunView>,
    /// For the parameter `cursor` of the next page; `null` on the last.
    pub(crate) next_cursor: Option<String>,
}

/// A run was put on a worker's queue.
#[derive(Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Always `true`.
    pub(crate) success: bool,
    /// The run; `GET /api/integrations/{id}/runs/{run}` tells how far it is.
    #[schema(value_type = model::Run)]
    pub(crate) run: hub::RunView,
}

/// The worker is not done yet.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the answer's field is called so")]
pub(crate) struct Pending {
    /// Always `true`.
    pub(crate) success: bool,
    /// Always `true`.
    pub(crate) pending: bool,
    /// The run; `GET /api/integrations/{id}/runs/{run}` tells how far it is.
    #[schema(value_type = model::Run)]
    pub(crate) run: hub::RunView,
}

/// How a test of an integration went. A failed test is an answer like any other.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "success": true, "message": "Connection successful", "platform": "postgresql",
    "facts": {"version": "17.5"}, "version": "17.5"
}))]
pub(crate) struct Tested {
    /// Whether address and credentials work.
    pub(crate) success: bool,
    /// For people: `Connection successful`, or cause and next step.
    pub(crate) message: String,
    /// The platform.
    pub(crate) platform: String,
    /// Stable, for programs: why it failed, e.g. `AuthRequired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error_type: Option<String>,
    /// What the platform told of itself.
    pub(crate) facts: Map<String, Value>,
    /// Each fact again, at the top.
    #[serde(flatten)]
    #[schema(ignore)]
    pub(crate) on_top: Map<String, Value>,
}

/// An action was carried out.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "message": "Operation completed successfully", "data": {"ticket_id": 12345}
}))]
pub(crate) struct Acted {
    /// Always `true`.
    pub(crate) success: bool,
    /// For people.
    pub(crate) message: String,
    /// What the platform answered.
    pub(crate) data: Value,
}

/// What is known of an integration's streams.
#[derive(Serialize, ToSchema)]
pub(crate) struct Streams {
    /// Always `true`.
    pub(crate) success: bool,
    /// The streams that were seen.
    #[schema(value_type = Vec<model::StreamView>)]
    pub(crate) streams: Vec<hub::StreamView>,
}

/// Records. A page may hold fewer than `limit`, even none, although there is a next one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataPage {
    /// Always `true`.
    pub(crate) success: bool,
    /// The records.
    #[schema(value_type = Vec<model::DataObject>)]
    pub(crate) data: Vec<Box<RawValue>>,
    /// For the parameter `cursor` of the next page; `null` on the last.
    pub(crate) next_cursor: Option<String>,
}
