mod catalog;
mod error;
mod open;
mod session;
mod value;

use std::sync::Arc;
use std::time::Duration;

use engine::Error;
use sql::Dialect;

use self::session::SqliteSession;
use crate::files::SqliteFile;
use crate::session::Connect;

/// A `SQLite` file.
pub(crate) struct Sqlite {
    file: Arc<SqliteFile>,
    timeout: Duration,
}

impl Sqlite {
    pub(crate) fn new(file: SqliteFile, timeout: Duration) -> Self {
        Self {
            file: Arc::new(file),
            timeout,
        }
    }
}

impl Connect for Sqlite {
    type Session = SqliteSession;

    async fn open(&self) -> Result<SqliteSession, Error> {
        SqliteSession::open(self.file.clone(), self.timeout).await
    }

    fn version(&self) -> Option<&str> {
        Some(&self.file.version)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }
}
