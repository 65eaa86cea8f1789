use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use vendor_http::Origin;

/// Where Zoho keeps an account. An account lives in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataCentre {
    /// United States, zoho.com.
    Us,
    /// Europe, zoho.eu.
    Eu,
    /// India, zoho.in.
    In,
    /// Australia, zoho.com.au.
    Au,
    /// Japan, zoho.jp.
    Jp,
    /// Canada, zohocloud.ca.
    Ca,
    /// Saudi Arabia, zoho.sa.
    Sa,
    /// China, zoho.com.cn.
    Cn,
}

/// The text names no [`DataCentre`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no Zoho data centre; use one of us, eu, in, au, jp, ca, sa, cn")]
pub struct DataCentreError(String);

struct Facts {
    name: &'static str,
    accounts: &'static str,
    desk: &'static str,
    /// Hosts a token answer may name as `api_domain`. The vendor's own pages give
    /// www.zohoapis.ca for Canada; tokens of newer accounts there name www.zohocloud.ca.
    api_hosts: &'static [&'static str],
}

impl DataCentre {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Us,
        Self::Eu,
        Self::In,
        Self::Au,
        Self::Jp,
        Self::Ca,
        Self::Sa,
        Self::Cn,
    ];

    const fn facts(self) -> Facts {
        match self {
            Self::Us => Facts {
                name: "us",
                accounts: "https://accounts.zoho.com",
                desk: "https://desk.zoho.com",
                api_hosts: &["www.zohoapis.com"],
            },
            Self::Eu => Facts {
                name: "eu",
                accounts: "https://accounts.zoho.eu",
                desk: "https://desk.zoho.eu",
                api_hosts: &["www.zohoapis.eu"],
            },
            Self::In => Facts {
                name: "in",
                accounts: "https://accounts.zoho.in",
                desk: "https://desk.zoho.in",
                api_hosts: &["www.zohoapis.in"],
            },
            Self::Au => Facts {
                name: "au",
                accounts: "https://accounts.zoho.com.au",
                desk: "https://desk.zoho.com.au",
                api_hosts: &["www.zohoapis.com.au"],
            },
            Self::Jp => Facts {
                name: "jp",
                accounts: "https://accounts.zoho.jp",
                desk: "https://desk.zoho.jp",
                api_hosts: &["www.zohoapis.jp"],
            },
            Self::Ca => Facts {
                name: "ca",
                accounts: "https://accounts.zohocloud.ca",
                desk: "https://desk.zohocloud.ca",
                api_hosts: &["www.zohoapis.ca", "www.zohocloud.ca"],
            },
            Self::Sa => Facts {
                name: "sa",
                accounts: "https://accounts.zoho.sa",
                desk: "https://desk.zoho.sa",
                api_hosts: &["www.zohoapis.sa"],
            },
            Self::Cn => Facts {
                name: "cn",
                accounts: "https://accounts.zoho.com.cn",
                desk: "https://desk.zoho.com.cn",
                api_hosts: &["www.zohoapis.com.cn"],
            },
        }
    }

    /// Its name in settings, e.g. `eu`.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// Where tokens are issued.
    pub fn accounts_origin(self) -> Origin {
        origin(self.facts().accounts)
    }

    /// Where Zoho Desk answers.
    pub fn desk_origin(self) -> Origin {
        origin(self.facts().desk)
    }

    /// The data centre whose tokens name `host` as their `api_domain`.
    pub(crate) fn of_api_host(host: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|centre| centre.facts().api_hosts.contains(&host))
    }
}

#[expect(
    clippy::expect_used,
    reason = "eight constant texts, each parsed by a test"
)]
fn origin(text: &'static str) -> Origin {
    text.parse().expect("a constant https origin")
}

impl FromStr for DataCentre {
    type Err = DataCentreError;

    fn from_str(text: &str) -> Result<Self, DataCentreError> {
        Self::ALL
            .into_iter()
            .find(|centre| centre.as_str().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| DataCentreError(text.into()))
    }
}

impl fmt::Display for DataCentre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_centre_is_read_in_any_case_and_has_its_own_hosts() {
        for centre in DataCentre::ALL {
            let upper = centre.as_str().to_uppercase();
            assert_eq!(upper.parse(), Ok(centre));
            assert!(centre.accounts_origin().host().starts_with("accounts.zoho"));
            assert!(centre.desk_origin().host().starts_with("desk.zoho"));
            for host in centre.facts().api_hosts {
                assert_eq!(DataCentre::of_api_host(host), Some(centre), "{host}");
            }
        }
        assert_eq!(
            DataCentre::Ca.accounts_origin().to_string(),
            "https://accounts.zohocloud.ca"
        );
    }

    #[test]
    fn a_look_alike_host_belongs_to_no_data_centre() {
        for host in [
            "",
            "zohoapis.com",
            "www.zohoapis.com.evil.example",
            "www.zohoapis.co",
            "evilwww.zohoapis.com",
        ] {
            assert_eq!(DataCentre::of_api_host(host), None, "{host}");
        }
        assert!("uk2".parse::<DataCentre>().is_err());
    }
}
