//! Whatever arrives, it is answered: no panic, and nothing forged gets in.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;
use vendor_http::header::{HeaderMap, HeaderName, HeaderValue};
use webhook::desk::{self, KeyFuture, KeySource, Posted, Validator};
use webhook::salesiq::{
    self, Keys, Reply, SHARED_SECRET, SIQ_SIGNATURE, WEBHOOK_ID, WEBHOOK_SIGNATURE,
    WEBHOOK_TIMESTAMP,
};

use crate::forge::{FIRST, NOW_SECONDS, SHARED, SIGNING, headers, now, standard_signature};

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    Keys::from_json(
        &json!({
            "public_keys": [FIRST.pem()], "signing_secrets": [SIGNING], "shared_secrets": [SHARED],
        })
        .to_string(),
    )
    .unwrap()
});

fn samples(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect()
}

/// A sample with bytes overwritten, put in, taken out or doubled.
fn mutated(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edit = (0..4_u8, any::<Index>(), any::<u8>(), 1..20_usize);
    (prop::sample::select(samples(target)), vec(edit, 1..12)).prop_map(|(mut bytes, edits)| {
        for (kind, at, byte, length) in edits {
            let at = at.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.drain(at..end)),
                _ => {
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    })
}

fn check_salesiq(body: &[u8]) {
    let Ok(delivery) = salesiq::parse(body) else {
        return;
    };
    assert!(!delivery.chat_id.as_str().is_empty() && delivery.chat_id.as_str().len() <= 200);
    let answer = salesiq::answer(delivery.format, &Reply::at(now()));
    assert!(answer.is_object());
}

fn check_desk(body: &[u8]) {
    if let Ok(Posted::Events(events)) = desk::parse(body) {
        for event in events {
            assert!(event.dedupe_key().len() < 300);
            let sent = serde_json::to_string(&event).unwrap();
            let received: desk::DeskEvent = serde_json::from_str(&sent).unwrap();
            assert_eq!(received.dedupe_key(), event.dedupe_key());
        }
    }
}

#[derive(Debug)]
struct Document(Vec<u8>);

impl KeySource for Document {
    fn fetch(&self) -> KeyFuture<'_> {
        let document = Bytes::from(self.0.clone());
        Box::pin(async move { Ok(document) })
    }
}

fn refuses(document: Vec<u8>, token: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let validator = Validator::new(Arc::new(Document(document)));
    let result = runtime.block_on(validator.verify(Some(token), "700000001", &[], now()));
    result.is_err()
}

proptest! {
    #[test]
    fn any_bytes_are_answered(body in vec(any::<u8>(), 0..2_000)) {
        check_salesiq(&body);
        check_desk(&body);
    }

    #[test]
    fn mutated_calls_of_salesiq_are_answered(body in mutated("salesiq")) {
        check_salesiq(&body);
    }

    #[test]
    fn mutated_calls_of_desk_are_answered(body in mutated("desk_events")) {
        check_desk(&body);
    }

    #[test]
    fn made_up_headers_let_nobody_in(
        values in vec((0..5_usize, vec(any::<u8>(), 0..100)), 0..6),
        body in vec(any::<u8>(), 0..200),
    ) {
        let names = [SIQ_SIGNATURE, WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE, SHARED_SECRET];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(names[name].parse::<HeaderName>().unwrap(), value);
            }
        }
        prop_assert!(salesiq::verify(&KEYS, &headers, &body, now()).is_err());
    }

    #[test]
    fn a_signature_does_not_outlive_a_flipped_bit(
        body in vec(any::<u8>(), 1..200), at in any::<Index>(), bit in 0..8_u8, of_signature: bool,
    ) {
        let stamp = NOW_SECONDS.to_string();
        let mut rsa = FIRST.sign(&body);
        let standard = standard_signature(SIGNING, "m", &stamp, &body);
        let mut changed = body.clone();
        let target = if of_signature { &mut rsa } else { &mut changed };
        let at = at.index(target.len());
        target[at] ^= 1 << bit;

        let signature = STANDARD.encode(&rsa);
        let siq = headers([(SIQ_SIGNATURE, signature.as_str())]);
        prop_assert!(salesiq::verify(&KEYS, &siq, &changed, now()).is_err());
        if !of_signature {
            let standard = headers([
                (WEBHOOK_ID, "m"), (WEBHOOK_TIMESTAMP, &stamp), (WEBHOOK_SIGNATURE, &standard),
            ]);
            prop_assert!(salesiq::verify(&KEYS, &standard, &body, now()).is_ok());
            prop_assert!(salesiq::verify(&KEYS, &standard, &changed, now()).is_err());
        }
    }

    #[test]
    fn any_token_and_any_key_set_are_answered(
        document in vec(any::<u8>(), 0..500), token in "[ -~]{0,300}|[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}",
    ) {
        prop_assert!(refuses(document, &token));
    }

    #[test]
    fn a_mutated_token_is_refused(at in any::<Index>(), byte in 0x21..0x7f_u8) {
        static TOKEN: LazyLock<String> = LazyLock::new(|| {
            FIRST.token(
                &json!({"alg": "RS256", "kid": "k1"}),
                &json!({"iss": "orgId:700000001", "aud": "webhookId:42", "exp": NOW_SECONDS + 60}),
            )
        });
        let document = json!({"keys": [FIRST.jwk("k1")]}).to_string().into_bytes();
        let mut token = TOKEN.clone().into_bytes();
        let at = at.index(token.len());
        prop_assume!(token[at] != byte);
        token[at] = byte;
        let token = String::from_utf8(token).unwrap();
        prop_assert!(refuses(document, &token));
    }

    #[test]
    fn any_secret_is_answered(text in ".{0,200}") {
        let _ = Keys::from_json(&text);
        let _ = Keys::from_json(&json!({"public_keys": [&text], "shared_secrets": [&text]}).to_string());
        let _ = Keys::from_json(&json!({"signing_secrets": [format!("whsec_{text}")]}).to_string());
    }
}
