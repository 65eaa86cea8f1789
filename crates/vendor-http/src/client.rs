use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use tracing::{debug, warn};

use crate::{Answer, Backoff, Budget, Call, Deadline, Error, Limiter, Permit, Vendor, Verdict};

/// How the client behaves; the defaults suit a report function.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Most calls in flight.
    pub max_concurrency: u32,
    /// Share of the vendor's credit pool that stays untouched, percent.
    pub credit_reserve_percent: u8,
    /// Bound on one attempt, from connecting to the body's last byte.
    pub attempt_timeout: Duration,
    /// Times a failing call is sent in all.
    pub attempts: u32,
    /// Base of the exponential wait.
    pub backoff_base: Duration,
    /// Longest wait between two attempts.
    pub backoff_cap: Duration,
    /// Largest body accepted, bytes.
    pub max_body: usize,
    /// Makes the waits repeatable.
    pub seed: u64,
    /// Turns names into addresses instead of the system's resolver. Literal addresses pass it by.
    pub resolver: Option<Resolver>,
}

/// Turns names into addresses.
#[derive(Clone)]
pub struct Resolver(pub Arc<dyn reqwest::dns::Resolve>);

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_concurrency: 5,
            credit_reserve_percent: 0,
            attempt_timeout: Duration::from_secs(30),
            attempts: 6,
            backoff_base: Duration::from_millis(400),
            backoff_cap: Duration::from_secs(20),
            max_body: 8 * 1024 * 1024,
            seed: 0,
            resolver: None,
        }
    }
}

/// What was used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Credits the vendor counted.
    pub credits: u64,
    /// Requests that were sent again.
    pub retries: u64,
}

impl Usage {
    /// What was used since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            credits: self.credits - earlier.credits,
            retries: self.retries - earlier.retries,
        }
    }
}

/// Sends calls to vendors. Clones share connections, limit, budget and counters.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    settings: Settings,
    limiter: Limiter,
    budget: Budget,
    backoff: Backoff,
    requests: AtomicU64,
    credits: AtomicU64,
    retries: AtomicU64,
}

/// How one attempt ended, when not with a final answer.
enum Setback {
    Transient {
        reason: String,
        after: Option<Duration>,
        /// Whether the vendor may have carried out the call.
        reached: bool,
    },
    Crowded,
}

impl Setback {
    fn reached(reason: String) -> Self {
        Self::Transient {
            reason,
            after: None,
            reached: true,
        }
    }
}

