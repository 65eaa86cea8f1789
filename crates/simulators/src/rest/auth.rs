use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::reply;

/// What callers must know.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// Below `/auth/key-header` (`X-API-Key`) and `/auth/key-query` (`api_key`).
    pub api_key: String,
    /// Below `/auth/bearer`.
    pub token: String,
    /// Below `/auth/basic`.
    pub username: String,
    /// Below `/auth/basic`.
    pub password: String,
    /// At `/oauth/token`.
    pub client_id: String,
    /// At `/oauth/token`.
    pub client_secret: String,
    /// The first one; each refresh gives another and ends the one before.
    pub refresh_token: String,
    /// Below `/auth/hmac`.
    pub signing_secret: String,
}

impl Default for Secrets {
    fn default() -> Self {
        let secret = |name: &str| format!("sim-{name}-7f3a");
        Self {
            api_key: secret("api-key"),
            token: secret("token"),
            username: secret("user"),
            password: secret("password"),
            client_id: secret("client"),
            client_secret: secret("client-secret"),
            refresh_token: secret("refresh-0"),
            signing_secret: secret("signing"),
        }
    }
}

/// Tokens that were given out.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    live: BTreeMap<String, Timestamp>,
    refresh: Option<String>,
    spent: BTreeSet<String>,
    issued: u64,
    pub(super) refusals: u64,
}

/// Signatures older than this are refused.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

impl Tokens {
    pub(super) fn issued(&self) -> u64 {
        self.issued
    }

    /// Ends all access tokens.
    pub(super) fn expire(&mut self) {
        self.live.clear();
    }

    /// Ends the refresh token.
    pub(super) fn revoke(&mut self, secrets: &Secrets) {
        let now = self.refresh_token(secrets).to_owned();
        self.spent.insert(now);
    }

    fn refresh_token<'a>(&'a self, secrets: &'a Secrets) -> &'a str {
        self.refresh.as_deref().unwrap_or(&secrets.refresh_token)
    }

    /// `POST /oauth/token` (RFC 6749, 4.4 and 6), with rotation.
    pub(super) fn grant(
        &mut self,
        secrets: &Secrets,
        headers: &HeaderMap,
        form: &[u8],
        life_s: u64,
        now: Timestamp,
    ) -> Response {
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(form).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str);
        let by_header =
            basic(headers) == Some((secrets.client_id.clone(), secrets.client_secret.clone()));
        let by_body = field("client_id") == Some(&secrets.client_id)
            && field("client_secret") == Some(&secrets.client_secret);
        if !by_header && !by_body {
            return self.refuse(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        let rotates = match field("grant_type") {
            Some("client_credentials") => false,
            Some("refresh_token") => {
                let given = field("refresh_token").unwrap_or_default();
                if given != self.refresh_token(secrets) || self.spent.contains(given) {
                    return self.refuse(StatusCode::BAD_REQUEST, "invalid_grant");
                }
                self.spent.insert(given.to_owned());
                true
            }
            _ => return self.refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        };
        self.issued += 1;
        let access = format!("sim-access-{}", self.issued);
        let ends = now.checked_add(SignedDuration::from_secs(life_s.cast_signed()));
        self.live
            .insert(access.clone(), ends.unwrap_or(Timestamp::MAX));
        let mut answer =
            json!({"access_token": access, "token_type": "Bearer", "expires_in": life_s});
        if rotates {
            let next = format!("sim-refresh-{}", self.issued);
            answer["refresh_token"] = json!(next);
            self.refresh = Some(next);
        }
        reply::json(StatusCode::OK, answer.to_string())
    }

    fn refuse(&mut self, status: StatusCode, error: &str) -> Response {
        self.refusals += 1;
        reply::error(status, error)
    }

    /// Whether a request below `/auth/{kind}` may pass.
    pub(super) fn admits(
        &self,
        kind: &str,
        secrets: &Secrets,
        request: &Asked<'_>,
        now: Timestamp,
    ) -> bool {
        let header = |name: &str| request.headers.get(name)?.to_str().ok();
        let bearer = || header("authorization")?.strip_prefix("Bearer ");
        match kind {
            "key-header" => header("x-api-key") == Some(&secrets.api_key),
            "key-query" => request.query.get("api_key") == Some(&secrets.api_key),
            "bearer" => bearer() == Some(&secrets.token),
            "basic" => {
                basic(request.headers) == Some((secrets.username.clone(), secrets.password.clone()))
            }
            "oauth" => {
                bearer().is_some_and(|token| self.live.get(token).is_some_and(|ends| now < *ends))
            }
            "hmac" => is_signed(secrets, request, now),
            _ => false,
        }
    }
}

/// A request as far as it matters here.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a BTreeMap<String, String>,
    pub(super) body: &'a [u8],
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let pair = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (user, password) = pair.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// `X-Signature: sha256=<hex>` over method, path, query, `X-Timestamp` and body, line by line.
fn is_signed(secrets: &Secrets, request: &Asked<'_>, now: Timestamp) -> bool {
    let header = |name: &str| request.headers.get(name)?.to_str().ok();
    let Some(timestamp) = header("x-timestamp") else {
        return false;
    };
    let at = timestamp
        .parse()
        .ok()
        .and_then(|at| Timestamp::from_second(at).ok());
    if at.is_none_or(|at| now.duration_since(at).abs() > FRESH) {
        return false;
    }
    let signature = header("x-signature").and_then(|text| text.strip_prefix("sha256="));
    let Some(signature) = signature.and_then(|digits| hex::decode(digits).ok()) else {
        return false;
    };
    let (path, query) = (request.uri.path(), request.uri.query().unwrap_or_default());
    let mut signed = format!("{}\n{path}\n{query}\n{timestamp}\n", request.method).into_bytes();
    signed.extend_from_slice(request.body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secrets.signing_secret.as_bytes());
    hmac::verify(&key, &signed, &signature).is_ok()
}
