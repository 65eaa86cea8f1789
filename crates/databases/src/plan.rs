use std::sync::Arc;
use std::time::Duration;

use engine::{Error, Mode, Reading};
use sql::{Bound, Column, CursorKind, Dialect, From, KeyColumn, Mark, Scan, Statement, Value};

use crate::encode::Layout;
use crate::errors::{gone, invalid};
use crate::position::{Low, Part, Position, State};
use crate::session::Session;
use crate::table::{ColumnInfo, Table};

/// How a stream is read.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) stream: String,
    dialect: Dialect,
    from: From,
    columns: Vec<Column>,
    infos: Vec<ColumnInfo>,
    /// What orders rows; none if nothing does.
    key: Vec<KeyColumn>,
    key_is_enforced: bool,
    cursor: Option<Cursor>,
}

#[derive(Debug, Clone)]
struct Cursor {
    column: KeyColumn,
    kind: CursorKind,
    nullable: bool,
}

/// How far runs reach back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    pub(crate) lag: Duration,
    pub(crate) overlap: u32,
}

impl Plan {
    pub(crate) fn new(dialect: Dialect, table: Table, fields: &[String]) -> Result<Self, Error> {
        for name in table.key.iter().chain(&table.cursor).chain(fields) {
            if table.column(name).is_none() {
                return Err(gone(format!("{} has no column {name}", table.stream)));
            }
        }
        let key: Option<Vec<_>> = table
            .key
            .iter()
            .map(|name| key_column(table.column(name)?))
            .collect();
        // A key that rows cannot be ordered by tells them apart, but does not help in reading.
        let key = key.unwrap_or_default();
        let cursor = table
            .cursor
            .as_deref()
            .filter(|_| !key.is_empty())
            .and_then(|name| table.column(name))
            .map(|column| {
                key_column(column)
                    .map(|key| Cursor {
                        column: key,
                        kind: column.cursor,
                        nullable: column.nullable,
                    })
                    .ok_or_else(|| invalid(format!("{} cannot be a cursor", column.name)))
            })
            .transpose()?;
        let infos: Vec<_> = table
            .columns
            .into_iter()
            .filter(|column| {
                fields.is_empty()
                    || fields.contains(&column.name)
                    || table.key.contains(&column.name)
                    || table.cursor.as_ref() == Some(&column.name)
            })
            .collect();
        Ok(Self {
            stream: table.stream,
            dialect,
            from: table.from,
            columns: infos
                .iter()
                .map(|column| Column {
                    name: column.name.clone(),
                    read: column.read,
                })
                .collect(),
            infos,
            key,
            key_is_enforced: table.key_is_enforced,
            cursor,
        })
    }

    /// Where a reading begins, or goes on.
    pub(crate) async fn begin<S: Session>(
        &self,
        session: &mut S,
        reading: &Reading,
        reach: Reach,
        version: Option<&str>,
    ) -> Result<Position, Error> {
        if let Some(resume) = &reading.resume {
            return self.resumed(Position::parse(resume)?, version);
        }
        if self.key.is_empty() {
            let mut position = Position::new(Part::Whole);
            position.version = version.map(str::to_owned);
            return Ok(position);
        }
        self.check_key(session).await?;
        let state = match (reading.mode, &self.cursor) {
            (Mode::Incremental, Some(cursor)) => reading
                .state
                .as_deref()
                .and_then(State::parse)
                .filter(|state| state.cursor == cursor.column.name),
            _ => None,
        };
        let mut position = self.marked(session, state, reach).await?;
        position.version = version.map(str::to_owned);
        Ok(position)
    }

    fn resumed(&self, position: Position, version: Option<&str>) -> Result<Position, Error> {
        if position.version.as_deref() != version {
            return Err(Error::new(
                engine::Kind::Upstream,
                "the file was replaced while it was read; start the run anew",
            ));
        }
        let began_with = position.cursor.as_deref();
        let reads_by = self
            .cursor
            .as_ref()
            .map(|cursor| cursor.column.name.as_str());
        let same_key = position
            .after
            .as_ref()
            .is_none_or(|after| after.len() == self.order(position.part).len());
        if began_with != reads_by || !same_key {
            return Err(gone(format!(
                "primary key or cursor of {} changed while it was read; start the run anew",
                self.stream
            )));
        }
        if position.part == Part::Whole && position.rows > 0 && version.is_none() {
            return Err(invalid(format!(
                "{} has no primary key, so it must be read in one go, for which it is too large; \
                 give it a primary key, or configure one",
                self.stream
            )));
        }
        Ok(position)
    }

    /// A row without a key would be lost silently behind the first chunk.
    async fn check_key<S: Session>(&self, session: &mut S) -> Result<(), Error> {
        if self.key_is_enforced {
            return Ok(());
        }
        let names: Vec<_> = self.key.iter().map(|key| key.name.clone()).collect();
        let nulls = sql::any_null(self.dialect, &self.from, &names);
        if session.values(&nulls).await?.is_some() {
            return Err(invalid(format!(
                "the primary key of {} is null in some row; configure columns that never are",
                self.stream
            )));
        }
        Ok(())
    }

