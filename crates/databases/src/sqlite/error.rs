use engine::{Error, Kind};
use rusqlite::ErrorCode;

use crate::errors::of_statement;

/// What a failed statement means.
pub(super) fn of(error: &rusqlite::Error) -> Error {
    let code = match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let message = message.as_deref().unwrap_or_default();
            return of_code(failure.code, failure.extended_code, message);
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => {
            return of_code(error.code, error.extended_code, msg);
        }
        rusqlite::Error::MultipleStatement => "several statements",
        _ => "unexpected answer",
    };
    of_statement(Kind::InvalidConfig, code)
}

fn of_code(code: ErrorCode, extended: i32, message: &str) -> Error {
    let kind = match code {
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => {
            return Error::new(
                Kind::InvalidConfig,
                "the file is no SQLite database, or a damaged one; upload it again",
            );
        }
        ErrorCode::CannotOpen => {
            return Error::new(Kind::InvalidConfig, "the file cannot be opened");
        }
        ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied => Kind::Refused,
        ErrorCode::OperationInterrupted => Kind::DeadlineExceeded,
        _ if message.contains("no such table") || message.contains("no such column") => {
            Kind::SchemaChanged
        }
        ErrorCode::Unknown | ErrorCode::TooBig | ErrorCode::TypeMismatch => Kind::InvalidConfig,
        _ => Kind::Upstream,
    };
    of_statement(kind, &format!("SQLite error {extended}"))
}
