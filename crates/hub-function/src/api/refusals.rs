use std::collections::BTreeMap;
use std::fmt::Write as _;

use axum::http::StatusCode;
use engine::{Kind, Problem};
use front_door::{ApiError, documented};
use hub::Error;
use tracing::{error, warn};
use utoipa::IntoResponses;
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response;

/// Seconds after which a caller may try again what failed for now.
const RETRY_S: u64 = 5;
/// Seconds after which a run that is under way may have ended.
const BUSY_S: u64 = 15;

/// What the caller is told of `failure`, which is logged here, once.
pub(crate) fn refused(failure: Error) -> ApiError {
    let conflict = |code, failure: &Error| ApiError::new(StatusCode::CONFLICT, code, failure);
    match failure {
        Error::NotFound(what) => ApiError::not_found(format_args!("there is no such {what}")),
        Error::Invalid(problems) => invalid(&problems),
        Error::Changed => ApiError::new(StatusCode::PRECONDITION_FAILED, "changed", Error::Changed),
        failure @ Error::Busy { .. } => conflict("busy", &failure).retry_after(BUSY_S),
        Error::Removing => conflict("removing", &Error::Removing),
        Error::Inactive => conflict("inactive", &Error::Inactive),
        Error::KeyReused => conflict("key_reused", &Error::KeyReused),
        Error::InvalidCursor => {
            ApiError::invalid_field("cursor", "is not one of this list; ask again without it")
        }
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

/// All problems in one refusal, the first one's field as its field.
fn invalid(problems: &[Problem]) -> ApiError {
    let Some((first, others)) = problems.split_first() else {
        return ApiError::invalid_request("what was sent makes no sense; correct it");
    };
    let mut message = first.message.clone();
    for problem in others {
        // Writing to a String does not fail.
        let _ = write!(message, "; {}: {}", problem.field, problem.message);
    }
    ApiError::invalid_field(first.field.clone(), message)
}

/// What the caller is told when the platform did not do what was asked.
pub(crate) fn of_platform(error_type: &str, message: &str) -> ApiError {
    let is = |kind: Kind| kind.as_str() == error_type;
    let caller = [Kind::Refused, Kind::InvalidConfig, Kind::SchemaChanged];
    let status = if caller.into_iter().any(is) {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::BAD_GATEWAY
    };
    ApiError::new(status, snake(error_type), message)
}

/// `AuthRequired` as `auth_required`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Refusals of what cannot be done with the integration as it is.
pub(crate) struct Conflicts;

/// The refusal of a change to something that changed meanwhile.
pub(crate) struct Outdated;

/// Refusals that are the platform's.
pub(crate) struct FromPlatform;

impl IntoResponses for Conflicts {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[(
            409,
            "busy",
            "A run is under way (`busy`), the integration is inactive or being removed (`inactive`, `removing`), or the Idempotency-Key was used for another request (`key_reused`)",
        )])
    }
}

impl IntoResponses for Outdated {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[(
            412,
            "changed",
            "The integration is not any more as `If-Match` says; read it again",
        )])
    }
}

impl IntoResponses for FromPlatform {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        documented(&[(
            502,
            "upstream",
            "The platform did not do it: `auth_required`, `scope_missing`, `plan_required`, `quota_exhausted`, `rate_limited`, `unreachable`, `upstream` …",
        )])
    }
}

#[cfg(test)]
mod tests {
    use lake::RunId;

    use super::*;

    #[test]
    fn every_refusal_has_its_status_and_code() {
        let problem = |field: &str, message: &str| Problem::new(field, message);
        let run = RunId::parse("01ab").unwrap();
        let of_port = hub::PortError::transient("AWS is slow");
        let denied = hub::PortError::lasting("allow the role more");
        for (error, status, code) in [
            (Error::NotFound("integration"), 404, "not_found"),
            (
                Error::Invalid(vec![problem("name", "is missing")]),
                422,
                "invalid_field",
            ),
            (Error::Invalid(vec![]), 400, "invalid_request"),
            (Error::Changed, 412, "changed"),
            (Error::Busy { run }, 409, "busy"),
            (Error::Removing, 409, "removing"),
            (Error::Inactive, 409, "inactive"),
            (Error::KeyReused, 409, "key_reused"),
            (Error::InvalidCursor, 422, "invalid_field"),
            (Error::Port(of_port), 503, "unavailable"),
            (Error::Port(denied), 500, "internal"),
            (Error::Defect("a defect"), 500, "internal"),
        ] {
            let said = error.to_string();
            let refusal = refused(error);
            assert_eq!(refusal.status().as_u16(), status, "{said}");
            assert_eq!(refusal.code(), code, "{said}");
        }
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let problems = [
            Problem::new("config.port", "must be a number"),
            Problem::new("credentials.password", "is missing"),
        ];
        let refusal = invalid(&problems);
        assert_eq!(
            refusal.message(),
            "must be a number; credentials.password: is missing"
        );
        assert_eq!(
            refusal.body(None).error.field.as_deref(),
            Some("config.port")
        );
    }

    #[test]
    fn a_platforms_failure_keeps_its_name() {
        for (error_type, status, code) in [
            ("Refused", 422, "refused"),
            ("InvalidConfig", 422, "invalid_config"),
            ("AuthRequired", 502, "auth_required"),
            ("RateLimited", 502, "rate_limited"),
        ] {
            let refusal = of_platform(error_type, "why");
            assert_eq!(refusal.status().as_u16(), status);
            assert_eq!(refusal.code(), code);
        }
    }
}