impl Client {
    /// Builds the client: bundled roots, no redirects, HTTP/1.1 (one connection a call in flight,
    /// where HTTP/2 would queue all pages behind one another).
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .filter_map(|der| reqwest::Certificate::from_der(der).ok());
        let mut http = reqwest::Client::builder()
            .tls_certs_only(roots)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(Duration::from_secs(5))
            // Below the idle limit of common load balancers, also across a frozen Lambda.
            .pool_idle_timeout(Duration::from_secs(15))
            .user_agent("deskbridge/1");
        if let Some(Resolver(resolver)) = &settings.resolver {
            http = http.dns_resolver(resolver.clone());
        }
        let http = http
            .build()
            .map_err(|error| Error::Setup(describe(&error)))?;
        Ok(Self(Arc::new(Inner {
            http,
            limiter: Limiter::new(settings.max_concurrency, settings.seed),
            budget: Budget::new(settings.credit_reserve_percent, None),
            backoff: Backoff::new(settings.backoff_base, settings.backoff_cap, settings.seed),
            requests: AtomicU64::new(0),
            credits: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            settings,
        })))
    }

    /// What was used since the client was built.
    pub fn usage(&self) -> Usage {
        Usage {
            requests: self.0.requests.load(Ordering::Relaxed),
            credits: self.0.credits.load(Ordering::Relaxed),
            retries: self.0.retries.load(Ordering::Relaxed),
        }
    }

    /// The vendor's credit pool as seen by this client.
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// The limit on calls in flight.
    pub fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// Sends `call` until `vendor` accepts an answer, retries are used up or `deadline` comes.
    pub async fn send(
        &self,
        call: &Call,
        vendor: &dyn Vendor,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        let (mut failures, mut attempts) = (0, 0);
        let mut last = None;
        let mut may_have_happened = false;
        loop {
            let out_of_time = |last: Option<String>, attempts| Error::Deadline {
                call: call.label(),
                attempts,
                last,
                may_have_happened,
            };
            let Ok(permit) =
                tokio::time::timeout_at(deadline.instant(), self.0.limiter.acquire()).await
            else {
                return Err(out_of_time(last, attempts));
            };
            if deadline.has_passed() {
                return Err(out_of_time(last, attempts));
            }
            // Others spent credits while this call waited for its turn.
            self.0.budget.check()?;
            attempts += 1;
            let setback = match self.attempt(call, vendor, deadline, &permit).await? {
                Ok(answer) => return Ok(answer),
                Err(setback) => setback,
            };
            drop(permit);
            let wait = match setback {
                Setback::Crowded => {
                    // The limiter holds back this call and its neighbours.
                    last = Some("too many calls at once".to_owned());
                    Duration::ZERO
                }
                Setback::Transient {
                    reason,
                    after,
                    reached,
                } => {
                    failures += 1;
                    may_have_happened |= reached;
                    let repeatable = call.repeatable || !may_have_happened;
                    if failures >= self.0.settings.attempts || !repeatable {
                        return Err(Error::Failing {
                            call: call.label(),
                            attempts,
                            last: reason,
                            may_have_happened,
                        });
                    }
                    last = Some(reason);
                    self.0
                        .backoff
                        .wait(failures - 1)
                        .max(after.unwrap_or_default())
                }
            };
            debug!(
                call = call.label(),
                wait_ms = wait.as_millis() as u64,
                reason = last,
                "sending again"
            );
            if !deadline.sleep(wait).await {
                return Err(Error::Deadline {
                    call: call.label(),
                    attempts,
                    last,
                    may_have_happened,
                });
            }
            self.0.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn attempt(
        &self,
        call: &Call,
        vendor: &dyn Vendor,
        deadline: Deadline,
        permit: &Permit,
    ) -> Result<Result<Answer, Setback>, Error> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        let bound = call
            .timeout
            .unwrap_or(self.0.settings.attempt_timeout)
            .min(deadline.remaining());
        let answer = match tokio::time::timeout(bound, self.exchange(call)).await {
            Err(_) => {
                return Ok(Err(Setback::reached(format!(
                    "no complete answer within {} ms",
                    bound.as_millis()
                ))));
            }
            Ok(Err(Failure::TooLarge)) => {
                return Err(Error::TooLarge {
                    call: call.label(),
                    limit: self.0.settings.max_body,
                });
            }
            Ok(Err(Failure::Encoded(encoding))) => {
                return Ok(Err(Setback::reached(format!(
                    "an answer compressed as `{encoding}`, which was not asked for"
                ))));
            }
            Ok(Err(Failure::Http(error))) => {
                return Ok(Err(Setback::Transient {
                    reason: describe(&error),
                    after: None,
                    // Name, connection and TLS come before the first byte of a request.
                    reached: !error.is_connect() && !error.is_builder(),
                }));
            }
            Ok(Ok(answer)) => answer,
        };
        let cost = vendor.cost(&answer);
        self.0.credits.fetch_add(cost.spent, Ordering::Relaxed);
        self.0.budget.record(cost);
        match vendor.judge(&answer) {
            Verdict::Accept => {
                permit.clean();
                Ok(Ok(answer))
            }
            Verdict::Retry { reason, after } => Ok(Err(Setback::Transient {
                reason,
                after,
                // RFC 6585, 4: refused for their number, so unread.
                reached: answer.status != StatusCode::TOO_MANY_REQUESTS.as_u16(),
            })),
            Verdict::Crowded => {
                permit.crowded();
                Ok(Err(Setback::Crowded))
            }
            Verdict::Exhausted { resume_after } => {
                warn!(
                    call = call.label(),
                    resume_after_s = resume_after.map(|after| after.as_secs()),
                    "the vendor's call credits are spent"
                );
                self.0.budget.exhausted(resume_after);
                Err(Error::Exhausted { resume_after })
            }
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Failure> {
        let request = self
            .0
            .http
            .request(call.method.clone(), call.url.clone())
            .headers(call.headers.clone());
        let request = if call.takes_gzip {
            request.header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
        } else {
            request
        };
        let mut response = call.content.onto(request).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let limit = self.0.settings.max_body;
        let unwanted =
            |encoding: &String| !(call.takes_gzip && encoding.eq_ignore_ascii_case("gzip"));
        if let Some(encoding) = encoding(&headers).filter(unwanted) {
            return Err(Failure::Encoded(encoding));
        }
        let announced = response.content_length().unwrap_or(0);
        if announced > limit as u64 {
            return Err(Failure::TooLarge);
        }
        let mut body = BytesMut::with_capacity(first_reservation(announced));
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > limit {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status,
            headers,
            body: Bytes::from(body),
        })
    }
}

enum Failure {
    TooLarge,
    /// The body is not what its `Content-Type` says.
    Encoded(String),
    Http(reqwest::Error),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// The compression of a body, which no request asks for. Unpacking what nobody asked for is how a
/// few bytes fill the memory; passing it on is how garbage looks like an answer.
fn encoding(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(|value| value.to_str().unwrap_or("unreadable").trim())
        .find(|value| !value.is_empty() && !value.eq_ignore_ascii_case("identity"))
        .map(|value| value.chars().take(40).collect())
}

/// Memory taken before the first byte of a body: enough for a usual page of 100 KB, little enough
/// for an announcement that is a lie.
fn first_reservation(announced: u64) -> usize {
    const MOST: u64 = 256 * 1024;
    announced.min(MOST) as usize
}

/// The chain of causes on one line, without the URL, whose query may carry secrets.
fn describe(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_header_announces_is_not_believed_with_memory() {
        for (announced, reserved) in [
            (0, 0),
            (100_000, 100_000),
            (8 << 20, 256 << 10),
            (u64::MAX, 256 << 10),
        ] {
            assert_eq!(first_reservation(announced), reserved, "{announced}");
        }
    }
}
