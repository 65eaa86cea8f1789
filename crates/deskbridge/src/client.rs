use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::address::Address;
use crate::{Error, Refusal};

/// Largest answer that is held in memory; exports are streamed instead.
const LARGEST: usize = 64 * 1024 * 1024;

/// Longest that a `Retry-After` is followed without asking the user.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long and how often the hub is asked.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Bound on one request with its answer; for an export, on the wait for its next bytes.
    pub timeout: Duration,
    /// Times a GET is sent in all. Nothing else is sent twice.
    pub attempts: u32,
    /// Wait before the second attempt; doubled before each further one.
    pub backoff: Duration,
    /// First wait between two looks at a run; grows by half each time.
    pub poll: Duration,
    /// Longest such wait.
    pub longest_poll: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            // An API behind API Gateway answers within 30 s or not at all.
            timeout: Duration::from_secs(40),
            attempts: 4,
            backoff: Duration::from_millis(500),
            poll: Duration::from_millis(400),
            longest_poll: Duration::from_secs(4),
        }
    }
}

/// The hub's HTTP API, with one key.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: Address,
    key: SecretString,
    patience: Patience,
}

/// A request to a route below `/api/integrations`.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: Method,
    url: Url,
    body: Option<(&'static str, Bytes)>,
    /// What makes a repeated request do nothing twice.
    once: Option<HeaderValue>,
}

/// A whole answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    url: String,
    body: Bytes,
}

/// An answer on its way, for bodies of any size.
#[derive(Debug)]
pub(crate) struct Download {
    url: String,
    response: reqwest::Response,
}

