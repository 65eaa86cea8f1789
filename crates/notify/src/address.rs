use std::fmt;
use std::str::FromStr;

use lettre::Address;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Host;

use crate::text::{NAME_CHARS, one_line};

/// Longest address that SMTP carries, bytes ([RFC 5321, 4.5.3.1.3](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3)
/// without the angle brackets).
const MAX_ADDRESS: usize = 254;
const MAX_LOCAL_PART: usize = 64;

/// An e-mail address that both senders can carry: an ASCII local part without quotes, and a domain
/// with at least one dot, in its ASCII form (`münchen.example` becomes `xn--mnchen-3ya.example`).
/// `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(Address);

/// Why a text is no [`EmailAddress`]; never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an e-mail address that can be written to ({0}): give it as name@domain.tld")]
pub struct InvalidAddress(&'static str);

impl EmailAddress {
    /// Parses `name@domain.tld`; space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        if text.len() > MAX_ADDRESS {
            return Err(InvalidAddress("too long"));
        }
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress("no @"))?;
        if local.len() > MAX_LOCAL_PART || !is_dot_atom(local) {
            return Err(InvalidAddress("the part before the @"));
        }
        let domain = match Host::parse(domain) {
            Ok(Host::Domain(domain)) if domain.trim_matches('.').contains('.') => domain,
            _ => return Err(InvalidAddress("the domain")),
        };
        Address::new(local, domain)
            .map(Self)
            .map_err(|_| InvalidAddress("the domain"))
    }

    /// The address, for handing it to a mail service. Not for logs.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    pub(crate) fn as_lettre(&self) -> &Address {
        &self.0
    }
}

/// `atext` and single dots ([RFC 5322, 3.2.3](https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3)).
fn is_dot_atom(local: &str) -> bool {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

impl FromStr for EmailAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.as_str().to_owned()
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(***)")
    }
}

/// Who a mail is from: an address, and the name that mail programs show. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

impl Mailbox {
    /// `name` is put on one line of at most 120 characters.
    pub fn new(name: Option<&str>, address: EmailAddress) -> Self {
        let name = name
            .map(|name| one_line(name, NAME_CHARS))
            .filter(|name| !name.is_empty());
        Self { name, address }
    }

    /// The address without the name.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    pub(crate) fn to_lettre(&self) -> lettre::message::Mailbox {
        lettre::message::Mailbox::new(self.name.clone(), self.address.as_lettre().clone())
    }
}

impl FromStr for Mailbox {
    type Err = InvalidAddress;

    /// `Acme Support <support@acme.example>`, or the address alone.
    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        match text
            .strip_suffix('>')
            .and_then(|text| text.rsplit_once('<'))
        {
            Some((name, address)) => {
                let name = name.trim().trim_matches('"');
                Ok(Self::new(Some(name), EmailAddress::parse(address)?))
            }
            None => Ok(Self::new(None, EmailAddress::parse(text)?)),
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_both_senders_can_carry() {
        for (text, address) in [
            ("john@company.com", "john@company.com"),
            (" John.Doe+tag@Company.COM ", "John.Doe+tag@company.com"),
            ("o'neil@münchen.example", "o'neil@xn--mnchen-3ya.example"),
        ] {
            assert_eq!(EmailAddress::parse(text).unwrap().as_str(), address);
        }
        let long = format!("{}@company.com", "x".repeat(65));
        for text in [
            "",
            "john",
            "john@",
            "@company.com",
            "john@localhost",
            "john@[127.0.0.1]",
            "john@127.0.0.1",
            "jörg@company.com",
            "a..b@company.com",
            "\"a b\"@company.com",
            "a@b@company.com",
            "a b@company.com",
            "a@company.com\r\nBcc: x@y.z",
            "a@x.com,b@y.com",
            "<a@x.com>",
            &long,
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_mailbox_is_an_address_with_or_without_a_name() {
        for text in [
            "Acme Support <support@acme.example>",
            "\"Acme Support\" <support@acme.example>",
            "support@acme.example",
        ] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!(mailbox.address().as_str(), "support@acme.example");
            assert_eq!(mailbox.name.is_some(), text.contains("Acme Support"));
        }
        assert!("Acme <support>".parse::<Mailbox>().is_err());
        assert!("Acme support@acme.example".parse::<Mailbox>().is_err());
    }

    #[test]
    fn an_address_never_shows_in_debug_output_or_errors() {
        let mailbox: Mailbox = "Planted <planted@acme.example>".parse().unwrap();
        let refusal = EmailAddress::parse("planted@").unwrap_err();
        let shown = format!("{mailbox:?} {:?} {refusal} {refusal:?}", mailbox.address());
        assert!(!shown.to_lowercase().contains("planted"), "{shown}");
    }
}
