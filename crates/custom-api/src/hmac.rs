//! Signatures over requests.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Algorithm, Encoding, Signing};

/// SHA-256 of `bytes` in hexadecimal digits.
pub(crate) fn digest_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// What can stand in [`Signing::sign`].
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) url: &'a str,
    pub(crate) body: &'a [u8],
    pub(crate) timestamp: &'a str,
    pub(crate) api_key: &'a str,
}

/// The signature of a request, as its header carries it.
pub(crate) fn signature(signing: &Signing, secret: &SecretString, request: &Signed<'_>) -> String {
    let algorithm = match signing.algorithm {
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    };
    let key = hmac::Key::new(algorithm, secret.expose_secret().as_bytes());
    let tag = hmac::sign(&key, &filled_in(&signing.sign, request));
    let text = match signing.encoding {
        Encoding::Hex => hex::encode(tag),
        Encoding::Base64 => STANDARD.encode(tag),
    };
    format!("{}{text}", signing.prefix)
}

fn filled_in(template: &str, request: &Signed<'_>) -> Vec<u8> {
    let mut text = Vec::with_capacity(template.len() + request.body.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        text.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let Some(end) = rest.find('}') else { break };
        match &rest[1..end] {
            "method" => text.extend_from_slice(request.method.as_bytes()),
            "path" => text.extend_from_slice(request.path.as_bytes()),
            "query" => text.extend_from_slice(request.query.as_bytes()),
            "url" => text.extend_from_slice(request.url.as_bytes()),
            "body" => text.extend_from_slice(request.body),
            "bodySha256" => text.extend_from_slice(digest_hex(request.body).as_bytes()),
            "timestamp" => text.extend_from_slice(request.timestamp.as_bytes()),
            "apiKey" => text.extend_from_slice(request.api_key.as_bytes()),
            _ => text.extend_from_slice(&rest.as_bytes()[..=end]),
        }
        rest = &rest[end + 1..];
    }
    text.extend_from_slice(rest.as_bytes());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Signed<'static> {
        Signed {
            method: "POST",
            path: "/v1/items",
            query: "a=1",
            url: "https://x.test/v1/items?a=1",
            body: b"{}",
            timestamp: "7",
            api_key: "k",
        }
    }

    #[test]
    fn the_template_says_what_is_signed() {
        let text = filled_in(
            "{method}\n{path}?{query}|{timestamp}{body}{apiKey} {other} {",
            &request(),
        );
        assert_eq!(text, b"POST\n/v1/items?a=1|7{}k {other} {");
    }

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        // Test case 2.
        let secret = SecretString::from("Jefe");
        let signing = |algorithm: &str, encoding: &str| -> Signing {
            serde_json::from_value(serde_json::json!({
                "header": "X-Signature", "sign": "what do ya want for nothing?",
                "algorithm": algorithm, "encoding": encoding, "prefix": "v1=",
            }))
            .unwrap()
        };
        for (algorithm, encoding, expected) in [
            (
                "sha256",
                "hex",
                "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "sha256",
                "base64",
                "v1=W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
            ),
            (
                "sha512",
                "hex",
                "v1=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let signature = signature(&signing(algorithm, encoding), &secret, &request());
            assert_eq!(signature, expected, "{algorithm} {encoding}");
        }
    }
}
