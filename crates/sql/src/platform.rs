use engine::{PlatformInfo, Problem, Setting, SettingKind};
use serde_json::Value;

use crate::settings::aliases;
use crate::{Config, Tls};

const fn setting(
    name: &'static str,
    title: &'static str,
    help: &'static str,
    kind: SettingKind,
    required: bool,
) -> Setting {
    Setting {
        name,
        aliases: aliases(name),
        title,
        help,
        kind,
        required,
        secret: false,
    }
}

const fn host(required: bool) -> Setting {
    setting(
        "host",
        "Host",
        "Name or address of the server, such as db.example.com.",
        SettingKind::Text,
        required,
    )
}

const PORT: Setting = setting(
    "port",
    "Port",
    "5432 for PostgreSQL, 3306 for MySQL and MariaDB, if not given.",
    SettingKind::Integer,
    false,
);

const fn database(required: bool) -> Setting {
    setting(
        "database",
        "Database name",
        "The database to read, such as shop.",
        SettingKind::Text,
        required,
    )
}

const fn user(required: bool) -> Setting {
    setting(
        "user",
        "User name",
        "A user with the right to read the tables, and no other.",
        SettingKind::Text,
        required,
    )
}

const fn password(required: bool) -> Setting {
    Setting {
        secret: true,
        ..setting(
            "password",
            "Password",
            "The user's password.",
            SettingKind::Text,
            required,
        )
    }
}

const TLS: Setting = setting(
    "tls",
    "TLS",
    "verify-full checks the server's certificate and name; verify-ca only its certificate; require \
     (if not given) encrypts without checking; prefer encrypts if the server can; disable never.",
    SettingKind::Choice(Tls::WORDS),
    false,
);

const CA: Setting = setting(
    "ca",
    "Certificate authority",
    "PEM text of the authority that signs the server's certificate, if it is none of the public \
     ones (Amazon RDS has its own).",
    SettingKind::Text,
    false,
);

const fn file(required: bool) -> Setting {
    setting(
        "file",
        "File",
        "Where the SQLite file lies: s3://bucket/path/to/file.db.",
        SettingKind::Text,
        required,
    )
}

const TABLES: Setting = setting(
    "tables",
    "Tables",
    "Tables and views to read; all tables if not given. A name such as \"orders\" or \
     \"sales.orders\", or {\"name\": \"orders\", \"cursor\": \"updated_at\", \"primaryKey\": \
     [\"id\"]}; \"cursor\": null reads everything each time.",
    SettingKind::Json,
    false,
);

const QUERIES: Setting = setting(
    "queries",
    "Queries",
    "SELECT statements to read: [{\"name\": \"big_orders\", \"sql\": \"SELECT …\", \"primaryKey\": \
     [\"id\"], \"cursor\": \"updated_at\"}].",
    SettingKind::Json,
    false,
);

const LAG: Setting = setting(
    "lagSeconds",
    "Lag",
    "By how many seconds each run reaches back, for rows that were committed late; 30 if not given.",
    SettingKind::Integer,
    false,
);

const OVERLAP: Setting = setting(
    "overlap",
    "Overlap",
    "The same for cursors that are whole numbers, in numbers; 1000 if not given.",
    SettingKind::Integer,
    false,
);

const ROWS: Setting = setting(
    "rowsPerChunk",
    "Rows per chunk",
    "At most so many rows are asked for at once; 10000 if not given.",
    SettingKind::Integer,
    false,
);

const TIMEOUT: Setting = setting(
    "statementTimeoutSeconds",
    "Statement timeout",
    "The server gives a statement up after so many seconds; 60 if not given.",
    SettingKind::Integer,
    false,
);

const DIALECT: Setting = setting(
    "dialect",
    "Database type",
    "Which kind of database it is.",
    SettingKind::Choice(&["postgresql", "mysql", "mariadb", "sqlite"]),
    true,
);

const SERVER: &[Setting] = &[
    host(true),
    PORT,
    database(true),
    user(true),
    password(true),
    TLS,
    CA,
    TABLES,
    QUERIES,
    LAG,
    OVERLAP,
    ROWS,
    TIMEOUT,
];