    async fn marked<S: Session>(
        &self,
        session: &mut S,
        state: Option<State>,
        reach: Reach,
    ) -> Result<Position, Error> {
        let mark = match &self.cursor {
            Some(cursor) => self.mark(session, cursor, reach).await?,
            None => None,
        };
        let mut position = Position::new(Part::Keys);
        position.cursor = self.cursor.as_ref().map(|c| c.column.name.clone());
        let Some((state, cursor)) = state.zip(self.cursor.as_ref()) else {
            position.mark = mark;
            position.top = self.top(session, &[]).await?;
            if position.top.is_none() {
                position.part = Part::End;
            }
            return Ok(position);
        };
        position.low = state.mark.as_ref().map(|mark| {
            if mark.settled {
                Low::Above(mark.at.clone())
            } else {
                Low::AtLeast(mark.low.clone())
            }
        });
        position.mark = match (state.mark, mark) {
            (Some(before), Some(now)) => Some(before.followed_by(now, reach.lag)),
            (_, now) => now,
        };
        position.part = Part::Nulls;
        if cursor.nullable {
            let nulls = [Bound::Null(cursor.column.clone())];
            position.top = self.top(session, &nulls).await?;
        }
        if position.top.is_none() {
            position.next_part();
        }
        Ok(position)
    }

    async fn mark<S: Session>(
        &self,
        session: &mut S,
        cursor: &Cursor,
        reach: Reach,
    ) -> Result<Option<Mark>, Error> {
        let name = &cursor.column.name;
        let statement = Mark::statement(self.dialect, &self.from, name, cursor.kind, reach.lag);
        let Some(row) = session.values(&statement).await? else {
            return Ok(None);
        };
        let [Some(at), low, seen] = <[Option<Value>; 3]>::try_from(row).unwrap_or_default() else {
            return Ok(None);
        };
        let low = match cursor.kind {
            CursorKind::Whole => sql::lowered(&at, reach.overlap),
            _ => low,
        };
        Ok(Some(Mark {
            low: low.unwrap_or_else(|| at.clone()),
            at,
            seen: seen
                .and_then(|seen| seen.whole())
                .and_then(|seen| i64::try_from(seen).ok()),
            settled: false,
        }))
    }

    async fn top<S: Session>(
        &self,
        session: &mut S,
        bounds: &[Bound],
    ) -> Result<Option<Vec<Value>>, Error> {
        let scan = self.scan(&self.key, None, bounds, None);
        let row = session.values(&scan.last()).await?;
        Ok(row.and_then(|row| row.into_iter().collect()))
    }

    /// What orders the rows of a part.
    fn order(&self, part: Part) -> Vec<KeyColumn> {
        match (part, &self.cursor) {
            (Part::Changes, Some(cursor)) => std::iter::once(&cursor.column)
                .chain(self.key.iter().filter(|key| key.name != cursor.column.name))
                .cloned()
                .collect(),
            (Part::Keys | Part::Nulls, _) => self.key.clone(),
            _ => Vec::new(),
        }
    }

    /// The columns as they come, and which of them order the rows of `part`.
    pub(crate) fn layout(&self, part: Part) -> Arc<Layout> {
        let key = self
            .order(part)
            .iter()
            .filter_map(|key| self.infos.iter().position(|column| column.name == key.name))
            .collect();
        Arc::new(Layout::new(self.infos.clone(), key))
    }

    /// What reads the next chunk.
    pub(crate) fn statement(&self, position: &Position, limit: Option<u32>) -> Statement {
        let order = self.order(position.part);
        let bounds = self.bounds(position);
        self.scan(&order, position.after.as_deref(), &bounds, limit)
            .statement()
    }

    fn bounds(&self, position: &Position) -> Vec<Bound> {
        let mut bounds = Vec::new();
        if let (Part::Nulls, Some(cursor)) = (position.part, &self.cursor) {
            bounds.push(Bound::Null(cursor.column.clone()));
        }
        if let (Part::Nulls | Part::Keys, Some(top)) = (position.part, &position.top) {
            bounds.push(Bound::UpTo(self.key.clone(), top.clone()));
        }
        if let (Part::Changes, Some(cursor)) = (position.part, &self.cursor) {
            let column = &cursor.column;
            match &position.low {
                Some(Low::AtLeast(low)) => bounds.push(Bound::AtLeast(column.clone(), low.clone())),
                Some(Low::Above(low)) => bounds.push(Bound::Above(column.clone(), low.clone())),
                None => {}
            }
            if let Some(mark) = &position.mark {
                bounds.push(Bound::UpTo(vec![column.clone()], vec![mark.at.clone()]));
            }
        }
        bounds
    }

    fn scan<'a>(
        &'a self,
        order: &'a [KeyColumn],
        after: Option<&'a [Value]>,
        bounds: &'a [Bound],
        limit: Option<u32>,
    ) -> Scan<'a> {
        Scan {
            dialect: self.dialect,
            from: &self.from,
            columns: &self.columns,
            order,
            after,
            bounds,
            limit,
        }
    }
}

fn key_column(column: &ColumnInfo) -> Option<KeyColumn> {
    Some(KeyColumn {
        name: column.name.clone(),
        bind: column.bind.clone()?,
    })
}
