//! RSA keys that sign what a vendor sends: RS256, which is `SHA256withRSA` with PKCS#1 v1.5 padding.

use std::{fmt, io};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// A private key of 2,048 bits or more. `Debug` shows nothing of it.
pub struct SigningKey(KeyPair);

impl SigningKey {
    /// A new key of 2,048 bits.
    pub fn generate() -> io::Result<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048);
        pair.map(Self).map_err(|_| failed("no key could be made"))
    }

    /// Reads a private key, PKCS#8 or PKCS#1, PEM or DER.
    pub fn read(key: &[u8]) -> io::Result<Self> {
        let der = match std::str::from_utf8(key).ok().and_then(from_pem) {
            Some(der) => der,
            None => key.to_vec(),
        };
        KeyPair::from_pkcs8(&der)
            .or_else(|_| KeyPair::from_der(&der))
            .map(Self)
            .map_err(|_| failed("not an RSA private key in PEM or DER (PKCS#8 or PKCS#1)"))
    }

    /// The signature over `message`.
    pub fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| failed("the key could not sign"))?;
        Ok(signature)
    }

    /// The private key, PKCS#8 PEM.
    pub fn private_pem(&self) -> io::Result<String> {
        let der: Pkcs8V1Der<'_> = self.0.as_der().map_err(|_| failed("no private key"))?;
        Ok(to_pem(PRIVATE, der.as_ref()))
    }

    /// The public key, X.509 `SubjectPublicKeyInfo` PEM.
    pub fn public_pem(&self) -> io::Result<String> {
        let der: PublicKeyX509Der<'_> = self
            .0
            .public_key()
            .as_der()
            .map_err(|_| failed("no public key"))?;
        Ok(to_pem(PUBLIC, der.as_ref()))
    }

    /// Modulus and exponent, big-endian without leading zeros, as a JSON Web Key has them.
    pub(crate) fn modulus_and_exponent(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        // RFC 8017, A.1.1: SEQUENCE { modulus INTEGER, publicExponent INTEGER }
        let mut rest = self.0.public_key().as_ref();
        let mut sequence = element(&mut rest, 0x30)?;
        let modulus = integer(&mut sequence)?;
        let exponent = integer(&mut sequence)?;
        Some((modulus, exponent))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// The content of a DER element with this tag; `rest` moves behind it.
fn element<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (&found, after) = rest.split_first()?;
    let (&first, after) = after.split_first()?;
    let (length, after) = if first < 0x80 {
        (usize::from(first), after)
    } else {
        let (bytes, after) = after.split_at_checked(usize::from(first & 0x7f))?;
        let length = bytes
            .iter()
            .fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
        (length, after)
    };
    let (content, after) = after.split_at_checked(length)?;
    *rest = after;
    (found == tag).then_some(content)
}

fn integer(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let bytes = element(rest, 0x02)?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}

fn to_pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|start| &text[start..(start + 64).min(text.len())])
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn from_pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_whitespace().collect();
    BASE64_STANDARD.decode(body).ok()
}

fn failed(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_key_that_was_written_and_read_signs_the_same() {
        let key = SigningKey::generate().unwrap();
        let read = SigningKey::read(key.private_pem().unwrap().as_bytes()).unwrap();
        let signature = read.sign(b"message").unwrap();
        assert_eq!(signature, key.sign(b"message").unwrap());

        let public = from_pem(&key.public_pem().unwrap()).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        assert!(public.verify(b"message", &signature).is_ok());
        assert!(public.verify(b"other", &signature).is_err());

        let (modulus, exponent) = key.modulus_and_exponent().unwrap();
        assert_eq!((modulus.len(), exponent.as_slice()), (256, &[1, 0, 1][..]));
        assert!(SigningKey::read(b"not a key").is_err());
    }
}
