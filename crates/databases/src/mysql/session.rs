use std::sync::Arc;
use std::time::Duration;

use engine::{Error, Kind};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params};
use serde_json::value::RawValue;
use sql::{Statement, Value};

use super::{catalog, error, types, value};
use crate::encode::Layout;
use crate::gather::{Chunk, Gather};
use crate::scan::{BYTES_PER_CHUNK, Outlet};
use crate::session::Session;
use crate::table::{ColumnInfo, Found};

/// A connection that can only read.
pub(crate) struct MySqlSession {
    conn: Conn,
    version: String,
    is_mariadb: bool,
    statements: u64,
    zero_dates: u64,
}

const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

impl MySqlSession {
    pub(super) async fn new(mut conn: Conn, timeout: Duration) -> Result<Self, Error> {
        let version: Option<String> = conn
            .query_first("SELECT VERSION()")
            .await
            .map_err(|e| error::of(&e))?;
        let version = version.unwrap_or_default();
        let is_mariadb = version.contains("MariaDB");
        let mut session = Self {
            conn,
            version,
            is_mariadb,
            statements: 1,
            zero_dates: 0,
        };
        let timeout = if is_mariadb {
            format!("max_statement_time = {}", timeout.as_secs())
        } else {
            format!("max_execution_time = {}", timeout.as_millis())
        };
        session.command("SET SESSION TRANSACTION READ ONLY").await?;
        session
            .command(&format!(
                "SET SESSION time_zone = '+00:00', sql_mode = '', lock_wait_timeout = 5, \
                 innodb_lock_wait_timeout = 5, net_write_timeout = 600, \
                 group_concat_max_len = 65536, {timeout}"
            ))
            .await?;
        session.command("SET NAMES utf8mb4").await?;
        Ok(session)
    }

    /// SQL of ours, without a word of anybody else.
    async fn command(&mut self, sql: &str) -> Result<(), Error> {
        self.statements += 1;
        self.conn.query_drop(sql).await.map_err(|e| error::of(&e))
    }

    /// Reads rows until `each` has enough. Statements are prepared: the server takes no second one
    /// with them, and answers values rather than text.
    async fn rows(
        &mut self,
        statement: &Statement,
        mut each: impl FnMut(&[mysql_async::Value]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.statements += 1;
        let parameters = parameters(statement);
        let mut result = self
            .conn
            .exec_iter(statement.text.as_str(), parameters)
            .await
            .map_err(|e| error::of(&e))?;
        while let Some(row) = result.next().await.map_err(|e| error::of(&e))? {
            if !each(&row.unwrap())? {
                break;
            }
        }
        result.drop_result().await.map_err(|e| error::of(&e))
    }

    fn tell_zero_dates(&mut self) {
        if self.zero_dates > 0 {
            tracing::warn!(
                values = self.zero_dates,
                "dates without month or day were read as null"
            );
            self.zero_dates = 0;
        }
    }

    async fn streamed(
        &mut self,
        statement: &Statement,
        layout: &Layout,
        outlet: &mut Outlet,
    ) -> Result<(), Error> {
        self.statements += 1;
        let mut result = self
            .conn
            .exec_iter(statement.text.as_str(), parameters(statement))
            .await
            .map_err(|e| error::of(&e))?;
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(row) = result.next().await.map_err(|e| error::of(&e))? {
            let row = json(&row.unwrap(), layout, &mut self.zero_dates)?;
            bytes += row.get().len();
            batch.push(row);
            if bytes >= BYTES_PER_CHUNK {
                bytes = 0;
                if !outlet.put(std::mem::take(&mut batch)).await {
                    return Ok(());
                }
            }
        }
        outlet.put(batch).await;
        Ok(())
    }
}

impl Session for MySqlSession {
    async fn facts(&mut self) -> Result<Vec<(&'static str, String)>, Error> {
        let server = if self.is_mariadb { "MariaDB" } else { "MySQL" };
        Ok(vec![
            ("server", server.to_owned()),
            ("version", self.version.clone()),
        ])
    }

    async fn tables(&mut self, only: Option<&str>) -> Result<Vec<Found>, Error> {
        self.statements += 3;
        catalog::tables(&mut self.conn, self.is_mariadb, only).await
    }

    async fn columns(&mut self, query: &str) -> Result<Vec<ColumnInfo>, Error> {
        self.statements += 1;
        let prepared = self.conn.prep(query).await.map_err(|e| error::of(&e))?;
        Ok(prepared.columns().iter().map(types::resulting).collect())
    }

    async fn values(&mut self, statement: &Statement) -> Result<Option<Vec<Option<Value>>>, Error> {
        self.command(BEGIN).await?;
        self.statements += 1;
        let parameters = parameters(statement);
        let mut result = self
            .conn
            .exec_iter(statement.text.as_str(), parameters)
            .await
            .map_err(|e| error::of(&e))?;
        let infos: Vec<_> = result.columns_ref().iter().map(types::resulting).collect();
        let row = result.next().await.map_err(|e| error::of(&e))?;
        result.drop_result().await.map_err(|e| error::of(&e))?;
        self.command("COMMIT").await?;
        Ok(row.map(|row| {
            row.unwrap()
                .iter()
                .zip(&infos)
                .map(|(value, info)| value::key(Some(info), value))
                .collect()
        }))
    }

    async fn chunk(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        mut gather: Gather,
    ) -> Result<Chunk, Error> {
        self.command(BEGIN).await?;
        let mut zero_dates = 0;
        self.rows(statement, |row| {
            gather.take(key(row, layout)?, || json(row, layout, &mut zero_dates))
        })
        .await?;
        self.zero_dates += zero_dates;
        self.tell_zero_dates();
        self.command("COMMIT").await?;
        Ok(gather.done())
    }

    async fn whole(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        _skip: u64,
        outlet: &mut Outlet,
    ) -> Result<(), Error> {
        // One statement for all rows: it takes as long as they take to be stored.
        let unlimited = if self.is_mariadb {
            "SET SESSION max_statement_time = 0"
        } else {
            "SET SESSION max_execution_time = 0"
        };
        self.command(unlimited).await?;
        self.command(BEGIN).await?;
        self.streamed(statement, layout, outlet).await?;
        self.tell_zero_dates();
        self.command("COMMIT").await
    }

    fn statements(&self) -> u64 {
        self.statements
    }
}

fn parameters(statement: &Statement) -> Params {
    if statement.parameters.is_empty() {
        return Params::Empty;
    }
    Params::Positional(statement.parameters.iter().map(value::parameter).collect())
}

fn key(row: &[mysql_async::Value], layout: &Layout) -> Result<Vec<Value>, Error> {
    layout
        .key
        .iter()
        .map(|at| {
            let value = row.get(*at).unwrap_or(&mysql_async::Value::NULL);
            value::key(layout.columns.get(*at), value)
                .ok_or_else(|| Error::new(Kind::InvalidConfig, "a primary key is null"))
        })
        .collect()
}

fn json(
    row: &[mysql_async::Value],
    layout: &Layout,
    zero_dates: &mut u64,
) -> Result<Box<RawValue>, Error> {
    layout.row(|at, column, json| {
        let value = row.get(at).unwrap_or(&mysql_async::Value::NULL);
        if !value::write(json, column, value) {
            *zero_dates += 1;
        }
        Ok(())
    })
}
