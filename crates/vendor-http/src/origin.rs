use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

/// Scheme, host and port of a vendor. `https`, or `http` for loopback only, so that a token can
/// never leave the machine in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(Url);

/// Why a text is no [`Origin`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OriginError {
    /// Not a URL at all.
    #[error("`{0}` is not a URL; write it as https://host or https://host:port")]
    NotAUrl(String),
    /// Plain http to a host that is not loopback, or a scheme that is neither.
    #[error("`{0}` must start with https:// (http:// is accepted for localhost only)")]
    Scheme(String),
    /// A path, query, fragment, user or password.
    #[error("`{0}` must be scheme, host and port only; paths are added by the client")]
    Extra(String),
}

impl Origin {
    /// The URL of `path` (which starts with `/`) on this origin.
    #[must_use]
    pub fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// The host, without port.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text.trim()).map_err(|_| OriginError::NotAUrl(text.into()))?;
        let scheme_allowed = match url.scheme() {
            "https" => url.host().is_some(),
            "http" => url.host().as_ref().is_some_and(is_loopback),
            _ => false,
        };
        if !scheme_allowed {
            return Err(OriginError::Scheme(text.into()));
        }
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare {
            return Err(OriginError::Extra(text.into()));
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_http_without_extras_are_origins() {
        for good in [
            "https://desk.zoho.com",
            "https://desk.zoho.eu/",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:9",
        ] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "desk.zoho.com",
            "http://desk.zoho.com",
            "ftp://localhost",
            "https://desk.zoho.com/api",
            "https://u:p@desk.zoho.com",
            "https://desk.zoho.com?x=1",
            "http://127.0.0.1.example.com",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
