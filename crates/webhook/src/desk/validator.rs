use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};

use super::KeySource;
use super::claims::Claims;
use super::keys::KeyCache;
use crate::Refusal;

/// The header that carries the token.
pub const TOKEN_HEADER: &str = "x-zdesk-jwt";
/// The vendor's tokens have some 600 bytes.
const TOKEN_BYTES: usize = 8 * 1024;

/// Who called, by a token that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The organisation; compare it with each event's.
    pub org_id: String,
    /// The webhook's id.
    pub webhook_id: String,
    /// When the token was made, where it says so.
    pub issued_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Verifies `X-ZDesk-JWT` against the keys that the Desk host publishes.
///
/// The token tells who calls; it does not cover the body.
#[derive(Debug)]
pub struct Validator {
    keys: KeyCache,
}

impl Validator {
    /// Keys come from `source` when the first token asks for them.
    pub fn new(source: Arc<dyn KeySource>) -> Self {
        Self {
            keys: KeyCache::new(source),
        }
    }

    /// Verifies the header's value: RS256 only, key by `kid`, `iss` = `orgId:<org_id>`, `aud` =
    /// `webhookId:<one of webhook_ids>` (any as long as none is known), `exp`, `iat` and `nbf` in
    /// seconds or milliseconds with 60 s of leeway.
    pub async fn verify(
        &self,
        token: Option<&str>,
        org_id: &str,
        webhook_ids: &[String],
        now: Timestamp,
    ) -> Result<Caller, Refusal> {
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        let token = token.ok_or(Refusal::TokenMissing)?;
        if token.len() > TOKEN_BYTES {
            return Err(malformed("it is longer than 8 KiB"));
        }
        let kid = key_id(token)?;
        let key = self.keys.key(&kid, now).await?;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &signature_only())
            .map_err(|error| refusal(error.kind()))?
            .claims;
        claims.check(org_id, webhook_ids, now)
    }
}

/// The name of the key, from a header that nobody has verified yet.
fn key_id(token: &str) -> Result<String, Refusal> {
    let header = jsonwebtoken::decode_header(token)
        .map_err(|_| malformed("it is not a JWT with a header that names RS256"))?;
    if header.alg != Algorithm::RS256 {
        return Err(Refusal::TokenAlgorithm);
    }
    if header.crit.is_some() {
        return Err(malformed("it has crit, which is not supported"));
    }
    header.kid.ok_or(malformed("its header names no key (kid)"))
}

/// The library's checks of claims read the machine's clock and know seconds only; see [`Claims`].
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn refusal(error: &ErrorKind) -> Refusal {
    match error {
        ErrorKind::InvalidSignature => Refusal::TokenSignature,
        ErrorKind::InvalidAlgorithm => Refusal::TokenAlgorithm,
        _ => malformed("its parts are not what a JWT has"),
    }
}

fn malformed(problem: &'static str) -> Refusal {
    Refusal::TokenMalformed { problem }
}
