use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use thiserror::Error;
use vendor_http::{Answer, Call, Client, Deadline, Origin, Vendor, Verdict};

use crate::json::{self, Limits, Node};

const LIMITS: Limits = Limits {
    bytes: 64 * 1024,
    nesting: 16,
};
/// A vendor publishes two or three keys.
const MOST_KEYS: usize = 32;
const KID_BYTES: usize = 200;
/// The document of one host; the same for all its organisations.
const PATH: &str = "/.well-known/jwks.json";

/// The keys could not be had. Trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the vendor's signing keys cannot be had: {0}")]
pub struct KeysUnavailable(pub String);

/// The future of a [`KeySource`].
pub type KeyFuture<'a> = Pin<Box<dyn Future<Output = Result<Bytes, KeysUnavailable>> + Send + 'a>>;

/// Where the vendor's public keys come from.
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The JWK Set (RFC 7517) as published now.
    fn fetch(&self) -> KeyFuture<'_>;
}

/// The keys that a Desk host publishes at `/.well-known/jwks.json`.
#[derive(Debug, Clone)]
pub struct ZohoKeys {
    http: Client,
    origin: Origin,
    patience: Duration,
}

impl ZohoKeys {
    /// `origin` is the data centre's Desk host. A fetch takes at most `patience`, retries included;
    /// the vendor gives a webhook 5 s in all.
    pub fn new(http: Client, origin: Origin, patience: Duration) -> Self {
        Self {
            http,
            origin,
            patience,
        }
    }

    async fn document(&self) -> Result<Bytes, KeysUnavailable> {
        let call = Call::get(self.origin.at(PATH));
        let deadline = Deadline::after(self.patience);
        let answer = self
            .http
            .send(&call, &Answers, deadline)
            .await
            .map_err(|error| KeysUnavailable(error.to_string()))?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(KeysUnavailable(format!("GET {PATH} answered {status}"))),
        }
    }
}

impl KeySource for ZohoKeys {
    fn fetch(&self) -> KeyFuture<'_> {
        Box::pin(self.document())
    }
}

#[derive(Debug)]
struct Answers;

impl Vendor for Answers {
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

#[derive(Deserialize)]
struct Document {
    keys: Vec<Node>,
}

/// The RS256 keys of a JWK Set by `kid`. Keys of another kind are left out; so are those without a
/// `kid`, which no token could name.
pub(super) fn read(document: &[u8]) -> Result<BTreeMap<String, DecodingKey>, KeysUnavailable> {
    let unusable = |what: &str| KeysUnavailable(format!("{PATH} {what}"));
    let text = LIMITS
        .text(document)
        .map_err(|refusal| unusable(&format!("cannot be used: {refusal}")))?;
    let document: Document = json::parse(text).map_err(|_| unusable("is not a JWK Set in JSON"))?;
    if document.keys.len() > MOST_KEYS {
        return Err(unusable("holds more keys than a vendor has"));
    }
    let keys: BTreeMap<_, _> = document.keys.iter().filter_map(rs256_key).collect();
    if keys.is_empty() {
        return Err(unusable("holds no RS256 key"));
    }
    Ok(keys)
}

fn rs256_key(jwk: &Node) -> Option<(String, DecodingKey)> {
    let text = |field| jwk.at(&[field]).as_text();
    let is_for = |field, purpose| text(field).is_none_or(|given| given == purpose);
    if text("kty") != Some("RSA") || !is_for("alg", "RS256") || !is_for("use", "sig") {
        return None;
    }
    let kid = text("kid").filter(|kid| (1..=KID_BYTES).contains(&kid.len()))?;
    let key = DecodingKey::from_rsa_components(text("n")?, text("e")?).ok()?;
    Some((kid.to_owned(), key))
}
