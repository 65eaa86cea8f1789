use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// Where a hub answers: `https://…`, or `http://` on this machine only, for a key must not cross
/// a network in the clear. Routes are appended to its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Address(Url);

/// Why an address is not a hub's. Does not quote it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidAddress {
    #[error("the address is not a URL; write it as https://host/path")]
    NotAUrl,
    #[error(
        "the address must begin with https://; http:// is only for this machine (localhost, 127.0.0.1)"
    )]
    NotHttps,
    #[error(
        "the address must not hold a user name or password; the API key is given by `deskbridge login`"
    )]
    UserInfo,
    #[error("the address must not have a query or fragment")]
    Query,
}

impl Address {
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The URL of a route, its segments percent-encoded as needed.
    pub(crate) fn route(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidAddress::NotAUrl)?;
        if url.cannot_be_a_base() || url.host().is_none() {
            return Err(InvalidAddress::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidAddress::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidAddress::Query);
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(&url) => Ok(Self(url)),
            _ => Err(InvalidAddress::NotHttps),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.as_str().to_owned()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_crosses_a_network_in_the_clear() {
        for (text, expected) in [
            ("https://hub.example.com", Ok(())),
            ("https://hub.example.com/prod/", Ok(())),
            ("http://127.0.0.1:4566/_aws/execute-api/abc", Ok(())),
            ("http://localhost:4566", Ok(())),
            ("http://[::1]:80", Ok(())),
            ("http://hub.example.com", Err(InvalidAddress::NotHttps)),
            (
                "http://127.0.0.1.example.com",
                Err(InvalidAddress::NotHttps),
            ),
            ("http://10.0.0.1", Err(InvalidAddress::NotHttps)),
            ("ftp://localhost", Err(InvalidAddress::NotHttps)),
            ("hub.example.com", Err(InvalidAddress::NotAUrl)),
            ("mailto:a@example.com", Err(InvalidAddress::NotAUrl)),
            ("https://u:p@hub.example.com", Err(InvalidAddress::UserInfo)),
            ("https://hub.example.com/?key=1", Err(InvalidAddress::Query)),
        ] {
            assert_eq!(text.parse::<Address>().map(|_| ()), expected, "{text}");
        }
    }

    #[test]
    fn routes_are_appended_and_encoded() {
        for base in [
            "https://hub.example.com/prod",
            "https://hub.example.com/prod/",
        ] {
            let address: Address = base.parse().unwrap();
            assert_eq!(
                address.route(&["api", "integrations", "a/../b c"]).as_str(),
                "https://hub.example.com/prod/api/integrations/a%2F..%2Fb%20c"
            );
        }
    }
}
