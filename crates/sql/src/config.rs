use std::num::NonZeroU32;
use std::time::Duration;

use engine::Problem;
use serde_json::Value;

use crate::settings::Settings;
use crate::{Kind, Select};

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The kind of database.
    pub kind: Kind,
    /// Where it is.
    pub place: Place,
    /// The tables to read; all that may be read if empty and there are no queries.
    pub tables: Vec<Table>,
    /// Queries to read.
    pub queries: Vec<Query>,
    /// By how much each run reaches back behind the greatest cursor of the run before, for rows
    /// that were committed late.
    pub lag: Duration,
    /// The same for cursors that are whole numbers.
    pub overlap: u32,
    /// At most so many rows are asked for at once.
    pub rows_per_chunk: NonZeroU32,
    /// After this a statement is given up by the server.
    pub statement_timeout: Duration,
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A server.
    Server(Server),
    /// A file.
    File(FilePlace),
}

/// A database on a server. The password is not part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database's name.
    pub database: String,
    /// Who logs in.
    pub user: String,
    /// Encryption.
    pub tls: Tls,
    /// The authorities (PEM) that sign the server's certificate, instead of the public ones.
    pub ca: Option<String>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// How the connection to a server is protected, by libpq's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    Disable,
    /// Encrypted if the server can.
    Prefer,
    /// Encrypted; whoever answers is believed.
    Require,
    /// Encrypted, with a certificate of a known authority.
    VerifyCa,
    /// Encrypted, with a certificate of a known authority for this very host.
    VerifyFull,
}

impl Tls {
    /// As settings spell it.
    pub const WORDS: &'static [&'static str] =
        &["disable", "prefer", "require", "verify-ca", "verify-full"];

    fn named(word: &str) -> Option<Self> {
        match word {
            "disable" => Some(Self::Disable),
            "prefer" => Some(Self::Prefer),
            "require" => Some(Self::Require),
            "verify-ca" => Some(Self::VerifyCa),
            "verify-full" => Some(Self::VerifyFull),
            _ => None,
        }
    }
}

/// Where a `SQLite` file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilePlace {
    /// `s3://bucket/key`
    S3 {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
    },
    /// A path on this machine.
    Local(String),
}

impl FilePlace {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once("://") {
            Some(("s3", rest)) => {
                let (bucket, key) = rest.split_once('/')?;
                (!bucket.is_empty() && !key.is_empty()).then(|| Self::S3 {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                })
            }
            Some(_) => None,
            None => (!text.is_empty()).then(|| Self::Local(text.to_owned())),
        }
    }
}

/// A table to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, with its schema if that is not `public`.
    pub name: String,
    /// Its cursor.
    pub cursor: CursorChoice,
    /// The columns that make a row the same row; the table's own primary key if none.
    pub primary_key: Vec<String>,
}

/// How changed rows are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorChoice {
    /// By a column that is known for it, if there is one.
    Convention,
    /// Not at all: every run reads everything.
    None,
    /// By this column.
    Column(String),
}

/// A query to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The stream's name.
    pub name: String,
    /// The query.
    pub select: Select,
    /// The columns that make a row the same row.
    pub primary_key: Vec<String>,
    /// The column by which changed rows are found.
    pub cursor: Option<String>,
}

const MOST_STREAMS: usize = 1000;

impl Config {
    /// Reads the configuration of `platform`, one of [`crate::PLATFORMS`] by name or alias.
    /// Messages quote no values.
    pub fn parse(
        platform: &str,
        config: &Value,
        credentials: &Value,
    ) -> Result<Self, Vec<Problem>> {
        let mut settings = Settings::new(config, credentials);
        let kind = kind_of(platform, &mut settings);
        let Some(kind) = kind else {
            return Err(settings.into_problems());
        };
        let place = match kind {
            Kind::Sqlite => file(&mut settings).map(Place::File),
            kind => server(kind, &mut settings).map(Place::Server),
        };
        let tables = tables(&mut settings);
        let queries = queries(kind, &mut settings);
        let lag = settings.number("lagSeconds", 30, 0..=86_400);
        let overlap = settings.number("overlap", 1000, 0..=1_000_000_000);
        let rows = settings.number("rowsPerChunk", 10_000, 1..=100_000);
        let timeout = settings.number("statementTimeoutSeconds", 60, 1..=840);
        unique_names(&tables, &queries, &mut settings);
        settings.none_unknown(&ALL);
        match (place, settings.into_problems()) {
            (Some(place), problems) if problems.is_empty() => Ok(Self {
                kind,
                place,
                tables,
                queries,
                lag: Duration::from_secs(lag.into()),
                overlap,
                rows_per_chunk: NonZeroU32::new(rows).unwrap_or(NonZeroU32::MIN),
                statement_timeout: Duration::from_secs(timeout.into()),
            }),
            (_, problems) => Err(problems),
        }
    }
}

