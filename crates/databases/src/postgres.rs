mod array;
mod catalog;
mod error;
mod moment;
mod session;
mod text;
mod types;

use std::time::Duration;

use egress::Egress;
use engine::{Error, Kind};
use secrecy::{ExposeSecret, SecretString};
use sql::{Dialect, Server, Tls};
use tokio::net::TcpStream;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use self::session::PostgresSession;
use crate::errors::{address, unreachable};
use crate::session::Connect;
use crate::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A PostgreSQL server.
pub(crate) struct Postgres {
    server: Server,
    password: SecretString,
    egress: Egress,
    timeout: Duration,
}

impl Postgres {
    pub(crate) fn new(
        server: Server,
        password: SecretString,
        egress: Egress,
        timeout: Duration,
    ) -> Self {
        Self {
            server,
            password,
            egress,
            timeout,
        }
    }

    async fn dial(&self) -> Result<PostgresSession, Error> {
        let Server { host, port, .. } = &self.server;
        let addresses = self
            .egress
            .resolve(host, *port)
            .await
            .map_err(|e| address(&e))?;
        // The very address that was checked, not the name again.
        let stream = TcpStream::connect(addresses.as_slice())
            .await
            .map_err(|_| unreachable())?;
        let _ = stream.set_nodelay(true);
        let mut config = tokio_postgres::Config::new();
        config
            .user(&self.server.user)
            .password(self.password.expose_secret())
            .dbname(&self.server.database)
            .application_name("deskbridge")
            .ssl_mode(match self.server.tls {
                Tls::Disable => SslMode::Disable,
                Tls::Prefer => SslMode::Prefer,
                _ => SslMode::Require,
            });
        let mut tls =
            MakeRustlsConnect::new(tls::client(self.server.tls, self.server.ca.as_deref())?);
        let tls = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, host)
            .map_err(|_| unreachable())?;
        let (client, connection) = config
            .connect_raw(stream, tls)
            .await
            .map_err(|e| error::of_connecting(&e))?;
        let connection = tokio::spawn(async move {
            // What it fails with, the statements under way fail with too.
            let _ = connection.await;
        });
        PostgresSession::new(client, connection, self.timeout).await
    }
}

impl Connect for Postgres {
    type Session = PostgresSession;

    async fn open(&self) -> Result<PostgresSession, Error> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.dial())
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    Kind::Unreachable,
                    "the database did not answer within 10 seconds; check host, port and firewall",
                ))
            })
    }

    fn dialect(&self) -> Dialect {
        Dialect::PostgreSql
    }
}
