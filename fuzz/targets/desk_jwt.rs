//! A token, the claims of a token that is then signed properly, or a set of keys.
#![no_main]

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use webhook::Refusal;
use webhook::desk::{Caller, KeyFuture, KeySource, Validator};

const ORG: &str = "700000001";

static KEY: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).expect("a key pair"));
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));
static TRUSTED: LazyLock<Validator> = LazyLock::new(|| validator(jwks().into_bytes()));

#[derive(Debug)]
struct Document(Bytes);

impl KeySource for Document {
    fn fetch(&self) -> KeyFuture<'_> {
        let document = self.0.clone();
        Box::pin(async move { Ok(document) })
    }
}

fuzz_target!(|input: &[u8]| {
    let now = Timestamp::from_second(1_767_225_600).expect("a moment");
    if input.starts_with(b"{\"keys\"") {
        // Keys that the fuzzer chose verify no token that ours signed.
        let token = sign(br#"{"iss":"orgId:700000001","aud":"webhookId:42","exp":1767225900}"#);
        let result = verify(&validator(input.to_vec()), &token, now);
        assert!(result.is_err());
    } else if input.starts_with(b"{") {
        if let Ok(caller) = verify(&TRUSTED, &sign(input), now) {
            assert_eq!(caller.org_id, ORG);
            assert_eq!(caller.webhook_id, "42");
            assert!(caller.expires_at.as_second() >= now.as_second() - 60);
        }
    } else if let Ok(token) = std::str::from_utf8(input) {
        assert!(verify(&TRUSTED, token, now).is_err(), "a forged token");
    }
});

fn verify(validator: &Validator, token: &str, now: Timestamp) -> Result<Caller, Refusal> {
    RUNTIME.block_on(validator.verify(Some(token), ORG, &["42".to_owned()], now))
}

fn validator(document: Vec<u8>) -> Validator {
    Validator::new(Arc::new(Document(document.into())))
}

fn sign(claims: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","kid":"k1"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn jwks() -> String {
    // DER of RSAPublicKey with 2048 bits and e = 65537: 9 bytes, the modulus, 5 bytes.
    let der = KEY.public_key().as_ref();
    assert_eq!(der.len(), 270);
    let modulus = URL_SAFE_NO_PAD.encode(&der[9..265]);
    let key =
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k1", "n": modulus, "e": "AQAB"});
    json!({"keys": [key]}).to_string()
}
