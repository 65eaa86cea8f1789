//! What errors of Zoho Desk are to who knows no vendor.

use engine::{Error, Kind};
use vendor_http::TokenErrorKind;
use zoho_desk::Error as Desk;

/// Of a call that reads a stream: a record that is not there was configured once.
pub(crate) fn of_read(error: Desk) -> Error {
    of_call(error, Kind::SchemaChanged)
}

/// Of a call that an action makes: a record that is not there was named in its parameters.
pub(crate) fn of_action(error: Desk) -> Error {
    let unsettled = error.may_have_happened();
    let failure = of_call(error, Kind::Refused);
    if unsettled {
        failure.unsettled()
    } else {
        failure
    }
}

fn of_call(error: Desk, not_found: Kind) -> Error {
    let kind = match &error {
        Desk::Token(token) => of_token(token.kind),
        Desk::Unauthorized => Kind::AuthRequired,
        Desk::ScopeMissing { .. } | Desk::Forbidden { .. } => Kind::ScopeMissing,
        Desk::WrongOrganization => Kind::InvalidConfig,
        Desk::PlanRequired { .. } => Kind::PlanRequired,
        Desk::NotFound { .. } => not_found,
        Desk::Invalid { .. } => Kind::Refused,
        Desk::NotTheApi { .. } | Desk::Refused { .. } | Desk::Malformed { .. } => Kind::Upstream,
        Desk::Http(error) => of_http(error),
    };
    let mut failure = Error::new(kind, message(&error)).retry_after(wait(&error));
    if failure.is_transient() && !error.is_transient() {
        failure = failure.lasting();
    }
    failure.caused_by(error)
}

fn of_token(kind: TokenErrorKind) -> Kind {
    match kind {
        TokenErrorKind::AuthRequired | TokenErrorKind::SecretInvalid => Kind::AuthRequired,
        TokenErrorKind::ScopeMissing => Kind::ScopeMissing,
        TokenErrorKind::RateLimited => Kind::RateLimited,
        TokenErrorKind::Unavailable => Kind::Upstream,
        TokenErrorKind::StorageDenied => Kind::Internal,
        TokenErrorKind::Deadline => Kind::DeadlineExceeded,
    }
}

fn of_http(error: &vendor_http::Error) -> Kind {
    use vendor_http::Error as Http;
    match error {
        Http::Deadline { .. } => Kind::DeadlineExceeded,
        Http::Failing { .. } | Http::TooLarge { .. } => Kind::Upstream,
        Http::Exhausted { .. } | Http::Reserved { .. } => Kind::QuotaExhausted,
        Http::Setup(_) => Kind::Internal,
    }
}

fn wait(error: &Desk) -> Option<std::time::Duration> {
    match error {
        Desk::Http(
            vendor_http::Error::Exhausted { resume_after }
            | vendor_http::Error::Reserved { resume_after, .. },
        ) => *resume_after,
        _ => None,
    }
}

/// The vendor's messages name the settings of the report functions; an integration has its own.
fn message(error: &Desk) -> String {
    match error {
        Desk::Unauthorized => "Zoho refused a freshly issued access token; check `config.data_center`, then generate a new grant code and put it into `credentials.code`".to_owned(),
        Desk::ScopeMissing { path, scopes } => format!(
            "the OAuth scope for {path} is missing (needs {scopes}); generate a grant code with it and put it into `credentials.code`"
        ),
        Desk::WrongOrganization => "the access token does not belong to the organisation in `credentials.org_id`; copy the id from Zoho Desk > Setup > Developer Space > API".to_owned(),
        Desk::PlanRequired { path, edition, .. } => format!(
            "{path} needs the Zoho Desk {edition} edition; upgrade, or leave out the streams that need it"
        ),
        Desk::NotTheApi { path, status } => format!(
            "{path} was answered with a web page (HTTP {status}); check `config.data_center`"
        ),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> Desk {
        Desk::Refused {
            path: "/x".to_owned(),
            status,
            code: "C".to_owned(),
            message: String::new(),
        }
    }

    fn deadline(may_have_happened: bool) -> Desk {
        Desk::Http(vendor_http::Error::Deadline {
            call: "POST /tickets".to_owned(),
            attempts: 1,
            last: None,
            may_have_happened,
        })
    }

    #[test]
    fn an_error_passes_by_itself_exactly_if_the_vendors_does() {
        let not_found = || Desk::NotFound {
            path: "/x".to_owned(),
        };
        let malformed = || Desk::Malformed {
            path: "/x".to_owned(),
            why: "odd".to_owned(),
        };
        let cases: [(fn() -> Desk, Kind); 5] = [
            (|| refused(422), Kind::Upstream),
            (not_found, Kind::SchemaChanged),
            (malformed, Kind::Upstream),
            (|| deadline(false), Kind::DeadlineExceeded),
            (|| Desk::Unauthorized, Kind::AuthRequired),
        ];
        for (error, kind) in cases {
            let failure = of_read(error());
            assert_eq!(failure.kind(), kind, "{failure}");
            assert_eq!(failure.is_transient(), error().is_transient(), "{failure}");
            let vendors = failure.into_cause::<Desk>().unwrap();
            assert_eq!(vendors.to_string(), error().to_string());
        }
    }

    #[test]
    fn a_write_whose_answer_never_came_is_unsettled() {
        for (error, unsettled) in [
            (deadline(true), true),
            (deadline(false), false),
            (refused(422), false),
        ] {
            assert_eq!(of_action(error).may_have_happened(), unsettled);
        }
    }

    #[test]
    fn spent_credits_say_when_to_come_back() {
        let after = std::time::Duration::from_mins(1);
        let failure = of_read(Desk::Http(vendor_http::Error::Exhausted {
            resume_after: Some(after),
        }));
        assert_eq!(
            (failure.kind(), failure.wait()),
            (Kind::QuotaExhausted, Some(after))
        );
    }
}
