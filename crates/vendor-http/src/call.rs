use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::Cost;

/// One request to a vendor. It may be sent several times, so it must be repeatable; a write that is
/// not says so with [`Call::once`].
#[derive(Clone)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    pub(crate) timeout: Option<Duration>,
    pub(crate) repeatable: bool,
    pub(crate) takes_gzip: bool,
}

/// What a request carries.
#[derive(Clone)]
pub(crate) enum Content {
    Nothing,
    Form(Vec<(&'static str, SecretString)>),
    Json(Bytes),
    Raw(HeaderValue, Bytes),
}

impl Call {
    /// A GET of `url`.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST of form fields, which are treated as secrets.
    pub fn post_form(
        url: Url,
        fields: impl IntoIterator<Item = (&'static str, SecretString)>,
    ) -> Self {
        let fields = fields.into_iter().collect();
        Self::new(Method::POST, url).carrying(Content::Form(fields))
    }

    /// A POST of `json`. Creating is not repeatable: see [`Call::once`].
    pub fn post_json(url: Url, json: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, url).carrying(Content::Json(json.into()))
    }

    /// A POST of `body`, whose `Content-Type` is `media_type`.
    pub fn post_raw(url: Url, media_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, url).carrying(Content::Raw(media_type, body.into()))
    }

    /// A PATCH of `json`.
    pub fn patch_json(url: Url, json: impl Into<Bytes>) -> Self {
        Self::new(Method::PATCH, url).carrying(Content::Json(json.into()))
    }

    /// A DELETE of `url`. Sent again after it was carried out, it finds nothing to delete.
    pub fn delete(url: Url) -> Self {
        Self::new(Method::DELETE, url)
    }

    fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            content: Content::Nothing,
            timeout: None,
            repeatable: true,
            takes_gzip: false,
        }
    }

    fn carrying(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// Adds a header. A value that holds a secret is to be marked sensitive.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Bounds one attempt, instead of [`crate::Settings::attempt_timeout`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Asks for gzip, and takes an answer in it: [`Answer::body`] then is what was sent, still
    /// packed. The caller unpacks it, up to a limit of its own.
    #[must_use]
    pub fn accepting_gzip(mut self) -> Self {
        self.takes_gzip = true;
        self
    }

    /// Marks the call as one that must not be sent again after it may have reached the vendor. An
    /// error's [`crate::Error::may_have_happened`] then says whether it may have.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// Method and path for logs: no query, which may carry what people typed.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }
}

impl Content {
    pub(crate) fn onto(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Nothing => request,
            Self::Form(fields) => {
                let pairs = fields
                    .iter()
                    .map(|(name, value)| (name, value.expose_secret()));
                request.form(&pairs.collect::<Vec<_>>())
            }
            Self::Json(json) => request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(json.clone()),
            Self::Raw(media_type, body) => request
                .header(CONTENT_TYPE, media_type.clone())
                .body(body.clone()),
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

/// A complete answer: status, headers and the whole body, which is within the size limit.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body as sent.
    pub body: Bytes,
}

impl Answer {
    /// The text of header `name`, if there and printable.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After` in its seconds form (RFC 9110, 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header_text("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// Whether the body is a web page where an API answer was due.
    pub fn is_html(&self) -> bool {
        let start = self
            .body
            .iter()
            .position(|byte| !byte.is_ascii_whitespace());
        start.is_some_and(|at| self.body[at] == b'<')
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// What the client does with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Final, good or bad: hand it to the caller.
    Accept,
    /// The vendor failed for now: wait (at least `after`, if it said so) and send again.
    Retry {
        /// For logs and the final error, e.g. `HTTP 502`.
        reason: String,
        /// The vendor's own wish.
        after: Option<Duration>,
    },
    /// Too many calls at once: narrow down and send again.
    Crowded,
    /// The vendor's pool of calls is spent until then.
    Exhausted {
        /// Time until the pool is filled again, if the vendor said so.
        resume_after: Option<Duration>,
    },
}

/// What a vendor crate tells this one about its answers.
pub trait Vendor: Send + Sync + fmt::Debug {
    /// What to do with `answer`.
    fn judge(&self, answer: &Answer) -> Verdict;

    /// What the call cost and what is left, where the vendor says so.
    fn cost(&self, answer: &Answer) -> Cost {
        let _ = answer;
        Cost::default()
    }
}
