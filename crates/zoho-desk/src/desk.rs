use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use vendor_http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use vendor_http::{
    AccessToken, Answer, Call, Client, Deadline, Origin, TokenError, TokenErrorKind, TokenSource,
};

use crate::judge::Complaint;
use crate::page::{MOST_ROWS, Page};
use crate::{Error, OrgId, Row, ZohoAnswers, routes};

/// A query parameter.
pub(crate) type Param<'a> = (&'a str, Cow<'a, str>);

/// Time for a new token to be known everywhere at the vendor.
const PROPAGATION: Duration = Duration::from_millis(500);

/// Times an unreadable page is asked for in all.
const READS: u32 = 4;

/// The client of one Zoho Desk organisation, for one invocation.
#[derive(Debug, Clone)]
pub struct Desk {
    http: Client,
    tokens: Arc<dyn TokenSource>,
    origin: Origin,
    org: OrgId,
    deadline: Deadline,
}

/// The answer of a route of unknown shape.
#[derive(Debug, Clone)]
pub enum Document {
    /// `{"data":[…]}`: its rows.
    Rows(Vec<Row>),
    /// Any other JSON value, whole.
    Value(Bytes),
    /// 204 or no bytes.
    Empty,
}

/// One entry of `GET /organizations`.
#[derive(Debug, Clone, Deserialize)]
pub struct Organization {
    /// Digits.
    pub id: String,
    /// E.g. `ENTERPRISE`.
    #[serde(default)]
    pub edition: Option<String>,
}

impl Organization {
    /// Credits a day that the edition has without its agents' share and add-ons; the least the
    /// account's pool can be. Zoho help, "Working with API credits".
    pub fn daily_credits(&self) -> Option<u64> {
        let edition = self.edition.as_deref()?.to_ascii_uppercase();
        let of = |name| edition.contains(name);
        match () {
            () if of("ENTERPRISE") || of("ONE") || of("PLUS") => Some(100_000),
            () if of("PROFESSIONAL") => Some(75_000),
            () if of("STANDARD") => Some(50_000),
            () if of("EXPRESS") => Some(25_000),
            () if of("FREE") || of("TRIAL") => Some(5_000),
            () => None,
        }
    }
}

impl Desk {
    /// `origin` is the data centre's Desk host. No call starts or waits past `deadline`.
    pub fn new(
        http: Client,
        tokens: Arc<dyn TokenSource>,
        origin: Origin,
        org: OrgId,
        deadline: Deadline,
    ) -> Self {
        Self {
            http,
            tokens,
            origin,
            org,
            deadline,
        }
    }

    /// Most calls in flight; walks keep that many going.
    pub fn width(&self) -> usize {
        self.http.limiter().ceiling() as usize
    }

