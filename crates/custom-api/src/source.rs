//! The API as a source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use clock::Clock;
use egress::Egress;
use engine::{Checked, Error, Kind, Problem, Reader, Reading, Source};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::Value;
use vendor_http::Deadline;

use crate::auth::Authorizer;
use crate::config::{self, Config, ErrorRule, Format, Stream, Verb};
use crate::exchange::{Exchange, Http};
use crate::failure::Refusal;
use crate::position::{Position, State};
use crate::reader::ApiReader;
use crate::request::Request;
use crate::vault::TokenVault;
use crate::walk::{self, Job, Place};

/// Secrets by name, such as `apiKey`.
pub type Credentials = BTreeMap<String, SecretString>;

/// A REST API that was declared in JSON.
pub struct CustomApi(Arc<Api>);

/// What readers share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) config: Config,
    pub(crate) credentials: Credentials,
    pub(crate) exchange: Exchange,
}

impl fmt::Debug for CustomApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomApi")
    }
}

impl CustomApi {
    /// The API that `config` declares. `tokens` keeps the OAuth tokens of this integration; `seed`
    /// spreads the waits of processes.
    ///
    /// Fails with [`Kind::InvalidConfig`], or [`Kind::AuthRequired`] if only credentials are missing.
    pub fn new(
        config: &Value,
        credentials: Credentials,
        egress: Egress,
        tokens: Arc<dyn TokenVault>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, Error> {
        let names: BTreeSet<&str> = credentials.keys().map(String::as_str).collect();
        let config = config::read(config, &names).map_err(|problems| refused(&problems))?;
        let http = Http::new(egress, &config, seed);
        let auth = config.auth.clone();
        let exchange = Exchange {
            base: config.base.clone(),
            limit: config.limits.bytes,
            http,
            auth: Authorizer::new(auth, credentials.clone(), tokens, clock.clone()),
            clock,
        };
        Ok(Self(Arc::new(Api {
            config,
            credentials,
            exchange,
        })))
    }

    fn stream(&self, name: &str) -> Result<Arc<Stream>, Error> {
        let stream = self.0.config.stream(name).ok_or_else(|| {
            Error::new(
                Kind::SchemaChanged,
                format!("there is no stream `{name}` in `config.streams`; choose another"),
            )
        })?;
        Ok(Arc::new(stream.clone()))
    }

    fn open(&self, reading: &Reading) -> Result<ApiReader, Error> {
        let stream = self.stream(&reading.stream)?;
        let parents = match &stream.parent {
            Some(parent) => Some(self.stream(&parent.stream)?),
            None => None,
        };
        let (api, began) = (self.0.clone(), reading.started_at);
        if let Some(resume) = &reading.resume {
            let position = Position::read(resume, &stream.name, &stream.digest)?;
            return Ok(ApiReader::at(api, stream, parents, began, position));
        }
        let state = match (&reading.state, reading.mode) {
            (Some(state), engine::Mode::Incremental) => {
                Some(State::read(state, &stream.name)?.high)
            }
            _ => None,
        };
        Ok(ApiReader::new(
            api,
            stream,
            parents,
            reading.mode,
            state,
            began,
        ))
    }

    async fn try_out(&self, deadline: Deadline) -> Result<Checked, Error> {
        let api = &self.0;
        let tried = match &api.config.test {
            Some(test) => {
                let mut request =
                    Request::of(&api.config, &api.credentials, test.verb, &test.path)?;
                if let (Verb::Post, Some(body)) = (test.verb, &test.body) {
                    let media_type =
                        vendor_http::header::HeaderValue::from_static("application/json");
                    request.body = Some((media_type, body.to_string().into()));
                }
                let rules: &[ErrorRule] = &[];
                let sent = api.exchange.send(&request, rules, None::<Format>, deadline);
                sent.await.map(|_| None)
            }
            None => self.first_page(deadline).await.map(Some),
        };
        let rows = tried.map_err(|Refusal { error, .. }| error)?;
        Ok(Checked {
            message: "Connection successful".into(),
            facts: rows
                .map(|rows| ("rowsOfFirstPage", rows.to_string()))
                .into_iter()
                .collect(),
        })
    }

    /// Without a test endpoint the first list that needs no parent shows whether all is well.
    async fn first_page(&self, deadline: Deadline) -> Result<usize, Refusal> {
        let api = &self.0;
        let mut streams = api.config.streams.iter();
        let Some(stream) = streams.find(|stream| stream.parent.is_none()) else {
            let text = "there is nothing to call; set `config.test` or declare a stream";
            return Err(Error::new(Kind::InvalidConfig, text).into());
        };
        let now = api.exchange.clock.now();
        let job = Job {
            parent: None,
            place: Place::first(stream, engine::Mode::Full, None),
            run_began: now,
        };
        let page = walk::fetch(
            &api.exchange,
            &api.config,
            &api.credentials,
            stream,
            &job,
            deadline,
        );
        Ok(page.await?.rows.len())
    }
}

fn refused(problems: &[Problem]) -> Error {
    let only_credentials = problems
        .iter()
        .all(|problem| problem.field.starts_with("credentials."));
    let kind = if only_credentials {
        Kind::AuthRequired
    } else {
        Kind::InvalidConfig
    };
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.message))
        .collect();
    Error::new(kind, lines.join("; "))
}

impl Source for CustomApi {
    fn check(&self, deadline: Deadline) -> BoxFuture<'_, Result<Checked, Error>> {
        Box::pin(self.try_out(deadline))
    }

    fn streams(&self, _: Deadline) -> BoxFuture<'_, Result<Vec<engine::Stream>, Error>> {
        let streams = self.0.config.streams.iter().map(|stream| engine::Stream {
            name: stream.name.clone(),
            primary_key: stream.primary_key.clone(),
            cursor: stream
                .cursor
                .as_ref()
                .map(|cursor| cursor.field_name.clone()),
            parent: stream.parent.as_ref().map(|parent| parent.stream.clone()),
            needs: Vec::new(),
            fields: Vec::new(),
            by_default: stream.by_default,
        });
        let streams = streams.collect();
        Box::pin(async { Ok(streams) })
    }

    fn read(&self, reading: Reading) -> BoxFuture<'_, Result<Box<dyn Reader>, Error>> {
        let reader = self.open(&reading);
        Box::pin(async move { Ok(Box::new(reader?) as Box<dyn Reader>) })
    }
}
