use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where a record stands among all others: the first 128 bits of its external id's SHA-256. Records
/// are in this order everywhere, and two with one place are one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Place(u128);

/// Text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 32 hexadecimal digits")]
pub(crate) struct NoPlace;

impl Place {
    /// Before all others.
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) fn of(external_id: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(external_id).into();
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Self(u128::from_be_bytes(first))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let digits =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !digits {
            return Err(NoPlace);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NoPlace)
    }
}

impl TryFrom<String> for Place {
    type Error = NoPlace;

    fn try_from(text: String) -> Result<Self, NoPlace> {
        text.parse()
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_as_their_text_is() {
        let mut places: Vec<Place> = (0..100).map(|n| Place::of(&n.to_string())).collect();
        places.sort();
        let mut texts: Vec<String> = places.iter().map(Place::to_string).collect();
        let sorted = texts.clone();
        texts.sort();
        assert_eq!(texts, sorted);
        for place in places {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        assert_eq!(
            Place::of("").to_string(),
            "e3b0c44298fc1c149afbf4c8996fb924"
        );
    }

    #[test]
    fn other_text_is_no_place() {
        for text in [
            "",
            "1",
            &"g".repeat(32),
            &"A".repeat(32),
            &"+".repeat(32),
            &"0".repeat(33),
        ] {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }
}
