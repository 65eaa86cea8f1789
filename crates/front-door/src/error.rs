use std::borrow::Cow;
use std::fmt;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// A refusal as the caller sees it: HTTP status, stable code, and a sentence with the next step.
/// The message must not hold what the caller may not see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status} {code}: {message}")]
pub struct ApiError {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    field: Option<String>,
    retry_after_s: Option<u64>,
}

/// The body of every refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Always `false`.
    pub success: bool,
    /// What is wrong.
    pub error: ErrorDetail,
    /// Names the request in our logs; also in the header `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// Stable, for programs: e.g. `invalid_field`.
    #[schema(value_type = String, example = "invalid_field")]
    pub code: Cow<'static, str>,
    /// For people; may change.
    pub message: String,
    /// The field of the body that is wrong, as a path such as `metadata.priority`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl ApiError {
    /// Any refusal. `code` is `snake_case` and stable.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl fmt::Display,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.to_string(),
            field: None,
            retry_after_s: None,
        }
    }

    /// 400 `invalid_request`: the request cannot be read.
    pub fn invalid_request(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// 401 `unauthorized`: no credentials, or wrong ones. It does not say which.
    pub fn unauthorized(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// 403 `forbidden`: known, but not allowed to do this.
    pub fn forbidden(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404 `not_found`.
    pub fn not_found(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 409 `conflict`: somebody else changed it meanwhile.
    pub fn conflict(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// 413 `too_large`: the body has more than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format_args!("the body is larger than {limit} bytes; send less"),
        )
    }

    /// 415 `unsupported_media_type`: the body is said to be something else than JSON.
    pub fn not_json_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send the body as JSON, with the header `content-type: application/json`",
        )
    }

    /// 422 `invalid_field`: readable, but `field` cannot be that. `field` is a path such as
    /// `metadata.priority`.
    pub fn invalid_field(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", message)
        }
    }

    /// 429 `rate_limited`, with `Retry-After`.
    pub fn rate_limited(retry_after_s: u64) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            format_args!("too many requests; try again in {retry_after_s} s"),
        )
        .retry_after(retry_after_s)
    }

    /// 500 `internal`: a defect of ours. What it is goes to the log, not to the caller.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong here; tell the operator the request id",
        )
    }

    /// 502 `upstream`: the helpdesk refused or failed.
    pub fn upstream(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "upstream", message)
    }

    /// 503 `unavailable`, with `Retry-After`.
    pub fn unavailable(retry_after_s: u64) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            format_args!("this cannot be done right now; try again in {retry_after_s} s"),
        )
        .retry_after(retry_after_s)
    }

    /// The same with the header `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self {
            retry_after_s: Some(seconds),
            ..self
        }
    }

    /// The same, naming the field at fault.
    #[must_use]
    pub fn field(self, field: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..self
        }
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The body, naming the request where its id is known.
    pub fn body(&self, request_id: Option<&str>) -> ErrorBody {
        ErrorBody {
            success: false,
            error: ErrorDetail {
                code: self.code.clone(),
                message: self.message.clone(),
                field: self.field.clone(),
            },
            request_id: request_id.map(str::to_owned),
        }
    }

    pub(crate) fn render(&self, request_id: Option<&str>) -> Response {
        let mut response = (self.status, axum::Json(self.body(request_id))).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Rendered without a request id; the front door renders it again with one.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}

/// Somebody else's change asks for a second try, a bad cursor for another request; all else is the
/// table's trouble, which the log tells.
impl From<state::Error> for ApiError {
    fn from(error: state::Error) -> Self {
        match &error {
            state::Error::Conflict { .. } => {
                Self::conflict("somebody else changed this meanwhile; read it again and repeat")
            }
            state::Error::InvalidCursor => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_cursor", &error)
            }
            state::Error::KeyRefused(refusal) => Self::unauthorized(refusal),
            state::Error::TooLarge { .. } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "this is more than can be stored at once; send less",
            ),
            _ if error.is_transient() => {
                tracing::error!(error = %error, "the state table cannot be used");
                Self::unavailable(STATE_RETRY_S)
            }
            _ => {
                tracing::error!(error = %error, "the state table cannot be used");
                Self::internal()
            }
        }
    }
}

/// Seconds after which a table that was not there may be.
const STATE_RETRY_S: u64 = 2;
