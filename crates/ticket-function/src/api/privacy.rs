use axum::extract::State;
use front_door::{ApiError, Guarded, Json, WithBody};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{Admin, Staff};
use crate::api::refusals::refused;
use crate::api::text::Email;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(export))
        .routes(routes!(erase))
}

/// A person, by e-mail address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "john@company.com"}))]
struct Person {
    /// The address, in any case.
    email: Email,
}

/// All that is stored of a person.
#[derive(Serialize, ToSchema)]
struct Exported {
    /// Always `true`.
    success: bool,
    /// Chats with their messages and tickets.
    #[schema(value_type = Object)]
    data: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "chats": ["chat_123"], "desk_tickets": ["7000000000001001"], "messages": 5,
    "next_step": "Zoho Desk still holds these tickets", "timestamp": "2026-11-26T16:50:00Z"
}))]
struct Erasure {
    /// Always `true`.
    success: bool,
    /// Chats that were emptied.
    chats: Vec<String>,
    /// Tickets in Zoho Desk, which stay there: erase them in Zoho Desk.
    desk_tickets: Vec<String>,
    /// Messages that were deleted.
    messages: usize,
    /// What is left to do in Zoho Desk.
    next_step: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// Export a person's data
#[utoipa::path(
    post,
    path = "/privacy/export",
    tag = "privacy",
    operation_id = "export_person",
    request_body = Person,
    responses((status = 200, description = "All that is stored; nothing where nothing is", body = Exported), Guarded, WithBody),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn export(
    State(api): State<Api>,
    staff: Staff<Admin>,
    Json(person): Json<Person>,
) -> Result<Json<Exported>, ApiError> {
    let people = api.service.people().await?;
    let export = people
        .export(person.email.as_str(), &staff.actor)
        .await
        .map_err(|failure| refused(&failure))?;
    let data = serde_json::to_value(export).map_err(|_| ApiError::internal())?;
    Ok(Json(Exported {
        success: true,
        data,
        timestamp: api.now(),
    }))
}

/// Erase a person's data
///
/// What Zoho Desk has stays there; the answer names the tickets.
#[utoipa::path(
    post,
    path = "/privacy/erase",
    tag = "privacy",
    operation_id = "erase_person",
    request_body = Person,
    responses((status = 200, description = "It is erased", body = Erasure), Guarded, WithBody),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn erase(
    State(api): State<Api>,
    staff: Staff<Admin>,
    Json(person): Json<Person>,
) -> Result<Json<Erasure>, ApiError> {
    let people = api.service.people().await?;
    let erased = people
        .erase(person.email.as_str(), &staff.actor)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(Erasure {
        success: true,
        chats: erased.chats,
        desk_tickets: erased.desk_tickets,
        messages: erased.messages,
        next_step: erased.next_step,
        timestamp: api.now(),
    }))
}
