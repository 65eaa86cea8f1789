use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use crate::ApiError;
use crate::call::{Notes, RequestId};

/// Bytes of a framework's refusal that are looked at for a message.
const LONGEST_TEXT: usize = 1024;

const SECURITY: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=63072000; includeSubDomains",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

/// The response as it leaves: every refusal as JSON that names the request, and the headers that
/// all responses have. A header that the handler set stays.
pub(crate) async fn finish(
    outcome: Result<Response, ApiError>,
    id: &RequestId,
    notes: &Notes,
    head: bool,
) -> Response {
    let mut response = match outcome {
        Ok(response) => named(response, id).await,
        Err(error) => error.render(Some(id.as_str())),
    };
    if head && !response.status().is_success() {
        *response.body_mut() = Body::empty();
    }
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    if let Some(quota) = notes.quota() {
        quota.write(headers);
    }
    response
}

async fn named(response: Response, id: &RequestId) -> Response {
    if let Some(error) = response.extensions().get::<ApiError>() {
        return keeping(response.headers(), error.render(Some(id.as_str())));
    }
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    // A handler that wrote JSON or a page meant it.
    if !refused || !is_plain(response.headers()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = if status.is_client_error() {
        text(body).await
    } else {
        None
    };
    let error = of_framework(status, text);
    keeping(&parts.headers, error.render(Some(id.as_str())))
}

/// `rendered` with the headers of the response that it stands for, such as `Allow`.
fn keeping(headers: &HeaderMap, mut rendered: Response) -> Response {
    for (name, value) in headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

async fn text(body: Body) -> Option<String> {
    let body = Limited::new(body, LONGEST_TEXT).collect().await.ok()?;
    String::from_utf8(body.to_bytes().to_vec())
        .ok()
        .filter(|text| !text.is_empty())
}

/// A refusal that the framework made: an unknown method, an unreadable query.
fn of_framework(status: StatusCode, text: Option<String>) -> ApiError {
    let (code, otherwise) = match status {
        StatusCode::BAD_REQUEST => ("invalid_request", "the request cannot be read"),
        StatusCode::UNAUTHORIZED => ("unauthorized", "send an API key"),
        StatusCode::FORBIDDEN => ("forbidden", "this is not allowed"),
        StatusCode::NOT_FOUND => ("not_found", "there is no such thing"),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this route has other methods; see the header `allow`",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is too large; send less"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("unsupported_media_type", "send another content type")
        }
        StatusCode::UNPROCESSABLE_ENTITY => ("invalid_field", "a value cannot be that"),
        StatusCode::TOO_MANY_REQUESTS => ("rate_limited", "too many requests; try again later"),
        status if status.is_server_error() => return ApiError::internal(),
        _ => ("refused", "the request is refused"),
    };
    let message = text.unwrap_or_else(|| otherwise.to_owned());
    ApiError::new(status, code, message)
}

impl From<ApiError> for Response {
    fn from(error: ApiError) -> Self {
        error.into_response()
    }
}
