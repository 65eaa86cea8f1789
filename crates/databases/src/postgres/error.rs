use std::error::Error as _;

use engine::{Error, Kind};

use crate::errors::of_statement;

/// What a failed statement means.
pub(super) fn of(error: &tokio_postgres::Error) -> Error {
    let Some(state) = error.code() else {
        return Error::new(
            Kind::Upstream,
            "the connection to the database was lost; it is tried again later",
        );
    };
    let state = state.code();
    of_statement(kind(state), &format!("SQLSTATE {state}"))
}

/// What a failed attempt to connect means.
pub(super) fn of_connecting(error: &tokio_postgres::Error) -> Error {
    if error.code().is_some() {
        return of(error);
    }
    let mut cause = error.source();
    while let Some(this) = cause {
        let io = this.downcast_ref::<std::io::Error>();
        let within = io.and_then(std::io::Error::get_ref);
        let tls = this
            .downcast_ref::<rustls::Error>()
            .or_else(|| within?.downcast_ref());
        if let Some(tls) = tls {
            return of_tls(tls);
        }
        cause = this.source();
    }
    let text = error.to_string();
    if text.contains("TLS") {
        return Error::new(
            Kind::InvalidConfig,
            "the server speaks no TLS; set tls to prefer or disable if that is meant",
        );
    }
    if text.contains("authentication") {
        return Error::new(
            Kind::AuthRequired,
            "user and password could not be proved to the database; check both",
        );
    }
    Error::new(
        Kind::Unreachable,
        "what answers at this address is no PostgreSQL server; check host and port",
    )
}

fn of_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) => Error::new(
            Kind::Refused,
            "the server's certificate is not of a known authority or not for this host; configure \
             the authority (ca), or another tls mode",
        ),
        _ => Error::new(Kind::Unreachable, "TLS with the server failed"),
    }
}

/// By [class and code](https://www.postgresql.org/docs/current/errcodes-appendix.html).
fn kind(state: &str) -> Kind {
    match state {
        "42501" => Kind::ScopeMissing,
        "42P01" | "42703" | "3F000" => Kind::SchemaChanged,
        "25006" => Kind::Refused,
        "57014" | "55P03" | "25P03" => Kind::DeadlineExceeded,
        "53300" => Kind::RateLimited,
        "57P03" => Kind::Unreachable,
        _ => match state.get(..2) {
            Some("28") => Kind::AuthRequired,
            Some("3D" | "42" | "22" | "0A" | "0L" | "21" | "2F") => Kind::InvalidConfig,
            _ => Kind::Upstream,
        },
    }
}
