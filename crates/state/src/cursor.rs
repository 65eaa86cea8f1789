use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::item::Key;

/// Where a list goes on: an opaque text for callers to hand back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(Position);

/// The last item given out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    pub(crate) pk: String,
    pub(crate) sk: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lpk: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lsk: Option<String>,
}

impl Cursor {
    /// Reads what `to_string` gave.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let json = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| Error::InvalidCursor)?;
        let position = serde_json::from_slice(&json).map_err(|_| Error::InvalidCursor)?;
        Ok(Self(position))
    }

    pub(crate) fn at(key: &Key, listing: Option<&(String, String)>) -> Self {
        Self(Position {
            pk: key.pk.clone(),
            sk: key.sk.clone(),
            lpk: listing.map(|(lpk, _)| lpk.clone()),
            lsk: listing.map(|(_, lsk)| lsk.clone()),
        })
    }

    /// The position, if it is one in the list that is asked for.
    pub(crate) fn within(&self, index: Index<'_>) -> Result<&Position, Error> {
        let position = &self.0;
        let fits = match index {
            Index::Table(pk) => {
                position.pk == pk && position.lpk.is_none() && position.lsk.is_none()
            }
            Index::Listing(lpk) => position.lpk.as_deref() == Some(lpk) && position.lsk.is_some(),
        };
        if fits {
            Ok(position)
        } else {
            Err(Error::InvalidCursor)
        }
    }
}

/// What a query runs over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Index<'a> {
    /// The items of a partition.
    Table(&'a str),
    /// The items listed under a key.
    Listing(&'a str),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let listing = ("TICKETS".to_owned(), "2026".to_owned());
        let cursor = Cursor::at(&Key::new("CHAT#1", "TICKET#1"), Some(&listing));
        let back = Cursor::parse(&cursor.to_string()).unwrap();
        assert_eq!(back, cursor);
        assert!(back.within(Index::Listing("TICKETS")).is_ok());
        for other in [Index::Listing("AUDIT#2026"), Index::Table("CHAT#1")] {
            assert!(matches!(back.within(other), Err(Error::InvalidCursor)));
        }
        let plain = Cursor::at(&Key::new("CHAT#1", "MSG#1"), None);
        assert!(plain.within(Index::Table("CHAT#1")).is_ok());
        assert!(plain.within(Index::Table("CHAT#2")).is_err());
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "!", "e30", "bm90IGpzb24"] {
            assert!(
                matches!(Cursor::parse(text), Err(Error::InvalidCursor)),
                "{text}"
            );
        }
    }
}
