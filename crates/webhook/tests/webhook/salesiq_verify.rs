use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use vendor_http::header::HeaderMap;
use webhook::Refusal;
use webhook::salesiq::{
    Keys, SHARED_SECRET, SIQ_SIGNATURE, Verified, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP,
    Way, verify,
};

use crate::forge::{
    FIRST, NOW_SECONDS, SECOND, SHARED, SIGNING, STRANGER, headers, now, standard_signature,
};

const BODY: &[u8] = br#"{"chat_id":"c1","message":"I forgot my password"}"#;
const OTHER_SIGNING: &str = "whsec_YW5vdGhlci1zaWduaW5nLXNlY3JldC1oZXJl";

fn keys() -> Keys {
    Keys::from_json(
        &json!({
            "public_keys": [FIRST.pem(), SECOND.base64()],
            "signing_secrets": [SIGNING, OTHER_SIGNING],
            "shared_secrets": [SHARED, "another-shared-secret"],
        })
        .to_string(),
    )
    .unwrap()
}

fn check<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Verified<'a>, Refusal> {
    verify(&keys(), headers, body, now())
}

fn siq(signature: &str) -> HeaderMap {
    headers([(SIQ_SIGNATURE, signature)])
}

fn standard(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
    headers([
        (WEBHOOK_ID, id),
        (WEBHOOK_TIMESTAMP, timestamp),
        (WEBHOOK_SIGNATURE, signature),
    ])
}

fn code(result: &Result<Verified<'_>, Refusal>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(refusal) => {
            assert_eq!(refusal.status(), 401, "{refusal}");
            refusal.code()
        }
    }
}

#[test]
fn either_key_of_a_rotation_signs() {
    for key in [&FIRST, &SECOND] {
        let verified = check(&siq(&key.siq_signature(BODY)), BODY).unwrap();
        assert_eq!(verified.way(), Way::SiqSignature);
        assert_eq!(verified.replay_id(), None);
    }
}

#[test]
fn a_siq_signature_of_others_is_refused() {
    let good = FIRST.siq_signature(BODY);
    let spaced = b"{ \"chat_id\":\"c1\",\"message\":\"I forgot my password\"}";
    assert_eq!(code(&check(&siq(&good), spaced)), "signature_invalid");
    let cases = [
        (STRANGER.siq_signature(BODY), "signature_invalid"),
        (STANDARD.encode([0; 256]), "signature_invalid"),
        (STANDARD.encode(&FIRST.sign(BODY)[1..]), "signature_invalid"),
        (String::new(), "signature_invalid"),
        (good.trim_end_matches('=').to_owned(), "signature_malformed"),
        (format!("{good}{good}"), "signature_malformed"),
        ("not base64!".to_owned(), "signature_malformed"),
    ];
    for (signature, expected) in cases {
        assert_eq!(
            code(&check(&siq(&signature), BODY)),
            expected,
            "{signature}"
        );
    }
}

#[test]
fn a_wrong_siq_signature_is_not_made_good_by_another_header() {
    let stamp = NOW_SECONDS.to_string();
    let mut fields = standard(
        "m1",
        &stamp,
        &standard_signature(SIGNING, "m1", &stamp, BODY),
    );
    fields.insert(SHARED_SECRET, SHARED.parse().unwrap());
    assert_eq!(check(&fields, BODY).unwrap().way(), Way::StandardWebhooks);
    let wrong = STRANGER.siq_signature(BODY);
    fields.insert(SIQ_SIGNATURE, wrong.parse().unwrap());
    assert_eq!(code(&check(&fields, BODY)), "signature_invalid");

    let mut fields = headers([(SHARED_SECRET, SHARED)]);
    fields.insert(WEBHOOK_SIGNATURE, "v1,AAAA".parse().unwrap());
    assert_eq!(code(&check(&fields, BODY)), "signature_malformed");
}

#[test]
fn a_standard_signature_is_accepted_for_five_minutes_both_ways() {
    for (offset, expected) in [
        (0, "accepted"),
        (-300, "accepted"),
        (300, "accepted"),
        (-301, "timestamp_stale"),
        (301, "timestamp_stale"),
        (-86_400, "timestamp_stale"),
    ] {
        let stamp = (NOW_SECONDS + offset).to_string();
        let signature = standard_signature(SIGNING, "msg_1", &stamp, BODY);
        let result = check(&standard("msg_1", &stamp, &signature), BODY);
        assert_eq!(code(&result), expected, "{offset}");
        if let Ok(verified) = result {
            assert_eq!(verified.replay_id(), Some("msg_1"));
        }
    }
}

#[test]
fn one_of_several_standard_signatures_suffices() {
    let stamp = NOW_SECONDS.to_string();
    let good = standard_signature(OTHER_SIGNING, "m", &stamp, BODY);
    for signatures in [
        format!("v1,AAAA {good}"),
        format!("{good} v1a,xyz v2,zzz"),
        format!("  {good}  v1,not-base64"),
    ] {
        let result = check(&standard("m", &stamp, &signatures), BODY);
        assert_eq!(code(&result), "accepted", "{signatures}");
    }
}

