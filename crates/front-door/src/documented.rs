//! What the `OpenAPI` document of a function says of its refusals.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema as _};

use crate::ErrorBody;

/// Refusals of every route behind an API key.
#[derive(Debug, Clone, Copy)]
pub struct Guarded;

/// Refusals of every public route.
#[derive(Debug, Clone, Copy)]
pub struct Public;

/// Refusals of every route with a body.
#[derive(Debug, Clone, Copy)]
pub struct WithBody;

/// The refusal of impossible parameters.
#[derive(Debug, Clone, Copy)]
pub struct WithInput;

/// The refusal where there is no such thing, or not for this caller.
#[derive(Debug, Clone, Copy)]
pub struct WithId;

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

/// Refusals by status: code, and what it means.
pub fn documented(refusals: &[(u16, &str, &str)]) -> BTreeMap<String, RefOr<Response>> {
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
