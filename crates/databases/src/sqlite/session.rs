use std::sync::Arc;
use std::time::Duration;

use engine::{Error, Kind};
use rusqlite::{Connection, Row, params_from_iter};
use serde_json::value::RawValue;
use sql::{Statement, Value};

use super::open::{Alarm, open};
use super::{catalog, error, value};
use crate::encode::Layout;
use crate::files::SqliteFile;
use crate::gather::{Chunk, Gather};
use crate::scan::{BYTES_PER_CHUNK, Outlet};
use crate::session::Session;
use crate::table::{ColumnInfo, Found};

/// A file that can only be read. `SQLite` blocks, so it works in threads that may.
pub(crate) struct SqliteSession {
    /// Away while a thread works with it.
    connection: Option<Connection>,
    alarm: Alarm,
    timeout: Duration,
    statements: u64,
    // Kept until the connection is closed: dropping it may delete the file.
    _file: Arc<SqliteFile>,
}

impl SqliteSession {
    pub(super) async fn open(file: Arc<SqliteFile>, timeout: Duration) -> Result<Self, Error> {
        let alarm = Alarm::default();
        alarm.set(timeout);
        let path = file.path.clone();
        let for_thread = alarm.clone();
        let connection = blocking(move || open(&path, &for_thread)).await?;
        Ok(Self {
            connection: Some(connection),
            alarm,
            timeout,
            statements: 1,
            _file: file,
        })
    }

    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Some(connection) = self.connection.take() else {
            return Err(Error::new(Kind::Internal, "the SQLite session has ended"));
        };
        self.statements += 1;
        self.alarm.set(self.timeout);
        let (connection, result) = blocking(move || {
            let result = work(&connection);
            Ok((connection, result))
        })
        .await?;
        self.connection = Some(connection);
        result
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Error::new(Kind::Internal, "reading the SQLite file failed")))
}

/// Reads rows until `each` has enough.
fn rows(
    connection: &Connection,
    statement: &Statement,
    mut each: impl FnMut(&Row<'_>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut prepared = connection
        .prepare(&statement.text)
        .map_err(|e| error::of(&e))?;
    let parameters = statement.parameters.iter().map(value::parameter);
    let mut rows = prepared
        .query(params_from_iter(parameters))
        .map_err(|e| error::of(&e))?;
    while let Some(row) = rows.next().map_err(|e| error::of(&e))? {
        if !each(row)? {
            break;
        }
    }
    Ok(())
}

impl Session for SqliteSession {
    async fn facts(&mut self) -> Result<Vec<(&'static str, String)>, Error> {
        let version = self
            .with(|connection| catalog::version(connection).map_err(|e| error::of(&e)))
            .await?;
        Ok(vec![
            ("server", "SQLite file".to_owned()),
            ("version", version.unwrap_or_default()),
        ])
    }

    async fn tables(&mut self, only: Option<&str>) -> Result<Vec<Found>, Error> {
        let only = only.map(str::to_owned);
        self.with(move |connection| {
            catalog::tables(connection, only.as_deref()).map_err(|e| error::of(&e))
        })
        .await
    }

    async fn columns(&mut self, query: &str) -> Result<Vec<ColumnInfo>, Error> {
        let query = query.to_owned();
        self.with(move |connection| {
            catalog::of_query(connection, &query).map_err(|e| error::of(&e))
        })
        .await
    }

    async fn values(&mut self, statement: &Statement) -> Result<Option<Vec<Option<Value>>>, Error> {
        let statement = statement.clone();
        self.with(move |connection| {
            let mut values = None;
            rows(connection, &statement, |row| {
                let columns = row.as_ref().column_count();
                let all: Result<Vec<_>, _> = (0..columns)
                    .map(|at| row.get_ref(at).map(value::key))
                    .collect();
                values = Some(all.map_err(|e| error::of(&e))?);
                Ok(false)
            })?;
            Ok(values)
        })
        .await
    }

    async fn chunk(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        mut gather: Gather,
    ) -> Result<Chunk, Error> {
        let statement = statement.clone();
        let layout = layout.clone();
        self.with(move |connection| {
            rows(connection, &statement, |row| {
                gather.take(key(row, &layout)?, || json(row, &layout))
            })?;
            Ok(gather.done())
        })
        .await
    }

    /// The file does not change, so its rows come in the same order again: those that were read
    /// before can be left out.
    async fn whole(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        mut skip: u64,
        outlet: &mut Outlet,
    ) -> Result<(), Error> {
        let statement = statement.clone();
        let layout = layout.clone();
        let alarm = self.alarm.clone();
        let timeout = self.timeout;
        let mut out = outlet.clone();
        let position = self
            .with(move |connection| {
                let mut batch = Vec::new();
                let mut bytes = 0;
                rows(connection, &statement, |row| {
                    if skip > 0 {
                        skip -= 1;
                        return Ok(true);
                    }
                    let row = json(row, &layout)?;
                    bytes += row.get().len();
                    batch.push(row);
                    if bytes < BYTES_PER_CHUNK {
                        return Ok(true);
                    }
                    bytes = 0;
                    let goes_on = out.put_blocking(std::mem::take(&mut batch));
                    // The time until the next batch counts, not how long this one was stored.
                    alarm.set(timeout);
                    Ok(goes_on)
                })?;
                out.put_blocking(batch);
                Ok(out.position)
            })
            .await?;
        outlet.position = position;
        Ok(())
    }

    fn statements(&self) -> u64 {
        self.statements
    }
}

fn key(row: &Row<'_>, layout: &Layout) -> Result<Vec<Value>, Error> {
    layout
        .key
        .iter()
        .map(|at| {
            let value = row.get_ref(*at).map_err(|e| error::of(&e))?;
            value::key(value)
                .ok_or_else(|| Error::new(Kind::InvalidConfig, "a primary key is null"))
        })
        .collect()
}

fn json(row: &Row<'_>, layout: &Layout) -> Result<Box<RawValue>, Error> {
    layout.row(|at, column, json| {
        let value = row.get_ref(at).map_err(|e| error::of(&e))?;
        value::write(json, &column.shape, value);
        Ok(())
    })
}
