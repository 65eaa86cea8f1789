mod model;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use front_door::{ApiError, Guarded, Json, Params, Path, WithBody, WithId, WithInput, documented};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde_json::Value;
use ticketing::{Created, NewRequest, Requested, TicketFilter, TicketView, Viewer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::model::{
    Comment, CommentAdded, Comments, Connected, MOST_DETAILS, NewComment, NewStatus, NewTicket,
    OneTicket, StatusSet, Ticket, TicketCreated, TicketPage, TicketPending, TicketQuery,
};
use crate::api::Api;
use crate::api::access::{Read, Staff, TimeLeft, Viewing, Write};
use crate::api::refusals::{WithDesk, refused};
use crate::api::text::{
    Cursor, IdempotencyKey, PersonName, Phone, Source, StatusName, Subject, TicketId, WorkflowType,
};
use crate::metrics::{count, emit};

pub(crate) use self::model::Limit;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(create))
        .routes(routes!(one))
        .routes(routes!(comment))
        .routes(routes!(comments))
        .routes(routes!(set_status))
        .routes(routes!(list))
        .routes(routes!(test))
}

/// Make a ticket
///
/// The contact is found by its e-mail address, or made. With the header `Idempotency-Key` the same
/// request sent again answers with the same ticket.
#[utoipa::path(
    post,
    path = "/zoho/ticket/create",
    tag = "tickets",
    operation_id = "create_ticket",
    params(("Idempotency-Key" = inline(Option<IdempotencyKey>), Header, description = "A key of your choice; the same key with another request is refused with 409.")),
    request_body = NewTicket,
    responses(
        (status = 200, description = "The ticket is in Zoho Desk", body = TicketCreated),
        (status = 202, description = "Zoho Desk is slow; the ticket is made from a queue", body = TicketPending),
        Conflict, Guarded, WithBody, WithDesk,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn create(
    State(api): State<Api>,
    staff: Staff<Write>,
    TimeLeft(time_left): TimeLeft,
    headers: HeaderMap,
    Json(request): Json<NewTicket>,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers)?;
    let request = wanted(request)?;
    let key = key.as_ref().map(IdempotencyKey::as_str);
    let tickets = api.service.tickets().await?;
    let created = tickets
        .create(&staff.actor, &request, key, time_left)
        .await
        .map_err(|failure| refused(&failure))?;
    let timestamp = api.now();
    let made = u64::from(matches!(created, Created::Ticket { .. }));
    emit(&api.name, timestamp, &[count("TicketsCreated", made)]);
    Ok(match created {
        Created::Ticket { id, number, .. } => Json(TicketCreated {
            success: true,
            ticket_id: id,
            ticket_number: number,
            timestamp,
        })
        .into_response(),
        Created::Later { reference } => {
            let pending = Json(TicketPending {
                success: true,
                pending: true,
                reference,
                timestamp,
            });
            (StatusCode::ACCEPTED, pending).into_response()
        }
    })
}

/// Show a ticket
///
/// A visitor sees the tickets of his own chat only.
#[utoipa::path(
    get,
    path = "/zoho/ticket/{ticket_id}",
    tag = "tickets",
    operation_id = "get_ticket",
    params(("ticket_id" = inline(TicketId), Path, description = "Zoho Desk's id of the ticket")),
    responses(
        (status = 200, description = "The ticket", body = OneTicket),
        Guarded, WithId, WithDesk,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn one(
    State(api): State<Api>,
    viewing: Viewing<Read>,
    TimeLeft(time_left): TimeLeft,
    Path(id): Path<TicketId>,
) -> Result<Json<OneTicket>, ApiError> {
    let tickets = api.service.tickets().await?;
    let ticket = tickets
        .ticket(id.as_str(), &viewing.viewer, time_left)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(OneTicket {
        success: true,
        ticket: shown(ticket),
    }))
}

/// Comment on a ticket
///
/// An internal comment is seen by agents only; a visitor's comment is always public.
#[utoipa::path(
    post,
    path = "/zoho/ticket/{ticket_id}/comment",
    tag = "tickets",
    operation_id = "add_comment",
    params(("ticket_id" = inline(TicketId), Path, description = "Zoho Desk's id of the ticket")),
    request_body = NewComment,
    responses(
        (status = 200, description = "The comment is on the ticket", body = CommentAdded),
        Guarded, WithId, WithBody, WithDesk,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn comment(
    State(api): State<Api>,
    viewing: Viewing<Write>,
    TimeLeft(time_left): TimeLeft,
    Path(id): Path<TicketId>,
    Json(new): Json<NewComment>,
) -> Result<Json<CommentAdded>, ApiError> {
    if new.is_internal && matches!(viewing.viewer, Viewer::Visitor { .. }) {
        return Err(ApiError::invalid_field(
            "is_internal",
            "must be false: a visitor's comment is never internal",
        ));
    }
    let tickets = api.service.tickets().await?;
    let comment_id = tickets
        .comment(
            id.as_str(),
            &viewing.viewer,
            new.comment.as_str(),
            new.is_internal,
            time_left,
        )
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(CommentAdded {
        success: true,
        comment_id,
        timestamp: api.now(),
    }))
}

