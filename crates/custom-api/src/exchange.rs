//! One request and its answer: checked addresses, redirects by hand, tokens renewed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use clock::Clock;
use egress::Egress;
use engine::{Error, Kind, Used};
use tokio::time::Instant;
use url::Url;
use vendor_http::header::HeaderMap;
use vendor_http::{Client, Deadline, Resolver, Settings};

use crate::auth::Authorizer;
use crate::config::{Config, ErrorRule, Format};
use crate::failure::{self, Refusal};
use crate::judge::{Judge, Judged, Outcome};
use crate::request::Request;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;
/// Ports that one integration calls: its API, its token endpoint, where it redirects to.
const MOST_PORTS: usize = 8;

/// What an API answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) rows: Rows,
    pub(crate) headers: HeaderMap,
    /// Where the answer came from, for relative links.
    pub(crate) url: Url,
}

#[derive(Debug)]
pub(crate) enum Rows {
    /// The unpacked body.
    In(Bytes),
    /// None, by a rule.
    Ignored,
    /// None by a rule, and the run should say so.
    Skipped,
}

/// HTTP clients by port, each resolving names to permitted addresses only.
pub(crate) struct Http {
    egress: Egress,
    settings: Settings,
    clients: Mutex<BTreeMap<u16, Client>>,
    apart: Duration,
    next: tokio::sync::Mutex<Option<Instant>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    pub(crate) fn new(egress: Egress, config: &Config, seed: u64) -> Self {
        Self {
            egress,
            settings: Settings {
                max_concurrency: config.rate.at_once,
                attempts: config.rate.attempts,
                max_body: config.limits.bytes,
                seed,
                ..Settings::default()
            },
            clients: Mutex::new(BTreeMap::new()),
            apart: config.rate.apart,
            next: tokio::sync::Mutex::new(None),
        }
    }

    /// The client for `url`, if that may be called. Every URL passes here.
    pub(crate) async fn client(&self, url: &Url, deadline: Deadline) -> Result<Client, Error> {
        self.egress
            .check_url(url)
            .map_err(|error| failure::of_egress(&error))?;
        let port = url.port_or_known_default().unwrap_or(0);
        let host = url.host_str().unwrap_or_default();
        // The client's resolver judges again, each time it connects; this look is for the message.
        let look = self.egress.resolve(host, port);
        tokio::time::timeout(deadline.remaining(), look)
            .await
            .map_err(|_| Error::new(Kind::DeadlineExceeded, "time ran out; run it again"))?
            .map_err(|error| failure::of_egress(&error))?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&port) {
            return Ok(client.clone());
        }
        if clients.len() >= MOST_PORTS {
            return Err(Error::new(
                Kind::Refused,
                format!("the API sends us to more than {MOST_PORTS} ports; that is no API"),
            ));
        }
        let client = Client::new(Settings {
            resolver: Some(Resolver(self.egress.dns_for(port))),
            ..self.settings.clone()
        });
        let client = client.map_err(|error| failure::of_transport(&error, None))?;
        clients.insert(port, client.clone());
        Ok(client)
    }

    /// Waits for its turn in the rate that was set.
    async fn turn(&self, deadline: Deadline) -> Result<(), Error> {
        let mut next = self.next.lock().await;
        let now = Instant::now();
        let turn = next.unwrap_or(now).max(now);
        let wait = turn.saturating_duration_since(now);
        if !wait.is_zero() && !deadline.sleep(wait).await {
            return Err(Error::new(
                Kind::DeadlineExceeded,
                "time ran out while calls were held back by `config.rate`; run it again",
            ));
        }
        *next = Some(turn + self.apart);
        Ok(())
    }

    pub(crate) fn used(&self) -> Used {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.values().fold(Used::default(), |used, client| {
            let usage = client.usage();
            used.and(Used {
                requests: usage.requests,
                credits: usage.credits,
                retries: usage.retries,
            })
        })
    }
}

/// Sends requests to one API.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) base: Url,
    pub(crate) http: Http,
    pub(crate) auth: Authorizer,
    pub(crate) limit: usize,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Exchange {
    /// Sends `request`, follows redirects, and renews the access token once if it is refused.
    pub(crate) async fn send(
        &self,
        request: &Request,
        rules: &[ErrorRule],
        format: Option<Format>,
        deadline: Deadline,
    ) -> Result<Reply, Refusal> {
        let mut request = request.clone();
        let mut rejected = None;
        let mut redirects = 0;
        loop {
            let mut signed = request.clone();
            let mut token = None;
            if self.is_home(&signed.url) {
                let refused = rejected.as_ref();
                let authorized = self
                    .auth
                    .authorize(&mut signed, &self.http, refused, deadline);
                token = authorized.await?;
            } else {
                signed.forget_headers();
            }
            let (answer, judged) = self.once(&signed, rules, format, deadline).await?;
            let status = answer.status;
            let failed = |error| {
                Err(Refusal {
                    error,
                    status: Some(status),
                })
            };
            let rows = match judged.outcome {
                Outcome::Good => Rows::In(judged.text),
                Outcome::Ignored => Rows::Ignored,
                Outcome::Skipped => Rows::Skipped,
                Outcome::Redirect => {
                    redirects += 1;
                    if redirects > MOST_REDIRECTS {
                        let text = format!(
                            "the API redirects more than {MOST_REDIRECTS} times; check `config.baseUrl`"
                        );
                        return failed(Error::new(Kind::InvalidConfig, text));
                    }
                    let location = answer.header_text("location").unwrap_or_default();
                    request = request.redirected(status, location)?;
                    continue;
                }
                Outcome::Refresh(_) if token.is_some() && rejected.is_none() => {
                    rejected = token;
                    continue;
                }
                Outcome::Refresh(error) | Outcome::Failed(error) | Outcome::Again(error) => {
                    return failed(error);
                }
            };
            return Ok(Reply {
                rows,
                headers: answer.headers,
                url: signed.url,
            });
        }
    }

    async fn once(
        &self,
        request: &Request,
        rules: &[ErrorRule],
        format: Option<Format>,
        deadline: Deadline,
    ) -> Result<(vendor_http::Answer, Judged), Refusal> {
        let label = request.label();
        let judge = Judge {
            auth: self.auth.kind(),
            rules,
            format,
            limit: self.limit,
            call: &label,
            clock: &*self.clock,
            last: Mutex::new(None),
        };
        let client = self.http.client(&request.url, deadline).await?;
        self.http.turn(deadline).await?;
        match client.send(&request.call(), &judge, deadline).await {
            Ok(answer) => {
                let judged = judge.take().ok_or_else(|| {
                    Error::new(Kind::Internal, "an answer was not judged; report this")
                })?;
                Ok((answer, judged))
            }
            Err(error) => {
                let last = judge.take().and_then(|judged| match judged.outcome {
                    Outcome::Again(error) => Some(error),
                    _ => None,
                });
                Err(failure::of_transport(&error, last).into())
            }
        }
    }

    /// Whether `url` is the API's own origin, where credentials may go.
    fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }
}
