//! What an answer means: the user's rules first, then the usual meaning of its status.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use clock::Clock;
use engine::{Error, Kind};
use jiff::Timestamp;
use vendor_http::{Answer, Vendor, Verdict};

use crate::body::{self, Unreadable};
use crate::config::{Action, Auth, ErrorRule, Format};
use crate::failure;

/// A longer wait is the caller's to arrange: the run ends and says when to come back.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Rules look for their text in the beginning of a body.
const SEARCHED: usize = 64 * 1024;

/// What became of a call.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Good,
    Redirect,
    /// No rows, and that is right.
    Ignored,
    /// No rows, and that is worth telling.
    Skipped,
    /// Another access token is worth a try; the error if it is not.
    Refresh(Error),
    Failed(Error),
    /// To be sent again; the error if there is no time or patience left.
    Again(Error),
}

/// Judges the answers to one call, and remembers what it thought last.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) auth: &'a Auth,
    pub(crate) rules: &'a [ErrorRule],
    /// What good bodies are; `None` if nobody reads them.
    pub(crate) format: Option<Format>,
    pub(crate) limit: usize,
    /// Method and path.
    pub(crate) call: &'a str,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) last: Mutex<Option<Judged>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    /// The unpacked body of a good answer.
    pub(crate) text: Bytes,
    wait: Option<Duration>,
}

impl Vendor for Judge<'_> {
    fn judge(&self, answer: &Answer) -> Verdict {
        let judged = self.judged(answer);
        let verdict = match &judged.outcome {
            Outcome::Again(error) => Verdict::Retry {
                reason: error.to_string(),
                after: judged.wait,
            },
            _ => Verdict::Accept,
        };
        *self.lock() = Some(judged);
        verdict
    }
}

impl Judge<'_> {
    /// What it thought of the last answer.
    pub(crate) fn take(&self) -> Option<Judged> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Judged>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judged(&self, answer: &Answer) -> Judged {
        let text = body::unpacked(&answer.body, self.limit);
        let wait = retry_after(answer, self.clock.now());
        let outcome = match self.rule(answer.status, text.as_ref().ok()) {
            Some(rule) => self.by_rule(rule, answer.status, wait),
            None => self.by_status(answer, text.as_ref(), wait),
        };
        let outcome = match outcome {
            Outcome::Again(error) if wait > Some(LONGEST_WAIT) => Outcome::Failed(error),
            outcome => outcome,
        };
        Judged {
            outcome,
            text: text.unwrap_or_default(),
            wait,
        }
    }

    fn rule(&self, status: u16, text: Option<&Bytes>) -> Option<&ErrorRule> {
        let mut candidates = self.rules.iter().filter(|rule| rule.matches_status(status));
        let mut lower: Option<String> = None;
        candidates.find(|rule| {
            let Some(wanted) = &rule.text else {
                return true;
            };
            let lower = lower.get_or_insert_with(|| {
                let text = text.map(|text| &text[..text.len().min(SEARCHED)]);
                String::from_utf8_lossy(text.unwrap_or_default()).to_lowercase()
            });
            lower.contains(wanted.as_str())
        })
    }

    fn by_rule(&self, rule: &ErrorRule, status: u16, wait: Option<Duration>) -> Outcome {
        let call = self.call;
        let of = |status| {
            let usual = failure::of_status(status, self.auth, call, wait);
            match &rule.message {
                Some(message) => {
                    Error::new(usual.kind(), format!("{message} ({call})")).retry_after(wait)
                }
                None => usual,
            }
        };
        let is_good = (200..300).contains(&status);
        match rule.action {
            Action::Ignore => Outcome::Ignored,
            Action::Skip => Outcome::Skipped,
            Action::Fail if is_good => {
                let usual = format!(
                    "{call} answered HTTP {status} with a text that a rule of `errors` calls a failure"
                );
                let message = rule.message.clone().unwrap_or(usual);
                Outcome::Failed(Error::new(Kind::Upstream, message))
            }
            Action::Fail => Outcome::Failed(of(status)),
            Action::RateLimited => Outcome::Again(of(429)),
            Action::Retry => Outcome::Again(of(if status >= 500 { status } else { 503 })),
            Action::RefreshToken => Outcome::Refresh(of(401)),
        }
    }

    fn by_status(
        &self,
        answer: &Answer,
        text: Result<&Bytes, &Unreadable>,
        wait: Option<Duration>,
    ) -> Outcome {
        let error = || failure::of_status(answer.status, self.auth, self.call, wait);
        match answer.status {
            200..=299 => self.good(text),
            300..=399 if answer.headers.contains_key("location") => Outcome::Redirect,
            401 => Outcome::Refresh(error()),
            408 | 425 | 429 | 500..=599 => Outcome::Again(error()),
            _ => Outcome::Failed(error()),
        }
    }

    fn good(&self, text: Result<&Bytes, &Unreadable>) -> Outcome {
        let Some(format) = self.format else {
            return Outcome::Good;
        };
        let checked = match text {
            Ok(text) => body::check(text, format),
            Err(unreadable) => Err(unreadable.clone()),
        };
        match checked {
            Ok(()) => Outcome::Good,
            Err(unreadable) => {
                let what = unreadable.describe(self.limit);
                let error = Error::new(Kind::Upstream, format!("{} brought {what}", self.call));
                if unreadable.may_pass() {
                    Outcome::Again(error)
                } else {
                    Outcome::Failed(error)
                }
            }
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    if let Some(wait) = answer.retry_after() {
        return Some(wait);
    }
    let text = answer.header_text("retry-after")?;
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}
