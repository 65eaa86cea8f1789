use desk_account::failure::{RouteFrom, of_desk};
use jiff::Timestamp;
use lambda_kit::{ErrorType, Failure};
use reports::Report;

/// The one mapping from errors to `errorType`. `now` turns "in 3,600 s" into a time of day.
pub(crate) fn of_report(error: &reports::Error, report: Report, now: Timestamp) -> Failure {
    let error_type = match error {
        reports::Error::Event(_) => ErrorType::InvalidEvent,
        reports::Error::Busy { .. } => ErrorType::RateLimited,
        reports::Error::NoTime => ErrorType::DeadlineExceeded,
        reports::Error::Checkpoint => ErrorType::Upstream,
        reports::Error::Unwritable(_) => ErrorType::Internal,
        reports::Error::Lake(error) => of_lake(error),
        reports::Error::Desk(error) => {
            let route = if report == Report::DeskRoute {
                RouteFrom::Event
            } else {
                RouteFrom::Code
            };
            return of_desk(error, route, now);
        }
    };
    Failure::new(error_type, error)
}

fn of_lake(error: &lake::Error) -> ErrorType {
    match error {
        lake::Error::BucketMissing { .. } | lake::Error::Denied { .. } => ErrorType::StorageDenied,
        lake::Error::Expired { .. } => ErrorType::DeadlineExceeded,
        error if error.is_transient() => ErrorType::Upstream,
        _ => ErrorType::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
