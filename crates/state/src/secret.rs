use std::fmt;
use std::fs::File;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Gives random bytes that nobody can guess.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]) -> std::io::Result<()>;
}

/// The operating system's random bytes, from `/dev/urandom`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> std::io::Result<()> {
        File::open("/dev/urandom")?.read_exact(buffer)
    }
}

/// 256 random bits as 43 characters of base64url.
pub(crate) fn secret(entropy: &dyn Entropy) -> Result<SecretString, Error> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes).map_err(Error::Entropy)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

/// 48 random bits as 12 hex digits.
pub(crate) fn id(entropy: &dyn Entropy) -> Result<String, Error> {
    let mut bytes = [0; 6];
    entropy.fill(&mut bytes).map_err(Error::Entropy)?;
    Ok(hex::encode(bytes))
}

/// SHA-256 in hex.
pub(crate) fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}
