//! Keys made for this run, and signatures by them.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKey};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use vendor_http::header::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const NOW: &str = "2026-01-01T00:00:00Z";
pub(crate) const NOW_SECONDS: i64 = 1_767_225_600;
pub(crate) const SHARED: &str = "a-secret-that-is-shared";
pub(crate) const SIGNING: &str = "whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Rz";

pub(crate) static FIRST: LazyLock<Rsa> = LazyLock::new(Rsa::new);
pub(crate) static SECOND: LazyLock<Rsa> = LazyLock::new(Rsa::new);
pub(crate) static STRANGER: LazyLock<Rsa> = LazyLock::new(Rsa::new);

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(crate) struct Rsa(KeyPair);

impl Rsa {
    fn new() -> Self {
        Self(KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .unwrap();
        signature
    }

    pub(crate) fn siq_signature(&self, body: &[u8]) -> String {
        STANDARD.encode(self.sign(body))
    }

    fn public(&self) -> &PublicKey {
        self.0.public_key()
    }

    /// As SalesIQ shows it.
    pub(crate) fn base64(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.public().as_der().unwrap();
        STANDARD.encode(der.as_ref())
    }

    pub(crate) fn pem(&self) -> String {
        let base64 = self.base64();
        let lines: Vec<_> = base64
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        )
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let der = self.public().as_ref();
        let (n, e) = modulus_and_exponent(der);
        json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e),
        })
    }

    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Reads DER `RSAPublicKey`: a sequence of two integers.
fn modulus_and_exponent(der: &[u8]) -> (&[u8], &[u8]) {
    fn value(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, start) = match der[1] {
            short @ ..=0x7f => (usize::from(short), 2),
            0x81 => (usize::from(der[2]), 3),
            _ => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
        };
        (&der[start..start + length], &der[start + length..])
    }
    let (sequence, _) = value(der);
    let (n, rest) = value(sequence);
    let (e, _) = value(rest);
    (n.strip_prefix(&[0]).unwrap_or(n), e)
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// The value of `webhook-signature`.
pub(crate) fn standard_signature(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let message = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &message)))
}

pub(crate) fn headers<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

pub(crate) fn sha256_hex(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let hex =
        |byte: &u8| [byte >> 4, byte & 15].map(|n| b"0123456789abcdef"[usize::from(n)] as char);
    digest.as_ref().iter().flat_map(hex).collect()
}
