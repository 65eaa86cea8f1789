use std::time::Duration;

use engine::{Checked, Error, Reader, Reading, Source, Stream};
use futures_util::future::BoxFuture;
use sql::{Config, CursorChoice, CursorKind};
use vendor_http::Deadline;

use crate::errors::{gone, invalid};
use crate::plan::{Plan, Reach};
use crate::reader::RowReader;
use crate::session::{Connect, Session};
use crate::table::{ColumnInfo, Found, Shape, Table};

/// A database.
pub(crate) struct Database<C> {
    config: Config,
    connect: C,
}

impl<C: Connect> Database<C> {
    pub(crate) fn new(config: Config, connect: C) -> Self {
        Self { config, connect }
    }

    async fn checked(&self) -> Result<Checked, Error> {
        let mut session = self.connect.open().await?;
        let mut facts = session.facts().await?;
        for query in &self.config.queries {
            session.columns(query.select.sql()).await?;
        }
        let tables = self.chosen(&mut session).await?;
        for wanted in &self.config.tables {
            let Some(table) = tables.iter().find(|found| found.is_called(&wanted.name)) else {
                return Err(self.missing(&mut session, &wanted.name).await);
            };
            self.table(table.clone()).map(drop)?;
        }
        facts.push(("tables", tables.len().to_string()));
        Ok(Checked {
            message: "Connection successful".to_owned(),
            facts,
        })
    }

    async fn all_streams(&self) -> Result<Vec<Stream>, Error> {
        let mut session = self.connect.open().await?;
        let found = self.chosen(&mut session).await?;
        let mut streams = Vec::new();
        // A table that is gone fails when it is read, and does not keep others from being read.
        for wanted in &self.config.tables {
            if !found.iter().any(|found| found.is_called(&wanted.name)) {
                streams.push(unreadable(&wanted.name, "is not there, or may not be read"));
            }
        }
        for found in found {
            let name = found.stream.clone();
            streams.push(match self.table(found) {
                Ok(table) => table.stream(),
                Err(error) => unreadable(&name, &error.to_string()),
            });
        }
        for query in &self.config.queries {
            streams.push(match self.query(&mut session, query).await {
                Ok(table) => table.stream(),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => unreadable(&query.name, &error.to_string()),
            });
        }
        Ok(streams)
    }

    async fn begun(&self, reading: Reading) -> Result<Box<dyn Reader>, Error> {
        let mut session = self.connect.open().await?;
        let query = self
            .config
            .queries
            .iter()
            .find(|q| q.name == reading.stream);
        let table = match query {
            Some(query) => self.query(&mut session, query).await?,
            None => self.found(&mut session, &reading.stream).await?,
        };
        let plan = Plan::new(self.connect.dialect(), table, &reading.fields)?;
        let reach = Reach {
            lag: self.config.lag,
            overlap: self.config.overlap,
        };
        let version = self.connect.version();
        let position = plan.begin(&mut session, &reading, reach, version).await?;
        let rows = self.config.rows_per_chunk.get();
        Ok(Box::new(RowReader::start(session, plan, position, rows)))
    }

    async fn found(&self, session: &mut C::Session, stream: &str) -> Result<Table, Error> {
        let found = session.tables(Some(stream)).await?;
        let found = found
            .into_iter()
            .find(|found| found.is_called(stream) && self.is_chosen(found));
        match found {
            Some(found) => self.table(found),
            None => Err(self.missing(session, stream).await),
        }
    }

    /// Why a table is not found: the database itself tells whether a right is missing.
    async fn missing(&self, session: &mut C::Session, name: &str) -> Error {
        let (schema, table) = match name.split_once('.') {
            Some((schema, table)) if self.config.kind == sql::Kind::PostgreSql => {
                (Some(schema.to_owned()), table)
            }
            _ => (None, name),
        };
        let from = sql::From::Table {
            schema,
            name: table.to_owned(),
        };
        let probe = sql::may_read(self.connect.dialect(), &from);
        match session.values(&probe).await {
            Err(error) if error.kind() != engine::Kind::SchemaChanged => error,
            _ => gone(format!(
                "{name} is not there, or not among the configured tables; check its name"
            )),
        }
    }

    /// The tables that the configuration means.
    async fn chosen(&self, session: &mut C::Session) -> Result<Vec<Found>, Error> {
        if self.config.tables.is_empty() && !self.config.queries.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = session.tables(None).await?;
        found.retain(|found| self.is_chosen(found));
        Ok(found)
    }

