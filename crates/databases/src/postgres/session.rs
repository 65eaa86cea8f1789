use std::sync::Arc;
use std::time::Duration;

use engine::{Error, Kind};
use futures_util::{StreamExt, pin_mut};
use sql::{Statement, Value};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Row, RowStream};

use super::types::Types;
use super::{catalog, error, text};
use crate::encode::Layout;
use crate::gather::{Chunk, Gather};
use crate::scan::{Outlet, next_limit};
use crate::session::Session;
use crate::table::{ColumnInfo, Found};

/// A connection that can only read.
pub(crate) struct PostgresSession {
    client: Client,
    connection: JoinHandle<()>,
    types: Types,
    /// The statement that was prepared last.
    prepared: Option<(String, tokio_postgres::Statement)>,
    version: u32,
    statements: u64,
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        // Closes the socket; the server then gives up what it was at.
        self.connection.abort();
    }
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl PostgresSession {
    pub(super) async fn new(
        client: Client,
        connection: JoinHandle<()>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let mut session = Self {
            client,
            connection,
            types: Types::default(),
            prepared: None,
            version: 0,
            statements: 0,
        };
        session.set_up(timeout).await?;
        session.types = Types::load(&session.client).await?;
        session.statements += 3;
        Ok(session)
    }

    async fn set_up(&mut self, timeout: Duration) -> Result<(), Error> {
        let version = self
            .client
            .query_one("SELECT current_setting('server_version_num')", &[])
            .await
            .map_err(|e| error::of(&e))?;
        self.version = version.get::<_, String>(0).parse().unwrap_or(0);
        let timeout = timeout.as_millis();
        let mut settings = format!(
            "SET default_transaction_read_only = on; SET statement_timeout = {timeout}; \
             SET lock_timeout = '5s'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
             SET IntervalStyle = 'iso_8601'; SET bytea_output = 'hex'; SET extra_float_digits = 3; \
             SET standard_conforming_strings = on; SET client_min_messages = error; \
             SET idle_in_transaction_session_timeout = '15min';"
        );
        if self.version >= 120_000 {
            settings.push_str("SET plan_cache_mode = force_custom_plan;");
        }
        if self.version >= 140_000 {
            settings.push_str("SET client_connection_check_interval = '5s';");
        }
        self.command(&settings).await
    }

    /// SQL of ours, without a word of anybody else.
    async fn command(&mut self, sql: &str) -> Result<(), Error> {
        self.statements += 1;
        self.client
            .batch_execute(sql)
            .await
            .map_err(|e| error::of(&e))
    }

    /// Sends it as one statement with parameters: the server takes no second one with it.
    async fn rows(&mut self, statement: &Statement) -> Result<RowStream, Error> {
        let known = self
            .prepared
            .take()
            .filter(|(text, _)| *text == statement.text);
        let prepared = match known {
            Some((_, prepared)) => prepared,
            None => self
                .client
                .prepare(&statement.text)
                .await
                .map_err(|e| error::of(&e))?,
        };
        self.statements += 1;
        let parameters = statement.parameters.iter().map(parameter);
        let parameters: Vec<String> = parameters.collect();
        let rows = self
            .client
            .query_raw(&prepared, parameters)
            .await
            .map_err(|e| error::of(&e))?;
        self.prepared = Some((statement.text.clone(), prepared));
        Ok(rows)
    }

    async fn gathered(
        &mut self,
        statement: &Statement,
        layout: &Layout,
        mut gather: Gather,
    ) -> Result<Chunk, Error> {
        let rows = self.rows(statement).await?;
        pin_mut!(rows);
        while let Some(row) = rows.next().await {
            let row = row.map_err(|e| error::of(&e))?;
            if !gather.take(key(&row, layout)?, || json(&row, layout))? {
                break;
            }
        }
        Ok(gather.done())
    }

    /// By a cursor, so that no single statement outlasts the time that statements have.
    async fn fetched(
        &mut self,
        statement: &Statement,
        layout: &Layout,
        outlet: &mut Outlet,
    ) -> Result<(), Error> {
        let declare = format!("DECLARE whole NO SCROLL CURSOR FOR {}", statement.text);
        self.statements += 1;
        self.client
            .execute(&declare, &[])
            .await
            .map_err(|e| error::of(&e))?;
        let mut limit = 200;
        loop {
            let fetch = Statement {
                text: format!("FETCH FORWARD {limit} FROM whole"),
                parameters: Vec::new(),
            };
            let rows = self.rows(&fetch).await?;
            pin_mut!(rows);
            let mut batch = Vec::new();
            let mut bytes = 0;
            while let Some(row) = rows.next().await {
                let row = json(&row.map_err(|e| error::of(&e))?, layout)?;
                bytes += row.get().len();
                batch.push(row);
            }
            if batch.is_empty() {
                return Ok(());
            }
            limit = next_limit(limit, batch.len(), bytes, 10_000);
            if !outlet.put(batch).await {
                return Ok(());
            }
        }
    }
}

