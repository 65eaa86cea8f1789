//! The ways in which a sender proves who it is.

use std::{fmt, io};

use aws_lc_rs::hmac;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::Timestamp;

use crate::SigningKey;

const SIQ_SIGNATURE: &str = "x-siqsignature";
const SHARED_SECRET: &str = "x-webhook-secret";
const STANDARD_PREFIX: &str = "whsec_";

/// How requests are authenticated. `Debug` shows no key.
pub enum Signer {
    /// `x-siqsignature`: Base64 of `SHA256withRSA` over the body.
    Rsa(SigningKey),
    /// `x-webhook-secret`, as it is.
    SharedSecret(String),
    /// [Standard Webhooks](https://www.standardwebhooks.com): HMAC-SHA256 with this key.
    StandardWebhooks(Vec<u8>),
}

impl Signer {
    /// A new RSA key.
    pub fn generate() -> io::Result<Self> {
        SigningKey::generate().map(Self::Rsa)
    }

    /// From a secret as Standard Webhooks writes it: `whsec_` and Base64.
    pub fn standard_webhooks(secret: &str) -> io::Result<Self> {
        let text = secret.strip_prefix(STANDARD_PREFIX).unwrap_or(secret);
        let key = BASE64_STANDARD.decode(text.trim());
        key.map(Self::StandardWebhooks)
            .map_err(|_| io::Error::other("not `whsec_` and Base64"))
    }

    /// The headers that authenticate `body`. `id` names the delivery, `now` is when it is sent;
    /// Standard Webhooks signs both.
    pub fn headers(
        &self,
        id: &str,
        now: Timestamp,
        body: &[u8],
    ) -> io::Result<Vec<(&'static str, String)>> {
        Ok(match self {
            Self::Rsa(key) => vec![(SIQ_SIGNATURE, BASE64_STANDARD.encode(key.sign(body)?))],
            Self::SharedSecret(secret) => vec![(SHARED_SECRET, secret.clone())],
            Self::StandardWebhooks(key) => {
                let seconds = now.as_second().to_string();
                let mut content = format!("{id}.{seconds}.").into_bytes();
                content.extend_from_slice(body);
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &content);
                vec![
                    ("webhook-id", id.to_owned()),
                    ("webhook-timestamp", seconds),
                    (
                        "webhook-signature",
                        format!("v1,{}", BASE64_STANDARD.encode(tag)),
                    ),
                ]
            }
        })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "Signer::Rsa(***)",
            Self::SharedSecret(_) => "Signer::SharedSecret(***)",
            Self::StandardWebhooks(_) => "Signer::StandardWebhooks(***)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_standard_is_signed_as_it_says() {
        // Standard Webhooks, specification, "Signature scheme": the libraries' common test vector.
        let signer = Signer::standard_webhooks("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let sent_at = Timestamp::from_second(1_614_265_330).unwrap();
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let headers = signer
            .headers(id, sent_at, br#"{"test": 2432232314}"#)
            .unwrap();
        assert_eq!(
            headers[2],
            (
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()
            )
        );
    }

    #[test]
    fn a_signature_is_base64_of_the_bodys_own() {
        let signer = Signer::generate().unwrap();
        let headers = signer.headers("1", Timestamp::UNIX_EPOCH, b"{}").unwrap();
        let signature = BASE64_STANDARD.decode(&headers[0].1).unwrap();
        assert_eq!((headers[0].0, signature.len()), (SIQ_SIGNATURE, 256));
        assert!(!format!("{signer:?}").contains(&headers[0].1));
    }
}
