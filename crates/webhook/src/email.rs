use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An e-mail address of usual shape: ASCII, no quotes, no comments, no wildcard, a domain of at
/// least two labels. `Debug` shows nothing of it. Whether it exists, and whose it is, is not known.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// The text is no [`EmailAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an e-mail address; write it as name@example.com")]
pub struct NotAnEmailAddress;

impl EmailAddress {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form to compare and look up by: lower case.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for EmailAddress {
    type Err = NotAnEmailAddress;

    fn from_str(text: &str) -> Result<Self, NotAnEmailAddress> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmailAddress)?;
        if text.len() <= 254 && is_local_part(local) && is_domain(domain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnEmailAddress)
        }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = NotAnEmailAddress;

    fn try_from(text: String) -> Result<Self, NotAnEmailAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(***)")
    }
}

/// RFC 5321's dot-string, without `*`, which is a wildcard in the vendor's searches, and the
/// backquote, `/` and `$`, which no provider hands out.
fn is_local_part(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#%&'+-=?^_{|}~".contains(&byte))
    };
    local.len() <= 64 && local.split('.').all(is_atom)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top_level = domain.rsplit_once('.').map(|(_, top)| top);
    domain.split('.').all(is_label)
        && top_level.is_some_and(|top| top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_usual_shape_are_accepted_and_nothing_else() {
        for good in [
            "john@company.com",
            " John.Doe+tag@sub.company.co.uk ",
            "o'brien@example.ie",
            "a_b-c%d@xn--bcher-kva.example",
        ] {
            assert!(good.parse::<EmailAddress>().is_ok(), "{good}");
        }
        let long_local = format!("{}@x.org", "a".repeat(65));
        let long = format!("a@{}org", "abcdefghi.".repeat(26));
        for bad in [
            "",
            "john",
            "@x.org",
            "john@",
            "john@localhost",
            "john@company..com",
            "john..doe@company.com",
            ".john@company.com",
            "*@company.com",
            "a b@company.com",
            "a@b@company.com",
            "john@-x.org",
            "john@10.0.0.1",
            "john@company.com\r\nBcc: x@y.org",
            "jöhn@company.com",
            "\"john doe\"@company.com",
            &long_local,
            &long,
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_stays_out_of_debug_output_and_is_checked_when_read_back() {
        let address: EmailAddress = "John@Company.com".parse().unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(***)");
        assert_eq!(address.folded(), "john@company.com");
        let stored = serde_json::to_string(&address).unwrap();
        assert_eq!(
            serde_json::from_str::<EmailAddress>(&stored).unwrap(),
            address
        );
        assert!(serde_json::from_str::<EmailAddress>("\"x\"").is_err());
    }
}
