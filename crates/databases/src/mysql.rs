mod catalog;
mod error;
mod session;
mod types;
mod value;

use std::time::Duration;

use egress::Egress;
use engine::{Error, Kind};
use mysql_async::{Conn, DriverError, OptsBuilder, SslOpts};
use secrecy::{ExposeSecret, SecretString};
use sql::{Dialect, Server, Tls};

use self::session::MySqlSession;
use crate::errors::address;
use crate::session::Connect;
use crate::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest row, in bytes. It is held in memory, a few times over.
const LARGEST_PACKET: usize = 64 * 1024 * 1024;

/// A `MySQL` or `MariaDB` server; which of them, its version tells.
pub(crate) struct MySql {
    server: Server,
    password: SecretString,
    egress: Egress,
    timeout: Duration,
}

impl MySql {
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

    async fn dial(&self) -> Result<MySqlSession, Error> {
        let connected = match self.server.tls {
            Tls::Disable => self.connected(None).await?,
            Tls::Prefer => match self.connected(Some(self.tls()?)).await? {
                Err(error) if has_no_tls(&error) => self.connected(None).await?,
                result => result,
            },
            _ => self.connected(Some(self.tls()?)).await?,
        };
        let conn = connected.map_err(|e| error::of_connecting(&e))?;
        MySqlSession::new(conn, self.timeout).await
    }

    async fn connected(
        &self,
        tls: Option<SslOpts>,
    ) -> Result<Result<Conn, mysql_async::Error>, Error> {
        let Server { host, port, .. } = &self.server;
        let addresses = self
            .egress
            .resolve(host, *port)
            .await
            .map_err(|e| address(&e))?;
        // The very addresses that were checked; the name serves TLS alone. A socket that the server
        // names itself is not taken.
        let addresses: Vec<_> = addresses.iter().map(std::net::SocketAddr::ip).collect();
        let options = OptsBuilder::default()
            .ip_or_hostname(host)
            .tcp_port(*port)
            .resolved_ips(Some(addresses))
            .prefer_socket(false)
            .user(Some(&self.server.user))
            .pass(Some(self.password.expose_secret()))
            .db_name(Some(&self.server.database))
            .max_allowed_packet(Some(LARGEST_PACKET))
            .wait_timeout(Some(900))
            .stmt_cache_size(4)
            .ssl_opts(tls);
        Ok(Conn::new(options).await)
    }

    fn tls(&self) -> Result<SslOpts, Error> {
        // The driver takes the process's provider, of which there must be one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = SslOpts::default().with_danger_accept_invalid_certs(matches!(
            self.server.tls,
            Tls::Prefer | Tls::Require
        ));
        Ok(match &self.server.ca {
            Some(pem) => {
                // Says early what is wrong with it.
                tls::client(self.server.tls, Some(pem))?;
                options
                    .with_disable_built_in_roots(true)
                    .with_root_certs(vec![pem.clone().into_bytes().into()])
            }
            None => options,
        })
    }
}

fn has_no_tls(error: &mysql_async::Error) -> bool {
    matches!(
        error,
        mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer)
    )
}

impl Connect for MySql {
    type Session = MySqlSession;

    async fn open(&self) -> Result<MySqlSession, Error> {
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
        Dialect::MySql
    }
}
