//! Puts the proof of who sends it onto a request.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::Clock;
use engine::{Error, Kind};
use secrecy::{ExposeSecret, SecretString};
use vendor_http::Deadline;
use vendor_http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::config::{Auth, KeyPlace, Signing, Stamp};
use crate::exchange::Http;
use crate::hmac::{Signed, signature};
use crate::oauth::AccessTokens;
use crate::request::Request;
use crate::source::Credentials;
use crate::vault::TokenVault;

/// Proves who sends a request.
pub(crate) struct Authorizer {
    auth: Auth,
    credentials: Credentials,
    tokens: Option<AccessTokens>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorizer")
    }
}

impl Authorizer {
    pub(crate) fn new(
        auth: Auth,
        credentials: Credentials,
        vault: Arc<dyn TokenVault>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let tokens = match &auth {
            Auth::Oauth2(oauth) => Some(AccessTokens::new(
                oauth.clone(),
                credentials.clone(),
                vault,
                clock.clone(),
            )),
            _ => None,
        };
        Self {
            auth,
            credentials,
            tokens,
            clock,
        }
    }

    pub(crate) fn kind(&self) -> &Auth {
        &self.auth
    }

    /// Signs `request`, or gives it a key or token. The token is returned, to be `rejected` when
    /// the API refuses it.
    pub(crate) async fn authorize(
        &self,
        request: &mut Request,
        http: &Http,
        rejected: Option<&SecretString>,
        deadline: Deadline,
    ) -> Result<Option<SecretString>, Error> {
        match &self.auth {
            Auth::None {} => {}
            Auth::ApiKey {
                place,
                name,
                prefix,
            } => {
                let value = format!("{prefix}{}", self.secret("apiKey")?);
                match place {
                    KeyPlace::Header => {
                        request.set_header(header_name(name)?, secret_value(&value)?);
                    }
                    KeyPlace::Query => request.set_query(name, &value),
                }
            }
            Auth::Bearer { scheme } => {
                let value = format!("{scheme} {}", self.secret("token")?);
                request.set_header(AUTHORIZATION, secret_value(&value)?);
            }
            Auth::Basic {} => {
                let pair = format!("{}:{}", self.secret("username")?, self.secret("password")?);
                let value = format!("Basic {}", STANDARD.encode(pair));
                request.set_header(AUTHORIZATION, secret_value(&value)?);
            }
            Auth::Oauth2(oauth) => {
                let tokens = self.tokens.as_ref().ok_or_else(|| missing("clientId"))?;
                let token = tokens.token(http, rejected, deadline).await?;
                let value = format!("{} {}", oauth.scheme, token.expose_secret());
                request.set_header(AUTHORIZATION, secret_value(&value)?);
                return Ok(Some(token));
            }
            Auth::Hmac(signing) => self.sign(signing, request)?,
        }
        Ok(None)
    }

    fn sign(&self, signing: &Signing, request: &mut Request) -> Result<(), Error> {
        let now = self.clock.now();
        let timestamp = match signing.timestamp {
            Stamp::EpochS => now.as_second().to_string(),
            Stamp::EpochMs => now.as_millisecond().to_string(),
            Stamp::Rfc3339 => crate::time_format::TimeFormat::Rfc3339.write(now),
        };
        let api_key = match &signing.key_header {
            Some(_) => self.secret("apiKey")?,
            None => "",
        };
        let secret = self
            .credentials
            .get("secret")
            .ok_or_else(|| missing("secret"))?;
        let url = request.url.as_str().to_owned();
        let value = signature(
            signing,
            secret,
            &Signed {
                method: request.method(),
                path: request.url.path(),
                query: request.url.query().unwrap_or_default(),
                url: &url,
                body: request.body.as_ref().map_or(&[][..], |(_, body)| body),
                timestamp: &timestamp,
                api_key,
            },
        );
        let value = secret_value(&value)?;
        request.set_header(header_name(&signing.header)?, value);
        if let Some(name) = &signing.timestamp_header {
            request.set_header(header_name(name)?, secret_value(&timestamp)?);
        }
        if let Some(name) = &signing.key_header {
            request.set_header(header_name(name)?, secret_value(api_key)?);
        }
        Ok(())
    }

    fn secret(&self, name: &'static str) -> Result<&str, Error> {
        let secret = self.credentials.get(name).ok_or_else(|| missing(name))?;
        Ok(secret.expose_secret())
    }
}

fn missing(name: &str) -> Error {
    Error::new(
        Kind::AuthRequired,
        format!("Authentication Failed: `{name}` is missing in the credentials; put it there"),
    )
}

fn header_name(name: &str) -> Result<HeaderName, Error> {
    name.parse()
        .map_err(|_| Error::new(Kind::InvalidConfig, format!("`{name}` is no header's name")))
}

/// A header that no log shows.
pub(crate) fn secret_value(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Error::new(
            Kind::AuthRequired,
            "a secret in the credentials holds a line end or the like, which no header can carry; \
             put it there again",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
