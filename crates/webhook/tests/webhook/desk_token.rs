use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vendor_http::{Client, Settings};
use webhook::Refusal;
use webhook::desk::{Caller, KeyFuture, KeySource, KeysUnavailable, Validator, ZohoKeys};

use crate::forge::{FIRST, NOW_SECONDS, SECOND, STRANGER, hmac_sha256, now, unsigned};

const ORG: &str = "700000001";

/// Publishes what the test puts there, and counts.
#[derive(Debug)]
struct Published {
    document: Mutex<Result<String, KeysUnavailable>>,
    fetches: AtomicUsize,
}

impl Published {
    fn keys(keys: &[Value]) -> Arc<Self> {
        Self::document(json!({"keys": keys}).to_string())
    }

    fn document(document: String) -> Arc<Self> {
        Arc::new(Self {
            document: Mutex::new(Ok(document)),
            fetches: AtomicUsize::new(0),
        })
    }

    fn publish(&self, keys: &[Value]) {
        *self.document.lock().unwrap() = Ok(json!({"keys": keys}).to_string());
    }

    fn fail(&self) {
        *self.document.lock().unwrap() = Err(KeysUnavailable("down".into()));
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl KeySource for Published {
    fn fetch(&self) -> KeyFuture<'_> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let document = self.document.lock().unwrap().clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            document.map(Bytes::from)
        })
    }
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": "k1"})
}

fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": format!("orgId:{ORG}"), "aud": "webhookId:42",
        "iat": NOW_SECONDS - 10, "exp": NOW_SECONDS + 300,
    });
    for (key, value) in changes.as_object().unwrap() {
        claims[key] = value.clone();
    }
    claims
}

fn token(changes: &Value) -> String {
    FIRST.token(&header(), &claims(changes))
}

fn named(kid: &str) -> String {
    FIRST.token(&json!({"alg": "RS256", "kid": kid}), &claims(&json!({})))
}

async fn verify_at(validator: &Validator, token: &str, at: Timestamp) -> Result<Caller, Refusal> {
    validator
        .verify(Some(token), ORG, &["41".to_owned(), "42".to_owned()], at)
        .await
}

