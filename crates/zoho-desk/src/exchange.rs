//! One request and its answer: headers, access token, what a refusal means.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vendor_http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use vendor_http::{AccessToken, Answer, Call, Method, TokenError, TokenErrorKind};

use crate::desk::Param;
use crate::judge::Complaint;
use crate::page::position;
use crate::{Desk, Error, ZohoAnswers, routes};

/// Time for a new token to be known everywhere at the vendor.
const PROPAGATION: Duration = Duration::from_millis(500);

/// Bytes. A page of rows is not read for a refusal that it cannot be.
const LONGEST_REFUSAL: usize = 4096;

/// What is asked of the vendor.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    method: Method,
    path: &'a str,
    query: &'a [Param<'a>],
    json: Bytes,
}

impl<'a> Request<'a> {
    pub(crate) fn get(path: &'a str, query: &'a [Param<'a>]) -> Self {
        Self {
            method: Method::GET,
            path,
            query,
            json: Bytes::new(),
        }
    }

    /// A POST that creates something: it is not sent again once it may have reached the vendor.
    pub(crate) fn create(path: &'a str, content: &impl Serialize) -> Result<Self, Error> {
        Self::carrying(Method::POST, path, content)
    }

    /// A PATCH, which may be sent again: it sets what it sets.
    pub(crate) fn update(path: &'a str, content: &impl Serialize) -> Result<Self, Error> {
        Self::carrying(Method::PATCH, path, content)
    }

    pub(crate) fn delete(path: &'a str) -> Self {
        Self {
            method: Method::DELETE,
            ..Self::get(path, &[])
        }
    }

    fn carrying(method: Method, path: &'a str, content: &impl Serialize) -> Result<Self, Error> {
        let json = serde_json::to_vec(content).map_err(|error| Error::Malformed {
            path: path.to_owned(),
            why: format!("the request cannot be written as JSON: {error}"),
        })?;
        Ok(Self {
            method,
            json: json.into(),
            ..Self::get(path, &[])
        })
    }

    /// How messages name it: reads by their path, writes by method and path.
    pub(crate) fn label(&self) -> Cow<'a, str> {
        match self.method {
            Method::GET => Cow::Borrowed(self.path),
            _ => Cow::Owned(format!("{} {}", self.method, self.path)),
        }
    }
}

impl Desk {
    /// The body of a good answer; `None` for 204 and for no bytes. An access token that the vendor
    /// refuses is replaced once; a request refused for its token was not carried out.
    pub(crate) async fn exchange(&self, request: &Request<'_>) -> Result<Option<Bytes>, Error> {
        let token = self.tokens.token(self.deadline).await?;
        let mut answer = self.send(request, &token).await?;
        if token_refused(&answer) {
            answer = match self.tokens.replace(&token, self.deadline).await {
                Ok(fresh) => self.send(request, &fresh).await?,
                Err(error) if error.kind == TokenErrorKind::AuthRequired => {
                    self.second_opinion(request, &token, error).await?
                }
                Err(error) => return Err(error.into()),
            };
        }
        accepted(answer, request)
    }

    /// The record that a request is answered with.
    pub(crate) async fn record<T: DeserializeOwned>(
        &self,
        request: &Request<'_>,
    ) -> Result<T, Error> {
        let malformed = |why: String| Error::Malformed {
            path: request.label().into_owned(),
            why,
        };
        match self.exchange(request).await? {
            Some(body) => {
                serde_json::from_slice(&body).map_err(|error| malformed(position(&error)))
            }
            None => Err(malformed("it is empty".to_owned())),
        }
    }

    /// No other token can be had. A token that is a second old may not be known everywhere at the
    /// vendor yet, so it is tried once more before a person is asked to act.
    async fn second_opinion(
        &self,
        request: &Request<'_>,
        token: &AccessToken,
        error: TokenError,
    ) -> Result<Answer, Error> {
        if !self.deadline.sleep(PROPAGATION).await {
            return Err(Error::Http(vendor_http::Error::Deadline {
                call: format!("{} {}", request.method, request.path),
                attempts: 1,
                last: Some("a refusal of the access token".to_owned()),
                may_have_happened: false,
            }));
        }
        let answer = self.send(request, token).await?;
        if token_refused(&answer) {
            return Err(error.into());
        }
        Ok(answer)
    }

    async fn send(&self, request: &Request<'_>, token: &AccessToken) -> Result<Answer, Error> {
        let mut url = self.origin.at(&format!("/api/v1{}", request.path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        let authorization = token.header("Zoho-oauthtoken").ok_or(Error::Unauthorized)?;
        let json = || request.json.clone();
        let mut call = match request.method {
            Method::POST => Call::post_json(url, json()).once(),
            Method::PATCH => Call::patch_json(url, json()),
            Method::DELETE => Call::delete(url),
            _ => Call::get(url),
        };
        call = call.header(AUTHORIZATION, authorization);
        if request.path != routes::ORGANIZATIONS.path {
            let org =
                HeaderValue::from_str(self.org.as_str()).map_err(|_| Error::WrongOrganization)?;
            call = call.header(HeaderName::from_static("orgid"), org);
        }
        Ok(self.http.send(&call, &ZohoAnswers, self.deadline).await?)
    }
}

fn token_refused(answer: &Answer) -> bool {
    answer.status == 401
        || (answer.status == 200
            && answer.body.len() <= LONGEST_REFUSAL
            && Complaint::read(answer).error_code == "INVALID_OAUTH")
}

fn accepted(answer: Answer, request: &Request<'_>) -> Result<Option<Bytes>, Error> {
    let is_write = request.method != Method::GET;
    match answer.status {
        200 | 201 if answer.body.is_empty() => Ok(None),
        200 if is_write && is_complaint(&answer) => Err(refusal(&answer, request)),
        200 | 201 => Ok(Some(answer.body)),
        204 => Ok(None),
        status if answer.is_html() || (300..400).contains(&status) => Err(Error::NotTheApi {
            path: request.label().into_owned(),
            status,
        }),
        _ => Err(refusal(&answer, request)),
    }
}

fn is_complaint(answer: &Answer) -> bool {
    answer.body.len() <= LONGEST_REFUSAL && !Complaint::read(answer).error_code.is_empty()
}

fn refusal(answer: &Answer, request: &Request<'_>) -> Error {
    let complaint = Complaint::read(answer);
    let code = match (complaint.error_code.as_ref(), answer.status) {
        ("", 401) => "UNAUTHORIZED",
        ("", 403) => "FORBIDDEN",
        ("", 404) => "URL_NOT_FOUND",
        (code, _) => code,
    };
    let path = request.label();
    if code == "INVALID_DATA" && request.method != Method::GET {
        return Error::Invalid {
            path: path.into_owned(),
            fields: complaint.errors.iter().map(Into::into).collect(),
        };
    }
    match Error::from_code(answer.status, code, &complaint.message, &path) {
        Error::PlanRequired { path, edition, .. } => Error::PlanRequired {
            path,
            edition,
            owned: complaint.edition_type.map(Cow::into_owned),
        },
        error => error,
    }
}
