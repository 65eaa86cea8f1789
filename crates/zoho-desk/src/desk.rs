use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use vendor_http::{Client, Deadline, Origin, TokenSource, Usage};

use crate::exchange::Request;
use crate::page::{MOST_ROWS, Page, position};
use crate::{Error, OrgId, Row, routes};

/// A query parameter.
pub(crate) type Param<'a> = (&'a str, Cow<'a, str>);

/// Times an unreadable page is asked for in all.
const READS: u32 = 4;

/// The client of one Zoho Desk organisation, for one invocation.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(crate) http: Client,
    pub(crate) tokens: Arc<dyn TokenSource>,
    pub(crate) origin: Origin,
    pub(crate) org: OrgId,
    pub(crate) deadline: Deadline,
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
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// Digits.
    pub id: String,
    /// E.g. `ENTERPRISE`.
    #[serde(default)]
    pub edition: Option<String>,
    /// As the account's owner wrote it.
    #[serde(default)]
    pub company_name: Option<String>,
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

    /// The same organisation for a part of the invocation that ends at `deadline`, if that is
    /// earlier.
    #[must_use]
    pub fn by(&self, deadline: Deadline) -> Self {
        Self {
            deadline: self.deadline.min(deadline),
            ..self.clone()
        }
    }

    /// The organisation.
    pub fn org(&self) -> &OrgId {
        &self.org
    }

    /// What its HTTP client sent since it was made, whoever asked.
    pub fn usage(&self) -> Usage {
        self.http.usage()
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
                why: position(&error),
            })
    }

    async fn body(&self, path: &str, query: &[Param<'_>]) -> Result<Option<Bytes>, Error> {
        self.exchange(&Request::get(path, query)).await
    }
}