const ALL: [&str; 15] = [
    "dialect",
    "host",
    "port",
    "database",
    "user",
    "tls",
    "ca",
    "file",
    "tables",
    "queries",
    "lagSeconds",
    "overlap",
    "rowsPerChunk",
    "statementTimeoutSeconds",
    "password",
];

fn kind_of(platform: &str, settings: &mut Settings<'_>) -> Option<Kind> {
    if let Some(kind) = Kind::named(platform) {
        return Some(kind);
    }
    let word = settings.required_text("dialect")?;
    let kind = Kind::named(&word);
    if kind.is_none() {
        settings.problem("dialect", "must be postgresql, mysql, mariadb or sqlite");
    }
    kind
}

fn file(settings: &mut Settings<'_>) -> Option<FilePlace> {
    let text = settings.required_text("file")?;
    let place = FilePlace::parse(&text);
    if place.is_none() {
        settings.problem("file", "must look like s3://bucket/path/to/file.db");
    }
    place
}

fn server(kind: Kind, settings: &mut Settings<'_>) -> Option<Server> {
    let host = settings.required_text("host");
    let host = host.filter(|host| {
        let is_name = !host.contains(['/', '@', '\\', ' ', ',']) && !host.contains("://");
        if !is_name {
            settings.problem(
                "host",
                "must be a name or an address alone, such as db.example.com",
            );
        }
        is_name
    });
    let port = settings.number("port", kind.default_port().into(), 1..=65_535);
    let database = settings.required_text("database");
    let user = settings.required_text("user");
    let tls = match settings.text("tls") {
        None => Some(Tls::Require),
        Some(word) => {
            let tls = Tls::named(&word);
            if tls.is_none() {
                settings.problem(
                    "tls",
                    "must be disable, prefer, require, verify-ca or verify-full",
                );
            }
            tls
        }
    };
    let ca = settings.text("ca");
    if ca
        .as_deref()
        .is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----"))
    {
        settings.problem("ca", "must be PEM text: -----BEGIN CERTIFICATE----- …");
    }
    Some(Server {
        host: host?,
        port: u16::try_from(port).ok()?,
        database: database?,
        user: user?,
        tls: tls?,
        ca,
    })
}

fn tables(settings: &mut Settings<'_>) -> Vec<Table> {
    let mut tables = Vec::new();
    for (at, item) in settings.list("tables").into_iter().enumerate() {
        match table(&item) {
            Some(table) => tables.push(table),
            None => settings.problem(
                &format!("tables[{at}]"),
                "must be a name, or {\"name\", \"cursor\"?, \"primaryKey\"?}",
            ),
        }
    }
    tables
}

fn table(item: &Value) -> Option<Table> {
    if let Some(name) = item.as_str().filter(|name| !name.is_empty()) {
        return Some(Table {
            name: name.to_owned(),
            cursor: CursorChoice::Convention,
            primary_key: Vec::new(),
        });
    }
    let object = item.as_object()?;
    let known = ["name", "cursor", "primaryKey"];
    if object.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let cursor = match object.get("cursor") {
        None => CursorChoice::Convention,
        Some(Value::Null) => CursorChoice::None,
        Some(Value::String(name)) if name.is_empty() => CursorChoice::None,
        Some(Value::String(name)) => CursorChoice::Column(name.clone()),
        Some(_) => return None,
    };
    Some(Table {
        name: text(object.get("name"))?,
        cursor,
        primary_key: names(object.get("primaryKey"))?,
    })
}

fn queries(kind: Kind, settings: &mut Settings<'_>) -> Vec<Query> {
    let mut queries = Vec::new();
    for (at, item) in settings.list("queries").into_iter().enumerate() {
        let field = format!("queries[{at}]");
        let Some((name, sql, primary_key, cursor)) = query(&item) else {
            settings.problem(
                &field,
                "must be {\"name\", \"sql\", \"primaryKey\"?, \"cursor\"?}",
            );
            continue;
        };
        match Select::parse(kind.dialect(), &sql) {
            Ok(select) => queries.push(Query {
                name,
                select,
                primary_key,
                cursor,
            }),
            Err(unfit) => settings.problem(&format!("{field}.sql"), &unfit.to_string()),
        }
    }
    queries
}

type RawQuery = (String, String, Vec<String>, Option<String>);

fn query(item: &Value) -> Option<RawQuery> {
    let object = item.as_object()?;
    let known = ["name", "sql", "primaryKey", "cursor"];
    if object.keys().any(|key| !known.contains(&key.as_str())) {
        return None;
    }
    let cursor = match object.get("cursor") {
        None | Some(Value::Null) => None,
        cursor => Some(text(cursor)?),
    };
    Some((
        text(object.get("name"))?,
        text(object.get("sql"))?,
        names(object.get("primaryKey"))?,
        cursor,
    ))
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// One name, or a list of names.
fn names(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(name)) => Some(vec![name.clone()]),
        Some(Value::Array(items)) => items.iter().map(|item| text(Some(item))).collect(),
        Some(_) => None,
    }
}

