use axum::extract::State;
use front_door::{ApiError, Guarded, Json, Path, WithId};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::json;
use ticketing::{SessionView, Viewer};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::access::{Read, Staff, TimeLeft, Viewing, Write};
use crate::api::refusals::{of_state, refused};
use crate::api::text::ChatId;
use crate::api::{Api, whole_seconds};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(one))
        .routes(routes!(close))
        .routes(routes!(visitor_key))
}

/// How long a visitor's key works.
const VISITOR_KEY: SignedDuration = SignedDuration::from_hours(1);

/// A chat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "chat_id": "chat_123", "visitor_name": "John Doe", "visitor_email": "john@company.com",
    "ticket_id": "7000000000001001", "ticket_number": "1042", "message_count": 5, "created_at": "2026-11-26T16:45:00Z"
}))]
struct Session {
    /// Its id.
    chat_id: String,
    /// The visitor's name.
    visitor_name: Option<String>,
    /// The visitor's e-mail address.
    visitor_email: Option<String>,
    /// Zoho Desk's id of the newest ticket.
    ticket_id: Option<String>,
    /// The number people use for it.
    ticket_number: Option<String>,
    /// Messages of both sides.
    message_count: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was closed.
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
}

/// One chat.
#[derive(Debug, Serialize, ToSchema)]
struct OneSession {
    /// Always `true`.
    success: bool,
    /// The chat.
    session: Session,
}

/// The chat is closed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Session closed", "timestamp": "2026-11-26T16:50:00Z"}))]
struct SessionClosed {
    /// Always `true`.
    success: bool,
    /// For people.
    message: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// A key for the visitor of a chat.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "key": "dbk_5f0c1d2e3a4b_…", "expires_at": "2026-11-26T17:50:00Z", "timestamp": "2026-11-26T16:50:00Z"
}))]
struct VisitorKey {
    /// Always `true`.
    success: bool,
    /// The key, for `authorization: Bearer …`.
    key: String,
    /// When it ends, an hour after it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// Show a chat
///
/// A visitor sees his own chat only.
#[utoipa::path(
    get,
    path = "/salesiq/session/{chat_id}",
    tag = "sessions",
    operation_id = "get_session",
    params(("chat_id" = inline(ChatId), Path, description = "The chat's id, or the `reference` of a ticket that is made from the queue")),
    responses((status = 200, description = "The chat", body = OneSession), Guarded, WithId),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn one(
    State(api): State<Api>,
    viewing: Viewing<Read>,
    Path(chat_id): Path<ChatId>,
) -> Result<Json<OneSession>, ApiError> {
    let conversations = api.service.conversations().await?;
    let session = conversations
        .session(chat_id.as_str(), &viewing.viewer)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(OneSession {
        success: true,
        session: shown(session),
    }))
}

/// Close a chat
///
/// A later message of the visitor opens it again. Tickets stay as they are.
#[utoipa::path(
    post,
    path = "/salesiq/session/{chat_id}/close",
    tag = "sessions",
    operation_id = "close_session",
    params(("chat_id" = inline(ChatId), Path, description = "The chat's id")),
    responses((status = 200, description = "The chat is closed", body = SessionClosed), Guarded, WithId),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn close(
    State(api): State<Api>,
    staff: Staff<Write>,
    TimeLeft(time_left): TimeLeft,
    Path(chat_id): Path<ChatId>,
) -> Result<Json<SessionClosed>, ApiError> {
    let conversations = api.service.conversations().await?;
    conversations
        .close(chat_id.as_str(), &staff.actor, time_left)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(SessionClosed {
        success: true,
        message: "Session closed".to_owned(),
        timestamp: api.now(),
    }))
}

/// Make a key for the visitor of a chat
///
/// For a page that shows the visitor his own chat and tickets. It works for an hour.
#[utoipa::path(
    post,
    path = "/salesiq/session/{chat_id}/visitor-key",
    tag = "sessions",
    operation_id = "issue_visitor_key",
    params(("chat_id" = inline(ChatId), Path, description = "The chat's id")),
    responses((status = 200, description = "The key", body = VisitorKey), Guarded, WithId),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn visitor_key(
    State(api): State<Api>,
    staff: Staff<Write>,
    Path(chat_id): Path<ChatId>,
) -> Result<Json<VisitorKey>, ApiError> {
    let conversations = api.service.conversations().await?;
    conversations
        .session(chat_id.as_str(), &Viewer::Staff(staff.actor.clone()))
        .await
        .map_err(|failure| refused(&failure))?;
    let chat = state::ChatId::parse(chat_id.as_str())
        .map_err(|_| ApiError::not_found("there is no such chat"))?;
    let state = api.service.state();
    // The trail first: a key that nobody can be asked about must not exist.
    let entry = api.entry(
        &staff.actor,
        "visitor_key.issue",
        format!("chat:{chat}"),
        json!({}),
    );
    state.audit.append(&entry).await.map_err(of_state)?;
    let issued = state
        .api_keys
        .issue_visitor("visitor", &chat, VISITOR_KEY)
        .await
        .map_err(of_state)?;
    Ok(Json(VisitorKey {
        success: true,
        key: issued.key.expose_secret().to_owned(),
        expires_at: issued.expires_at.map(whole_seconds),
        timestamp: api.now(),
    }))
}

fn shown(session: SessionView) -> Session {
    Session {
        chat_id: session.chat_id,
        visitor_name: session.visitor_name,
        visitor_email: session.visitor_email,
        ticket_id: session.ticket_id,
        ticket_number: session.ticket_number,
        message_count: session.message_count,
        created_at: whole_seconds(session.created_at),
        closed_at: session.closed_at.map(whole_seconds),
    }
}
