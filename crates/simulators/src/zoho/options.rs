use std::{sync::Arc, time::Duration};

use clock::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};

use super::account::AccountSize;

/// What the portal's owner pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// Free and trial portals.
    Free,
    /// Express.
    Express,
    /// Standard.
    Standard,
    /// Professional: time entries and customer happiness begin here.
    Professional,
    /// Enterprise.
    Enterprise,
}

impl Edition {
    /// Finds an edition by its English name, any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::Free,
            Self::Express,
            Self::Standard,
            Self::Professional,
            Self::Enterprise,
        ];
        all.into_iter()
            .find(|edition| edition.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Free => "FREE",
            Self::Express => "EXPRESS",
            Self::Standard => "STANDARD",
            Self::Professional => "PROFESSIONAL",
            Self::Enterprise => "ENTERPRISE",
        }
    }

    pub(super) fn has_professional_features(self) -> bool {
        matches!(self, Self::Professional | Self::Enterprise)
    }

    /// Credits per day of a portal with this many agents.
    pub fn daily_credits(self, agents: u32) -> u64 {
        let (portal, per_agent) = match self {
            Self::Free => (5_000, 0),
            Self::Express => (25_000, 100),
            Self::Standard => (50_000, 250),
            Self::Professional => (75_000, 500),
            Self::Enterprise => (100_000, 1_000),
        };
        portal + per_agent * u64::from(agents)
    }

    /// Requests that may be in flight at once.
    pub fn concurrency(self) -> usize {
        match self {
            Self::Free => 5,
            Self::Express | Self::Standard => 10,
            Self::Professional => 15,
            Self::Enterprise => 25,
        }
    }
}

/// Whether `from` counts the first row as 0 or as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FromBase {
    /// `from=0` is the first row.
    #[default]
    Zero,
    /// `from=1` is the first row, and so is `from=0`. Search stays 0-based.
    One,
}

/// How a simulated portal is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The same seed, size and `now` give the same portal, byte for byte.
    pub seed: u64,
    /// How many rows it starts with.
    pub size: AccountSize,
    /// Decides limits and plan-bound features.
    pub edition: Edition,
    /// Tells when tokens expire, windows pass and changes happen.
    pub clock: Arc<dyn Clock>,
    /// The moment up to which history is generated; the clock's time at the start if `None`.
    pub now: Option<Timestamp>,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The accepted client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The first grant code, good once, at any time.
    pub code: String,
    /// How long a code from [`crate::zoho::Simulator::issue_code`] is good.
    pub code_lifetime: Duration,
    /// What `redirect_uri` must be; `None` is a self client, which ignores it.
    pub redirect_uri: Option<String>,
    /// The portal's id, digits.
    pub org_id: String,
    /// `api_domain` in token answers.
    pub api_domain: String,
    /// Granted scopes; `Desk.x.ALL` covers `Desk.x.READ`.
    pub scopes: Vec<String>,
    /// How long an access token lives.
    pub token_lifetime: Duration,
    /// Access tokens per refresh token in ten minutes.
    pub mints_per_ten_minutes: usize,
    /// Live access tokens per refresh token; the oldest dies when one more is minted.
    pub live_tokens: usize,
    /// The base of `from` on list routes.
    pub from_base: FromBase,
    /// Least time each vendor request takes.
    pub latency: Duration,
    /// Credits per day instead of the edition's.
    pub daily_credits: Option<u64>,
    /// Requests in flight instead of the edition's.
    pub concurrency: Option<usize>,
    /// How long search does not find rows after they were created or modified. Lists and reads by
    /// id have them at once.
    pub search_lag: Duration,
    /// Whether `/myPendingApprovals` exists; today's vendor does not document it.
    pub my_pending_approvals: bool,
    /// API names of the custom fields that tickets have; others are refused.
    pub custom_fields: Vec<String>,
}

const CUSTOM_FIELDS: [&str; 6] = [
    "cf_source",
    "cf_chat_id",
    "cf_workflow_type",
    "cf_automation_source",
    "cf_salesiq_chat_id",
    "cf_salesiq_visitor_id",
];

impl Default for Options {
    fn default() -> Self {
        let scopes = "Desk.tickets.ALL,Desk.activities.calls.READ,Desk.calls.READ,\
                      Desk.settings.ALL,Desk.search.READ,Desk.contacts.READ,\
                      Desk.contacts.CREATE,Desk.basic.READ,\
                      AAAServer.profile.ALL";
        Self {
            seed: 1,
            size: AccountSize::default(),
            edition: Edition::Enterprise,
            clock: Arc::new(SystemClock),
            now: None,
            port: 0,
            client_id: "1000.SIMCLIENT".to_owned(),
            client_secret: "sim-client-secret".to_owned(),
            code: "1000.simgrantcode".to_owned(),
            code_lifetime: Duration::from_mins(10),
            redirect_uri: None,
            org_id: "700000001".to_owned(),
            api_domain: "https://www.zohoapis.com".to_owned(),
            scopes: scopes.split(',').map(str::to_owned).collect(),
            token_lifetime: Duration::from_hours(1),
            mints_per_ten_minutes: 10,
            live_tokens: 15,
            from_base: FromBase::Zero,
            latency: Duration::ZERO,
            daily_credits: None,
            concurrency: None,
            search_lag: Duration::ZERO,
            my_pending_approvals: true,
            custom_fields: CUSTOM_FIELDS.map(str::to_owned).to_vec(),
        }
    }
}

impl Options {
    /// The default portal with everything in proportion to `tickets`.
    pub fn with_tickets(tickets: u32) -> Self {
        Self {
            size: AccountSize::from_tickets(tickets),
            ..Self::default()
        }
    }

    /// The portal's clock shows later times than [`Options::clock`].
    #[must_use]
    pub fn clock_ahead(self, by: Duration) -> Self {
        self.clock_off(signed(by))
    }

    /// The portal's clock shows earlier times than [`Options::clock`].
    #[must_use]
    pub fn clock_behind(self, by: Duration) -> Self {
        self.clock_off(-signed(by))
    }

    fn clock_off(mut self, by: SignedDuration) -> Self {
        self.clock = Arc::new(Skewed {
            clock: self.clock,
            by,
        });
        self
    }
}

/// A clock that is wrong.
#[derive(Debug)]
struct Skewed {
    clock: Arc<dyn Clock>,
    by: SignedDuration,
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        let now = self.clock.now().saturating_add(self.by);
        now.unwrap_or(Timestamp::MAX)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
