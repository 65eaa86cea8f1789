use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::extract::Request;
use http::request::Parts;
use lambda_http::request::RequestContext;

use crate::{ApiError, Quota};

/// What names a request in logs and refusals: API Gateway's id, else Lambda's, else one of ours.
/// Never one that the caller sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

/// What is known of a request besides its own parts: filled in while it is answered, read when the
/// answer is logged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    client: OnceLock<String>,
    quota: OnceLock<Quota>,
}

/// Where API Gateway says a request came from. No header is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceAddress(pub(crate) Option<IpAddr>);

impl RequestId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        let gateway = match extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
            Some(RequestContext::ApiGatewayV1(context)) => context.request_id.clone(),
            _ => None,
        };
        let lambda = || {
            extensions
                .get::<lambda_http::Context>()
                .map(|context| context.request_id.clone())
        };
        let known = gateway.or_else(lambda).filter(|id| !id.is_empty());
        Self(known.unwrap_or_else(generated).into())
    }
}

/// Unlike any other of this process, and hardly like one of another.
fn generated() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static CALLS: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| RandomState::new().build_hasher().finish());
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    format!("{process:016x}-{call:x}")
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(ApiError::internal)
    }
}

impl Notes {
    pub(crate) fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or_default()
    }

    pub(crate) fn client(&self) -> Option<&str> {
        self.0.client.get().map(String::as_str)
    }

    pub(crate) fn quota(&self) -> Option<Quota> {
        self.0.quota.get().copied()
    }

    /// The first to be named stays.
    pub(crate) fn name_client(&self, name: &str) {
        let _ = self.0.client.set(name.to_owned());
    }

    pub(crate) fn set_quota(&self, quota: Quota) {
        let _ = self.0.quota.set(quota);
    }
}

impl SourceAddress {
    pub(crate) fn of(parts: &Parts) -> Self {
        let text = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
            _ => None,
        };
        Self(text.and_then(|text| text.parse().ok()))
    }

    /// What is counted together: one IPv4 address, or the /64 that one IPv6 customer has; all
    /// requests of unknown origin.
    pub(crate) fn bucket(self) -> String {
        match self.0 {
            Some(IpAddr::V4(address)) => format!("address:{address}"),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("address:{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            None => "address:unknown".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_counted_as_one() {
        for (address, bucket) in [
            ("192.0.2.7", "address:192.0.2.7"),
            ("2001:db8:1:2:3::4", "address:2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::9", "address:2001:db8:1:2::/64"),
        ] {
            let address = SourceAddress(address.parse().ok());
            assert_eq!(address.bucket(), bucket);
        }
        assert_eq!(SourceAddress(None).bucket(), "address:unknown");
    }

    #[test]
    fn generated_ids_differ() {
        assert_ne!(generated(), generated());
    }
}