/// List the comments of a ticket
///
/// Visitors see public comments only.
#[utoipa::path(
    get,
    path = "/zoho/ticket/{ticket_id}/comments",
    tag = "tickets",
    operation_id = "list_comments",
    params(("ticket_id" = inline(TicketId), Path, description = "Zoho Desk's id of the ticket")),
    responses(
        (status = 200, description = "The comments", body = Comments),
        Guarded, WithId, WithDesk,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn comments(
    State(api): State<Api>,
    viewing: Viewing<Read>,
    TimeLeft(time_left): TimeLeft,
    Path(id): Path<TicketId>,
) -> Result<Json<Comments>, ApiError> {
    let tickets = api.service.tickets().await?;
    let comments = tickets
        .comments(id.as_str(), &viewing.viewer, time_left)
        .await
        .map_err(|failure| refused(&failure))?;
    let comments = comments.into_iter().map(|comment| Comment {
        id: comment.id,
        text: comment.content,
        is_internal: !comment.is_public,
        created_at: comment.commented_time,
    });
    Ok(Json(Comments {
        success: true,
        comments: comments.collect(),
    }))
}

/// Set a ticket's status
#[utoipa::path(
    patch,
    path = "/zoho/ticket/{ticket_id}/status",
    tag = "tickets",
    operation_id = "set_status",
    params(("ticket_id" = inline(TicketId), Path, description = "Zoho Desk's id of the ticket")),
    request_body = NewStatus,
    responses(
        (status = 200, description = "The status is set", body = StatusSet),
        Guarded, WithId, WithBody, WithDesk,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn set_status(
    State(api): State<Api>,
    staff: Staff<Write>,
    TimeLeft(time_left): TimeLeft,
    Path(id): Path<TicketId>,
    Json(new): Json<NewStatus>,
) -> Result<Json<StatusSet>, ApiError> {
    let tickets = api.service.tickets().await?;
    let status = tickets
        .set_status(id.as_str(), &staff.actor, new.status.as_str(), time_left)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(StatusSet {
        success: true,
        status,
        timestamp: api.now(),
    }))
}

/// List tickets
///
/// The tickets that this service made, newest first.
#[utoipa::path(
    get,
    path = "/zoho/tickets",
    tag = "tickets",
    operation_id = "list_tickets",
    params(TicketQuery),
    responses(
        (status = 200, description = "A page of tickets", body = TicketPage),
        Guarded, WithInput,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn list(
    State(api): State<Api>,
    _staff: Staff<Read>,
    Params(query): Params<TicketQuery>,
) -> Result<Json<TicketPage>, ApiError> {
    let filter = TicketFilter {
        source: query.source.map(Source::into_string),
        workflow_type: query.workflow_type.map(WorkflowType::into_string),
        status: query.status.map(StatusName::into_string),
        limit: query.limit.unwrap_or_default().rows(),
        cursor: query.cursor.map(Cursor::into_string),
    };
    let tickets = api.service.tickets().await?;
    let page = tickets
        .list(&filter)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(TicketPage {
        success: true,
        tickets: page.tickets.into_iter().map(shown).collect(),
        next_cursor: page.cursor,
    }))
}

/// Test the connection to Zoho Desk
#[utoipa::path(
    get,
    path = "/zoho/test",
    tag = "tickets",
    operation_id = "test_connection",
    responses(
        (status = 200, description = "The connection works", body = Connected),
        Guarded, WithDesk,
    ),
    security(("api_key" = []), ("bearer" = [])),
)]
async fn test(
    State(api): State<Api>,
    _staff: Staff<Read>,
    TimeLeft(time_left): TimeLeft,
) -> Result<Json<Connected>, ApiError> {
    let tickets = api.service.tickets().await?;
    tickets
        .test_connection(time_left)
        .await
        .map_err(|failure| refused(&failure))?;
    Ok(Json(Connected {
        success: true,
        message: "Connected to Zoho Desk successfully".to_owned(),
        timestamp: api.now(),
    }))
}

/// The refusal of an idempotency key that was used for another request.
struct Conflict;

impl utoipa::IntoResponses for Conflict {
    fn responses()
    -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        documented(&[(
            409,
            "key_reused",
            "The Idempotency-Key was used with another request",
        )])
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    const NAME: &str = "idempotency-key";
    let mut values = headers.get_all(NAME).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let invalid = |why: &str| ApiError::invalid_field(NAME, why);
    if values.next().is_some() {
        return Err(invalid("must be sent once"));
    }
    let text = value
        .to_str()
        .map_err(|_| invalid("must be made of letters, digits and ._:@-"))?;
    let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        text.into_deserializer();
    IdempotencyKey::deserialize(text)
        .map(Some)
        .map_err(|error| invalid(&error.to_string()))
}

fn wanted(request: NewTicket) -> Result<NewRequest, ApiError> {
    let metadata = request.metadata;
    if metadata.details.len() > MOST_DETAILS {
        return Err(ApiError::invalid_field(
            "metadata",
            format_args!("has more than {MOST_DETAILS} further entries"),
        ));
    }
    let details = metadata
        .details
        .into_iter()
        .map(|(name, detail)| (name.into_string(), Value::String(detail.into_string())));
    Ok(NewRequest {
        query: request.query.into_string(),
        user_id: request.user_id.into_string(),
        metadata: Requested {
            subject: metadata.subject.map(Subject::into_string),
            priority: metadata
                .priority
                .map(|priority| priority.as_str().to_owned()),
            workflow_type: metadata.workflow_type.map(WorkflowType::into_string),
            name: metadata.name.map(PersonName::into_string),
            phone: metadata.phone.map(Phone::into_string),
            other: details.collect(),
        },
    })
}

fn shown(ticket: TicketView) -> Ticket {
    Ticket {
        id: ticket.id,
        number: ticket.ticket_number,
        subject: ticket.subject,
        status: ticket.status,
        priority: ticket.priority,
        email: ticket.email,
        workflow_type: ticket.workflow_type,
        chat_id: ticket.chat_id,
        source: ticket.source,
        status_type: ticket.status_type,
        created_at: ticket.created_time,
        closed_at: ticket.closed_time,
        web_url: ticket.web_url,
    }
}
