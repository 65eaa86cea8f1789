use std::future::Future;
use std::sync::Arc;

use engine::Error;
use sql::{Statement, Value};

use crate::encode::Layout;
use crate::gather::{Chunk, Gather};
use crate::scan::Outlet;
use crate::table::{ColumnInfo, Found};

/// Opens sessions of one database.
pub(crate) trait Connect: Send + Sync + 'static {
    type Session: Session;

    fn open(&self) -> impl Future<Output = Result<Self::Session, Error>> + Send;

    /// Tells this content of the database from others, where it never changes (a file).
    fn version(&self) -> Option<&str> {
        None
    }

    fn dialect(&self) -> sql::Dialect;
}

/// A connection that can only read.
pub(crate) trait Session: Send + 'static {
    /// What is worth showing of the server.
    fn facts(&mut self) -> impl Future<Output = Result<Vec<(&'static str, String)>, Error>> + Send;

    /// The tables and views that may be read; with `only`, those that could be meant by it.
    fn tables(
        &mut self,
        only: Option<&str>,
    ) -> impl Future<Output = Result<Vec<Found>, Error>> + Send;

    /// The columns of a checked query.
    fn columns(
        &mut self,
        query: &str,
    ) -> impl Future<Output = Result<Vec<ColumnInfo>, Error>> + Send;

    /// The first row, as values to be bound again.
    fn values(
        &mut self,
        statement: &Statement,
    ) -> impl Future<Output = Result<Option<Vec<Option<Value>>>, Error>> + Send;

    /// Reads one chunk, in a snapshot of its own.
    fn chunk(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        gather: Gather,
    ) -> impl Future<Output = Result<Chunk, Error>> + Send;

    /// Reads everything, in one snapshot, but for the first `skip` rows.
    fn whole(
        &mut self,
        statement: &Statement,
        layout: &Arc<Layout>,
        skip: u64,
        outlet: &mut Outlet,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Statements sent so far.
    fn statements(&self) -> u64;
}
