use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use thiserror::Error;
use url::{Host, Url};

/// A link that may stand in a mail: `https`, or `http` to loopback for a local stack. No other scheme
/// can become a link, whatever a vendor or a visitor sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link(Url);

/// Why a text is no [`Link`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "not a link for a mail: write it as https://host/path (http:// is accepted for localhost only)"
)]
pub struct InvalidLink;

impl Link {
    /// Parses an absolute URL without user and password.
    pub fn parse(text: &str) -> Result<Self, InvalidLink> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidLink)?;
        let allowed = match url.scheme() {
            "https" => url.host().is_some(),
            "http" => url.host().as_ref().is_some_and(is_loopback),
            _ => false,
        };
        let anonymous = url.username().is_empty() && url.password().is_none();
        if allowed && anonymous {
            Ok(Self(url))
        } else {
            Err(InvalidLink)
        }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// The links of a survey, one for each number of stars. `Debug` shows nothing of the token.
#[derive(Clone)]
pub struct SurveyLinks {
    page: Link,
    token: SecretString,
}

#[derive(Serialize)]
struct Stars {
    stars: u8,
    link: String,
}

impl SurveyLinks {
    /// `page` is the survey's page; each link adds `?token=…&stars=1` to `5`.
    pub fn new(page: Link, token: SecretString) -> Self {
        Self { page, token }
    }

    fn rating(&self, stars: u8) -> String {
        let mut url = self.page.0.clone();
        url.query_pairs_mut()
            .append_pair("token", self.token.expose_secret())
            .append_pair("stars", &stars.to_string());
        url.into()
    }
}

impl Serialize for SurveyLinks {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq((1..=5).map(|stars| Stars {
            stars,
            link: self.rating(stars),
        }))
    }
}

impl fmt::Debug for SurveyLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SurveyLinks(***)")
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
    fn only_https_and_loopback_http_are_links() {
        for good in [
            "https://desk.zoho.com/agent/acme/tickets/1?x=1#y",
            "http://localhost:4566/survey",
            "http://127.0.0.1:9/",
        ] {
            assert!(Link::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/tickets/1",
            "http://desk.zoho.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://u:p@desk.zoho.com",
        ] {
            assert_eq!(Link::parse(bad), Err(InvalidLink), "{bad}");
        }
    }

    #[test]
    fn a_survey_has_five_links_that_differ_in_the_stars() {
        let page = Link::parse("https://api.example/survey").unwrap();
        let links = SurveyLinks::new(page, SecretString::from("a&b=c"));
        let shown = serde_json::to_value(&links).unwrap();
        assert_eq!(
            shown[4],
            serde_json::json!({"stars": 5, "link": "https://api.example/survey?token=a%26b%3Dc&stars=5"})
        );
        assert_eq!(shown.as_array().unwrap().len(), 5);
        assert!(!format!("{links:?}").contains("a&b"));
    }
}
