//! The keys that sign deliveries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::rsa::SigningKey;

/// Keys that are published: the one that signs and the one before it.
const PUBLISHED: usize = 2;
/// How long a token is good, seconds.
const LIFETIME_S: i64 = 300;

/// Made when first needed, since making a key takes a while.
#[derive(Debug, Default)]
pub(in crate::zoho) struct Keys(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    made: u32,
    /// Oldest first.
    keys: Vec<Arc<Key>>,
}

#[derive(Debug)]
struct Key {
    id: String,
    key: SigningKey,
}

impl Keys {
    /// From now on another key signs; the one before stays published.
    pub(in crate::zoho) fn rotate(&self) {
        let mut ring = self.lock();
        ring.current();
        ring.add();
    }

    /// The JSON Web Key Set.
    pub(in crate::zoho) fn published(&self) -> String {
        let mut ring = self.lock();
        ring.current();
        let keys: Vec<Value> = ring.keys.iter().filter_map(|key| key.jwk()).collect();
        json!({ "keys": keys }).to_string()
    }

    /// A signed token for a delivery; empty if no key could be made.
    pub(super) fn token(&self, org_id: &str, webhook: u64, now_ms: i64, in_ms: bool) -> String {
        let key = self.lock().current();
        let unit = if in_ms { 1 } else { 1_000 };
        let expires_ms = now_ms + LIFETIME_S * 1_000;
        let claims = json!({
            "iss": format!("orgId:{org_id}"),
            "aud": format!("webhookId:{webhook}"),
            "iat": now_ms / unit,
            "exp": expires_ms / unit,
        });
        key.and_then(|key| key.token(&claims)).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn current(&mut self) -> Option<Arc<Key>> {
        if self.keys.is_empty() {
            self.add();
        }
        self.keys.last().cloned()
    }

    fn add(&mut self) {
        let Ok(key) = SigningKey::generate() else {
            return;
        };
        self.made += 1;
        let id = format!("sim-{}", self.made);
        self.keys.push(Arc::new(Key { id, key }));
        let surplus = self.keys.len().saturating_sub(PUBLISHED);
        self.keys.drain(..surplus);
    }
}

impl Key {
    fn jwk(&self) -> Option<Value> {
        let (modulus, exponent) = self.key.modulus_and_exponent()?;
        Some(json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": BASE64_URL_SAFE_NO_PAD.encode(modulus),
            "e": BASE64_URL_SAFE_NO_PAD.encode(exponent),
        }))
    }

    fn token(&self, claims: &Value) -> Option<String> {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.id });
        let [header, claims] =
            [&header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = self.key.sign(signed.as_bytes()).ok()?;
        Some(format!(
            "{signed}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}
