use jiff::{SignedDuration, Timestamp};
use lambda_kit::{ErrorType, Failure};
use reports::Report;
use vendor_http::TokenErrorKind;

/// The one mapping from errors to `errorType`. `now` turns "in 3,600 s" into a time of day.
pub(crate) fn of_report(error: &reports::Error, report: Report, now: Timestamp) -> Failure {
    let error_type = match error {
        reports::Error::Event(_) => ErrorType::InvalidEvent,
        reports::Error::Busy { .. } => ErrorType::RateLimited,
        reports::Error::NoTime => ErrorType::DeadlineExceeded,
        reports::Error::Checkpoint => ErrorType::Upstream,
        reports::Error::Unwritable(_) => ErrorType::Internal,
        reports::Error::Lake(error) => of_lake(error),
        reports::Error::Desk(error) => return of_desk(error, report, now),
    };
    Failure::new(error_type, error)
}

pub(crate) fn of_token(kind: TokenErrorKind) -> ErrorType {
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

fn of_lake(error: &lake::Error) -> ErrorType {
    match error {
        lake::Error::BucketMissing { .. } | lake::Error::Denied { .. } => ErrorType::StorageDenied,
        lake::Error::Expired { .. } => ErrorType::DeadlineExceeded,
        error if error.is_transient() => ErrorType::Upstream,
        _ => ErrorType::Internal,
    }
}

fn of_desk(error: &zoho_desk::Error, report: Report, now: Timestamp) -> Failure {
    use zoho_desk::Error as Desk;
    let error_type = match error {
        Desk::Token(token) => of_token(token.kind),
        Desk::Unauthorized | Desk::Forbidden { .. } => ErrorType::AuthRequired,
        Desk::ScopeMissing { .. } => ErrorType::ScopeMissing,
        Desk::WrongOrganization => ErrorType::SecretInvalid,
        Desk::PlanRequired { .. } => ErrorType::PlanRequired,
        // Only an event can name a record or a route that is not there.
        Desk::NotFound { .. } => ErrorType::InvalidEvent,
        Desk::Refused { .. } if report == Report::DeskRoute => ErrorType::InvalidEvent,
        Desk::Refused { .. } | Desk::Malformed { .. } | Desk::NotTheApi { .. } => {
            ErrorType::Upstream
        }
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
        let error = reports::Error::Desk(zoho_desk::Error::Http(vendor_http::Error::Exhausted {
            resume_after: Some(Duration::from_hours(7)),
        }));
        let failure = of_report(&error, Report::Tickets, now);
        assert_eq!(failure.error_type, ErrorType::QuotaExhausted);
        assert!(
            failure.message.contains("2026-06-01T19:00:00Z"),
            "{failure}"
        );
    }

    #[test]
    fn a_refused_route_is_the_events_fault_only_where_the_event_chose_it() {
        let refused = || {
            reports::Error::Desk(zoho_desk::Error::Refused {
                path: "/x".into(),
                status: 422,
                code: "UNPROCESSABLE_ENTITY".into(),
                message: String::new(),
            })
        };
        let now = Timestamp::UNIX_EPOCH;
        let of = |report| of_report(&refused(), report, now).error_type;
        assert_eq!(of(Report::DeskRoute), ErrorType::InvalidEvent);
        assert_eq!(of(Report::Tickets), ErrorType::Upstream);
    }
}
