use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ApiError, Limits};

/// A JSON body. Refused with 415 without a JSON content type, 413 above the body limit, 400 where
/// it is no JSON or nested too deeply, and 422 with the field's path where it is no `T`.
/// As a response it is written as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// The raw bytes of a JSON body within the limits of size and nesting, for who verifies a
/// signature before reading it. The content type is not looked at.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(ApiError::not_json_type());
        }
        let RawBody(body) = RawBody::from_request(request, state).await?;
        parse(&body).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let limits = Limits::of(&request);
        let body =
            Bytes::from_request(request, state)
                .await
                .map_err(|rejection| match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(limits.body_bytes),
                    _ => ApiError::invalid_request("the body ended too early; send it again"),
                })?;
        if nests_deeper_than(limits.depth, &body) {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "too_deep",
                format_args!("the body is nested deeper than {} levels", limits.depth),
            ));
        }
        Ok(Self(body))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// `application/json` or `application/<something>+json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let kind = value.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind.strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "invalid_json",
            "the body is empty; send a JSON object",
        ));
    }
    axum::Json::from_bytes(body)
        .map(|axum::Json(value)| value)
        .map_err(|rejection| refusal(&rejection))
}

fn refusal(rejection: &JsonRejection) -> ApiError {
    let text = rejection.body_text();
    // "<what axum says>: <path>: <what serde says>", without a path for the body itself.
    let text = text.split_once(": ").map_or(text.as_str(), |(_, why)| why);
    if !matches!(rejection, JsonRejection::JsonDataError(_)) {
        return ApiError::new(
            StatusCode::BAD_REQUEST,
            "invalid_json",
            format_args!("the body is no JSON: {text}"),
        );
    }
    let (path, why) = match text.split_once(": ") {
        Some((path, why)) if is_path(path) => (path, why),
        _ => ("", text),
    };
    let missing = why
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split('`').next());
    let field = match (path, missing) {
        ("", Some(name)) => name.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
        (path, None) => path.to_owned(),
    };
    let error = ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid_field",
        without_place(why),
    );
    if field.is_empty() {
        error
    } else {
        error.field(field)
    }
}

/// Whether `text` is a path into a body rather than the begin of a sentence.
fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '`', '"'])
}

/// Without serde's " at line 1 column 9", which says nothing in a body of one line.
fn without_place(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(before, _)| before)
}

/// Whether brackets outside of strings nest deeper than `depth`. A linear look at the bytes, before
/// anything recursive reads them.
fn nests_deeper_than(depth: usize, json: &[u8]) -> bool {
    let (mut open, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                open += 1;
                if open > depth {
                    return true;
                }
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_outside_of_strings_nest() {
        for (depth, json, deeper) in [
            (2, r#"{"a":[1]}"#, false),
            (1, r#"{"a":[1]}"#, true),
            (1, r#"{"a":"[[[[{{"}"#, false),
            (1, r#"{"a":"\"[["}"#, false),
            (1, r#"{"a":"\\","b":[1]}"#, true),
            (1, "[],[],[]", false),
            (0, "7", false),
        ] {
            assert_eq!(nests_deeper_than(depth, json.as_bytes()), deeper, "{json}");
        }
    }

    #[test]
    fn json_is_known_by_its_content_type() {
        for (value, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/json", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_json(&headers), json, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
