use sha2::{Digest as _, Sha256};

/// SHA-256 over parts, each with its length, so that no two lists of parts are alike.
pub(crate) fn of(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The same in hexadecimal.
pub(crate) fn hex_of(parts: &[&[u8]]) -> String {
    hex::encode(of(parts))
}
