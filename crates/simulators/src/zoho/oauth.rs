//! The accounts server: grant codes, refresh tokens, access tokens and their limits.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};

use super::{dice::Dice, options::Options};

const MINT_WINDOW_MS: i64 = 600_000;
const REFRESH_TOKENS_PER_CLIENT: usize = 20;

/// Parameters of one token request, from the query or the form.
pub(super) type Form = HashMap<String, String>;

#[derive(Debug, Default)]
struct RefreshToken {
    mints: VecDeque<i64>,
    access_tokens: VecDeque<String>,
}

#[derive(Debug)]
struct AccessToken {
    expires_ms: i64,
}

/// How a token request ended.
#[derive(Debug, PartialEq)]
pub(super) enum Minted {
    /// By a grant code.
    Exchanged(Value),
    /// By a refresh token.
    Refreshed(Value),
    /// The error code and the whole answer.
    Refused(&'static str, Value),
}

#[derive(Debug)]
pub(super) struct TokenServer {
    options: Options,
    serial: u64,
    /// Codes that nobody used yet, with the moment they expire.
    codes: HashMap<String, Option<i64>>,
    refresh_tokens: HashMap<String, RefreshToken>,
    /// Refresh tokens, oldest first.
    issued: VecDeque<String>,
    access_tokens: HashMap<String, AccessToken>,
    scopes: BTreeSet<String>,
}

impl TokenServer {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            serial: 0,
            codes: HashMap::from([(options.code.clone(), None)]),
            refresh_tokens: HashMap::new(),
            issued: VecDeque::new(),
            access_tokens: HashMap::new(),
            scopes: options.scopes.iter().cloned().collect(),
            options: options.clone(),
        }
    }

    /// Answers `POST /oauth/v2/token`.
    pub(super) fn mint(&mut self, form: &Form, now_ms: i64) -> Minted {
        let get = |key: &str| form.get(key).map_or("", String::as_str);
        let client = (get("client_id"), get("client_secret"));
        if client != (&self.options.client_id, &self.options.client_secret) {
            return refused("invalid_client");
        }
        match get("grant_type") {
            "authorization_code" => self.exchange(form, now_ms),
            "refresh_token" => self.refresh(get("refresh_token"), now_ms),
            _ => refused("unsupported_grant_type"),
        }
    }

    fn exchange(&mut self, form: &Form, now_ms: i64) -> Minted {
        let expected = self.options.redirect_uri.as_deref();
        let given = form.get("redirect_uri").map(String::as_str);
        if expected.is_some() && given != expected {
            return refused("invalid_redirect_uri");
        }
        let code = form.get("code").and_then(|code| self.codes.remove(code));
        match code {
            Some(expires) if expires.is_none_or(|expires| now_ms < expires) => {}
            _ => return refused("invalid_code"),
        }
        let refresh_token = self.token("refresh");
        self.remember(&refresh_token);
        let access_token = self.issue(&refresh_token, now_ms);
        let mut answer = self.answer(&access_token);
        answer["refresh_token"] = refresh_token.into();
        Minted::Exchanged(answer)
    }

    fn refresh(&mut self, refresh_token: &str, now_ms: i64) -> Minted {
        let limit = self.options.mints_per_ten_minutes;
        let Some(known) = self.refresh_tokens.get_mut(refresh_token) else {
            return refused("invalid_code");
        };
        known.mints.retain(|&at| now_ms - at < MINT_WINDOW_MS);
        if known.mints.len() >= limit {
            return throttled();
        }
        let access_token = self.issue(refresh_token, now_ms);
        Minted::Refreshed(self.answer(&access_token))
    }

    fn answer(&self, access_token: &str) -> Value {
        json!({
            "access_token": access_token,
            "api_domain": self.options.api_domain,
            "token_type": "Bearer",
            "expires_in": self.options.token_lifetime.as_secs(),
        })
    }

    /// The 21st refresh token kills the first, as Zoho does without a word.
    fn remember(&mut self, refresh_token: &str) {
        self.issued.push_back(refresh_token.to_owned());
        self.refresh_tokens
            .insert(refresh_token.to_owned(), RefreshToken::default());
        if self.issued.len() > REFRESH_TOKENS_PER_CLIENT
            && let Some(oldest) = self.issued.pop_front()
        {
            self.kill(&oldest);
        }
    }

    fn issue(&mut self, refresh_token: &str, now_ms: i64) -> String {
        let access_token = self.token("access");
        let lifetime = millis(self.options.token_lifetime);
        let live_tokens = self.options.live_tokens;
        self.access_tokens.insert(
            access_token.clone(),
            AccessToken {
                expires_ms: now_ms + lifetime,
            },
        );
        let owner = self
            .refresh_tokens
            .entry(refresh_token.to_owned())
            .or_default();
        owner.mints.push_back(now_ms);
        owner.access_tokens.push_back(access_token.clone());
        if owner.access_tokens.len() > live_tokens
            && let Some(oldest) = owner.access_tokens.pop_front()
        {
            self.access_tokens.remove(&oldest);
        }
        access_token
    }

    fn token(&mut self, purpose: &str) -> String {
        self.serial += 1;
        let mut dice = Dice::new(self.options.seed, purpose.len() as u64 + 900, self.serial);
        format!(
            "1000.{:016x}{:016x}.{:016x}{:016x}",
            dice.next(),
            dice.next(),
            dice.next(),
            dice.next()
        )
    }

    fn kill(&mut self, refresh_token: &str) -> bool {
        let Some(dead) = self.refresh_tokens.remove(refresh_token) else {
            return false;
        };
        self.issued.retain(|token| token != refresh_token);
        for access_token in dead.access_tokens {
            self.access_tokens.remove(&access_token);
        }
        true
    }

    /// Answers `POST /oauth/v2/token/revoke`: whether the token was known.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        self.kill(token) || self.access_tokens.remove(token).is_some()
    }

    pub(super) fn revoke_all_refresh_tokens(&mut self) {
        for token in std::mem::take(&mut self.issued) {
            self.kill(&token);
        }
    }

    pub(super) fn expire_access_tokens(&mut self) {
        self.access_tokens.clear();
    }

    /// A grant code that is good for the configured time.
    pub(super) fn issue_code(&mut self, now_ms: i64) -> String {
        let code = self.token("grant code");
        let expires = now_ms + millis(self.options.code_lifetime);
        self.codes.insert(code.clone(), Some(expires));
        code
    }

    /// A refresh token as if a code had been exchanged earlier.
    pub(super) fn issue_refresh_token(&mut self) -> String {
        let token = self.token("refresh");
        self.remember(&token);
        token
    }

    pub(super) fn is_valid(&self, access_token: &str, now_ms: i64) -> bool {
        let token = self.access_tokens.get(access_token);
        token.is_some_and(|token| now_ms < token.expires_ms)
    }

    /// Drops `scope` and the `ALL` that covers it.
    pub(super) fn drop_scope(&mut self, scope: &str) {
        self.scopes.remove(scope);
        if let Some(all) = all_of(scope) {
            self.scopes.remove(&all);
        }
    }

    pub(super) fn add_scope(&mut self, scope: &str) {
        self.scopes.insert(scope.to_owned());
    }

    /// Whether `scope` (`Desk.x.READ`) or the `ALL` of its module was granted.
    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope) || all_of(scope).is_some_and(|all| self.scopes.contains(&all))
    }
}

/// `Desk.x.ALL` of `Desk.x.READ`.
fn all_of(scope: &str) -> Option<String> {
    let (module, _) = scope.rsplit_once('.')?;
    Some(format!("{module}.ALL"))
}

fn refused(error: &'static str) -> Minted {
    Minted::Refused(error, json!({ "error": error }))
}

pub(super) fn throttled() -> Minted {
    Minted::Refused(
        "Access Denied",
        json!({
            "error_description": "You have made too many requests continuously. Please try again after some time.",
            "error": "Access Denied",
            "status": "failure",
        }),
    )
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
