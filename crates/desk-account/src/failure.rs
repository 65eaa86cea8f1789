//! The one map from errors of tokens and of Zoho Desk to `errorType`.

use jiff::{SignedDuration, Timestamp};
use lambda_kit::{ErrorType, Failure};
use vendor_http::TokenErrorKind;

/// Who chose the route that failed: the answer to a refusal differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteFrom {
    /// Our own code: a refusal is the vendor's trouble.
    Code,
    /// The event: a refusal is the event's fault.
    Event,
}

/// The `errorType` of a token that cannot be had.
pub fn of_token(kind: TokenErrorKind) -> ErrorType {
    match kind {
        TokenErrorKind::AuthRequired => ErrorType::AuthRequired,
        TokenErrorKind::SecretInvalid => ErrorType::SecretInvalid,
        TokenErrorKind::ScopeMissing => ErrorType::ScopeMissing,
        TokenErrorKind::RateLimited => ErrorType::RateLimited,
        TokenErrorKind::Unavailable => ErrorType::Upstream,
        TokenErrorKind::StorageDenied => ErrorType::StorageDenied,
        TokenErrorKind::Deadline => ErrorType::DeadlineExceeded,
    }
}

/// The failure that a refusal of Zoho Desk is. `now` turns "in 3,600 s" into a time of day.
pub fn of_desk(error: &zoho_desk::Error, route: RouteFrom, now: Timestamp) -> Failure {
    use zoho_desk::Error as Desk;
    let error_type = match error {
        Desk::Token(token) => of_token(token.kind),
        Desk::Unauthorized | Desk::Forbidden { .. } => ErrorType::AuthRequired,
        Desk::ScopeMissing { .. } => ErrorType::ScopeMissing,
        Desk::WrongOrganization => ErrorType::SecretInvalid,
        Desk::PlanRequired { .. } => ErrorType::PlanRequired,
        // Only an event can name a record or a route that is not there.
        Desk::NotFound { .. } => ErrorType::InvalidEvent,
        Desk::Refused { .. } if route == RouteFrom::Event => ErrorType::InvalidEvent,
        Desk::Refused { .. } | Desk::Malformed { .. } | Desk::NotTheApi { .. } => {
            ErrorType::Upstream
        }
        Desk::Invalid { .. } => ErrorType::Internal,
        Desk::Http(error) => return of_http(error, now),
    };
    Failure::new(error_type, error)
}

fn of_http(error: &vendor_http::Error, now: Timestamp) -> Failure {
    use vendor_http::Error as Http;
    let error_type = match error {
        Http::Exhausted { resume_after } => return exhausted(*resume_after, now),
        Http::Reserved { .. } => {
            return Failure::new(
                ErrorType::QuotaExhausted,
                format!(
                    "{error}; the run goes on after the daily reset at 00:00 of the data centre's time, or lower CREDIT_RESERVE_PERCENT"
                ),
            );
        }
        Http::Deadline { .. } => ErrorType::DeadlineExceeded,
        Http::Failing { .. } | Http::TooLarge { .. } => ErrorType::Upstream,
        Http::Setup(_) => ErrorType::Internal,
    };
    Failure::new(error_type, error)
}

fn exhausted(resume_after: Option<std::time::Duration>, now: Timestamp) -> Failure {
    let reset = resume_after
        .and_then(|after| SignedDuration::try_from(after).ok())
        .and_then(|after| now.checked_add(after).ok())
        .map_or_else(
            || "at 00:00 of the data centre's time".to_owned(),
            |at| format!("at {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")),
        );
    Failure::new(
        ErrorType::QuotaExhausted,
        format!(
            "the account's daily API credits are spent; they are filled up again {reset}, and the next scheduled run goes on then. To use fewer, run reports less often or buy credits"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn spent_credits_name_the_time_they_come_back() {
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        let error = zoho_desk::Error::Http(vendor_http::Error::Exhausted {
            resume_after: Some(Duration::from_hours(7)),
        });
        let failure = of_desk(&error, RouteFrom::Code, now);
        assert_eq!(failure.error_type, ErrorType::QuotaExhausted);
        assert!(
            failure.message.contains("2026-06-01T19:00:00Z"),
            "{failure}"
        );
    }
}
