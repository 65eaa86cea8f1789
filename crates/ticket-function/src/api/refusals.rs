use std::collections::BTreeMap;

use axum::http::StatusCode;
use front_door::{ApiError, documented};
use ticketing::Error;
use tracing::{error, warn};
use utoipa::IntoResponses;
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response;

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

/// Refusals of every route that asks Zoho Desk.
pub(crate) struct WithDesk;

impl IntoResponses for WithDesk {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[(502, "upstream", "Zoho Desk refused")])
    }
}