#[test]
fn a_standard_signature_binds_id_time_and_body() {
    let stamp = NOW_SECONDS.to_string();
    let later = (NOW_SECONDS + 1).to_string();
    let good = standard_signature(SIGNING, "m", &stamp, BODY);
    let with_newline = [BODY, b"\n"].concat();
    assert_eq!(
        code(&check(&standard("m", &stamp, &good), &with_newline)),
        "signature_invalid"
    );
    let foreign = standard_signature(
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "m",
        &stamp,
        BODY,
    );
    let dotted = standard_signature(SIGNING, "m.1", &stamp, BODY);
    let fraction = standard_signature(SIGNING, "m", "1767225600.5", BODY);
    let signed = standard_signature(SIGNING, "m", "+1767225600", BODY);
    let huge = "9".repeat(30);
    let cases = [
        ("n", &stamp, good.clone(), "signature_invalid"),
        ("m", &later, good.clone(), "signature_invalid"),
        ("m", &stamp, foreign, "signature_invalid"),
        (
            "m",
            &stamp,
            good.replace("v1,", "v2,"),
            "signature_malformed",
        ),
        ("m", &stamp, "v1,".to_owned() + "%%", "signature_malformed"),
        ("m.1", &stamp, dotted, "signature_malformed"),
        (
            "m",
            &"1767225600.5".to_owned(),
            fraction,
            "signature_malformed",
        ),
        (
            "m",
            &"+1767225600".to_owned(),
            signed,
            "signature_malformed",
        ),
        ("m", &huge, good.clone(), "signature_malformed"),
    ];
    for (id, stamp, signature, expected) in cases {
        let result = check(&standard(id, stamp, &signature), BODY);
        assert_eq!(code(&result), expected, "{id} {stamp} {signature}");
    }
    for missing in [WEBHOOK_ID, WEBHOOK_TIMESTAMP] {
        let mut fields = standard("m", &stamp, &good);
        fields.remove(missing);
        assert_eq!(code(&check(&fields, BODY)), "signature_malformed");
    }
}

#[test]
fn a_shared_secret_must_be_the_whole_secret() {
    for (secret, expected) in [
        (SHARED, "accepted"),
        ("another-shared-secret", "accepted"),
        ("a-secret-that-is-share", "secret_invalid"),
        ("A-secret-that-is-shared", "secret_invalid"),
        (
            "a-secret-that-is-shared,another-shared-secret",
            "secret_invalid",
        ),
        ("", "secret_invalid"),
    ] {
        let result = check(&headers([(SHARED_SECRET, secret)]), BODY);
        assert_eq!(code(&result), expected, "{secret}");
    }
}

#[test]
fn headers_that_come_twice_or_are_no_text_are_refused() {
    let good = FIRST.siq_signature(BODY);
    let twice = headers([(SIQ_SIGNATURE, good.as_str()), (SIQ_SIGNATURE, "AAAA")]);
    assert_eq!(code(&check(&twice, BODY)), "signature_malformed");
    let mut binary = HeaderMap::new();
    binary.insert(
        SHARED_SECRET,
        vendor_http::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap(),
    );
    assert_eq!(code(&check(&binary, BODY)), "signature_malformed");
}

#[test]
fn nothing_authenticates_is_said_as_such() {
    assert_eq!(code(&check(&HeaderMap::new(), BODY)), "signature_missing");
}

#[test]
fn without_keys_nobody_is_let_in_and_the_operator_is_told() {
    let good = siq(&FIRST.siq_signature(BODY));
    let secret = headers([(SHARED_SECRET, SHARED)]);
    let only_shared = Keys::from_json(&json!({"shared_secrets": [SHARED]}).to_string()).unwrap();
    for (keys, headers) in [
        (&Keys::default(), &good),
        (&Keys::default(), &secret),
        (&Keys::default(), &HeaderMap::new()),
        (&only_shared, &good),
    ] {
        let result = verify(keys, headers, BODY, now());
        assert_eq!(code(&result), "not_configured");
        assert!(result.unwrap_err().is_configuration());
    }
    assert!(verify(&only_shared, &secret, BODY, now()).is_ok());
}

#[test]
fn a_body_over_the_limit_is_refused_before_its_signature_is_looked_at() {
    let body = vec![b' '; 64 * 1024 + 1];
    let refusal = check(&siq(&FIRST.siq_signature(&body)), &body).unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (413, "body_too_large"));
}

#[test]
fn a_flat_delivery_without_an_id_takes_the_signed_one() {
    let stamp = NOW_SECONDS.to_string();
    let named = br#"{"chat_id":"c1","message":"hi","message_id":"own"}"#;
    for (body, expected) in [(BODY, "msg_1"), (&named[..], "own")] {
        let signature = standard_signature(SIGNING, "msg_1", &stamp, body);
        let fields = standard("msg_1", &stamp, &signature);
        let delivery = check(&fields, body).unwrap().delivery().unwrap();
        assert_eq!(delivery.delivery_id.as_deref(), Some(expected));
    }
    let shared = headers([(SHARED_SECRET, SHARED)]);
    let delivery = check(&shared, BODY).unwrap().delivery().unwrap();
    assert_eq!(delivery.delivery_id, None);
}

#[test]
fn the_specifications_own_example_verifies() {
    // Standard Webhooks, test vector of the reference libraries.
    let keys = Keys::from_json(
        &json!({"signing_secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}).to_string(),
    )
    .unwrap();
    let fields = standard(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    );
    let at = "2021-02-25T15:03:00Z".parse().unwrap();
    assert!(verify(&keys, &fields, br#"{"test": 2432232314}"#, at).is_ok());
}
