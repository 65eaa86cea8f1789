//! A vendor to call, and the settings of a client in a hurry.

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use vendor_http::{Answer, Call, Client, Cost, Deadline, Origin, Settings, Vendor, Verdict};

/// A vendor that means by a status what most mean by it.
#[derive(Debug)]
pub(crate) struct Plain;

impl Vendor for Plain {
    fn judge(&self, answer: &Answer) -> Verdict {
        match answer.status {
            429 => Verdict::Crowded,
            402 => Verdict::Exhausted {
                resume_after: answer.retry_after(),
            },
            500..=599 => Verdict::Retry {
                reason: format!("HTTP {}", answer.status),
                after: answer.retry_after(),
            },
            _ => Verdict::Accept,
        }
    }

    fn cost(&self, answer: &Answer) -> Cost {
        let remaining = answer.header_text("x-left").and_then(|n| n.parse().ok());
        Cost {
            spent: 1,
            remaining,
        }
    }
}

/// Answers the n-th request (from 1) as told, and counts.
pub(crate) struct Server {
    pub(crate) origin: Origin,
    pub(crate) hits: Arc<AtomicUsize>,
    pub(crate) most_at_once: Arc<AtomicUsize>,
    _stop: oneshot::Sender<()>,
}

impl Server {
    pub(crate) async fn answering<F, R>(
        answer: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send,
        R: IntoResponse,
    {
        Self::watching(move |nth, _| answer(nth)).await
    }

    /// `answer` also hears how many requests are in flight, itself included.
    pub(crate) async fn watching<F, R>(
        answer: impl Fn(usize, usize) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send,
        R: IntoResponse,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let [hits, most_at_once, in_flight] = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let (counted, most) = (Arc::clone(&hits), Arc::clone(&most_at_once));
        let router = Router::new().fallback(move || {
            let (answer, in_flight) = (answer.clone(), Arc::clone(&in_flight));
            let (counted, most) = (Arc::clone(&counted), Arc::clone(&most));
            async move {
                let nth = counted.fetch_add(1, Ordering::SeqCst) + 1;
                let at_once = in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(at_once, Ordering::SeqCst);
                let response = answer(nth, at_once).await.into_response();
                in_flight.fetch_sub(1, Ordering::SeqCst);
                response
            }
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        tokio::spawn(serving.into_future());
        Self {
            origin: origin.parse().unwrap(),
            hits,
            most_at_once,
            _stop: stop,
        }
    }

    pub(crate) fn call(&self) -> Call {
        Call::get(self.origin.at("/rows"))
    }

    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

pub(crate) fn quick() -> Settings {
    Settings {
        attempt_timeout: Duration::from_secs(5),
        backoff_base: Duration::from_millis(2),
        backoff_cap: Duration::from_millis(20),
        max_body: 1024 * 1024,
        ..Settings::default()
    }
}

pub(crate) fn client(settings: Settings) -> Client {
    Client::new(settings).unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Deadline {
    Deadline::after(Duration::from_secs(seconds))
}

/// `429.answer("body")`.
pub(crate) trait Answering {
    fn answer(self, body: &'static str) -> Response;
}

impl Answering for u16 {
    fn answer(self, body: &'static str) -> Response {
        Response::builder()
            .status(self)
            .body(Body::from(body))
            .unwrap()
    }
}

pub(crate) fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}
