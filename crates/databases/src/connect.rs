use std::collections::BTreeMap;

use egress::Egress;
use engine::{Error, Problem, Source};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sql::{Config, Kind, Place, Select};

use crate::files::SqliteFiles;
use crate::mysql::MySql;
use crate::postgres::Postgres;
use crate::source::Database;
use crate::sqlite::Sqlite;

/// A database as a source of rows. `platform` is a name or alias of [`sql::PLATFORMS`]. Servers are
/// called only when the source is used; a `SQLite` file is fetched now.
///
/// # Errors
/// [`engine::Kind::InvalidConfig`], or what `files` says.
pub async fn connect(
    platform: &str,
    config: &Value,
    credentials: &BTreeMap<String, SecretString>,
    egress: &Egress,
    files: &dyn SqliteFiles,
) -> Result<Box<dyn Source>, Error> {
    let find = |names: [&str; 3]| names.into_iter().find_map(|name| credentials.get(name));
    let user = find(["user", "username", "userName"]).map(ExposeSecret::expose_secret);
    let known = user.map_or(Value::Null, |user| serde_json::json!({ "user": user }));
    let config = Config::parse(platform, config, &known)
        .map_err(|problems| unusable(platform, config, &problems))?;
    let password = find(["password", "pass", "dbPassword"])
        .cloned()
        .unwrap_or_default();
    Ok(match config.place.clone() {
        Place::File(place) => {
            let file = files.fetch(&place).await?;
            let connect = Sqlite::new(file, config.statement_timeout);
            Box::new(Database::new(config, connect))
        }
        Place::Server(server) if config.kind == Kind::PostgreSql => {
            let timeout = config.statement_timeout;
            let connect = Postgres::new(server, password, egress.clone(), timeout);
            Box::new(Database::new(config, connect))
        }
        Place::Server(server) => {
            let timeout = config.statement_timeout;
            let connect = MySql::new(server, password, egress.clone(), timeout);
            Box::new(Database::new(config, connect))
        }
    })
}

fn unusable(platform: &str, config: &Value, problems: &[Problem]) -> Error {
    let all: Vec<_> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.message))
        .collect();
    let kind = if writes(platform, config) {
        engine::Kind::Refused
    } else {
        engine::Kind::InvalidConfig
    };
    Error::new(kind, all.join("; "))
}

/// Whether a query would do more than read.
fn writes(platform: &str, config: &Value) -> bool {
    let kind = Kind::named(platform).or_else(|| Kind::named(config.get("dialect")?.as_str()?));
    let queries = config.get("queries").and_then(Value::as_array);
    kind.zip(queries).is_some_and(|(kind, queries)| {
        queries
            .iter()
            .filter_map(|query| query.get("sql")?.as_str())
            .any(|sql| {
                Select::parse(kind.dialect(), sql).is_err_and(|unfit| unfit.does_more_than_read())
            })
    })
}
