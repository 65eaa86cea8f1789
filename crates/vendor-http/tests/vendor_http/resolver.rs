//! Names that are resolved elsewhere, and bodies of any media type.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::TcpListener;
use vendor_http::{Call, Error, Resolver, Settings, header};

use crate::server::{Plain, client, quick, seconds};

/// Knows one name, which is this machine.
#[derive(Debug)]
struct OneName;

impl Resolve for OneName {
    fn resolve(&self, name: Name) -> Resolving {
        let known = name.as_str() == "vendor.test";
        Box::pin(async move {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let addresses = known.then_some(address).ok_or("no such name")?;
            Ok(Box::new(std::iter::once(addresses)) as Addrs)
        })
    }
}

/// Answers with the media type and the body that came.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(|headers: HeaderMap, body: Bytes| async move {
        let media_type = headers["content-type"]
            .to_str()
            .unwrap_or_default()
            .to_owned();
        format!("{media_type} {}", String::from_utf8_lossy(&body))
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn names_are_what_the_given_resolver_says() {
    let port = echo().await.port();
    let client = client(Settings {
        resolver: Some(Resolver(Arc::new(OneName))),
        attempts: 1,
        ..quick()
    });
    let call = |host: &str| {
        let media_type = header::HeaderValue::from_static("text/x-rows");
        let url = format!("http://{host}:{port}/rows").parse().unwrap();
        Call::post_raw(url, media_type, "a;b")
    };
    let answer = client.send(&call("vendor.test"), &Plain, seconds(5)).await;
    assert_eq!(answer.unwrap().body, "text/x-rows a;b");
    let error = client
        .send(&call("other.test"), &Plain, seconds(5))
        .await
        .unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Failing {
                may_have_happened: false,
                ..
            }
        ),
        "{error}"
    );
}
