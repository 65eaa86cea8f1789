//! Zoho Desk for the suite.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clock::{Clock as _, SystemClock};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::SignedDuration;
use serde_json::Value;
use simulators::zoho::{Change, Entity, Fault, FaultRule, Mutation, Options, Simulator};
use tokio::sync::Mutex;
use vendor_http::{
    AccessToken, Answer, Call, Client, Deadline, Origin, Settings, TokenError, TokenErrorKind,
    TokenFuture, TokenSource, Vendor as HttpVendor, Verdict,
};
use zoho_desk::{Desk, EntityId, Error, Listing, Paging, Search, Step, TimeField, Window, routes};

use crate::suite::{End, Meddling, Mishap, Setup, Vendor, Walk, Walked, conformance};

conformance!(Zoho);

/// The list that other users change while it is read. No report uses it; `desk-route` reads it so.
const TICKETS: Paging = Paging::Offset {
    page: 100,
    last_offset: 4999,
};

pub(crate) struct Zoho {
    pub(crate) simulator: Simulator,
    http: Client,
    tokens: Arc<Minter>,
}

impl Zoho {
    pub(crate) async fn of(options: Options, settings: Settings) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let tokens = Arc::new(Minter::new(&simulator));
        Self {
            http: Client::new(settings).unwrap(),
            simulator,
            tokens,
        }
    }

    pub(crate) fn desk(&self, life: Duration) -> Desk {
        self.desk_at(&self.simulator.origin(), life)
    }

    /// A desk at another origin, with this portal's tokens.
    pub(crate) fn desk_at(&self, origin: &str, life: Duration) -> Desk {
        Desk::new(
            self.http.clone(),
            Arc::clone(&self.tokens) as Arc<dyn TokenSource>,
            origin.parse().unwrap(),
            self.simulator.options().org_id.parse().unwrap(),
            Deadline::after(life),
        )
    }
}

/// Every ticket, those included that are created while it is read.
pub(crate) fn all_tickets(field: TimeField) -> Search {
    let tomorrow = SystemClock.now() + SignedDuration::from_hours(24);
    Search::new(routes::SEARCH_TICKETS, field, Window::until(tomorrow))
}

/// Rows of `walk` to its end. A parent that is gone has no children.
pub(crate) async fn collect(walk: zoho_desk::Walk, after_first: impl Fn()) -> Walked {
    collected(steps(walk), after_first).await
}

type Steps = BoxStream<'static, Result<Step, Error>>;

fn steps(walk: zoho_desk::Walk) -> Steps {
    futures_util::stream::try_unfold(walk, |mut walk| async move {
        let step = walk.next().await?;
        Ok(step.map(|step| (step, walk)))
    })
    .boxed()
}

async fn collected(mut steps: Steps, after_first: impl Fn()) -> Walked {
    let mut walked = Walked::default();
    while let Some(step) = steps.next().await {
        match step {
            Ok(Step::Rows(rows)) => {
                if walked.rows.is_empty() {
                    after_first();
                }
                let texts = rows.iter().map(|row| row.json.get().to_owned());
                walked.rows.extend(texts);
            }
            Ok(Step::Gap(gap)) => walked.gaps.push(gap.why),
            Err(error) => {
                walked.end = Some((end(&error), error.to_string()));
                break;
            }
        }
    }
    walked
}

fn end(error: &Error) -> End {
    match error {
        Error::Unauthorized => End::Unauthorized,
        Error::NotTheApi { .. } => End::NotTheApi,
        Error::Malformed { .. } => End::Malformed,
        Error::Http(error) => match error {
            vendor_http::Error::Deadline { .. } => End::Deadline,
            vendor_http::Error::Exhausted { .. } => End::PoolSpent,
            vendor_http::Error::Reserved { .. } => End::Reserved,
            vendor_http::Error::TooLarge { .. } => End::TooLarge,
            _ => End::Failing,
        },
        _ => End::Refused,
    }
}

/// The threads of every ticket of the list.
fn children(desk: Desk) -> Steps {
    steps(desk.list(Listing::at("/tickets", TICKETS)))
        .map(move |step| match step {
            Ok(Step::Rows(tickets)) => {
                let desk = desk.clone();
                let width = desk.width();
                futures_util::stream::iter(tickets)
                    .map(move |ticket| {
                        let id: EntityId = ticket.id.unwrap();
                        steps(desk.list(Listing::of(routes::THREADS, &id)))
                    })
                    .flatten_unordered(width)
                    .boxed()
            }
            other => futures_util::stream::once(async { other }).boxed(),
        })
        .flatten()
        .boxed()
}

impl Vendor for Zoho {
    fn page(walk: Walk) -> u32 {
        let (Walk::List | Walk::Search | Walk::Children) = walk;
        100
    }

    async fn start(setup: Setup) -> Self {
        let mut options = Options::with_tickets(setup.rows);
        options.concurrency = setup.vendor_width.map(|width| width as usize);
        options.daily_credits = setup.pool.map(|(pool, _)| pool);
        if setup.vendor_width.is_some() {
            options.latency = Duration::from_millis(3);
        }
        let settings = Settings {
            max_concurrency: setup.width,
            credit_reserve_percent: setup.pool.map_or(0, |(_, percent)| percent),
            attempt_timeout: setup.attempt_timeout,
            max_body: setup.max_body,
            backoff_base: Duration::from_millis(4),
            backoff_cap: Duration::from_millis(40),
            ..Settings::default()
        };
        let zoho = Self::of(options, settings).await;
        if let Some((pool, _)) = setup.pool {
            zoho.http.budget().learn_pool(pool);
        }
        zoho
    }

