//! The answers with which Zoho Desk refuses a request.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A refusal of the Desk API, as its error model writes it.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    message: String,
    retry_after_s: Option<u64>,
    details: Option<Box<Value>>,
}

/// What is wrong with one field of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldError {
    /// JSON pointer.
    pub(super) name: String,
    /// `invalid`, `missing` or `duplicate`.
    pub(super) error_type: &'static str,
    pub(super) message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_s: None,
            details: None,
        }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
            "You are not authenticated to perform this operation.",
        )
    }

    pub(super) fn invalid_oauth() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "INVALID_OAUTH",
            "The OAuth Token you provided is invalid.",
        )
    }

    pub(super) fn org_mismatch() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "OAUTH_ORG_MISMATCH",
            "The OAuth Token you provided does not belong to the given organization.",
        )
    }

    pub(super) fn scope_mismatch() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "SCOPE_MISMATCH",
            "The OAuth Token you provided does not have the required scope.",
        )
    }

    pub(super) fn license(feature: &str, edition: &str) -> Self {
        let mut refusal = Self::new(
            StatusCode::FORBIDDEN,
            "LICENSE_ACCESS_LIMITED",
            "This feature is not available in your current plan.",
        );
        refusal.details = Some(Box::new(json!({
            "feature": feature,
            "editionType": edition,
            "isTrial": false,
        })));
        refusal
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_SERVER_ERROR",
            "An internal server error occurred while processing your request.",
        )
    }

    pub(super) fn url_not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "URL_NOT_FOUND",
            "The URL you requested could not be found.",
        )
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "The method is not supported for this URL.",
        )
    }

    pub(super) fn too_many_requests() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_REQUESTS",
            "The maximum number of Concurrent API Calls that can be made has been exceeded.",
        )
    }

    pub(super) fn threshold_exceeded(retry_after_s: u64) -> Self {
        let mut refusal = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "THRESHOLD_EXCEEDED",
            "The API credits of your organization for today are used up.",
        );
        refusal.retry_after_s = Some(retry_after_s);
        refusal
    }

    fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "UNPROCESSABLE_ENTITY",
            message,
        )
    }

    pub(super) fn extra_parameter(name: &str) -> Self {
        Self::unprocessable(format!(
            "Extra query parameter '{name}' is present in the input."
        ))
    }

    pub(super) fn out_of_range(name: &str, (least, most): (u64, u64)) -> Self {
        Self::unprocessable(format!(
            "The value passed for field '{name}' exceeds the range of '{least}-{most}'."
        ))
    }

    pub(super) fn missing_parameter(name: &str) -> Self {
        Self::invalid_data(name, "missing")
    }

    pub(super) fn invalid_parameter(name: &str) -> Self {
        Self::invalid_data(name, "invalid")
    }

    fn invalid_data(name: &str, error_type: &'static str) -> Self {
        Self::invalid_fields(&[FieldError {
            name: format!("/{name}"),
            error_type,
            message: String::new(),
        }])
    }

    pub(super) fn invalid_fields(errors: &[FieldError]) -> Self {
        let mut refusal = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "INVALID_DATA",
            "The data is invalid due to validation restrictions",
        );
        let errors: Vec<Value> = errors
            .iter()
            .map(|error| {
                json!({
                    "fieldName": error.name,
                    "errorType": error.error_type,
                    "errorMessage": error.message,
                })
            })
            .collect();
        refusal.details = Some(Box::new(json!({ "errors": errors })));
        refusal
    }

    /// `name` is a JSON pointer.
    pub(super) fn extra_field(name: &str) -> Self {
        let name = name.trim_start_matches('/');
        Self::unprocessable(format!("Extra parameter '{name}' is present in the input."))
    }

    pub(super) fn empty_payload() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "EMPTY_PAYLOAD",
            "The payload of the request is empty.",
        )
    }

    pub(super) fn bad_request() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "BAD_REQUEST",
            "The request could not be understood.",
        )
    }

    pub(super) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "The media type of the request is not supported.",
        )
    }

    pub(super) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RESOURCE_SIZE_EXCEEDED",
            "The size of the request exceeds the limit.",
        )
    }

    /// The same content under status 200, a fault.
    pub(super) fn disguised(mut self) -> Self {
        self.status = StatusCode::OK;
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "errorCode": self.code, "message": self.message });
        let details = self.details.map(|details| *details);
        if let (Some(body), Some(Value::Object(details))) = (body.as_object_mut(), details) {
            body.extend(details);
        }
        let mut response = json_response(self.status, body.to_string());
        if let Some(seconds) = self.retry_after_s {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

pub(super) fn json_response(status: StatusCode, body: impl Into<Body>) -> Response {
    let content_type = (header::CONTENT_TYPE, "application/json;charset=UTF-8");
    (status, [content_type], body.into()).into_response()
}

/// The page that Zoho's front servers show.
pub(super) fn html(status: StatusCode) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Zoho Desk - {title}</title></head>\
         <body><h1>{} {title}</h1><p>Sorry, this page could not be shown.</p></body></html>\n",
        status.as_u16()
    );
    (
        status,
        [(header::CONTENT_TYPE, "text/html;charset=UTF-8")],
        page,
    )
        .into_response()
}
