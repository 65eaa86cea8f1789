use engine::{Error, Kind};
use mysql_async::{DriverError, Error as Failure, IoError, TlsError};

use crate::errors::{of_statement, unreachable};

/// What a failed statement means.
pub(super) fn of(error: &Failure) -> Error {
    match error {
        Failure::Server(server) => {
            of_statement(kind(server.code), &format!("error {}", server.code))
        }
        Failure::Io(_) | Failure::Driver(DriverError::ConnectionClosed) => Error::new(
            Kind::Upstream,
            "the connection to the database was lost; it is tried again later",
        ),
        Failure::Driver(DriverError::PacketTooLarge) => Error::new(
            Kind::InvalidConfig,
            "a row is larger than 64 MiB; leave its large columns out",
        ),
        _ => Error::new(Kind::Upstream, "the database answered what is no answer"),
    }
}

/// What a failed attempt to connect means.
pub(super) fn of_connecting(error: &Failure) -> Error {
    match error {
        Failure::Server(_) => of(error),
        Failure::Io(IoError::Tls(TlsError::Tls(rustls::Error::InvalidCertificate(_)))) => {
            untrusted()
        }
        Failure::Io(IoError::Io(io)) => {
            let tls = io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
            match tls {
                Some(rustls::Error::InvalidCertificate(_)) => untrusted(),
                _ => unreachable(),
            }
        }
        Failure::Driver(DriverError::NoClientSslFlagFromServer) => Error::new(
            Kind::InvalidConfig,
            "the server speaks no TLS; set tls to prefer or disable if that is meant",
        ),
        Failure::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::CleartextPluginDisabled
            | DriverError::MysqlOldPasswordDisabled,
        ) => Error::new(
            Kind::AuthRequired,
            "the user logs in by a method that is not taken; use mysql_native_password or \
             caching_sha2_password",
        ),
        _ => unreachable(),
    }
}

fn untrusted() -> Error {
    Error::new(
        Kind::Refused,
        "the server's certificate is not of a known authority or not for this host; configure the \
         authority (ca), or another tls mode",
    )
}

/// By the codes of [MySQL](https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html)
/// and [MariaDB](https://mariadb.com/kb/en/mariadb-error-code-reference/).
fn kind(code: u16) -> Kind {
    match code {
        1045 | 1130 | 1251 | 1275 | 1698 | 1862 | 3118 | 4151 => Kind::AuthRequired,
        1044 | 1142 | 1143 | 1227 | 1345 | 1370 => Kind::ScopeMissing,
        1054 | 1146 | 1356 => Kind::SchemaChanged,
        1290 | 1792 | 1836 => Kind::Refused,
        1205 | 1213 | 1317 | 1907 | 1969 | 3024 => Kind::DeadlineExceeded,
        1040 | 1203 | 1226 | 1461 => Kind::RateLimited,
        1053 => Kind::Unreachable,
        1049 | 1052 | 1060 | 1064 | 1111 | 1140 | 1149 | 1231 | 1247 | 1248 | 1292 | 1305
        | 1365 | 1411 | 1582 | 1690 => Kind::InvalidConfig,
        _ => Kind::Upstream,
    }
}
