use std::fmt;

use serde::{Deserialize, Serialize};

const MOST_BYTES: usize = 32;

/// Whose integrations, rows and secrets something is about: `[a-z][a-z0-9-]{0,31}`, so that it
/// stands in keys, prefixes and names as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(String);

/// Text that cannot be a tenant's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant's id has 1 to 32 characters of a-z, 0-9 and -, a letter first: send one such as acme"
)]
pub struct InvalidTenantId;

impl TenantId {
    /// Checks length and characters.
    pub fn parse(id: impl Into<String>) -> Result<Self, InvalidTenantId> {
        let id = id.into();
        let fits = id.len() <= MOST_BYTES
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fits {
            Ok(Self(id))
        } else {
            Err(InvalidTenantId)
        }
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(id: String) -> Result<Self, InvalidTenantId> {
        Self::parse(id)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0
    }
}

impl std::str::FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(id: &str) -> Result<Self, InvalidTenantId> {
        Self::parse(id)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for TenantId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_in_keys_prefixes_and_names() {
        for good in ["a", "acme", "acme-2", "a-", &"x".repeat(32)] {
            assert_eq!(TenantId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "2a",
            "-a",
            "Acme",
            "a_b",
            "a/b",
            "a#b",
            "a b",
            "é",
            "a\n",
            &"x".repeat(33),
        ] {
            assert_eq!(TenantId::parse(bad), Err(InvalidTenantId), "{bad:?}");
            assert!(serde_json::from_value::<TenantId>(bad.into()).is_err());
        }
    }
}
