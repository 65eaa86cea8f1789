use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tracing::warn;
use url::{Host, Url};

use crate::address::Class;
use crate::names::{Names, SystemNames};
use crate::rule::{self, Rule};
use crate::{Error, InvalidRule, Refused};

/// Which addresses may be called. Clones are cheap.
#[derive(Clone)]
pub struct Egress {
    rules: Arc<[Rule]>,
    names: Arc<dyn Names>,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Egress").field(&self.rules).finish()
    }
}

impl Egress {
    /// Public addresses and no others.
    pub fn public_only() -> Self {
        Self::of(Vec::new())
    }

    /// Public addresses, and the private ones that `rules` names (see the crate's page).
    pub fn allowing(rules: &str) -> Result<Self, InvalidRule> {
        rule::read(rules).map(Self::of)
    }

    fn of(rules: Vec<Rule>) -> Self {
        Self {
            rules: rules.into(),
            names: Arc::new(SystemNames),
        }
    }

    /// Resolves names with `names` instead of the machine's resolver.
    #[must_use]
    pub fn with_names(self, names: Arc<dyn Names>) -> Self {
        Self { names, ..self }
    }

    /// Whether `address` may be connected to.
    pub fn permits(&self, address: SocketAddr) -> Result<(), Refused> {
        match Class::of(address.ip()) {
            Class::Public => Ok(()),
            Class::Private if self.is_allowed_private(address) => Ok(()),
            Class::Private => Err(Refused::Private(address)),
            Class::Forbidden => Err(Refused::Forbidden(address)),
        }
    }

    fn is_allowed_private(&self, address: SocketAddr) -> bool {
        Class::of(address.ip()) == Class::Private
            && self.rules.iter().any(|rule| rule.allows(address))
    }

    /// The addresses of `host`, a name or a literal address, to be connected to without resolving
    /// it again. All are permitted; if one is not, the host is refused.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let unresolved = |source| Error::Unresolved {
            host: shown(host),
            source,
        };
        // The parser knows the odd spellings of addresses, which resolvers read as addresses too.
        let addresses = match literal(bare) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => self.names.resolve(bare, port).await.map_err(unresolved)?,
        };
        if addresses.is_empty() {
            return Err(unresolved(std::io::Error::other("it has no address")));
        }
        for address in &addresses {
            self.check(host, *address)?;
        }
        Ok(addresses)
    }

    fn check(&self, host: &str, address: SocketAddr) -> Result<(), Error> {
        self.permits(address).map_err(|refused| {
            warn!(host = shown(host), %address, "refused to call an address");
            Error::Refused {
                host: shown(host),
                refused,
            }
        })
    }

    /// A resolver for HTTP clients that call any port: rules that name a port do not count. The
    /// client must use no other, and [`Egress::check_url`] must see each URL first.
    pub fn dns(&self) -> Arc<dyn Resolve> {
        self.dns_for(0)
    }

    /// As [`Egress::dns`], for a client that calls nothing but `port`.
    pub fn dns_for(&self, port: u16) -> Arc<dyn Resolve> {
        Arc::new(Dns {
            egress: self.clone(),
            port,
        })
    }

    /// Whether `url` may be called, as far as that shows without resolving its name: `https` (or
    /// `http` to an allowed private address), no user in it, a permitted literal address.
    pub fn check_url(&self, url: &Url) -> Result<(), Error> {
        let Some(host) = url.host() else {
            return Err(Error::Url("the URL has no host; write it as https://host"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Url(
                "the URL holds a user or password; put them into the credentials",
            ));
        }
        let port = url.port_or_known_default().unwrap_or(0);
        let address = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(name) => literal(name),
        };
        let address = address.map(|address| SocketAddr::new(address, port));
        let text = host.to_string();
        if let Some(address) = address {
            self.check(&text, address)?;
        }
        let may_be_plain = match address {
            Some(address) => self.is_allowed_private(address),
            None => {
                text.eq_ignore_ascii_case("localhost")
                    && self.is_allowed_private((Ipv4Addr::LOCALHOST, port).into())
            }
        };
        match url.scheme() {
            "https" => Ok(()),
            "http" if may_be_plain => Ok(()),
            scheme => Err(Error::Scheme {
                scheme: scheme.into(),
                host: shown(&text),
            }),
        }
    }
}

