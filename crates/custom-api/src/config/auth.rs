use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

/// How requests prove who sends them. Secrets are in the credentials, under the names given here.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "snake_case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Auth {
    None {},
    /// `apiKey`.
    ApiKey {
        #[serde(default, rename = "in")]
        place: KeyPlace,
        #[serde(default = "api_key_header")]
        name: String,
        /// Put before the key, such as `Token token=`.
        #[serde(default)]
        prefix: String,
    },
    /// `token`.
    Bearer {
        #[serde(default = "bearer")]
        scheme: String,
    },
    /// `username`, `password`.
    Basic {},
    /// `clientId`, `clientSecret`, `refreshToken`.
    Oauth2(OAuth),
    /// `secret`, and `apiKey` if a header names the caller.
    Hmac(Signing),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyPlace {
    #[default]
    Header,
    Query,
}

/// RFC 6749, 4.4 and 6.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OAuth {
    pub(crate) grant: Grant,
    #[serde(deserialize_with = "url")]
    pub(crate) token_url: Url,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) client_authentication: ClientAuthentication,
    /// Further form fields, such as `audience`.
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
    #[serde(default = "bearer")]
    pub(crate) scheme: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grant {
    ClientCredentials,
    RefreshToken,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientAuthentication {
    #[default]
    Body,
    Basic,
}

/// A keyed hash over parts of each request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Signing {
    /// The header that carries the signature.
    pub(crate) header: String,
    /// What is signed: text with `{method}`, `{path}`, `{query}`, `{url}`, `{body}`,
    /// `{bodySha256}`, `{timestamp}`, `{apiKey}`.
    pub(crate) sign: String,
    #[serde(default)]
    pub(crate) algorithm: Algorithm,
    #[serde(default)]
    pub(crate) encoding: Encoding,
    #[serde(default)]
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) timestamp_header: Option<String>,
    #[serde(default)]
    pub(crate) timestamp: Stamp,
    #[serde(default)]
    pub(crate) key_header: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Algorithm {
    #[default]
    Sha256,
    Sha512,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    #[default]
    Hex,
    Base64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stamp {
    #[default]
    EpochS,
    EpochMs,
    Rfc3339,
}

fn url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text).map_err(|_| serde::de::Error::custom("has a `tokenUrl` that is no URL"))
}

fn api_key_header() -> String {
    "X-API-Key".into()
}

fn bearer() -> String {
    "Bearer".into()
}

impl Auth {
    /// The credentials that it takes.
    pub(crate) fn needs(&self) -> Vec<&'static str> {
        match self {
            Self::None {} => vec![],
            Self::ApiKey { .. } => vec!["apiKey"],
            Self::Bearer { .. } => vec!["token"],
            Self::Basic {} => vec!["username", "password"],
            Self::Oauth2(oauth) => match oauth.grant {
                Grant::ClientCredentials => vec!["clientId", "clientSecret"],
                Grant::RefreshToken => vec!["clientId", "refreshToken"],
            },
            Self::Hmac(signing) if signing.key_header.is_some() => vec!["secret", "apiKey"],
            Self::Hmac(_) => vec!["secret"],
        }
    }

    /// What to say of refused credentials.
    pub(crate) fn refused(&self) -> &'static str {
        match self {
            Self::None {} => {
                "Authentication Failed: the API wants credentials; choose an `auth` kind and put \
                 its secrets into the credentials"
            }
            Self::ApiKey { .. } => {
                "Invalid API Key: the API refuses it; put the right `apiKey` into the credentials, \
                 and check the name of its header or parameter in `config.auth`"
            }
            Self::Bearer { .. } => {
                "Authentication Failed: the API refuses the token; put a new `token` into the \
                 credentials"
            }
            Self::Basic {} => {
                "Authentication Failed: the API refuses user or password; put the right ones into \
                 the credentials"
            }
            Self::Oauth2(_) => {
                "Authentication Failed: the API refuses the access token that its token endpoint \
                 gave; check scopes and client, and authorise again"
            }
            Self::Hmac(_) => {
                "Authentication Failed: the API refuses the signature; check `secret` in the \
                 credentials and what `config.auth.sign` signs"
            }
        }
    }
}
