use std::collections::BTreeSet;

use engine::{PlatformInfo, Problem, Setting, SettingKind};
use serde_json::Value;

use crate::config;

/// JSON Schema (2020-12) of `config`.
pub const CONFIG_SCHEMA: &str = include_str!("../docs/config.schema.json");

/// What users can know and set of custom APIs.
pub const CUSTOM_API: PlatformInfo = PlatformInfo {
    name: "custom_api",
    aliases: &["custom-api", "customApi", "rest_api", "custom"],
    title: "Custom API",
    description: "Any REST API: declare its endpoints, and their rows are read page by page.",
    documentation: "https://datatracker.ietf.org/doc/html/rfc9110",
    settings: SETTINGS,
    actions: &[],
    validate,
};

const fn config(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    kind: SettingKind,
) -> Setting {
    Setting {
        name,
        aliases: &[],
        title,
        help,
        kind,
        required: false,
        secret: false,
    }
}

const fn secret(
    name: &'static str,
    aliases: &'static [&'static str],
    title: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        aliases,
        title,
        help,
        kind: SettingKind::Text,
        required: false,
        secret: true,
    }
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "baseUrl",
        aliases: &["baseURL", "base_url", "url"],
        title: "Base URL",
        help: "What all paths begin with, such as https://api.example.com/v1",
        kind: SettingKind::Text,
        required: true,
        secret: false,
    },
    config(
        "endpoint",
        "Endpoint",
        "The short form: the path of the only list to read, such as /items, or a stream as in streams",
        SettingKind::Json,
    ),
    config(
        "method",
        "Method",
        "The endpoint's method",
        SettingKind::Choice(&["GET", "POST"]),
    ),
    config(
        "testEndpoint",
        "Test endpoint",
        "A path that answers HTTP 200 if all is well, such as /me",
        SettingKind::Text,
    ),
    config(
        "testMethod",
        "Test method",
        "The test endpoint's method",
        SettingKind::Choice(&["GET", "POST"]),
    ),
    config(
        "test",
        "Test request",
        "Instead of testEndpoint and testMethod: {\"path\": \"/me\", \"method\": \"GET\"}",
        SettingKind::Json,
    ),
    config(
        "headers",
        "Headers",
        "Sent with each request, such as {\"Accept-Language\": \"en\"}",
        SettingKind::Json,
    ),
    config(
        "auth",
        "Authentication",
        "How requests are authenticated, such as {\"kind\": \"bearer\"}; told by the credentials if left out",
        SettingKind::Json,
    ),
    config(
        "streams",
        "Streams",
        "What to read: [{\"name\": \"items\", \"path\": \"/items\", \"records\": \"$.items\"}]",
        SettingKind::Json,
    ),
    config(
        "errors",
        "Error rules",
        "For all streams: [{\"status\": 404, \"action\": \"ignore\"}]",
        SettingKind::Json,
    ),
    config(
        "rate",
        "Rate",
        "How fast to call: {\"requestsPerSecond\": 5, \"atOnce\": 2, \"attempts\": 5}",
        SettingKind::Json,
    ),
    config(
        "limits",
        "Limits",
        "Bounds on what the API may send: {\"maxBytes\": 16777216, \"maxPages\": 100000}",
        SettingKind::Json,
    ),
    secret(
        "apiKey",
        &["api_key"],
        "API key",
        "For api_key, and the caller's name for hmac",
    ),
    secret(
        "token",
        &["bearerToken", "accessToken", "access_token"],
        "Token",
        "For bearer",
    ),
    secret("username", &["user"], "User", "For basic"),
    secret("password", &[], "Password", "For basic"),
    secret("clientId", &["client_id"], "Client id", "For oauth2"),
    secret(
        "clientSecret",
        &["client_secret"],
        "Client secret",
        "For oauth2",
    ),
    secret(
        "refreshToken",
        &["refresh_token"],
        "Refresh token",
        "For oauth2 with the grant refresh_token",
    ),
    secret("secret", &["signingSecret"], "Signing secret", "For hmac"),
];

fn validate(config: &Value, credentials: &Value) -> Result<(), Vec<Problem>> {
    let names: BTreeSet<&str> = credentials
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.as_str().is_some_and(|text| !text.is_empty()))
        .map(|(name, _)| name.as_str())
        .collect();
    config::read(config, &names).map(|_| ())
}