    fn is_chosen(&self, found: &Found) -> bool {
        let wanted = &self.config.tables;
        match (wanted.is_empty(), self.config.queries.is_empty()) {
            (true, only_tables) => only_tables,
            (false, _) => wanted.iter().any(|wanted| found.is_called(&wanted.name)),
        }
    }

    fn table(&self, found: Found) -> Result<Table, Error> {
        let wanted = self.config.tables.iter().find(|w| found.is_called(&w.name));
        let mut key = found.key;
        let mut key_is_enforced = !key.is_empty();
        if let Some(wanted) = wanted.filter(|wanted| !wanted.primary_key.is_empty()) {
            key_is_enforced = key_is_enforced && key == wanted.primary_key;
            key.clone_from(&wanted.primary_key);
        }
        let choice = wanted.map_or(&CursorChoice::Convention, |wanted| &wanted.cursor);
        let cursor = match choice {
            CursorChoice::None => None,
            CursorChoice::Column(name) => Some(name.clone()),
            CursorChoice::Convention => by_convention(&found.columns),
        };
        let chosen = matches!(choice, CursorChoice::Column(_));
        let table = Table {
            stream: found.stream,
            from: found.from,
            columns: found.columns,
            key,
            key_is_enforced,
            cursor,
            by_default: !found.is_view || wanted.is_some(),
        };
        usable(table, chosen)
    }

    async fn query(&self, session: &mut C::Session, query: &sql::Query) -> Result<Table, Error> {
        let columns = session.columns(query.select.sql()).await?;
        let table = Table {
            stream: query.name.clone(),
            from: sql::From::Query(query.select.sql().to_owned()),
            columns,
            key: query.primary_key.clone(),
            key_is_enforced: false,
            cursor: query.cursor.clone(),
            by_default: true,
        };
        usable(table, true)
    }
}

/// Without a key there is no cursor: rows with the same cursor could not be told apart.
fn usable(mut table: Table, cursor_was_chosen: bool) -> Result<Table, Error> {
    for name in table.key.iter().chain(&table.cursor) {
        if table.column(name).is_none() {
            return Err(gone(format!("{} has no column {name}", table.stream)));
        }
    }
    let mut names: Vec<_> = table.columns.iter().map(|column| &column.name).collect();
    names.sort_unstable();
    let twice = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
    if let Some((twice, _)) = twice {
        return Err(invalid(format!(
            "{} has two columns called {twice}; rename one with AS",
            table.stream
        )));
    }
    if table.key.is_empty() && table.cursor.is_some() {
        if cursor_was_chosen {
            return Err(invalid(format!(
                "{} has a cursor but no primary key; configure primaryKey",
                table.stream
            )));
        }
        table.cursor = None;
    }
    Ok(table)
}

/// The column that the database keeps up to date by itself, or one that is called as such a column
/// is, and has the type.
fn by_convention(columns: &[ColumnInfo]) -> Option<String> {
    if let Some(touched) = columns.iter().find(|column| column.touched) {
        return Some(touched.name.clone());
    }
    let fit = columns.iter().filter(|column| {
        matches!(column.cursor, CursorKind::Moment | CursorKind::LocalMoment)
            || matches!(column.shape, Shape::Any(_))
    });
    sql::change_column(fit.map(|column| column.name.as_str())).map(str::to_owned)
}

fn unreadable(name: &str, why: &str) -> Stream {
    Stream {
        name: name.to_owned(),
        primary_key: Vec::new(),
        cursor: None,
        parent: None,
        needs: vec![why.to_owned()],
        fields: Vec::new(),
        by_default: true,
    }
}

impl<C: Connect> Source for Database<C> {
    fn check(&self, deadline: Deadline) -> BoxFuture<'_, Result<Checked, Error>> {
        Box::pin(within(deadline, self.checked()))
    }

    fn streams(&self, deadline: Deadline) -> BoxFuture<'_, Result<Vec<Stream>, Error>> {
        Box::pin(within(deadline, self.all_streams()))
    }

    fn read(&self, reading: Reading) -> BoxFuture<'_, Result<Box<dyn Reader>, Error>> {
        Box::pin(self.begun(reading))
    }
}

async fn within<T>(
    deadline: Deadline,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let left = deadline.remaining().max(Duration::from_millis(1));
    tokio::time::timeout(left, work).await.unwrap_or_else(|_| {
        Err(Error::new(
            engine::Kind::DeadlineExceeded,
            "the database did not answer in time",
        ))
    })
}
