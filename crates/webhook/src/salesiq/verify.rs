use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use subtle::Choice;
use vendor_http::header::HeaderMap;

use super::ids::is_id;
use super::{Delivery, Keys, LIMITS, parse};
use crate::Refusal;

/// Base64 of `SHA256withRSA` over the body: SalesIQ's own signature.
/// <https://www.zoho.com/salesiq/help/developer-section/zobot-webhook-authentication-2.0.html>
pub const SIQ_SIGNATURE: &str = "x-siqsignature";
/// Names the delivery, in the Standard Webhooks specification.
pub const WEBHOOK_ID: &str = "webhook-id";
/// When it was sent, seconds since 1970.
pub const WEBHOOK_TIMESTAMP: &str = "webhook-timestamp";
/// `v1,<base64>` of HMAC-SHA256 over `id.timestamp.body`; several are parted by spaces.
pub const WEBHOOK_SIGNATURE: &str = "webhook-signature";
/// One of the shared secrets, for senders that cannot sign.
pub const SHARED_SECRET: &str = "x-webhook-secret";

const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// How a delivery was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `x-siqsignature`.
    SiqSignature,
    /// `webhook-signature`.
    StandardWebhooks,
    /// `x-webhook-secret`.
    SharedSecret,
}

impl Way {
    /// For logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SiqSignature => "siq_signature",
            Self::StandardWebhooks => "standard_webhooks",
            Self::SharedSecret => "shared_secret",
        }
    }
}

/// A body whose sender holds a key. Made by [`verify`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    way: Way,
    replay_id: Option<String>,
    body: &'a [u8],
}

impl Verified<'_> {
    /// How it was authenticated.
    pub fn way(&self) -> Way {
        self.way
    }

    /// The signed `webhook-id`: the same for all sendings of one delivery.
    pub fn replay_id(&self) -> Option<&str> {
        self.replay_id.as_deref()
    }

    /// What the body says. A flat delivery without `message_id` takes the replay id as its own.
    pub fn delivery(&self) -> Result<Delivery, Refusal> {
        let mut delivery = parse(self.body)?;
        if delivery.delivery_id.is_none() {
            delivery.delivery_id.clone_from(&self.replay_id);
        }
        Ok(delivery)
    }
}

impl std::fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("way", &self.way)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Authenticates the raw bytes of a body, after the gateway's Base64 is undone and before anything is
/// parsed. The first of these headers that is there decides alone: `x-siqsignature`,
/// `webhook-signature`, `x-webhook-secret`.
pub fn verify<'a>(
    keys: &Keys,
    headers: &HeaderMap,
    body: &'a [u8],
    now: Timestamp,
) -> Result<Verified<'a>, Refusal> {
    LIMITS.check_size(body)?;
    if keys.is_empty() {
        return Err(Refusal::NotConfigured {
            field: "public_keys, signing_secrets or shared_secrets",
        });
    }
    let (way, replay_id) = if let Some(signature) = header(headers, SIQ_SIGNATURE)? {
        check_siq(keys, signature, body)?;
        (Way::SiqSignature, None)
    } else if let Some(signatures) = header(headers, WEBHOOK_SIGNATURE)? {
        let id = check_standard(keys, headers, signatures, body, now)?;
        (Way::StandardWebhooks, Some(id.to_owned()))
    } else if let Some(secret) = header(headers, SHARED_SECRET)? {
        check_shared(keys, secret)?;
        (Way::SharedSecret, None)
    } else {
        return Err(Refusal::SignatureMissing);
    };
    Ok(Verified {
        way,
        replay_id,
        body,
    })
}

fn check_siq(keys: &Keys, signature: &str, body: &[u8]) -> Result<(), Refusal> {
    if keys.public_keys().is_empty() {
        return Err(Refusal::NotConfigured {
            field: "public_keys",
        });
    }
    let signature = STANDARD
        .decode(signature)
        .map_err(|_| malformed(SIQ_SIGNATURE, "it must be Base64 with padding"))?;
    let verifies = |key: &super::RsaPublicKey| key.verifies(body, &signature);
    if keys.public_keys().iter().any(verifies) {
        Ok(())
    } else {
        Err(invalid(SIQ_SIGNATURE))
    }
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn check_standard<'h>(
    keys: &Keys,
    headers: &'h HeaderMap,
    signatures: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<&'h str, Refusal> {
    if keys.signing_secrets().is_empty() {
        return Err(Refusal::NotConfigured {
            field: "signing_secrets",
        });
    }
    let id = header(headers, WEBHOOK_ID)?
        .ok_or_else(|| malformed(WEBHOOK_ID, "it must be sent with webhook-signature"))?;
    // A dot would let the same signed bytes be read as another id and time.
    if !is_id(id) || id.contains('.') {
        return Err(malformed(
            WEBHOOK_ID,
            "it must be 1 to 200 characters of A-Z a-z 0-9 _ : @ -",
        ));
    }
    let timestamp = header(headers, WEBHOOK_TIMESTAMP)?
        .ok_or_else(|| malformed(WEBHOOK_TIMESTAMP, "it must be sent with webhook-signature"))?;
    let sent_at = seconds(timestamp)
        .ok_or_else(|| malformed(WEBHOOK_TIMESTAMP, "it must be whole seconds since 1970"))?;

    let candidates: Vec<Vec<u8>> = signatures
        .split_ascii_whitespace()
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .collect();
    if candidates.is_empty() {
        return Err(malformed(
            WEBHOOK_SIGNATURE,
            "it must hold v1, and Base64 with padding",
        ));
    }
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let genuine = keys.signing_secrets().iter().any(|secret| {
        let tag = secret.tag(&parts);
        candidates
            .iter()
            .any(|candidate| verify_slices_are_equal(tag.as_ref(), candidate).is_ok())
    });
    if !genuine {
        return Err(invalid(WEBHOOK_SIGNATURE));
    }
    if now.duration_since(sent_at).abs() > TOLERANCE {
        return Err(Refusal::TimestampStale);
    }
    Ok(id)
}

fn check_shared(keys: &Keys, secret: &str) -> Result<(), Refusal> {
    if keys.shared_secrets().is_empty() {
        return Err(Refusal::NotConfigured {
            field: "shared_secrets",
        });
    }
    let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    // All are compared, so that time does not tell which one was near.
    let matched = keys
        .shared_secrets()
        .iter()
        .fold(Choice::from(0), |matched, shared| {
            matched | shared.matches(&digest)
        });
    if bool::from(matched) {
        Ok(())
    } else {
        Err(Refusal::SecretInvalid)
    }
}

/// The one value of header `name`. Two values would leave it open which one counts.
fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed(name, "it must be sent once"));
    }
    value
        .to_str()
        .map(|text| Some(text.trim()))
        .map_err(|_| malformed(name, "it must be visible ASCII"))
}

fn seconds(text: &str) -> Option<Timestamp> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = is_plain.then(|| text.parse().ok()).flatten()?;
    Timestamp::from_second(seconds).ok()
}

fn malformed(header: &'static str, problem: &'static str) -> Refusal {
    Refusal::SignatureMalformed { header, problem }
}

fn invalid(header: &'static str) -> Refusal {
    Refusal::SignatureInvalid { header }
}