async fn verify(token: &str) -> Result<Caller, Refusal> {
    let validator = Validator::new(Published::keys(&[FIRST.jwk("k1")]));
    verify_at(&validator, token, now()).await
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_token_of_zoho_is_accepted_and_says_who_calls() {
    let caller = verify(&token(&json!({}))).await.unwrap();
    assert_eq!(caller.org_id, ORG);
    assert_eq!(caller.webhook_id, "42");
    assert_eq!(caller.issued_at, Some(after(-10)));
    assert_eq!(caller.expires_at, after(300));
}

#[tokio::test]
async fn times_are_seconds_or_milliseconds_with_a_minute_of_leeway() {
    let (s, ms) = (NOW_SECONDS, NOW_SECONDS * 1_000);
    let cases = [
        (json!({"iat": ms, "exp": ms + 1_000}), "accepted"),
        (
            json!({"iat": s.to_string(), "exp": (ms + 1_000).to_string()}),
            "accepted",
        ),
        (json!({"exp": s as f64 + 1.5}), "accepted"),
        (json!({"exp": s - 59}), "accepted"),
        (json!({"exp": ms - 59_999}), "accepted"),
        (json!({"exp": s - 60}), "token_expired"),
        (json!({"exp": ms - 60_000}), "token_expired"),
        (json!({"exp": 0}), "token_expired"),
        (json!({"iat": s + 60}), "accepted"),
        (json!({"iat": s + 61}), "token_not_yet_valid"),
        (json!({"iat": ms + 61_000}), "token_not_yet_valid"),
        (json!({"iat": null}), "accepted"),
        (json!({"nbf": s + 61}), "token_not_yet_valid"),
        (json!({"exp": null}), "token_malformed"),
        (json!({"exp": "never"}), "token_malformed"),
        (json!({"exp": -1}), "token_malformed"),
        (json!({"exp": u64::MAX}), "token_malformed"),
        (json!({"exp": 1e300}), "token_malformed"),
        (json!({"iat": [s]}), "token_malformed"),
    ];
    for (change, expected) in cases {
        let result = verify(&token(&change)).await;
        let code = result.as_ref().map_or_else(Refusal::code, |_| "accepted");
        assert_eq!(code, expected, "{change}");
    }
}

#[tokio::test]
async fn issuer_and_audience_must_be_ours() {
    let cases = [
        (json!({"aud": ["x", "webhookId:41"]}), "accepted"),
        (json!({"iss": "orgId:700000002"}), "token_issuer"),
        (json!({"iss": ORG}), "token_issuer"),
        (json!({"iss": "orgId:"}), "token_issuer"),
        (json!({"iss": [format!("orgId:{ORG}")]}), "token_issuer"),
        (json!({"iss": null}), "token_issuer"),
        (json!({"aud": "webhookId:43"}), "token_audience"),
        (json!({"aud": "42"}), "token_audience"),
        (json!({"aud": []}), "token_audience"),
        (json!({"aud": null}), "token_audience"),
    ];
    for (change, expected) in cases {
        let result = verify(&token(&change)).await;
        let code = result.as_ref().map_or_else(Refusal::code, |_| "accepted");
        assert_eq!(code, expected, "{change}");
    }
}

#[tokio::test]
async fn any_webhook_of_the_organisation_is_accepted_until_one_is_known() {
    let validator = Validator::new(Published::keys(&[FIRST.jwk("k1")]));
    for (aud, accepted) in [("webhookId:9", true), ("webhookId:", false), ("x", false)] {
        let token = token(&json!({"aud": aud}));
        let result = validator.verify(Some(&token), ORG, &[], now()).await;
        assert_eq!(result.is_ok(), accepted, "{aud}");
    }
    let blank = token(&json!({"iss": "orgId:"}));
    let result = validator.verify(Some(&blank), "", &[], now()).await;
    assert_eq!(
        result,
        Err(Refusal::TokenIssuer),
        "no organisation configured"
    );
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let good = token(&json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other_claims = unsigned(&header(), &claims(&json!({"exp": NOW_SECONDS + 9_999})));
    let hs256 = |key: &[u8]| {
        let message = unsigned(&json!({"alg": "HS256", "kid": "k1"}), &claims(&json!({})));
        let tag = URL_SAFE_NO_PAD.encode(hmac_sha256(key, message.as_bytes()));
        format!("{message}.{tag}")
    };
    let with_header = |header: Value| FIRST.token(&header, &claims(&json!({})));
    let own_key =
        json!({"alg": "RS256", "kid": "k1", "jwk": STRANGER.jwk("k1"), "jku": "https://x.test"});
    let cases = [
        (
            STRANGER.token(&header(), &claims(&json!({}))),
            "token_signature_invalid",
        ),
        (
            STRANGER.token(&own_key, &claims(&json!({}))),
            "token_signature_invalid",
        ),
        (
            format!("{other_claims}.{signature}"),
            "token_signature_invalid",
        ),
        (format!("{message}."), "token_signature_invalid"),
        (format!("{message}.AAAA"), "token_signature_invalid"),
        (format!("{message}.{signature}="), "token_malformed"),
        (
            format!(
                "{}.",
                unsigned(&json!({"alg": "none"}), &claims(&json!({})))
            ),
            "token_malformed",
        ),
        (
            format!(
                "{}.",
                unsigned(&json!({"alg": "None", "kid": "k1"}), &claims(&json!({})))
            ),
            "token_malformed",
        ),
        (hs256(FIRST.pem().as_bytes()), "token_algorithm"),
        (hs256(FIRST.base64().as_bytes()), "token_algorithm"),
        (
            with_header(json!({"alg": "RS512", "kid": "k1"})),
            "token_algorithm",
        ),
        (
            with_header(json!({"alg": "PS256", "kid": "k1"})),
            "token_algorithm",
        ),
        (with_header(json!({"alg": "RS256"})), "token_malformed"),
        (with_header(json!({"kid": "k1"})), "token_malformed"),
        (
            with_header(json!({"alg": "RS256", "kid": "k1", "crit": ["x"]})),
            "token_malformed",
        ),
        (named("../../k1"), "token_key_unknown"),
        (message.to_owned(), "token_malformed"),
        (format!("{good}.x"), "token_malformed"),
        ("...".to_owned(), "token_malformed"),
        ("ü".to_owned(), "token_malformed"),
        ("x".repeat(9_000), "token_malformed"),
    ];
    for (token, expected) in cases {
        let refusal = verify(&token).await.unwrap_err();
        assert_eq!(
            (refusal.status(), refusal.code()),
            (401, expected),
            "{token}"
        );
    }
    let validator = Validator::new(Published::keys(&[FIRST.jwk("k1")]));
    for missing in [None, Some(""), Some("  ")] {
        let result = validator.verify(missing, ORG, &[], now()).await;
        assert_eq!(result, Err(Refusal::TokenMissing));
    }
}

#[tokio::test]
async fn keys_are_fetched_once_an_hour() {
    let source = Published::keys(&[FIRST.jwk("k1")]);
    let validator = Validator::new(Arc::clone(&source) as _);
    assert_eq!(source.fetches(), 0, "not before a token asks for them");
    for (seconds, fetches) in [(0, 1), (10, 1), (3_599, 1), (3_600, 2), (3_700, 2)] {
        let at = after(seconds);
        let token = token(&json!({"exp": at.as_second() + 60}));
        verify_at(&validator, &token, at).await.unwrap();
        assert_eq!(source.fetches(), fetches, "after {seconds} s");
    }
}

#[tokio::test]
async fn a_new_key_is_taken_up_and_an_old_one_given_up() {
    let source = Published::keys(&[FIRST.jwk("k1")]);
    let validator = Validator::new(Arc::clone(&source) as _);
    verify_at(&validator, &token(&json!({})), now())
        .await
        .unwrap();
    source.publish(&[SECOND.jwk("k2")]);
    let claims = claims(&json!({"exp": NOW_SECONDS + 600}));
    let rotated = SECOND.token(&json!({"alg": "RS256", "kid": "k2"}), &claims);
    verify_at(&validator, &rotated, after(61)).await.unwrap();
    assert_eq!(source.fetches(), 2);
    let refusal = verify_at(&validator, &token(&json!({})), after(62)).await;
    assert_eq!(refusal, Err(Refusal::TokenKeyUnknown));
}

#[tokio::test]
async fn made_up_key_names_cost_one_fetch_a_minute() {
    let source = Published::keys(&[FIRST.jwk("k1")]);
    let validator = Validator::new(Arc::clone(&source) as _);
    for n in 0..600 {
        let at = now() + SignedDuration::from_millis(100 * n);
        let result = verify_at(&validator, &named(&format!("made-up-{n}")), at).await;
        assert_eq!(result, Err(Refusal::TokenKeyUnknown));
    }
    assert_eq!(source.fetches(), 1);
    let _ = verify_at(&validator, &named("made-up"), after(60)).await;
    assert_eq!(source.fetches(), 2);
}

#[tokio::test]
async fn tokens_that_come_at_once_share_a_fetch() {
    let source = Published::keys(&[FIRST.jwk("k1")]);
    let validator = Arc::new(Validator::new(Arc::clone(&source) as _));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let validator = Arc::clone(&validator);
            tokio::spawn(async move { verify_at(&validator, &token(&json!({})), now()).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn while_the_keys_cannot_be_had_nobody_is_let_in_and_nobody_refused_for_good() {
    let source = Published::keys(&[FIRST.jwk("k1")]);
    source.fail();
    let validator = Validator::new(Arc::clone(&source) as _);
    let token = token(&json!({}));
    for (seconds, fetches) in [(0, 1), (4, 1), (5, 2)] {
        let refusal = verify_at(&validator, &token, after(seconds))
            .await
            .unwrap_err();
        assert!(refusal.is_transient());
        assert_eq!(
            (refusal.status(), refusal.code()),
            (503, "keys_unavailable")
        );
        assert_eq!(source.fetches(), fetches);
    }
    source.publish(&[FIRST.jwk("k1")]);
    assert!(verify_at(&validator, &token, after(10)).await.is_ok());
}

#[tokio::test]
async fn known_keys_serve_for_a_day_when_the_host_is_down() {
    let source = Published::keys(&[FIRST.jwk("k1")]);
    let validator = Validator::new(Arc::clone(&source) as _);
    let long_lived = token(&json!({"exp": NOW_SECONDS + 200_000}));
    verify_at(&validator, &long_lived, now()).await.unwrap();
    source.fail();
    let day = 24 * 3_600;
    assert!(
        verify_at(&validator, &long_lived, after(day - 1))
            .await
            .is_ok()
    );
    let unknown = verify_at(&validator, &named("k9"), after(day - 1)).await;
    assert_eq!(
        unknown,
        Err(Refusal::KeysUnavailable),
        "it may be the newest"
    );
    let refusal = verify_at(&validator, &long_lived, after(day)).await;
    assert_eq!(refusal, Err(Refusal::KeysUnavailable));
}

#[tokio::test]
async fn a_document_that_is_no_key_set_is_not_believed() {
    let rsa = |change: Value| {
        let mut jwk = FIRST.jwk("k1");
        for (key, value) in change.as_object().unwrap() {
            jwk[key] = value.clone();
        }
        json!({"keys": [jwk]}).to_string()
    };
    let many: Vec<_> = (0..33).map(|n| FIRST.jwk(&n.to_string())).collect();
    for document in [
        String::new(),
        "<html>".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        json!({"keys": []}).to_string(),
        json!({"keys": many}).to_string(),
        json!({"keys": [{"kty": "oct", "kid": "k1", "k": "AAAA"}]}).to_string(),
        rsa(json!({"use": "enc"})),
        rsa(json!({"alg": "RS512"})),
        rsa(json!({"kid": null})),
        rsa(json!({"kid": "k".repeat(201)})),
        rsa(json!({"n": "not base64!"})),
        rsa(json!({"padding": "x".repeat(65_536)})),
        rsa(
            json!({"deep": serde_json::from_str::<Value>(&("[".repeat(20) + &"]".repeat(20))).unwrap()}),
        ),
    ] {
        let validator = Validator::new(Published::document(document.clone()));
        let result = verify_at(&validator, &token(&json!({})), now()).await;
        assert_eq!(result, Err(Refusal::KeysUnavailable), "{document}");
    }
    let mixed = Published::keys(&[
        json!({"kty": "EC", "kid": "e"}),
        json!("x"),
        FIRST.jwk("k1"),
    ]);
    let result = verify_at(&Validator::new(mixed), &token(&json!({})), now()).await;
    assert!(result.is_ok(), "keys of other kinds are left out");
    let weak = rsa(json!({"n": "sXch3w"}));
    let result = verify_at(
        &Validator::new(Published::document(weak)),
        &token(&json!({})),
        now(),
    )
    .await;
    assert_eq!(
        result,
        Err(Refusal::TokenSignature),
        "a short key verifies nothing"
    );
}

/// Answers requests one after another as told, then stops; gives the origin and what was asked.
fn host(answers: Vec<(u16, String)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4_096];
            let read = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            asked.push(request.lines().next().unwrap().to_owned());
            write!(
                stream,
                "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
        asked
    };
    (origin, std::thread::spawn(serve))
}

fn zoho_keys(origin: &str) -> Arc<ZohoKeys> {
    let settings = Settings {
        attempts: 2,
        backoff_base: Duration::from_millis(1),
        ..Settings::default()
    };
    let http = Client::new(settings).unwrap();
    let patience = Duration::from_secs(5);
    Arc::new(ZohoKeys::new(http, origin.parse().unwrap(), patience))
}

#[tokio::test]
async fn the_desk_host_is_asked_for_its_keys() {
    let keys = json!({"keys": [FIRST.jwk("k1")]}).to_string();
    let (origin, served) = host(vec![(503, String::new()), (200, keys)]);
    let validator = Validator::new(zoho_keys(&origin));
    verify_at(&validator, &token(&json!({})), now())
        .await
        .unwrap();
    let expected = "GET /.well-known/jwks.json HTTP/1.1";
    assert_eq!(served.join().unwrap(), [expected, expected]);
}

#[tokio::test]
async fn a_host_without_keys_is_a_fault_of_the_moment() {
    let (origin, served) = host(vec![(404, "{}".to_owned())]);
    let validator = Validator::new(zoho_keys(&origin));
    let result = verify_at(&validator, &token(&json!({})), now()).await;
    assert_eq!(result, Err(Refusal::KeysUnavailable));
    served.join().unwrap();
}
