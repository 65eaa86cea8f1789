//! A portal, and sources that read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clock::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use reports::DeskSource;
use serde_json::Value;
use simulators::zoho::{Options, Simulator};
use vendor_http::{
    AccessToken, Answer, Call, Client, Deadline, Settings, TokenError, TokenErrorKind, TokenFuture,
    TokenSource, Vendor, Verdict,
};
use zoho_desk::Desk;

const LIFE: Duration = Duration::from_mins(2);

pub(crate) struct Portal {
    pub(crate) zoho: Simulator,
    time: Passing,
    token: AccessToken,
}

/// The machine's clock, and the time that a test let pass besides.
#[derive(Debug, Clone, Default)]
struct Passing(Arc<AtomicI64>);

impl Clock for Passing {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

impl Portal {
    /// A portal of `tickets` tickets and what goes with them.
    pub(crate) async fn with_tickets(tickets: u32) -> Self {
        let time = Passing::default();
        let options = Options {
            clock: Arc::new(time.clone()),
            token_lifetime: Duration::from_hours(24 * 365),
            ..Options::with_tickets(tickets)
        };
        let zoho = Simulator::start(options).await.unwrap();
        let token = token(&zoho).await;
        let portal = Self { zoho, time, token };
        // What was made a moment ago is read by the next run.
        portal.pass(SignedDuration::from_mins(1));
        portal
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.time.0.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub(crate) fn source(&self) -> DeskSource {
        self.source_for(LIFE)
    }

    /// A source whose calls end after `life`.
    pub(crate) fn source_for(&self, life: Duration) -> DeskSource {
        self.source_of(self.token.clone(), life)
    }

    pub(crate) fn source_with(&self, token: AccessToken) -> DeskSource {
        self.source_of(token, LIFE)
    }

    fn source_of(&self, token: AccessToken, life: Duration) -> DeskSource {
        let http = Client::new(Settings {
            credit_reserve_percent: 0,
            attempt_timeout: Duration::from_secs(5),
            backoff_base: Duration::from_millis(4),
            backoff_cap: Duration::from_millis(40),
            ..Settings::default()
        });
        DeskSource::new(Desk::new(
            http.unwrap(),
            Arc::new(Fixed(token)),
            self.zoho.origin().parse().unwrap(),
            self.zoho.options().org_id.parse().unwrap(),
            Deadline::after(life),
        ))
    }
}

/// The only token there is.
#[derive(Debug)]
struct Fixed(AccessToken);

impl TokenSource for Fixed {
    fn token(&self, _: Deadline) -> TokenFuture<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn replace<'a>(&'a self, _: &'a AccessToken, _: Deadline) -> TokenFuture<'a> {
        Box::pin(async {
            Err(TokenError {
                kind: TokenErrorKind::AuthRequired,
                message: "there is no other token".to_owned(),
            })
        })
    }
}

#[derive(Debug)]
struct Final;

impl Vendor for Final {
    fn judge(&self, _: &Answer) -> Verdict {
        Verdict::Accept
    }
}

async fn token(zoho: &Simulator) -> AccessToken {
    let options = zoho.options();
    let form = [
        ("grant_type", "refresh_token".to_owned()),
        ("refresh_token", zoho.issue_refresh_token()),
        ("client_id", options.client_id.clone()),
        ("client_secret", options.client_secret.clone()),
    ];
    let url = format!("{}/oauth/v2/token", zoho.origin());
    let form = form.map(|(name, value)| (name, value.into()));
    let call = Call::post_form(url.parse().unwrap(), form);
    let http = Client::new(Settings::default()).unwrap();
    let answer = http.send(&call, &Final, Deadline::after(LIFE)).await;
    let answer: Value = serde_json::from_slice(&answer.unwrap().body).unwrap();
    AccessToken::new(answer["access_token"].as_str().unwrap())
}