impl Session for PostgresSession {
    async fn facts(&mut self) -> Result<Vec<(&'static str, String)>, Error> {
        self.statements += 1;
        let row = self
            .client
            .query_one("SELECT current_setting('server_version')", &[])
            .await
            .map_err(|e| error::of(&e))?;
        Ok(vec![
            ("server", "PostgreSQL".to_owned()),
            ("version", row.get(0)),
        ])
    }

    async fn tables(&mut self, only: Option<&str>) -> Result<Vec<Found>, Error> {
        self.statements += 2;
        catalog::tables(&self.client, &self.types, only).await
    }

    async fn columns(&mut self, query: &str) -> Result<Vec<ColumnInfo>, Error> {
        self.statements += 1;
        let prepared = self
            .client
            .prepare(query)
            .await
            .map_err(|e| error::of(&e))?;
        let columns = prepared.columns().iter().map(|column| {
            let oid = column.type_().oid();
            let native = column.type_().name().to_owned();
            catalog::column(&self.types, column.name().to_owned(), native, oid, true)
        });
        Ok(columns.collect())
    }

    async fn values(&mut self, statement: &Statement) -> Result<Option<Vec<Option<Value>>>, Error> {
        self.command(BEGIN).await?;
        let rows = self.rows(statement).await?;
        pin_mut!(rows);
        let first = rows.next().await.transpose().map_err(|e| error::of(&e))?;
        self.command("COMMIT").await?;
        let Some(row) = first else { return Ok(None) };
        let values = (0..row.len()).map(|at| {
            // The one column that is not text says that there is a row.
            row.try_get::<_, Option<&str>>(at)
                .map_or(Some(Value::Int(1)), |text| {
                    text.map(|text| Value::Text(text.to_owned()))
                })
        });
        Ok(Some(values.collect()))
    }

    async fn chunk(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        gather: Gather,
    ) -> Result<Chunk, Error> {
        self.command(BEGIN).await?;
        let chunk = self.gathered(statement, layout, gather).await?;
        self.command("COMMIT").await?;
        Ok(chunk)
    }

    async fn whole(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        _skip: u64,
        outlet: &mut Outlet,
    ) -> Result<(), Error> {
        self.command(BEGIN).await?;
        self.fetched(statement, layout, outlet).await?;
        self.command("COMMIT").await
    }

    fn statements(&self) -> u64 {
        self.statements
    }
}

fn parameter(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Hex(text) => text.clone(),
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        Value::Real(bits) => f64::from_bits(*bits).to_string(),
    }
}

fn field(row: &Row, at: usize) -> Result<Option<&str>, Error> {
    row.try_get(at)
        .map_err(|_| Error::new(Kind::Internal, "a column did not come as text"))
}

fn key(row: &Row, layout: &Layout) -> Result<Vec<Value>, Error> {
    layout
        .key
        .iter()
        .map(|at| {
            field(row, *at)?
                .map(|text| Value::Text(text.to_owned()))
                .ok_or_else(|| Error::new(Kind::InvalidConfig, "a primary key is null"))
        })
        .collect()
}

fn json(row: &Row, layout: &Layout) -> Result<Box<serde_json::value::RawValue>, Error> {
    layout.row(|at, column, json| {
        match field(row, at)? {
            Some(text) => text::write(json, &column.shape, text),
            None => json.null(),
        }
        Ok(())
    })
}
