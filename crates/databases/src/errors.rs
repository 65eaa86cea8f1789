use std::fmt::Display;

use engine::{Error, Kind};

pub(crate) fn invalid(message: impl Display) -> Error {
    Error::new(Kind::InvalidConfig, message)
}

pub(crate) fn gone(message: impl Display) -> Error {
    Error::new(Kind::SchemaChanged, message)
}

pub(crate) fn unreachable() -> Error {
    Error::new(
        Kind::Unreachable,
        "the database cannot be reached; check host and port, and that its firewall lets Deskbridge in",
    )
}

/// The name was looked up, or not, or may not be called.
pub(crate) fn address(error: &egress::Error) -> Error {
    let kind = match error {
        egress::Error::Unresolved { .. } => Kind::Unreachable,
        _ => Kind::Refused,
    };
    Error::new(kind, error)
}

/// What a failed statement means, by what the server calls it (`SQLSTATE 42P01`, `error 1146`).
/// The server's own words are left out: they quote values.
pub(crate) fn of_statement(kind: Kind, code: &str) -> Error {
    let advice = match kind {
        Kind::AuthRequired => "the database refuses user or password; check both",
        Kind::ScopeMissing => {
            "the database user lacks a right, or there is no database of this name; check the name, and \
             grant the user CONNECT, USAGE of the schema and SELECT"
        }
        Kind::InvalidConfig => {
            "the database does not accept this; check the database's name, queries and keys"
        }
        Kind::SchemaChanged => "a table or column is not there (any more); check the configuration",
        Kind::Refused => "the statement would write, which a session of Deskbridge never can",
        Kind::DeadlineExceeded => {
            "the statement took too long or waited for a lock; add an index on cursor and primary \
             key, or raise statementTimeoutSeconds"
        }
        Kind::RateLimited => "the database has no connection left; it is tried again later",
        Kind::Unreachable => "the database is not up; it is tried again later",
        _ => "the database failed; it is tried again later",
    };
    Error::new(kind, format!("{advice} ({code})"))
}
