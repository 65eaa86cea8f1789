use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use front_door::{Anonymous, ApiError, ErrorBody, ErrorDetail, Json, Public};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Api, admin, figures, privacy, sessions, survey, tickets};

/// The document without its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Deskbridge ticket API",
        version = "1.0.0",
        description = "Chats of Zoho SalesIQ become tickets of Zoho Desk; this is how other programs see and change them.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "The API's own address")),
    components(schemas(ErrorBody, ErrorDetail)),
    modifiers(&Security),
    tags(
        (name = "tickets", description = "Tickets in Zoho Desk"),
        (name = "sessions", description = "Chats"),
        (name = "figures", description = "Workflows and figures"),
        (name = "admin", description = "API keys and the audit trail"),
        (name = "privacy", description = "What is stored of a person"),
        (name = "survey", description = "What visitors think"),
        (name = "service", description = "About this service"),
    )
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let header = ApiKeyValue::with_description("x-api-key", "An API key: `dbk_…`");
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key: `authorization: Bearer dbk_…`"))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// All routes, and what the document says of them.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(tickets::routes())
        .merge(sessions::routes())
        .merge(figures::routes())
        .merge(admin::routes())
        .merge(privacy::routes())
        .merge(survey::routes())
        .routes(routes!(health))
        .routes(routes!(document))
}

/// The OpenAPI 3.1 document of `ticket-api`, as `GET /openapi.json` answers it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// The service is up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "ok", "timestamp": "2026-11-26T16:50:00Z"}))]
struct Healthy {
    /// Always `true`.
    success: bool,
    /// For people.
    message: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
}

/// Tell that the service is up
///
/// It asks neither the table nor Zoho Desk; see `GET /zoho/test` for that.
#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    operation_id = "health",
    responses((status = 200, description = "It is up", body = Healthy), Public),
    security(()),
)]
async fn health(State(api): State<Api>) -> Json<Healthy> {
    Json(Healthy {
        success: true,
        message: "ok".to_owned(),
        timestamp: api.now(),
    })
}

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "service",
    operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object), Public),
    security(()),
)]
async fn document(_anyone: Anonymous) -> Result<Response, ApiError> {
    let text = openapi().to_json().map_err(|_| ApiError::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