    fn inject(&self, mishap: Mishap, times: Option<u32>) {
        let fault = match mishap {
            Mishap::TooManyCallsAtOnce => Fault::TooManyRequests,
            Mishap::PoolSpent { retry_after_s } => Fault::ThresholdExceeded { retry_after_s },
            Mishap::ServerError => Fault::ServerError,
            Mishap::ConnectionReset => Fault::ConnectionReset,
            Mishap::Stall => Fault::Stall { seconds: 30.0 },
            Mishap::TruncatedBody => Fault::TruncatedBody,
            Mishap::MalformedJson => Fault::MalformedJson,
            Mishap::Html(status) => Fault::Html { status },
            Mishap::ErrorBody => Fault::ErrorBody,
            Mishap::TokenRefused => Fault::InvalidOauth,
            Mishap::RepeatedPage => Fault::RepeatPage,
            Mishap::EndlessPages => Fault::EndlessPages,
            Mishap::OversizedBody => Fault::OversizedBody { bytes: 1 << 36 },
            Mishap::DeepNesting => Fault::DeepNesting { depth: 100_000 },
        };
        let rule = FaultRule::always(fault);
        self.simulator.add_fault(FaultRule {
            count: times,
            ..rule
        });
    }

    fn meddle(&self, what: Meddling, rows: u32, times: u32) {
        let change = match what {
            Meddling::Insert => Change::Create,
            Meddling::Modify => Change::Modify,
            Meddling::Delete => Change::Delete,
        };
        let mutation = Mutation::of(Entity::Tickets, change, rows);
        self.simulator.add_fault(FaultRule::next(
            times,
            Fault::ChangeData { every: 1, mutation },
        ));
    }

    fn expire_tokens(&self) {
        self.simulator.expire_access_tokens();
    }

    async fn walk(&self, walk: Walk, life: Duration, after_first: impl Fn() + Send) -> Walked {
        let desk = self.desk(life);
        let walk = match walk {
            Walk::List => steps(desk.list(Listing::at("/tickets", TICKETS))),
            Walk::Search => steps(desk.search(all_tickets(TimeField::Created))),
            Walk::Children => children(desk),
        };
        collected(walk, after_first).await
    }

    fn truth(&self, walk: Walk) -> Vec<String> {
        let (report, query) = match walk {
            Walk::List => ("tickets", "rows=list"),
            Walk::Search => ("tickets", ""),
            Walk::Children => ("threads", ""),
        };
        let truth = self.simulator.truth(report, query).unwrap();
        truth.into_iter().map(|truth| truth.row).collect()
    }

    fn id(row: &str) -> String {
        let row: Value = serde_json::from_str(row).unwrap();
        row["id"].as_str().unwrap().to_owned()
    }

    fn requests(&self) -> u64 {
        self.simulator.stats().desk_requests()
    }

    fn tokens_issued(&self) -> u64 {
        self.simulator.stats().mints()
    }

    fn credits_left(&self) -> u64 {
        self.simulator.options().daily_credits.unwrap() - self.simulator.stats().credits
    }

    fn refusals(&self) -> BTreeMap<String, u64> {
        self.simulator.stats().refusals
    }
}

/// Mints from the simulator, once for all who hold the same rejected token.
#[derive(Debug)]
struct Minter {
    http: Client,
    origin: Origin,
    form: [(&'static str, String); 4],
    current: Mutex<Option<AccessToken>>,
}

/// A token endpoint's answers are final.
#[derive(Debug)]
struct Accounts;

impl HttpVendor for Accounts {
    fn judge(&self, _: &Answer) -> Verdict {
        Verdict::Accept
    }
}

impl Minter {
    fn new(simulator: &Simulator) -> Self {
        let options = simulator.options();
        Self {
            http: Client::new(Settings::default()).unwrap(),
            origin: simulator.origin().parse().unwrap(),
            form: [
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", simulator.issue_refresh_token()),
                ("client_id", options.client_id.clone()),
                ("client_secret", options.client_secret.clone()),
            ],
            current: Mutex::default(),
        }
    }

    async fn other_than(
        &self,
        rejected: Option<&AccessToken>,
        deadline: Deadline,
    ) -> Result<AccessToken, TokenError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Some(*token) != rejected) {
            return Ok(token.clone());
        }
        let fields = self.form.clone().map(|(name, value)| (name, value.into()));
        let call = Call::post_form(self.origin.at("/oauth/v2/token"), fields);
        let answer = self.http.send(&call, &Accounts, deadline).await;
        let answer = answer.map_err(|error| TokenError {
            kind: TokenErrorKind::Unavailable,
            message: error.to_string(),
        })?;
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        let token = AccessToken::new(answer["access_token"].as_str().unwrap());
        *current = Some(token.clone());
        Ok(token)
    }
}

impl TokenSource for Minter {
    fn token(&self, deadline: Deadline) -> TokenFuture<'_> {
        Box::pin(self.other_than(None, deadline))
    }

    fn replace<'a>(&'a self, rejected: &'a AccessToken, deadline: Deadline) -> TokenFuture<'a> {
        Box::pin(self.other_than(Some(rejected), deadline))
    }
}
