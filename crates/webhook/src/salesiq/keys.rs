use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use crate::json::{Node, parse};

const FIELDS: [&str; 3] = ["public_keys", "signing_secrets", "shared_secrets"];
/// More than a rotation ever needs, and a bound on the work for a forged request.
const MOST_KEYS: usize = 4;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Standard Webhooks: 24 to 64 bytes.
const SIGNING_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const SHARED_CHARS: std::ops::RangeInclusive<usize> = 16..=512;

/// Why a set of keys cannot be used; the message says where and what to do, and shows no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeysError {
    /// Not a JSON object.
    #[error(
        "the webhook secret must be a JSON object with public_keys, signing_secrets, shared_secrets, each a list of texts"
    )]
    NotAnObject,
    /// A field that has no meaning here, probably misspelt.
    #[error(
        "the webhook secret has the unknown field `{0}`: it may hold public_keys, signing_secrets and shared_secrets"
    )]
    UnknownField(String),
    /// A field, or one of its entries, cannot be used.
    #[error("{field} in the webhook secret {problem}")]
    Field {
        /// E.g. `public_keys[1]`.
        field: String,
        /// What is wrong and what to do.
        problem: &'static str,
    },
}

/// A public key of `x-siqsignature`, as the SalesIQ console shows it: RSA of 2048 to 8192 bits.
#[derive(Clone)]
pub struct RsaPublicKey(ParsedPublicKey);

/// A `whsec_…` secret of the Standard Webhooks specification.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

/// A secret that the sender shows as it is; only its digest is kept.
#[derive(Clone)]
pub struct SharedSecret([u8; 32]);

/// Everything that authenticates a delivery. An empty set lets nobody in.
#[derive(Clone, Default, Debug)]
pub struct Keys {
    public: Vec<RsaPublicKey>,
    signing: Vec<SigningSecret>,
    shared: Vec<SharedSecret>,
}

impl RsaPublicKey {
    /// Reads PEM (`BEGIN PUBLIC KEY`) or the bare Base64 of the same DER (`SubjectPublicKeyInfo`).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let body = match text.trim().strip_prefix("-----BEGIN ") {
            None => text,
            Some(rest) => {
                let (label, rest) = rest.split_once("-----").ok_or("is a PEM without an end")?;
                match label {
                    "PUBLIC KEY" => {}
                    "RSA PUBLIC KEY" => {
                        return Err(
                            "is in PKCS#1 form: convert it with `openssl rsa -RSAPublicKey_in -pubout`",
                        );
                    }
                    "CERTIFICATE" => {
                        return Err(
                            "is a certificate: extract its key with `openssl x509 -pubkey -noout`",
                        );
                    }
                    _ => {
                        return Err(
                            "is no public key: copy the public key that SalesIQ shows, and replace the key pair if this was the private one",
                        );
                    }
                }
                rest.split_once("-----END PUBLIC KEY-----")
                    .ok_or("is a PEM without its last line: copy it whole")?
                    .0
            }
        };
        let compact: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let der = STANDARD
            .decode(compact)
            .map_err(|_| "is not Base64: copy it from SalesIQ as it is shown there")?;
        let bits = PublicEncryptingKey::from_der(&der)
            .map_err(|_| "is not an RSA public key of at least 2048 bits in SubjectPublicKeyInfo form: copy it from SalesIQ again")?
            .key_size_bits();
        if !RSA_BITS.contains(&bits) {
            return Err("must be an RSA key of 2048 to 8192 bits: create a new one in SalesIQ");
        }
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der)
            .map(Self)
            .map_err(|_| "cannot be used for RSA signatures: copy it from SalesIQ again")
    }

    /// Whether `signature` is `SHA256withRSA` (PKCS#1 v1.5) of `message` by this key's owner.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

impl SigningSecret {
    /// Reads `whsec_` and Base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(
            "must start with whsec_: create one with `echo whsec_$(openssl rand -base64 32)`",
        )?;
        let mut bytes = STANDARD
            .decode(encoded)
            .map_err(|_| "must be whsec_ and Base64 with padding")?;
        let key = if SIGNING_BYTES.contains(&bytes.len()) {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
        } else {
            Err("must hold 24 to 64 bytes: create one with `echo whsec_$(openssl rand -base64 32)`")
        };
        bytes.zeroize();
        key
    }

    /// HMAC-SHA256 over the concatenation of `parts`.
    pub(super) fn tag(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        context.sign()
    }
}

impl SharedSecret {
    /// Takes a secret of 16 to 512 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be visible ASCII characters without spaces, to fit into a header");
        }
        if !SHARED_CHARS.contains(&text.len()) {
            return Err("must have 16 to 512 characters: create one with `openssl rand -hex 32`");
        }
        Ok(Self(Sha256::digest(text.as_bytes()).into()))
    }

    /// Compares digests, so neither time nor length tells anything of the secret.
    pub(super) fn matches(&self, digest: &[u8; 32]) -> Choice {
        self.0.ct_eq(digest)
    }
}

impl Keys {
    /// The keys given.
    pub fn new(
        public: Vec<RsaPublicKey>,
        signing: Vec<SigningSecret>,
        shared: Vec<SharedSecret>,
    ) -> Self {
        Self {
            public,
            signing,
            shared,
        }
    }

    /// Reads `{"public_keys": […], "signing_secrets": […], "shared_secrets": […]}`, each field
    /// optional and of at most four entries.
    pub fn from_json(text: &str) -> Result<Self, KeysError> {
        let node: Node = parse(text).map_err(|_| KeysError::NotAnObject)?;
        let Node::Object(fields) = &node else {
            return Err(KeysError::NotAnObject);
        };
        if let Some(unknown) = fields.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Err(KeysError::UnknownField(shown(unknown)));
        }
        let [public, signing, shared] = FIELDS;
        Ok(Self {
            public: entries(&node, public, RsaPublicKey::parse)?,
            signing: entries(&node, signing, SigningSecret::parse)?,
            shared: entries(&node, shared, SharedSecret::parse)?,
        })
    }

    /// Whether nobody can be let in.
    pub fn is_empty(&self) -> bool {
        self.public.is_empty() && self.signing.is_empty() && self.shared.is_empty()
    }

    pub(super) fn public_keys(&self) -> &[RsaPublicKey] {
        &self.public
    }

    pub(super) fn signing_secrets(&self) -> &[SigningSecret] {
        &self.signing
    }

    pub(super) fn shared_secrets(&self) -> &[SharedSecret] {
        &self.shared
    }
}

/// A name that may be shown: a secret in the place of a name is not one.
fn shown(name: &str) -> String {
    let is_name =
        (1..=30).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_name { name } else { "***" }.to_owned()
}

fn entries<T>(
    node: &Node,
    field: &'static str,
    read: fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, KeysError> {
    let error = |field: String, problem| KeysError::Field { field, problem };
    let list = match node.at(&[field]) {
        Node::Null => return Ok(Vec::new()),
        Node::List(list) => list,
        _ => return Err(error(field.to_owned(), "must be a list of texts")),
    };
    if list.len() > MOST_KEYS {
        let problem = "may hold four entries: remove those that are out of use";
        return Err(error(field.to_owned(), problem));
    }
    let entry = |(index, node): (usize, &Node)| {
        let text = node.as_text().ok_or("must be a text");
        text.and_then(read)
            .map_err(|problem| error(format!("{field}[{index}]"), problem))
    };
    list.iter().enumerate().map(entry).collect()
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaPublicKey")
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(***)")
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(***)")
    }
}
