use serde_json::json;
use webhook::salesiq::{Keys, KeysError, RsaPublicKey};

use crate::forge::{FIRST, SECOND, SHARED, SIGNING};

fn complaint(secret: &serde_json::Value) -> String {
    Keys::from_json(&secret.to_string())
        .unwrap_err()
        .to_string()
}

#[test]
fn all_three_kinds_are_read_from_the_secret() {
    let keys = Keys::from_json(
        &json!({
            "public_keys": [FIRST.pem(), SECOND.base64()],
            "signing_secrets": [SIGNING],
            "shared_secrets": [SHARED],
        })
        .to_string(),
    )
    .unwrap();
    assert!(!keys.is_empty());
    let shown = format!("{keys:?}");
    assert!(
        !shown.contains("shared\"") && !shown.contains(SHARED),
        "{shown}"
    );
    for empty in [
        "{}",
        r#"{"public_keys": []}"#,
        r#"{"shared_secrets": null}"#,
    ] {
        assert!(Keys::from_json(empty).unwrap().is_empty(), "{empty}");
    }
}

#[test]
fn a_public_key_is_read_as_it_is_copied() {
    let base64 = FIRST.base64();
    let wrapped = base64
        .as_bytes()
        .chunks(60)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect::<Vec<_>>()
        .join("\r\n");
    for text in [FIRST.pem(), format!("  {}\n", FIRST.pem()), base64, wrapped] {
        assert!(RsaPublicKey::parse(&text).is_ok());
    }
}

#[test]
fn what_cannot_be_used_is_named_with_what_to_do() {
    let rsa_pem = FIRST.pem().replace("PUBLIC KEY", "RSA PUBLIC KEY");
    let private = FIRST.pem().replace("PUBLIC KEY", "PRIVATE KEY");
    let cases = [
        (json!({"public_keys": "x"}), "public_keys", "list"),
        (
            json!({"public_keys": [FIRST.pem(), 1]}),
            "public_keys[1]",
            "text",
        ),
        (json!({"public_keys": ["??"]}), "public_keys[0]", "Base64"),
        (
            json!({"public_keys": ["AAAA"]}),
            "public_keys[0]",
            "copy it",
        ),
        (
            json!({"public_keys": [rsa_pem]}),
            "public_keys[0]",
            "openssl rsa",
        ),
        (
            json!({"public_keys": [private]}),
            "public_keys[0]",
            "no public key",
        ),
        (
            json!({"public_keys": vec![FIRST.pem(); 5]}),
            "public_keys",
            "four",
        ),
        (
            json!({"signing_secrets": ["abc"]}),
            "signing_secrets[0]",
            "whsec_",
        ),
        (
            json!({"signing_secrets": ["whsec_AAAA"]}),
            "signing_secrets[0]",
            "24 to 64 bytes",
        ),
        (
            json!({"shared_secrets": [SHARED, "short"]}),
            "shared_secrets[1]",
            "16 to 512",
        ),
        (
            json!({"shared_secrets": ["with a space in the middle"]}),
            "shared_secrets[0]",
            "ASCII",
        ),
        (json!({"publc_keys": []}), "`publc_keys`", "public_keys"),
        (json!(["x"]), "JSON object", "public_keys"),
    ];
    for (secret, field, advice) in cases {
        let complaint = complaint(&secret);
        assert!(
            complaint.contains(field) && complaint.contains(advice),
            "{secret}: {complaint}"
        );
    }
    assert_eq!(
        Keys::from_json("whsec_").unwrap_err(),
        KeysError::NotAnObject
    );
}

#[test]
fn a_complaint_shows_no_secret() {
    let secrets = [
        json!({"signing_secrets": ["planted-Secret-1234567890"]}),
        json!({"shared_secrets": ["planted-Secret with a space"]}),
        json!({"planted-Secret": 1}),
        json!({"public_keys": ["planted-Secret"]}),
    ];
    for secret in secrets {
        let complaint = complaint(&secret);
        assert!(!complaint.contains("planted"), "{complaint}");
    }
}
