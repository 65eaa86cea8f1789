//! A call to the SalesIQ webhook. Header lines and an empty line may come before the body.
#![no_main]

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use vendor_http::header::{HeaderMap, HeaderName, HeaderValue};
use webhook::salesiq::{Keys, Kind, Reply, Way, answer, parse, verify};

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    // Nobody keeps the private key, so no input can hold a signature by it.
    let rsa = KeyPair::generate(KeySize::Rsa2048).expect("a key pair");
    let der: PublicKeyX509Der<'_> = rsa.public_key().as_der().expect("its public key");
    let secret = json!({
        "public_keys": [base64::engine::general_purpose::STANDARD.encode(der.as_ref())],
        "signing_secrets": ["whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhlLXRlc3Rz"],
        "shared_secrets": ["a-secret-that-is-shared"],
    });
    Keys::from_json(&secret.to_string()).expect("usable keys")
});

fuzz_target!(|input: &[u8]| {
    let now = Timestamp::from_second(1_767_225_600).expect("a moment");
    let (headers, body) = split(input);
    if let Ok(verified) = verify(&KEYS, &headers, body, now) {
        assert_ne!(verified.way(), Way::SiqSignature, "a forged signature");
        let _ = verified.delivery();
    }
    let Ok(delivery) = parse(body) else { return };
    assert!((1..=200).contains(&delivery.chat_id.as_str().len()));
    assert!(
        delivery
            .delivery_id
            .is_none_or(|id| (1..=200).contains(&id.len()))
    );
    if let Kind::Message(text) = &delivery.kind {
        let text = text.as_str();
        assert!(text.chars().count() <= 4_000);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
    }
    let reply = Reply {
        escalate: true,
        ..Reply::at(now)
    };
    let answer = answer(delivery.format, &reply);
    assert!(delivery.kind != Kind::ForwardFailed || answer["action"] != "forward");
});

fn split(input: &[u8]) -> (HeaderMap, &[u8]) {
    let mut headers = HeaderMap::new();
    let Some(end) = input.windows(2).position(|pair| pair == b"\n\n") else {
        return (headers, input);
    };
    for line in input[..end].split(|byte| *byte == b'\n').take(16) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    (headers, &input[end + 2..])
}