    /// One page of a list or search.
    pub(crate) async fn page(&self, path: &str, query: &[Param<'_>]) -> Result<Page, Error> {
        let mut reads = 0;
        loop {
            let body = self.body(path, query).await?;
            reads += 1;
            match Page::read(body.as_ref(), path, MOST_ROWS) {
                Err(Error::Malformed { .. }) if reads < READS => {
                    self.deadline
                        .sleep(Duration::from_millis(200) * reads)
                        .await;
                }
                other => return other,
            }
        }
    }

    /// The answer of any route, for callers that do not know its shape.
    pub async fn document(
        &self,
        path: &str,
        query: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Document, Error> {
        let query: Vec<_> = query.into_iter().collect();
        let query: Vec<Param<'_>> = query
            .iter()
            .map(|(key, value)| (key.as_str(), value.into()))
            .collect();
        self.document_of(path, &query).await
    }

    pub(crate) async fn document_of(
        &self,
        path: &str,
        query: &[Param<'_>],
    ) -> Result<Document, Error> {
        let Some(body) = self.body(path, query).await? else {
            return Ok(Document::Empty);
        };
        match Page::read(Some(&body), path, usize::MAX) {
            Ok(page) => Ok(Document::Rows(page.rows)),
            Err(malformed @ Error::Malformed { .. }) => {
                // Valid JSON of another shape is an answer too.
                match serde_json::from_slice::<&RawValue>(&body) {
                    Ok(_) => Ok(Document::Value(body)),
                    Err(_) => Err(malformed),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The organisations the token can see.
    pub async fn organizations(&self) -> Result<Vec<Organization>, Error> {
        #[derive(Deserialize)]
        struct Organizations {
            data: Vec<Organization>,
        }
        let path = routes::ORGANIZATIONS.path;
        let Some(body) = self.body(path, &[]).await? else {
            return Ok(Vec::new());
        };
        serde_json::from_slice::<Organizations>(&body)
            .map(|organizations| organizations.data)
            .map_err(|error| Error::Malformed {
                path: path.to_owned(),
                why: format!("line {}, column {}", error.line(), error.column()),
            })
    }

    /// The body of a good answer; `None` for 204 and for no bytes. An access token that the vendor
    /// refuses is replaced once.
    async fn body(&self, path: &str, query: &[Param<'_>]) -> Result<Option<Bytes>, Error> {
        let token = self.tokens.token(self.deadline).await?;
        let mut answer = self.send(path, query, &token).await?;
        if token_refused(&answer) {
            answer = match self.tokens.replace(&token, self.deadline).await {
                Ok(fresh) => self.send(path, query, &fresh).await?,
                Err(error) if error.kind == TokenErrorKind::AuthRequired => {
                    self.second_opinion(path, query, &token, error).await?
                }
                Err(error) => return Err(error.into()),
            };
        }
        accepted(answer, path)
    }

    /// No other token can be had. A token that is a second old may not be known everywhere at the
    /// vendor yet, so it is tried once more before a person is asked to act.
    async fn second_opinion(
        &self,
        path: &str,
        query: &[Param<'_>],
        token: &AccessToken,
        error: TokenError,
    ) -> Result<Answer, Error> {
        if !self.deadline.sleep(PROPAGATION).await {
            return Err(Error::Http(vendor_http::Error::Deadline {
                call: format!("GET {path}"),
                attempts: 1,
                last: Some("a refusal of the access token".to_owned()),
            }));
        }
        let answer = self.send(path, query, token).await?;
        if token_refused(&answer) {
            return Err(error.into());
        }
        Ok(answer)
    }

    async fn send(
        &self,
        path: &str,
        query: &[Param<'_>],
        token: &AccessToken,
    ) -> Result<Answer, Error> {
        let mut url = self.origin.at(&format!("/api/v1{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let authorization = token.header("Zoho-oauthtoken").ok_or(Error::Unauthorized)?;
        let mut call = Call::get(url).header(AUTHORIZATION, authorization);
        if path != routes::ORGANIZATIONS.path {
            let org =
                HeaderValue::from_str(self.org.as_str()).map_err(|_| Error::WrongOrganization)?;
            call = call.header(HeaderName::from_static("orgid"), org);
        }
        Ok(self.http.send(&call, &ZohoAnswers, self.deadline).await?)
    }
}

/// Bytes. A page of rows is not read for a refusal that it cannot be.
const LONGEST_REFUSAL: usize = 4096;

fn token_refused(answer: &Answer) -> bool {
    answer.status == 401
        || (answer.status == 200
            && answer.body.len() <= LONGEST_REFUSAL
            && Complaint::read(answer).error_code == "INVALID_OAUTH")
}

fn accepted(answer: Answer, path: &str) -> Result<Option<Bytes>, Error> {
    match answer.status {
        200 if answer.body.is_empty() => Ok(None),
        200 => Ok(Some(answer.body)),
        204 => Ok(None),
        status if answer.is_html() || (300..400).contains(&status) => Err(Error::NotTheApi {
            path: path.to_owned(),
            status,
        }),
        status => Err(refusal(&answer, status, path)),
    }
}

fn refusal(answer: &Answer, status: u16, path: &str) -> Error {
    let complaint = Complaint::read(answer);
    let code = match (complaint.error_code.as_ref(), status) {
        ("", 401) => "UNAUTHORIZED",
        ("", 403) => "FORBIDDEN",
        ("", 404) => "URL_NOT_FOUND",
        (code, _) => code,
    };
    match Error::from_code(status, code, &complaint.message, path) {
        Error::PlanRequired { path, edition, .. } => Error::PlanRequired {
            path,
            edition,
            owned: complaint.edition_type.map(Cow::into_owned),
        },
        error => error,
    }
}
