use std::io;
use std::net::SocketAddr;

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A private address that no rule allows.
    #[error(
        "{0} is not a public address; if it is meant, the operator of Deskbridge can allow it with \
         ALLOWED_PRIVATE_ADDRESSES"
    )]
    Private(SocketAddr),
    /// A link-local address or a metadata service.
    #[error("{0} is link-local or a metadata service, which is never called")]
    Forbidden(SocketAddr),
}

/// Why a host or URL may not be called, or cannot be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of its addresses is refused.
    #[error("{host} may not be called: {refused}")]
    Refused {
        /// The host as it was asked for.
        host: String,
        /// Why.
        refused: Refused,
    },
    /// The name cannot be resolved.
    #[error("the name {host} cannot be resolved ({source}); check its spelling")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The URL's scheme is not `https`, and it is no allowed private address.
    #[error("{scheme}://{host} is not encrypted; use https://")]
    Scheme {
        /// Its scheme.
        scheme: String,
        /// Its host.
        host: String,
    },
    /// The URL has no host, or names a user.
    #[error("{0}")]
    Url(&'static str),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unresolved { .. })
    }
}
