//! Faults that a test or a person switches on.

use serde::{Deserialize, Serialize};

use super::{account::Mutation, dice::Dice};

/// One way in which an answer goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// 429 `TOO_MANY_REQUESTS`, as if too many requests were in flight.
    TooManyRequests,
    /// 429 `THRESHOLD_EXCEEDED` with `Retry-After`.
    ThresholdExceeded {
        /// The header's value, seconds.
        retry_after_s: u64,
    },
    /// 500 `INTERNAL_SERVER_ERROR`.
    ServerError,
    /// 401 `INVALID_OAUTH` although the token is good.
    InvalidOauth,
    /// Every access token handed out so far dies as the request arrives, whatever life it had left.
    TokensExpire,
    /// The connection is reset before a byte of the answer, and nothing is carried out.
    ConnectionReset,
    /// The right answer, late.
    Stall {
        /// How late, seconds.
        seconds: f64,
    },
    /// The request is carried out, and its answer is lost: the connection is reset.
    LoseAnswer {
        /// Instead of a reset, a web page of this status, as from a gateway that gave up.
        #[serde(default)]
        status: Option<u16>,
    },
    /// The request is carried out at once, and the right answer comes late.
    AnswerLate {
        /// How late, seconds.
        seconds: f64,
    },
    /// The right answer, cut in the middle; `Content-Length` promises all of it.
    TruncatedBody,
    /// An HTML page.
    Html {
        /// Its status.
        status: u16,
    },
    /// 200 with a body that stops being JSON in the middle, at its full announced length.
    MalformedJson,
    /// 200 with an error as its body.
    ErrorBody,
    /// The first page, whatever `from` says.
    RepeatPage,
    /// Pages that are always full: behind the last row the first one comes again.
    EndlessPages,
    /// 200 with a body of this many bytes, sent in pieces.
    OversizedBody {
        /// The size in bytes.
        bytes: u64,
    },
    /// 200 with arrays nested this deep inside a row.
    DeepNesting {
        /// Levels.
        depth: usize,
    },
    /// 200 with as many rows as fit into this many bytes, each an id and nothing else.
    TinyRows {
        /// The size in bytes.
        bytes: usize,
    },
    /// The right answer; behind every `every`-th of them the data changes.
    ChangeData {
        /// After how many answers; 0 counts as 1.
        every: u32,
        /// What changes.
        mutation: Mutation,
    },
    /// The token endpoint refuses as it does after too many mints. Only on `oauth/token`.
    MintThrottle,
    /// The token endpoint answers this. Only on `oauth/token`.
    MintAnswer {
        /// Its status.
        status: u16,
        /// Its body.
        body: String,
    },
}

impl Fault {
    fn strikes_on_arrival(&self) -> bool {
        matches!(self, Self::TokensExpire)
    }

    fn is_of_mint(&self) -> bool {
        matches!(self, Self::MintThrottle | Self::MintAnswer { .. })
    }
}

/// When and where a fault strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// Strikes left; unlimited if `None`.
    #[serde(default)]
    pub count: Option<u32>,
    /// Chance per request, 0 to 1; decided by the seed.
    #[serde(default = "always")]
    pub probability: f64,
    /// Matching requests that pass before the first strike.
    #[serde(default)]
    pub after: u32,
    /// Route names such as `tickets/search`, `tickets/{id}/threads` or `POST tickets`;
    /// `oauth/token` is the token endpoint. Empty is every route of the Desk API (mint faults: the token endpoint).
    #[serde(default)]
    pub routes: Vec<String>,
}

const fn always() -> f64 {
    1.0
}

/// The token endpoint's name in [`FaultRule::routes`] and in the statistics.
pub(super) const TOKEN_ROUTE: &str = "oauth/token";

impl FaultRule {
    /// Strikes on every Desk request until cleared.
    pub fn always(fault: Fault) -> Self {
        Self {
            fault,
            count: None,
            probability: always(),
            after: 0,
            routes: Vec::new(),
        }
    }

    /// Strikes on the next `count` requests.
    pub fn next(count: u32, fault: Fault) -> Self {
        Self {
            count: Some(count),
            ..Self::always(fault)
        }
    }

    /// Strikes with this chance, 0 to 1.
    pub fn sometimes(probability: f64, fault: Fault) -> Self {
        Self {
            probability,
            ..Self::always(fault)
        }
    }

    /// Only on this route.
    #[must_use]
    pub fn on(mut self, route: &str) -> Self {
        self.routes.push(route.to_owned());
        self
    }

    /// Only on the routes that make or change tickets, comments and contacts.
    #[must_use]
    pub fn on_writes(mut self) -> Self {
        let names = super::writes::names_of_writes().map(str::to_owned);
        self.routes.extend(names);
        self
    }

    /// Lets this many matching requests pass first.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    fn matches(&self, route: &str) -> bool {
        let mint = route == TOKEN_ROUTE;
        if self.fault.is_of_mint() {
            mint
        } else if self.routes.is_empty() {
            !mint
        } else {
            self.routes.iter().any(|name| name == route)
        }
    }
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    seen: u32,
}

/// The rules in force, in the order they were added.
#[derive(Debug)]
pub(super) struct Faults {
    armed: Vec<Armed>,
    dice: Dice,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            armed: Vec::new(),
            dice: Dice::new(seed, 800, 0),
        }
    }

    pub(super) fn add(&mut self, rule: FaultRule) {
        self.armed.push(Armed { rule, seen: 0 });
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    /// The fault that strikes this request's answer, if one does: the first rule that matches and
    /// fires.
    pub(super) fn strike(&mut self, route: &str) -> Option<Fault> {
        self.strike_if(route, |fault| !fault.strikes_on_arrival())
    }

    /// The same, before anything else is looked at.
    pub(super) fn strike_on_arrival(&mut self, route: &str) -> Option<Fault> {
        self.strike_if(route, Fault::strikes_on_arrival)
    }

    fn strike_if(&mut self, route: &str, applies: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let dice = &mut self.dice;
        let position = self
            .armed
            .iter_mut()
            .position(|armed| applies(&armed.rule.fault) && armed.fires(route, dice))?;
        let armed = &mut self.armed[position];
        let fault = armed.rule.fault.clone();
        if let Some(left) = armed.rule.count.as_mut() {
            *left -= 1;
            if *left == 0 {
                self.armed.remove(position);
            }
        }
        Some(fault)
    }
}

impl Armed {
    fn fires(&mut self, route: &str, dice: &mut Dice) -> bool {
        if !self.rule.matches(route) || self.rule.count == Some(0) {
            return false;
        }
        self.seen += 1;
        if self.seen <= self.rule.after {
            return false;
        }
        if let Fault::ChangeData { every, .. } = &self.rule.fault {
            return self.seen.is_multiple_of((*every).max(1));
        }
        let roll = dice.below(1 << 32) as f64 / (1_u64 << 32) as f64;
        roll < self.rule.probability
    }
}
