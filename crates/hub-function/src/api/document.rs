use axum::http::header;
use axum::response::{IntoResponse, Response};
use front_door::{Anonymous, ApiError, ErrorBody, ErrorDetail, Public};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{Api, actions, configurations, data, integrations, runs};

/// The document without its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Deskbridge integrations hub",
        version = "1.0.0",
        description = "External sources come in by one engine: integrations are made, tested, synced and watched here. Everything is of the tenant whose API key is sent.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "The API's own address")),
    components(schemas(ErrorBody, ErrorDetail)),
    modifiers(&Security),
    tags(
        (name = "integrations", description = "What is integrated, and how"),
        (name = "runs", description = "Syncs: started, watched, counted"),
        (name = "data", description = "Records"),
        (name = "actions", description = "Tests, and what can be done on a platform"),
        (name = "service", description = "About this service"),
    )
)]
struct Document;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let header = ApiKeyValue::with_description("x-api-key", "A tenant's API key: `dbk_…`");
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A tenant's API key: `authorization: Bearer dbk_…`"))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// All routes, and what the document says of them.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(integrations::routes())
        .merge(configurations::routes())
        .merge(runs::routes())
        .merge(actions::routes())
        .merge(data::routes())
        .routes(routes!(document))
}

/// The `OpenAPI` 3.1 document of `integrations-api`, as `GET /api/integrations/openapi.json`
/// answers it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

/// This document
#[utoipa::path(
    get,
    path = "/api/integrations/openapi.json",
    tag = "service",
    operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object), Public),
    security(()),
)]
async fn document(_anyone: Anonymous) -> Result<Response, ApiError> {
    let text = openapi().to_json().map_err(|_| ApiError::internal())?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
