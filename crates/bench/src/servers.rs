use std::process::Stdio;

use mysql_async::prelude::Queryable as _;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::Failure;

/// Database servers of this machine, started for us; gone when dropped, since they end with the
/// standard input of whoever started them.
pub(crate) struct Servers {
    _starter: Child,
    about: Value,
}

impl Servers {
    /// Those that are installed.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let mut starter = Command::new(".venv/bin/python")
            .arg("infra/local/databases.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|why| format!("`make setup` first, and start me in the repository: {why}"))?;
        let said = starter.stdout.take().ok_or("the servers say nothing")?;
        let line = BufReader::new(said).lines().next_line().await?;
        let about = serde_json::from_str(&line.ok_or("the servers did not start")?)?;
        Ok(Self {
            _starter: starter,
            about,
        })
    }

    /// What is known of a server, if it is installed.
    pub(crate) fn about(&self, kind: &str) -> Option<&Value> {
        self.about.get(kind)
    }

    pub(crate) async fn postgresql(&self) -> Result<Option<tokio_postgres::Client>, Failure> {
        let Some(about) = self.about("postgresql") else {
            return Ok(None);
        };
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(port(about))
            .user(text(about, "user"))
            .password(text(about, "password"))
            .dbname(text(about, "database"));
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(Some(client))
    }

    pub(crate) async fn mariadb(&self) -> Result<Option<mysql_async::Conn>, Failure> {
        let Some(about) = self.about("mariadb") else {
            return Ok(None);
        };
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(port(about))
            .user(Some(text(about, "user")))
            .pass(Some(text(about, "password")))
            .db_name(Some(text(about, "database")));
        Ok(Some(mysql_async::Conn::new(options).await?))
    }
}

pub(crate) fn port(about: &Value) -> u16 {
    about["port"]
        .as_u64()
        .and_then(|port| port.try_into().ok())
        .unwrap_or_default()
}

pub(crate) fn text<'a>(about: &'a Value, field: &str) -> &'a str {
    about[field].as_str().unwrap_or_default()
}

/// A hundred rows a statement, from `row`, numbered from 1.
pub(crate) fn inserts(rows: u32, row: impl Fn(u32) -> String) -> impl Iterator<Item = String> {
    (1..=rows).step_by(100).map(move |first| {
        let values: Vec<_> = (first..first.saturating_add(100).min(rows + 1))
            .map(&row)
            .collect();
        format!("INSERT INTO orders VALUES {}", values.join(","))
    })
}

/// Runs statements one after the other.
pub(crate) async fn fill(
    connection: &mut mysql_async::Conn,
    statements: impl Iterator<Item = String>,
) -> Result<(), Failure> {
    connection.query_drop("START TRANSACTION").await?;
    for statement in statements {
        connection.query_drop(statement).await?;
    }
    connection.query_drop("COMMIT").await?;
    Ok(())
}
