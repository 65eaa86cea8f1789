use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::{Error, Kind};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::error;

/// The longest text or blob, in bytes.
const LONGEST_VALUE: i32 = 64 * 1024 * 1024;
/// Instructions of SQLite's machine between two looks at the clock: well below a millisecond.
const INSTRUCTIONS: i32 = 1000;

/// When the statement under way is given up.
#[derive(Debug, Clone, Default)]
pub(super) struct Alarm(Arc<Mutex<Option<Instant>>>);

impl Alarm {
    pub(super) fn set(&self, after: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(after);
    }

    fn rings(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|at| Instant::now() >= at)
    }
}

/// Opens a file such that nothing can be written, neither to it nor anywhere else. The file is
/// somebody else's: its schema is not trusted.
pub(super) fn open(path: &Path, alarm: &Alarm) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(path)?, flags).map_err(|e| error::of(&e))?;
    guarded(connection, alarm).map_err(|e| error::of(&e))
}

fn guarded(mut connection: Connection, alarm: &Alarm) -> rusqlite::Result<Connection> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.authorizer(Some(|context: AuthContext<'_>| only_reading(&context)))?;
    let alarm = alarm.clone();
    connection.progress_handler(INSTRUCTIONS, Some(move || alarm.rings()))?;
    // Reads the file's head: a file that is no database is told now.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn only_reading(context: &AuthContext<'_>) -> Authorization {
    match context.action {
        // The pragmas are those behind the functions that tell columns and indexes; they set nothing.
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Recursive
        | AuthAction::Function { .. }
        | AuthAction::Pragma {
            pragma_name: "table_xinfo" | "index_list" | "index_info",
            ..
        } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

/// `immutable=1`: no lock, no journal, no file beside it.
fn uri(path: &Path) -> Result<String, Error> {
    let path = path
        .to_str()
        .ok_or_else(|| Error::new(Kind::InvalidConfig, "the path of the file is not text"))?;
    let mut uri = String::from("file:");
    for byte in path.bytes() {
        match byte {
            b'/' | b'.' | b'_' | b'-' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_change_how_it_is_opened() {
        let uri = uri(Path::new("/a b/c?mode=rwc#x%.db")).unwrap();
        assert_eq!(
            uri,
            "file:/a%20b/c%3Fmode%3Drwc%23x%25.db?mode=ro&immutable=1"
        );
    }
}
