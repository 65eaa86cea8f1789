use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use clock::Clock;
use http::Method;
use tracing::{Instrument as _, error, info_span};

use crate::access::Access;
use crate::call::{Notes, RequestId};
use crate::callers::Callers;
use crate::{ApiError, Limits, answer};

/// What stands before the routes of an HTTP function.
#[derive(Debug, Clone)]
pub struct FrontDoor(Door);

/// What requests carry, so that extractors find it.
#[derive(Debug, Clone)]
pub(crate) struct Door(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    /// The deployed function's name.
    pub(crate) name: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) callers: Option<Callers>,
    warm: AtomicBool,
}

impl FrontDoor {
    /// The door of the function `name`, with the usual limits and without API keys.
    pub fn new(name: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self::of(name.into(), clock, Limits::default(), None)
    }

    /// Other limits of size and nesting.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        let Inner {
            name,
            clock,
            callers,
            ..
        } = &*self.0.0;
        Self::of(name.clone(), Arc::clone(clock), limits, callers.clone())
    }

    /// API keys and how often each caller may come: what [`crate::Authenticated`] and
    /// [`crate::Anonymous`] ask.
    #[must_use]
    pub fn callers(self, callers: Callers) -> Self {
        let Inner {
            name,
            clock,
            limits,
            ..
        } = &*self.0.0;
        Self::of(name.clone(), Arc::clone(clock), *limits, Some(callers))
    }

    fn of(name: String, clock: Arc<dyn Clock>, limits: Limits, callers: Option<Callers>) -> Self {
        Self(Door(Arc::new(Inner {
            name,
            clock,
            limits,
            callers,
            warm: AtomicBool::new(false),
        })))
    }

    /// `routes` behind this door. Call it last: what is added after it has no door.
    pub fn open(self, routes: Router) -> Router {
        let body_bytes = self.0.0.limits.body_bytes;
        routes
            .fallback(no_such_route)
            .layer(DefaultBodyLimit::max(body_bytes))
            .layer(from_fn_with_state(self.0, attend))
    }
}

async fn no_such_route() -> ApiError {
    ApiError::not_found("there is no such route")
}

async fn attend(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let inner = Arc::clone(&door.0);
    let id = RequestId::of(&request);
    let access = Access::begin(&inner, &request);
    let head = request.method() == Method::HEAD;
    let notes = Notes::default();
    let announced = request.body().size_hint().lower();
    let extensions = request.extensions_mut();
    extensions.insert(id.clone());
    extensions.insert(notes.clone());
    extensions.insert(inner.limits);
    extensions.insert(door);
    let span = info_span!(
        "request",
        service = inner.name,
        function_request_id = id.as_str(),
        cold_start = !inner.warm.swap(true, Ordering::Relaxed),
    );
    async {
        let limit = inner.limits.body_bytes;
        let outcome = if announced > limit as u64 {
            Err(ApiError::too_large(limit))
        } else {
            whole(next.run(request)).await
        };
        let response = answer::finish(outcome, &id, &notes, head).await;
        access.end(&inner, &response, &notes);
        response
    }
    .instrument(span)
    .await
}

/// The response of a handler, or 500 for one that panicked: one bad request must not cost the
/// process.
async fn whole(response: impl Future<Output = Response>) -> Result<Response, ApiError> {
    let mut response = Box::pin(response);
    let polled = poll_fn(move |context| {
        let poll = || response.as_mut().poll(context);
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    });
    let caught: Result<Response, Box<dyn Any + Send>> = polled.await;
    caught.map_err(|_| {
        // What it says may quote the request; the panic hook has told the place.
        error!("a handler panicked");
        ApiError::internal()
    })
}
