use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::address::{Class, contains, unwrapped};

/// A text that is no list of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// It cannot be read.
    #[error("`{0}` is no address: write 10.0.0.0/8, 10.0.0.7, 10.0.0.7:5432 or [fd12::1]:5432")]
    Unreadable(String),
    /// It would allow link-local addresses or a metadata service alone.
    #[error("`{0}` is link-local or a metadata service, which cannot be allowed")]
    Forbidden(String),
}

/// Private addresses that may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    network: IpAddr,
    /// Bits of `network` that count.
    length: u8,
    /// All ports without.
    port: Option<u16>,
}

impl Rule {
    pub(crate) fn allows(&self, address: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == address.port())
            && contains(self.network, self.length, unwrapped(address.ip()))
    }
}

/// Reads rules that commas separate; blank ones are skipped.
pub(crate) fn read(text: &str) -> Result<Vec<Rule>, InvalidRule> {
    text.split(',')
        .map(str::trim)
        .filter(|rule| !rule.is_empty())
        .map(str::parse)
        .collect()
}

impl FromStr for Rule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let rule =
            parts(text).ok_or_else(|| InvalidRule::Unreadable(text.chars().take(60).collect()))?;
        // A wider rule may touch such places, which stay forbidden; one inside is a mistake.
        if Class::of_network(rule.network, rule.length) == Class::Forbidden {
            return Err(InvalidRule::Forbidden(text.into()));
        }
        Ok(rule)
    }
}

fn parts(text: &str) -> Option<Rule> {
    let (address, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed.split_once(']')?;
            (IpAddr::V6(address.parse().ok()?), rest)
        }
        None if text.matches(':').count() > 1 => {
            let end = text.find('/').unwrap_or(text.len());
            (IpAddr::V6(text[..end].parse().ok()?), &text[end..])
        }
        None => {
            let end = text.find(['/', ':']).unwrap_or(text.len());
            (IpAddr::V4(text[..end].parse().ok()?), &text[end..])
        }
    };
    let (length, port) = match rest.split_once(':') {
        Some((length, port)) => (length, Some(port.parse().ok().filter(|port| *port != 0)?)),
        None => (rest, None),
    };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length.strip_prefix('/') {
        Some(length) => length.parse().ok().filter(|length| *length <= bits)?,
        None if length.is_empty() => bits,
        None => return None,
    };
    let network = match unwrapped(address) {
        v4 @ IpAddr::V4(_) if length == bits => {
            return Some(Rule {
                network: v4,
                length: 32,
                port,
            });
        }
        _ => address,
    };
    Some(Rule {
        network,
        length,
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_allow_addresses_networks_and_ports() {
        for (rule, allowed, not_allowed) in [
            ("127.0.0.1", "127.0.0.1:80", "127.0.0.2:80"),
            ("127.0.0.1:5432", "127.0.0.1:5432", "127.0.0.1:5433"),
            ("10.0.0.0/8", "10.255.0.1:1", "11.0.0.1:1"),
            ("10.0.0.0/8:443", "10.1.1.1:443", "10.1.1.1:444"),
            ("::1", "[::1]:80", "127.0.0.1:80"),
            ("[::1]:80", "[::1]:80", "[::1]:81"),
            ("fd12::/16", "[fd12:1::1]:80", "[fd13::1]:80"),
            ("[fd12::]/16:9", "[fd12:1::1]:9", "[fd12:1::1]:10"),
            (
                "127.0.0.1",
                "[::ffff:127.0.0.1]:80",
                "[::ffff:127.0.0.2]:80",
            ),
            ("::ffff:10.0.0.7", "10.0.0.7:80", "10.0.0.8:80"),
        ] {
            let rule: Rule = rule.parse().unwrap();
            assert!(rule.allows(allowed.parse().unwrap()), "{rule:?} {allowed}");
            assert!(!rule.allows(not_allowed.parse().unwrap()), "{rule:?}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "localhost",
            "10.0.0.0/33",
            "10.0.0",
            "10.0.0.1:0",
            "10.0.0.1:70000",
            "::1/129",
            "[::1",
            "10.0.0.0/",
            "10.0.0.1:",
            "*",
            "10.0.0.0/8/9",
            "fd12::1]:80",
        ] {
            assert!(
                matches!(text.parse::<Rule>(), Err(InvalidRule::Unreadable(_))),
                "{text}"
            );
        }
        for text in [
            "169.254.169.254",
            "169.254.0.0/16",
            "169.254.170.2:80",
            "fe80::/10",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
        ] {
            let refused = text.parse::<Rule>();
            assert!(
                matches!(refused, Err(InvalidRule::Forbidden(_))),
                "{text} {refused:?}"
            );
        }
    }

    #[test]
    fn blank_rules_are_none() {
        assert_eq!(read(" , ,").unwrap(), []);
        assert_eq!(read("10.0.0.1, ,::1").unwrap().len(), 2);
    }
}
