//! Access tokens by client credentials or refresh token (RFC 6749, 4.4 and 6).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::Clock;
use engine::{Error, Kind};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::form_urlencoded;
use vendor_http::header::{AUTHORIZATION, HeaderValue};
use vendor_http::{Answer, Call, Deadline, Vendor, Verdict};

use crate::config::{ClientAuthentication, Grant, OAuth};
use crate::exchange::Http;
use crate::failure;
use crate::hmac::digest_hex;
use crate::source::Credentials;
use crate::vault::{TokenLease, TokenVault, Tokens};

/// A token is renewed this long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// After a failed refresh nobody tries again for so long: a dead connection must not hammer the
/// vendor.
const COOLDOWN: SignedDuration = SignedDuration::from_secs(30);
/// RFC 6749 leaves it open; an hour is common.
const USUAL_LIFE: i64 = 3600;
const LONGEST_LIFE: i64 = 30 * 24 * 3600;
const ATTEMPT: Duration = Duration::from_secs(20);

/// The access token of one integration, renewed by one process at a time.
pub(crate) struct AccessTokens {
    oauth: OAuth,
    credentials: Credentials,
    origin: String,
    vault: Arc<dyn TokenVault>,
    clock: Arc<dyn Clock>,
    /// What this process last used. The lock makes its tasks wait for one refresh.
    known: Mutex<Tokens>,
}

impl AccessTokens {
    pub(crate) fn new(
        oauth: OAuth,
        credentials: Credentials,
        vault: Arc<dyn TokenVault>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let text = |name: &str| {
            let value = credentials.get(name);
            value.map_or("", |value| value.expose_secret()).to_owned()
        };
        // Length-prefixed, so that no two sets of credentials read the same.
        let parts = [
            oauth.token_url.to_string(),
            text("clientId"),
            text("clientSecret"),
            text("refreshToken"),
            oauth.scopes.join(" "),
        ];
        let joined: Vec<String> = parts
            .iter()
            .map(|part| format!("{}:{part}", part.len()))
            .collect();
        Self {
            origin: digest_hex(joined.concat().as_bytes()),
            oauth,
            credentials,
            vault,
            clock,
            known: Mutex::new(Tokens::default()),
        }
    }

    /// A token that looks valid, and is not `rejected`.
    pub(crate) async fn token(
        &self,
        http: &Http,
        rejected: Option<&SecretString>,
        deadline: Deadline,
    ) -> Result<SecretString, Error> {
        let mut known = self.known.lock().await;
        if let Some(token) = self.usable(&known, rejected) {
            return Ok(token);
        }
        *known = self.vault.load(deadline).await?;
        if let Some(token) = self.usable(&known, rejected) {
            return Ok(token);
        }
        let mut lease = self.vault.lease(deadline).await?;
        let renewed = self.renew(http, &mut *lease, rejected, deadline).await;
        lease.release().await;
        *known = renewed?;
        self.usable(&known, rejected).ok_or_else(|| {
            Error::new(
                Kind::AuthRequired,
                "Authentication Failed: the token endpoint gave the token again that the API \
                 refuses, or one that has ended; authorise again",
            )
        })
    }

    fn usable(&self, tokens: &Tokens, rejected: Option<&SecretString>) -> Option<SecretString> {
        let token = tokens.access_token.as_ref()?;
        let is_ours = tokens.origin == self.origin;
        let is_rejected =
            rejected.is_some_and(|rejected| rejected.expose_secret() == token.expose_secret());
        let ends = tokens.expires_at?.checked_sub(MARGIN).ok()?;
        (is_ours && !is_rejected && self.clock.now() < ends).then(|| token.clone())
    }

    /// What was renewed by somebody else meanwhile, or by us now.
    async fn renew(
        &self,
        http: &Http,
        lease: &mut dyn TokenLease,
        rejected: Option<&SecretString>,
        deadline: Deadline,
    ) -> Result<Tokens, Error> {
        let kept = lease.load(deadline).await?;
        if self.usable(&kept, rejected).is_some() {
            return Ok(kept);
        }
        let kept = if kept.origin == self.origin {
            kept
        } else {
            Tokens {
                origin: self.origin.clone(),
                ..Tokens::default()
            }
        };
        let now = self.clock.now();
        if let Some(failed) = kept.failed_at
            && now.duration_since(failed) < COOLDOWN
        {
            return Err(Error::new(
                Kind::AuthRequired,
                "Authentication Failed: renewing the access token failed less than 30 s ago; \
                 authorise again, or wait",
            ));
        }
        match self
            .request(http, kept.refresh_token.as_ref(), deadline)
            .await
        {
            Ok(issued) => self.keep(lease, kept, issued, deadline).await,
            Err(error) => {
                let failed = Tokens {
                    failed_at: Some(now),
                    ..kept
                };
                if let Err(error) = lease.store(&failed, deadline).await {
                    tracing::warn!(kind = %error.kind(), "a failed refresh could not be noted");
                }
                Err(error)
            }
        }
    }

