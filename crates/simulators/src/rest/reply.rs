use std::io::Write;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::faults::Fault;

const CHUNK: usize = 64 * 1024;

pub(super) fn json(status: StatusCode, text: impl Into<String>) -> Response {
    let media_type = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, media_type)], text.into()).into_response()
}

pub(super) fn error(status: StatusCode, message: &str) -> Response {
    json(status, serde_json::json!({ "error": message }).to_string())
}

pub(super) fn redirect(to: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(location) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

pub(super) fn gzip(bytes: &[u8]) -> Bytes {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = packer.write_all(bytes).and_then(|()| packer.finish());
    written.unwrap_or_default().into()
}

/// An answer that needs no list, if the fault is one of those.
pub(super) fn instead(fault: &Fault) -> Option<Response> {
    Some(match fault {
        Fault::TooManyRequests { retry_after_s } => {
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, "slow down");
            if let Some(seconds) = retry_after_s {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, (*seconds).into());
            }
            response
        }
        Fault::Status { status, body } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::IM_A_TEAPOT);
            (status, body.clone()).into_response()
        }
        Fault::Reset => broken(Bytes::new(), None),
        Fault::MalformedJson => json(StatusCode::OK, "{\"items\": [{\"id\": 1,,}]}"),
        Fault::Html => axum::response::Html("<!doctype html><p>sign in</p>").into_response(),
        Fault::OversizedBody { bytes } => {
            let chunks = bytes.div_ceil(CHUNK as u64);
            let spaces = Bytes::from(vec![b' '; CHUNK]);
            let body =
                stream::iter(0..chunks).map(move |_| Ok::<_, std::io::Error>(spaces.clone()));
            Body::from_stream(body).into_response()
        }
        Fault::DeepNesting { depth } => {
            let row = format!("{}{}", "{\"a\":".repeat(*depth), "1");
            json(
                StatusCode::OK,
                format!("{{\"items\":[{row}{}]}}", "}".repeat(*depth)),
            )
        }
        Fault::Truncated | Fault::RepeatedPage | Fault::EndlessPages => return None,
    })
}

/// `response` cut off in the middle of its body.
pub(super) async fn truncated(response: Response) -> Response {
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    let body = body.unwrap_or_default();
    broken(body.slice(..body.len() / 2), Some(body.len()))
}

/// `beginning`, then the end of the connection.
fn broken(beginning: Bytes, announced: Option<usize>) -> Response {
    let end = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    // Sent by itself, so that it is out before the connection ends.
    let later = stream::once(async move {
        tokio::task::yield_now().await;
        Err(end)
    });
    let body = stream::iter([Ok(beginning)]).chain(later);
    let mut response = Body::from_stream(body).into_response();
    if let Some(length) = announced {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
    }
    response
}