fn unique_names(tables: &[Table], queries: &[Query], settings: &mut Settings<'_>) {
    let mut names: Vec<_> = tables
        .iter()
        .map(|table| ("tables", table.name.as_str()))
        .chain(queries.iter().map(|query| ("queries", query.name.as_str())))
        .collect();
    if names.len() > MOST_STREAMS {
        settings.problem("tables", "are too many: at most 1000 tables and queries");
    }
    names.sort_unstable_by_key(|(_, name)| *name);
    for pair in names.windows(2) {
        if pair[0].1 == pair[1].1 {
            settings.problem(pair[1].0, &format!("name {} twice", pair[1].1));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(platform: &str, config: &Value) -> Result<Config, Vec<String>> {
        Config::parse(platform, config, &json!({"password": "hunter2"}))
            .map_err(|problems| problems.into_iter().map(|p| p.field).collect())
    }

    #[test]
    fn a_server_needs_little() {
        let config = json!({"host": "db.example.com", "database": "shop", "user": "reader"});
        let config = parse("postgresql", &config).unwrap();
        let Place::Server(server) = &config.place else {
            panic!("a server");
        };
        assert_eq!((server.port, server.tls), (5432, Tls::Require));
        assert_eq!(config.lag, Duration::from_secs(30));
        assert!(config.tables.is_empty());
    }

    #[test]
    fn an_external_database_is_told_by_its_dialect() {
        for (dialect, kind) in [
            ("postgres", Kind::PostgreSql),
            ("mysql", Kind::MySql),
            ("mariadb", Kind::MariaDb),
        ] {
            let config = json!({
                "dialect": dialect, "host": "h", "port": 1, "databaseName": "d", "username": "u"
            });
            assert_eq!(parse("database", &config).unwrap().kind, kind);
        }
        let file = json!({"dialect": "sqlite", "file": "s3://files/a/b.db"});
        let place = Place::File(FilePlace::S3 {
            bucket: "files".into(),
            key: "a/b.db".into(),
        });
        assert_eq!(parse("database", &file).unwrap().place, place);
    }

    #[test]
    fn the_user_may_be_among_the_credentials() {
        let config = json!({"host": "h", "database": "d"});
        let credentials = json!({"username": "u", "password": "p"});
        assert!(Config::parse("mysql", &config, &credentials).is_ok());
    }

    #[test]
    fn each_mistake_is_told_by_its_field() {
        let base = json!({"host": "h", "database": "d", "user": "u"});
        for (key, value, field) in [
            ("host", json!("h:5432/x"), "config.host"),
            ("host", json!("postgres://h"), "config.host"),
            ("host", json!("/var/run/postgresql"), "config.host"),
            ("port", json!(0), "config.port"),
            ("port", json!("x"), "config.port"),
            ("database", json!(""), "config.database"),
            ("tls", json!("on"), "config.tls"),
            ("ca", json!("x"), "config.ca"),
            ("tables", json!("orders"), "config.tables"),
            ("tables", json!([{"table": "a"}]), "config.tables[0]"),
            ("tables", json!(["a", "a"]), "config.tables"),
            ("queries", json!([{"name": "a"}]), "config.queries[0]"),
            (
                "queries",
                json!([{"name": "a", "sql": "DROP TABLE a"}]),
                "config.queries[0].sql",
            ),
            ("lagSeconds", json!(-1), "config.lagSeconds"),
            ("rowsPerChunk", json!(0), "config.rowsPerChunk"),
            ("colour", json!(1), "config.colour"),
        ] {
            let mut config = base.clone();
            config[key] = value;
            assert_eq!(parse("mysql", &config).unwrap_err(), [field], "{key}");
        }
    }

    #[test]
    fn tables_take_cursor_and_key() {
        let config = json!({"file": "s3://b/k", "tables": [
            "a",
            {"name": "b", "cursor": "seq", "primaryKey": "id"},
            {"name": "c", "cursor": null, "primaryKey": ["x", "y"]},
        ]});
        let tables = parse("sqlite", &config).unwrap().tables;
        assert_eq!(tables[0].cursor, CursorChoice::Convention);
        assert_eq!(tables[1].cursor, CursorChoice::Column("seq".into()));
        assert_eq!(tables[1].primary_key, ["id"]);
        assert_eq!(tables[2].cursor, CursorChoice::None);
        assert_eq!(tables[2].primary_key, ["x", "y"]);
    }

    #[test]
    fn no_secret_is_shown() {
        let config = json!({"host": "decoy", "database": "decoy", "user": "decoy"});
        assert!(!format!("{:?}", parse("mysql", &config).unwrap()).contains("decoy"));
    }
}