    /// Stores before use: a refresh token that works once must not be lost with this process.
    async fn keep(
        &self,
        lease: &mut dyn TokenLease,
        kept: Tokens,
        issued: Issued,
        deadline: Deadline,
    ) -> Result<Tokens, Error> {
        let has_rotated = issued.refresh_token.is_some();
        let life = SignedDuration::from_secs(issued.life_s);
        let tokens = Tokens {
            access_token: Some(issued.access_token),
            expires_at: Some(self.clock.now().checked_add(life).unwrap_or(Timestamp::MAX)),
            refresh_token: issued.refresh_token.or(kept.refresh_token),
            failed_at: None,
            origin: kept.origin,
        };
        match lease.store(&tokens, deadline).await {
            Err(error) if has_rotated => Err(error),
            Err(error) => {
                tracing::warn!(kind = %error.kind(), "an access token could not be stored");
                Ok(tokens)
            }
            Ok(()) => Ok(tokens),
        }
    }

    async fn request(
        &self,
        http: &Http,
        rotated: Option<&SecretString>,
        deadline: Deadline,
    ) -> Result<Issued, Error> {
        let url = self.oauth.token_url.clone();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut call = Call::post_raw(url.clone(), form, self.form(rotated)).timeout(ATTEMPT);
        if self.oauth.client_authentication == ClientAuthentication::Basic {
            call = call.header(AUTHORIZATION, self.basic()?);
        }
        let client = http.client(&url, deadline).await?;
        let answer = client.send(&call, &TokenAnswers, deadline).await;
        let answer = answer.map_err(|error| failure::of_transport(&error, None))?;
        read(&answer)
    }

    fn form(&self, rotated: Option<&SecretString>) -> Vec<u8> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let secret = |name: &str| self.credentials.get(name).map(ExposeSecret::expose_secret);
        match self.oauth.grant {
            Grant::ClientCredentials => {
                form.append_pair("grant_type", "client_credentials");
            }
            Grant::RefreshToken => {
                let token = rotated
                    .map(ExposeSecret::expose_secret)
                    .or(secret("refreshToken"));
                form.append_pair("grant_type", "refresh_token");
                form.append_pair("refresh_token", token.unwrap_or_default());
            }
        }
        if self.oauth.client_authentication == ClientAuthentication::Body {
            for (name, credential) in [("client_id", "clientId"), ("client_secret", "clientSecret")]
            {
                if let Some(value) = secret(credential) {
                    form.append_pair(name, value);
                }
            }
        }
        if !self.oauth.scopes.is_empty() {
            form.append_pair("scope", &self.oauth.scopes.join(" "));
        }
        for (name, value) in &self.oauth.parameters {
            form.append_pair(name, value);
        }
        form.finish().into_bytes()
    }

    /// RFC 6749, 2.3.1: both parts are form-encoded first.
    fn basic(&self) -> Result<HeaderValue, Error> {
        let part = |name: &str| {
            let value = self.credentials.get(name);
            let value = value.map_or("", |value| value.expose_secret());
            form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()
        };
        let pair = format!("{}:{}", part("clientId"), part("clientSecret"));
        let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|_| Error::new(Kind::AuthRequired, "the client's credentials are no text"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

struct Issued {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    life_s: i64,
}

#[derive(Deserialize)]
struct Reply {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<Value>,
    error: Option<String>,
}

fn read(answer: &Answer) -> Result<Issued, Error> {
    let refused = |why: &str| {
        Error::new(
            Kind::AuthRequired,
            format!(
                "Authentication Failed: the token endpoint gives no token ({why}); check \
                 `config.auth.tokenUrl`, client and scopes, and authorise again"
            ),
        )
    };
    let status = answer.status;
    let reply: Option<Reply> = serde_json::from_slice(&answer.body).ok();
    let Some(reply) = reply else {
        return Err(refused(&format!("HTTP {status}, no JSON")));
    };
    if let Some(error) = &reply.error {
        return Err(refused(known(error)));
    }
    let text = |token: Option<String>| token.filter(|token| !token.is_empty());
    let Some(access_token) = text(reply.access_token).filter(|_| (200..300).contains(&status))
    else {
        return Err(refused(&format!("HTTP {status}, no access_token")));
    };
    let life = reply.expires_in.as_ref().and_then(seconds);
    Ok(Issued {
        access_token: access_token.into(),
        refresh_token: text(reply.refresh_token).map(Into::into),
        life_s: life.unwrap_or(USUAL_LIFE).clamp(0, LONGEST_LIFE),
    })
}

fn seconds(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64))
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// RFC 6749, 5.2. Anything else of an answer stays unshown.
fn known(error: &str) -> &'static str {
    const KNOWN: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let known = KNOWN.into_iter().find(|known| *known == error);
    known.unwrap_or("an error of its own")
}

#[derive(Debug)]
struct TokenAnswers;

impl Vendor for TokenAnswers {
    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.status {
            429 | 500..=599 => Verdict::Retry {
                reason: format!("HTTP {}", answer.status),
                after: answer.retry_after(),
            },
            _ => Verdict::Accept,
        }
    }
}