/// PostgreSQL 12 or later.
pub const POSTGRESQL: PlatformInfo = PlatformInfo {
    name: "postgresql",
    aliases: &["postgres"],
    title: "PostgreSQL",
    description: "Reads tables, views and queries of a PostgreSQL database.",
    documentation: "https://www.postgresql.org/docs/current/",
    settings: SERVER,
    actions: &[],
    validate: |config, credentials| check("postgresql", config, credentials),
};

/// MySQL 8.0 or later.
pub const MYSQL: PlatformInfo = PlatformInfo {
    name: "mysql",
    aliases: &[],
    title: "MySQL",
    description: "Reads tables, views and queries of a MySQL database.",
    documentation: "https://dev.mysql.com/doc/refman/8.4/en/",
    settings: SERVER,
    actions: &[],
    validate: |config, credentials| check("mysql", config, credentials),
};

/// MariaDB 10.6 or later.
pub const MARIADB: PlatformInfo = PlatformInfo {
    name: "mariadb",
    aliases: &[],
    title: "MariaDB",
    description: "Reads tables, views and queries of a MariaDB database.",
    documentation: "https://mariadb.com/kb/en/documentation/",
    settings: SERVER,
    actions: &[],
    validate: |config, credentials| check("mariadb", config, credentials),
};

/// A `SQLite` file.
pub const SQLITE: PlatformInfo = PlatformInfo {
    name: "sqlite",
    aliases: &["sqlite3"],
    title: "SQLite",
    description: "Reads tables, views and queries of a SQLite file in S3.",
    documentation: "https://www.sqlite.org/docs.html",
    settings: &[file(true), TABLES, QUERIES, OVERLAP, ROWS, TIMEOUT],
    actions: &[],
    validate: |config, credentials| check("sqlite", config, credentials),
};

/// Any of them, told by the setting `dialect`.
pub const DATABASE: PlatformInfo = PlatformInfo {
    name: "database",
    aliases: &["external_database", "sql"],
    title: "External database",
    description: "Reads a PostgreSQL, MySQL, MariaDB or SQLite database, told by its dialect.",
    documentation: "https://www.postgresql.org/docs/current/",
    settings: &[
        DIALECT,
        host(false),
        PORT,
        database(false),
        user(false),
        password(false),
        TLS,
        CA,
        file(false),
        TABLES,
        QUERIES,
        LAG,
        OVERLAP,
        ROWS,
        TIMEOUT,
    ],
    actions: &[],
    validate: |config, credentials| check("database", config, credentials),
};

/// All of this crate.
pub const PLATFORMS: [PlatformInfo; 5] = [POSTGRESQL, MYSQL, MARIADB, SQLITE, DATABASE];

fn check(platform: &str, config: &Value, credentials: &Value) -> Result<(), Vec<Problem>> {
    Config::parse(platform, config, credentials).map(|_| ())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_may_be_filled_in_is_what_is_read() {
        for platform in PLATFORMS {
            let config: Value = platform
                .settings
                .iter()
                .filter(|setting| !setting.secret)
                .map(|setting| {
                    let value = match (setting.name, setting.kind) {
                        ("ca", _) => json!("-----BEGIN CERTIFICATE-----"),
                        (_, SettingKind::Choice(words)) => json!(words[0]),
                        (_, SettingKind::Integer) => json!(5),
                        (_, SettingKind::Json) => json!([]),
                        _ => json!("x"),
                    };
                    (setting.name.to_owned(), value)
                })
                .collect();
            let checked = (platform.validate)(&config, &json!({"password": "x"}));
            assert_eq!(checked, Ok(()), "{}", platform.name);
        }
    }

    #[test]
    fn names_and_aliases_are_one_platforms_each() {
        let mut names: Vec<_> = PLATFORMS
            .iter()
            .flat_map(|p| std::iter::once(p.name).chain(p.aliases.iter().copied()))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
