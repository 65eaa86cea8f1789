use std::collections::BTreeMap;

use axum::http::StatusCode;
use front_door::{ApiError, ErrorBody};
use serde_json::json;
use ticketing::Error;
use tracing::{error, warn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema as _};

use crate::config::ConfigError;

/// Seconds after which a caller may try again what failed for now.
const RETRY_S: u64 = 5;
const MENDED_S: u64 = 60;

/// What the caller is told of `failure`, which is logged here, once.
pub(crate) fn refused(failure: &Error) -> ApiError {
    match failure {
        Error::NotFound { what } => ApiError::not_found(format_args!("there is no such {what}")),
        Error::Invalid { field, why } => ApiError::invalid_field(*field, why),
        Error::Refused { why } => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "refused",
            format_args!("Zoho Desk does not take this: {why}"),
        ),
        Error::KeyReused => ApiError::new(StatusCode::CONFLICT, "key_reused", failure),
        Error::State(state::Error::InvalidCursor) => {
            ApiError::invalid_field("cursor", "is not one of this list; ask again without it")
        }
        Error::Desk(desk) => of_desk(desk),
        failure if failure.is_transient() => {
            warn!(error = %failure, "a request cannot be done for now");
            ApiError::unavailable(RETRY_S)
        }
        failure => {
            error!(error = %failure, "a request failed");
            ApiError::internal()
        }
    }
}

/// The operator must mend the settings; the caller may try again then.
impl From<ConfigError> for ApiError {
    fn from(problem: ConfigError) -> Self {
        error!(error = %problem, "the ticket settings cannot be used");
        Self::unavailable(MENDED_S)
    }
}

/// The same for what this function does with the table itself.
pub(crate) fn of_state(failure: state::Error) -> ApiError {
    refused(&Error::State(failure))
}

fn of_desk(failure: &zoho_desk::Error) -> ApiError {
    use zoho_desk::Error as Desk;
    match failure {
        Desk::NotFound { .. } => ApiError::not_found("Zoho Desk has no such ticket"),
        Desk::Refused { code, .. } => {
            warn!(error = %failure, "Zoho Desk refused a request");
            ApiError::upstream(format_args!(
                "Zoho Desk refused this with {code}; check the values against its picklists and required fields"
            ))
        }
        failure if failure.is_transient() => {
            warn!(error = %failure, "Zoho Desk cannot be reached for now");
            ApiError::unavailable(RETRY_S)
        }
        failure => {
            error!(error = %failure, "Zoho Desk cannot be used");
            ApiError::upstream(
                "Zoho Desk cannot be used with the present settings; the operator finds the reason in the log",
            )
        }
    }
}

/// Refusals of every route behind an API key.
pub(crate) struct Guarded;

/// Refusals of every public route.
pub(crate) struct Public;

/// Refusals of every route with a body.
pub(crate) struct WithBody;

/// The refusal of impossible parameters.
pub(crate) struct WithInput;

/// The refusal where there is no such thing, or not for this caller.
pub(crate) struct WithId;

/// Refusals of every route that asks Zoho Desk.
pub(crate) struct WithDesk;

impl IntoResponses for Guarded {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut responses = documented(&[
            (
                401,
                "unauthorized",
                "No API key, or a wrong, expired or withdrawn one",
            ),
            (403, "forbidden", "The API key lacks the scope"),
        ]);
        responses.extend(Public::responses());
        responses
    }
}

impl IntoResponses for Public {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[
            (
                429,
                "rate_limited",
                "Too many requests; the header `Retry-After` says when",
            ),
            (
                500,
                "internal",
                "A defect; tell the operator the request id",
            ),
            (
                503,
                "unavailable",
                "Not now; the header `Retry-After` says when",
            ),
        ])
    }
}

impl IntoResponses for WithBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[
            (
                400,
                "invalid_json",
                "The body is no JSON, or nested too deeply",
            ),
            (413, "too_large", "The body is too large"),
            (
                415,
                "unsupported_media_type",
                "The body is not said to be JSON",
            ),
            (422, "invalid_field", "A value cannot be that"),
        ])
    }
}

impl IntoResponses for WithInput {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[(422, "invalid_field", "A parameter cannot be that")])
    }
}

impl IntoResponses for WithId {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[
            (
                404,
                "not_found",
                "There is no such thing, or not for this caller",
            ),
            (
                405,
                "method_not_allowed",
                "The gateway decodes an escaped `#` or `?` in an id, which names another route then",
            ),
            (422, "invalid_field", "A parameter cannot be that"),
        ])
    }
}

impl IntoResponses for WithDesk {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[(502, "upstream", "Zoho Desk refused")])
    }
}

/// One documented refusal.
pub(crate) fn documented(refusals: &[(u16, &str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let response = |code: &str, about: &str| {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ErrorBody::name())))
            .example(Some(json!({
                "success": false,
                "error": {"code": code, "message": about},
                "request_id": "1f0c7a4e-0d5b-4c1c-9a53-7a1d4a2b9c10",
            })))
            .build();
        ResponseBuilder::new()
            .description(about)
            .content("application/json", content)
            .build()
    };
    refusals
        .iter()
        .map(|(status, code, about)| (status.to_string(), RefOr::T(response(code, about))))
        .collect()
}
