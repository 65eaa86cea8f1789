//! Databases for tests, and reading them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use databases::{LocalFiles, NoFiles};
use egress::Egress;
use engine::{Error, Mode, Piece, Reader, Reading, Source, Stop};
use jiff::Timestamp;
use mysql_async::prelude::Queryable;
use secrecy::SecretString;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use vendor_http::Deadline;

use crate::servers::{ADMIN, PASSWORD, Server};

/// A database of its own on a server, with a user `reader` who may read it.
pub(crate) struct Database {
    pub(crate) server: Arc<Server>,
    pub(crate) platform: &'static str,
    pub(crate) name: String,
    pub(crate) admin: Admin,
}

/// The administrator's connection.
pub(crate) enum Admin {
    Postgres(tokio_postgres::Client),
    MariaDb(tokio::sync::Mutex<mysql_async::Conn>),
}

static NUMBER: AtomicU32 = AtomicU32::new(1);

fn name() -> String {
    format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Database {
    pub(crate) async fn postgres(server: Arc<Server>) -> Self {
        let name = name();
        let root = postgres_client(server.port, "postgres").await;
        root.batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        let client = postgres_client(server.port, &name).await;
        client
            .batch_execute(&format!(
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN \
                 CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; END IF; END $$; \
                 ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader"
            ))
            .await
            .unwrap();
        Self {
            server,
            platform: "postgresql",
            name,
            admin: Admin::Postgres(client),
        }
    }

    pub(crate) async fn mariadb(server: Arc<Server>) -> Self {
        let name = name();
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(server.port)
            .prefer_socket(false)
            .user(Some("admin"))
            .pass(Some(ADMIN));
        // The port is open a little earlier than the first statements have run.
        let mut conn = None;
        for _ in 0..100 {
            conn = mysql_async::Conn::new(options.clone()).await.ok();
            if conn.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut conn = conn.expect("the server takes the administrator");
        for sql in [
            format!("CREATE DATABASE {name}"),
            format!("CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY '{PASSWORD}'"),
            format!("GRANT SELECT, EXECUTE ON {name}.* TO reader@'%'"),
            format!("USE {name}"),
            "SET time_zone = '+00:00', sql_mode = ''".to_owned(),
        ] {
            conn.query_drop(sql).await.unwrap();
        }
        Self {
            server,
            platform: "mariadb",
            name,
            admin: Admin::MariaDb(tokio::sync::Mutex::new(conn)),
        }
    }

    /// Another connection of the administrator.
    pub(crate) async fn postgres_client(server: &Server, name: &str) -> tokio_postgres::Client {
        postgres_client(server.port, name).await
    }

    /// Runs statements, parted by `;;`.
    pub(crate) async fn run(&self, sql: &str) {
        for sql in sql.split(";;").map(str::trim).filter(|sql| !sql.is_empty()) {
            match &self.admin {
                Admin::Postgres(client) => client.batch_execute(sql).await.unwrap(),
                Admin::MariaDb(conn) => conn.lock().await.query_drop(sql).await.unwrap(),
            }
        }
    }

    /// The first column of all rows, as text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        match &self.admin {
            Admin::Postgres(client) => {
                let rows = client.query(sql, &[]).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Admin::MariaDb(conn) => conn.lock().await.query(sql).await.unwrap(),
        }
    }

    pub(crate) fn config(&self) -> Value {
        json!({
            "host": "127.0.0.1", "port": self.server.port, "database": self.name,
            "user": "reader", "tls": "disable", "lagSeconds": 0,
        })
    }

    /// The database as a source, with more settings.
    pub(crate) async fn source(&self, settings: &Value) -> Box<dyn Source> {
        self.try_source(settings, PASSWORD).await.unwrap()
    }

    pub(crate) async fn try_source(
        &self,
        settings: &Value,
        password: &str,
    ) -> Result<Box<dyn Source>, Error> {
        let config = with(self.config(), settings);
        connect(self.platform, &config, password).await
    }
}

/// `config` with `settings` in place of its own.
pub(crate) fn with(mut config: Value, settings: &Value) -> Value {
    for (name, value) in settings.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    config
}

pub(crate) fn local() -> Egress {
    Egress::allowing("127.0.0.0/8, ::1/128").unwrap()
}

pub(crate) async fn connect(
    platform: &str,
    config: &Value,
    password: &str,
) -> Result<Box<dyn Source>, Error> {
    let credentials = credentials(password);
    databases::connect(platform, config, &credentials, &local(), &NoFiles).await
}

pub(crate) fn credentials(password: &str) -> BTreeMap<String, SecretString> {
    BTreeMap::from([(
        "password".to_owned(),
        SecretString::from(password.to_owned()),
    )])
}

pub(crate) async fn sqlite(
    folder: &std::path::Path,
    config: Value,
) -> Result<Box<dyn Source>, Error> {
    let files = LocalFiles::under(folder);
    databases::connect("sqlite", &config, &BTreeMap::new(), &local(), &files).await
}

async fn postgres_client(port: u16, database: &str) -> tokio_postgres::Client {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(port)
        .user("admin")
        .password(ADMIN)
        .dbname(database);
    // The port is open before the server takes connections.
    for _ in 0..100 {
        if let Ok((client, connection)) = config.connect(tokio_postgres::NoTls).await {
            tokio::spawn(connection);
            return client;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not take connections");
}

pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

pub(crate) fn full(stream: &str) -> Reading {
    Reading {
        stream: stream.to_owned(),
        mode: Mode::Full,
        state: None,
        resume: None,
        fields: Vec::new(),
        started_at: Timestamp::now(),
    }
}

pub(crate) fn incremental(stream: &str, state: &RawValue) -> Reading {
    Reading {
        mode: Mode::Incremental,
        state: Some(state.to_owned()),
        ..full(stream)
    }
}

/// What a reading gave.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) rows: Vec<String>,
    pub(crate) state: Option<Box<RawValue>>,
}

impl Read {
    /// The texts of a field, in order.
    pub(crate) fn field(&self, name: &str) -> Vec<String> {
        self.rows
            .iter()
            .map(|row| {
                let row: Value = serde_json::from_str(row).unwrap();
                match &row[name] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                }
            })
            .collect()
    }
}

pub(crate) async fn read(source: &dyn Source, reading: Reading) -> Read {
    try_read(source, reading).await.unwrap()
}

pub(crate) async fn try_read(source: &dyn Source, reading: Reading) -> Result<Read, Error> {
    let mut reader = source.read(reading).await?;
    let rows = rest(reader.as_mut()).await?;
    assert!(reader.at_end(), "it ended without being at the end");
    Ok(Read {
        rows,
        state: reader.state()?,
    })
}

pub(crate) async fn rest(reader: &mut dyn Reader) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    while let Some(piece) = reader.next().await? {
        all.extend(rows(piece));
    }
    Ok(all)
}

pub(crate) fn rows(piece: Piece) -> Vec<String> {
    match piece {
        Piece::Rows { rows, .. } => rows.iter().map(|row| row.get().to_owned()).collect(),
        other => panic!("no rows: {other:?}"),
    }
}

/// Reads one piece at a time, each with a new source, as processes that are stopped do.
pub(crate) async fn read_in_legs(
    sources: impl AsyncFn() -> Box<dyn Source>,
    reading: Reading,
    how: Stop,
) -> (Read, usize) {
    let mut all = Vec::new();
    let mut resume = None;
    for leg in 1.. {
        let reading = Reading {
            resume,
            ..reading.clone()
        };
        let mut reader = sources().await.read(reading).await.unwrap();
        if let Some(piece) = reader.next().await.unwrap() {
            all.extend(rows(piece));
        }
        reader.stop(how);
        all.extend(rest(reader.as_mut()).await.unwrap());
        if reader.at_end() {
            let state = reader.state().unwrap();
            return (Read { rows: all, state }, leg);
        }
        resume = Some(reader.position().unwrap());
    }
    unreachable!("legs do not run out")
}