impl Client {
    pub(crate) fn new(
        address: Address,
        key: SecretString,
        patience: Patience,
    ) -> Result<Self, Error> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("deskbridge-cli/", env!("CARGO_PKG_VERSION")))
            // The key must not follow to where an answer points.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(patience.timeout);
        let builder = if address.is_loopback() {
            builder.no_proxy()
        } else {
            builder.https_only(true)
        };
        let http = builder.build().map_err(|error| Error::Unreachable {
            url: address.to_string(),
            why: causes(&error),
            may_have_happened: false,
        })?;
        Ok(Self {
            http,
            address,
            key,
            patience,
        })
    }

    pub(crate) fn key(&self) -> &SecretString {
        &self.key
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }

    fn request(&self, method: Method, path: &[&str]) -> Request {
        let mut segments = vec!["api", "integrations"];
        segments.extend_from_slice(path);
        Request {
            method,
            url: self.address.route(&segments),
            body: None,
            once: None,
        }
    }

    pub(crate) fn get(&self, path: &[&str]) -> Request {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &[&str]) -> Request {
        self.request(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &[&str]) -> Request {
        self.request(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &[&str]) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Sends `request` and reads the whole answer; refusals are errors.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, Error> {
        let mut failures = 0;
        loop {
            let outcome = self.exchange(&request).await;
            failures += 1;
            let error = match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match self.pause(&request, &error, failures) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    /// Sends `request` and yields the answer as it comes.
    pub(crate) async fn download(&self, request: Request) -> Result<Download, Error> {
        let mut failures = 0;
        loop {
            let error = match self.begin(&request).await {
                Ok(response) if response.status().is_success() => {
                    return Ok(Download {
                        url: shown_url(&request.url),
                        response,
                    });
                }
                Ok(response) => match self.refusal(&request, response).await {
                    Ok(refusal) => refusal.into(),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            failures += 1;
            match self.pause(&request, &error, failures) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }

    /// How long to wait before `request` is sent again, if it is.
    fn pause(&self, request: &Request, error: &Error, failures: u32) -> Option<Duration> {
        if request.method != Method::GET || failures >= self.patience.attempts {
            return None;
        }
        let asked = match error {
            Error::Unreachable { .. } => None,
            Error::Refused(refusal) if matches!(refusal.status, 429 | 502 | 503 | 504) => {
                refusal.retry_after_s.map(Duration::from_secs)
            }
            _ => return None,
        };
        let wait = self.patience.backoff * 2_u32.saturating_pow(failures - 1);
        match asked {
            Some(asked) if asked > LONGEST_WAIT => None,
            Some(asked) => Some(asked.max(wait)),
            None => Some(wait),
        }
    }

    async fn exchange(&self, request: &Request) -> Result<Answer, Error> {
        let timeout = self.patience.timeout;
        let exchange = async {
            let response = self.begin(request).await?;
            if !response.status().is_success() {
                return Err(self.refusal(request, response).await?.into());
            }
            let status = response.status().as_u16();
            let body = self.whole(request, response).await?;
            Ok(Answer {
                status,
                url: shown_url(&request.url),
                body,
            })
        };
        tokio::time::timeout(timeout, exchange)
            .await
            .unwrap_or_else(|_| {
                Err(Error::Unreachable {
                    url: shown_url(&request.url),
                    why: format!("no whole answer within {} s", timeout.as_secs()),
                    may_have_happened: request.method != Method::GET,
                })
            })
    }

    async fn begin(&self, request: &Request) -> Result<reqwest::Response, Error> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.key.expose_secret()))
            .map_err(|_| {
                Error::Usage(
                    "the API key holds characters that no key has; run `deskbridge login` again"
                        .to_owned(),
                )
            })?;
        bearer.set_sensitive(true);
        let mut builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, "application/json, */*;q=0.5");
        if let Some(key) = &request.once {
            builder = builder.header("idempotency-key", key);
        }
        if let Some((kind, body)) = &request.body {
            builder = builder.header(CONTENT_TYPE, *kind).body(body.clone());
        }
        builder
            .send()
            .await
            .map_err(|error| unreachable(request, &error))
    }

    async fn whole(
        &self,
        request: &Request,
        mut response: reqwest::Response,
    ) -> Result<Bytes, Error> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| unreachable(request, &error))?
        {
            if body.len() + chunk.len() > LARGEST {
                return Err(Error::Answer {
                    url: shown_url(&request.url),
                    why: format!("it is larger than {LARGEST} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    async fn refusal(
        &self,
        request: &Request,
        response: reqwest::Response,
    ) -> Result<Refusal, Error> {
        let status = response.status();
        if status.is_redirection() {
            return Err(Error::Answer {
                url: shown_url(&request.url),
                why: "it redirects elsewhere, and the key is not taken there".to_owned(),
            });
        }
        let headers = response.headers().clone();
        let body = self.whole(request, response).await?;
        Ok(read_refusal(status, &headers, &body))
    }
}

impl Request {
    /// Adds a parameter to the query.
    pub(crate) fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.url.query_pairs_mut().append_pair(name, value.as_ref());
        self
    }

    /// The same, if there is a value.
    pub(crate) fn maybe(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Names the request, so that a repeated one does nothing twice.
    pub(crate) fn once(self, key: Option<&str>) -> Result<Self, Error> {
        let once = key
            .map(|key| {
                HeaderValue::from_str(key).map_err(|_| {
                    Error::Usage("an idempotency key has letters, digits and ._:@- only".to_owned())
                })
            })
            .transpose()?;
        Ok(Self { once, ..self })
    }

    /// Sends JSON text.
    pub(crate) fn json(self, body: impl Into<Bytes>) -> Self {
        self.body("application/json", body)
    }

    /// Sends `body` of another kind.
    pub(crate) fn body(mut self, kind: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = Some((kind, body.into()));
        self
    }
}

impl Answer {
    /// The text as the API sent it.
    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the work goes on after the answer: 202.
    pub(crate) fn is_accepted(&self) -> bool {
        self.status == StatusCode::ACCEPTED
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Answer {
            url: self.url.clone(),
            // Neither serde's message nor the text: both may quote a record.
            why: format!(
                "it is not the JSON that was expected (line {}, column {})",
                error.line(),
                error.column()
            ),
        })
    }
}

impl Download {
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.response
            .chunk()
            .await
            .map_err(|error| Error::Unreachable {
                url: self.url.clone(),
                why: causes(&error),
                may_have_happened: false,
            })
    }

    /// The next page would be this one again.
    pub(crate) fn endless(&self) -> Error {
        Error::Answer {
            url: self.url.clone(),
            why: "its pages do not end".to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }
}

/// The body of every refusal, and what API Gateway says when it refuses by itself.
#[derive(Deserialize)]
struct ErrorBody {
    error: Option<Detail>,
    message: Option<String>,
    #[serde(alias = "requestId")]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    code: String,
    message: String,
    field: Option<String>,
}

fn read_refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    let body = serde_json::from_slice::<ErrorBody>(body).ok();
    let (detail, message, request_id) = match body {
        Some(body) => (body.error, body.message, body.request_id),
        None => (None, None, None),
    };
    let (code, message, field) = if let Some(detail) = detail {
        (detail.code, detail.message, detail.field)
    } else {
        let reason = status.canonical_reason().unwrap_or("refused");
        let code = reason.to_ascii_lowercase().replace([' ', '-'], "_");
        (code, message.unwrap_or_else(|| reason.to_owned()), None)
    };
    Refusal {
        status: status.as_u16(),
        code,
        message,
        field,
        request_id: request_id
            .or_else(|| header("x-request-id"))
            .or_else(|| header("apigw-requestid")),
        retry_after_s: header(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok()),
    }
}

fn unreachable(request: &Request, error: &reqwest::Error) -> Error {
    Error::Unreachable {
        url: shown_url(&request.url),
        why: causes(error),
        // What never connected was never sent.
        may_have_happened: request.method != Method::GET && !error.is_connect(),
    }
}

/// Without the query, which may name records.
fn shown_url(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// The deepest causes say what is wrong; the outer ones only that something is.
fn causes(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it does not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
