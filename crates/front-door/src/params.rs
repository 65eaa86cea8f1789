use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::ApiError;

/// The path's parameter; 422 where it cannot be one.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The query's parameters; 422 where one of them is unknown, repeated or impossible.
#[derive(Debug)]
pub struct Params<T>(pub T);

/// A form of an HTML page; 415 without its content type, 422 where a field is impossible.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(failed)) => {
                let why = match failed.kind() {
                    ErrorKind::Message(why) => why,
                    ErrorKind::DeserializeError { message, .. } => message,
                    _ => "must be readable UTF-8 text",
                };
                Err(ApiError::invalid_field("path", why))
            }
            Err(_) => Err(ApiError::internal()),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| of_pairs(&rejection.body_text(), "query"))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        axum::extract::Form::from_request(request, state)
            .await
            .map(|axum::extract::Form(value)| Self(value))
            .map_err(|rejection| match rejection.status() {
                status @ StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::new(
                    status,
                    "unsupported_media_type",
                    "send the form as `application/x-www-form-urlencoded`",
                ),
                status @ StatusCode::PAYLOAD_TOO_LARGE => {
                    ApiError::new(status, "too_large", "the form is too large; send less")
                }
                StatusCode::UNPROCESSABLE_ENTITY => of_pairs(&rejection.body_text(), "form"),
                _ => ApiError::invalid_request("the form ended too early; send it again"),
            })
    }
}

/// From axum's "<what failed>: <field>: <why>" or "<what failed>: <why>".
fn of_pairs(text: &str, whole: &str) -> ApiError {
    let why = text.split_once(": ").map_or(text, |(_, why)| why);
    match why.split_once(": ") {
        Some((field, why)) if !field.contains([' ', '`']) => ApiError::invalid_field(field, why),
        _ => {
            let named = why.split('`').nth(1);
            ApiError::invalid_field(named.unwrap_or(whole), why)
        }
    }
}