/// The address that `host` spells, in any way that URLs may: `0x7f.1`, `2130706433`, `::1`.
fn literal(host: &str) -> Option<IpAddr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    match Host::parse(host.trim_end_matches('.')) {
        Ok(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Ok(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Ok(Host::Domain(_)) | Err(_) => None,
    }
}

/// Names are at most 253 characters.
fn shown(host: &str) -> String {
    host.chars().take(253).collect()
}

#[derive(Debug)]
struct Dns {
    egress: Egress,
    port: u16,
}

impl Resolve for Dns {
    fn resolve(&self, name: Name) -> Resolving {
        let (egress, port) = (self.egress.clone(), self.port);
        Box::pin(async move {
            let addresses = egress.resolve(name.as_str(), port).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;

    use super::*;

    /// Gives one answer after the other, the last one for ever.
    #[derive(Debug)]
    struct Answers(Mutex<Vec<&'static [&'static str]>>);

    impl Answers {
        fn are(answers: &[&'static [&'static str]]) -> Arc<Self> {
            Arc::new(Self(Mutex::new(answers.to_vec())))
        }
    }

    impl Names for Answers {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
            port: u16,
        ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            let mut answers = self.0.lock().unwrap();
            let answer = if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0]
            };
            let addresses = answer
                .iter()
                .map(|text| SocketAddr::new(text.parse().unwrap(), port));
            let addresses = addresses.collect();
            Box::pin(async move { Ok(addresses) })
        }
    }

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_name_is_refused_if_one_of_its_addresses_is() {
        for (answer, permitted) in [
            (&["93.184.215.14"][..], true),
            (&["93.184.215.14", "2606:4700::1"], true),
            (&["127.0.0.1"], false),
            (&["93.184.215.14", "10.0.0.1"], false),
            (&["169.254.169.254"], false),
            (&["::ffff:127.0.0.1"], false),
            (&[], false),
        ] {
            let egress = Egress::public_only().with_names(Answers::are(&[answer]));
            let outcome = egress.resolve("api.example.com", 443).await;
            assert_eq!(outcome.is_ok(), permitted, "{answer:?} {outcome:?}");
        }
    }

    #[tokio::test]
    async fn odd_spellings_of_an_address_are_that_address() {
        let egress = Egress::public_only().with_names(Answers::are(&[&["93.184.215.14"]]));
        for host in [
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "0x7f000001",
            "[::1]",
            "::1",
            "127.0.0.1.",
            "[::ffff:7f00:1]",
            "0",
        ] {
            let outcome = egress.resolve(host, 80).await;
            assert!(
                matches!(outcome, Err(Error::Refused { .. })),
                "{host} {outcome:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_addresses_that_were_judged_are_the_ones_to_connect_to() {
        let rebinding = Answers::are(&[&["93.184.215.14"], &["127.0.0.1"]]);
        let egress = Egress::public_only().with_names(rebinding);
        let first = egress.resolve("rebind.example", 443).await.unwrap();
        assert_eq!(first, ["93.184.215.14:443".parse().unwrap()]);
        let second = egress
            .dns()
            .resolve("rebind.example".parse().unwrap())
            .await;
        assert!(
            second
                .err()
                .unwrap()
                .to_string()
                .contains("not a public address")
        );
    }

    #[tokio::test]
    async fn a_rule_with_a_port_counts_for_the_client_of_that_port_only() {
        let egress = Egress::allowing("10.0.0.7:8443")
            .unwrap()
            .with_names(Answers::are(&[&["10.0.0.7"]]));
        let name = || "crm.internal".parse().unwrap();
        assert!(egress.dns_for(8443).resolve(name()).await.is_ok());
        assert!(egress.dns_for(443).resolve(name()).await.is_err());
        assert!(egress.dns().resolve(name()).await.is_err());
    }

    #[test]
    fn no_rule_opens_link_local_addresses_or_metadata() {
        let egress = Egress::allowing("0.0.0.0/0, ::/0").unwrap();
        for address in [
            "169.254.169.254:80",
            "[fd00:ec2::254]:80",
            "[fe80::1]:80",
            "[::ffff:169.254.169.254]:80",
        ] {
            let refused = egress.permits(address.parse().unwrap());
            assert!(matches!(refused, Err(Refused::Forbidden(_))), "{address}");
        }
        assert!(egress.permits("127.0.0.1:1".parse().unwrap()).is_ok());
    }

    #[test]
    fn urls_are_https_or_an_allowed_private_address() {
        let public = Egress::public_only();
        let local = Egress::allowing("127.0.0.1:8080").unwrap();
        for (text, with_public, with_local) in [
            ("https://api.example.com/v1", true, true),
            ("http://api.example.com/v1", false, false),
            ("https://93.184.215.14/", true, true),
            ("http://93.184.215.14/", false, false),
            ("http://127.0.0.1:8080/", false, true),
            ("https://127.0.0.1:8080/", false, true),
            ("http://127.0.0.1:8081/", false, false),
            ("http://localhost:8080/", false, true),
            ("http://localhost:8081/", false, false),
            ("http://2130706433:8080/", false, true),
            ("http://0x7f.1:80/", false, false),
            ("https://[::1]/", false, false),
            ("https://169.254.169.254/latest/meta-data/", false, false),
            ("https://[::ffff:169.254.169.254]/", false, false),
            ("https://user:pass@api.example.com/", false, false),
            ("ftp://api.example.com/", false, false),
            ("file:///etc/passwd", false, false),
        ] {
            assert_eq!(public.check_url(&url(text)).is_ok(), with_public, "{text}");
            assert_eq!(local.check_url(&url(text)).is_ok(), with_local, "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_without_address_says_so() {
        let error = Egress::public_only()
            .resolve("no-such-name.invalid", 1)
            .await
            .unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("cannot be resolved"));
    }
}
