use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::Method;
use jiff::Timestamp;
use lambda_kit::{Metric, Unit};
use tracing::{info, warn};

use crate::call::Notes;
use crate::door::Inner;

/// One request on its way: what the access log and the metrics say of it. The route is its
/// template, so that no id and no query reaches a log or a metric's name.
#[derive(Debug)]
pub(crate) struct Access {
    began: Timestamp,
    method: &'static str,
    route: String,
}

/// Stands for all paths that no route has.
const UNMATCHED: &str = "unmatched";

impl Access {
    pub(crate) fn begin(door: &Inner, request: &Request) -> Self {
        let matched = request.extensions().get::<MatchedPath>();
        Self {
            began: door.clock.now(),
            method: name_of(request.method()),
            route: matched.map_or(UNMATCHED, MatchedPath::as_str).to_owned(),
        }
    }

    pub(crate) fn end(self, door: &Inner, response: &Response, notes: &Notes) {
        let now = door.clock.now();
        let duration_ms = u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(0);
        let status = response.status();
        let client = notes.client().unwrap_or("-");
        if status.is_server_error() {
            warn!(
                method = self.method,
                route = self.route,
                status = status.as_u16(),
                duration_ms,
                client,
                "request failed"
            );
        } else {
            info!(
                method = self.method,
                route = self.route,
                status = status.as_u16(),
                duration_ms,
                client,
                "request answered"
            );
        }
        let count = |name, value| Metric {
            name,
            unit: Unit::Count,
            value,
        };
        let route = format!("{} {}", self.method, self.route);
        lambda_kit::emit_by(
            &[("Function", &door.name), ("Route", &route)],
            now,
            &[
                count("Requests", 1),
                count("Errors", u64::from(status.is_server_error())),
                count("Refusals", u64::from(status.is_client_error())),
                Metric {
                    name: "DurationMs",
                    unit: Unit::Milliseconds,
                    value: duration_ms,
                },
            ],
        );
    }
}

/// A method's name; any that HTTP does not define is one, since a caller can invent as many as he
/// likes and each would be a metric.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
