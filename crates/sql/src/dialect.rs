use std::fmt;

/// A kind of database, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PostgreSQL 12 or later.
    PostgreSql,
    /// MySQL 8.0 or later.
    MySql,
    /// MariaDB 10.6 or later.
    MariaDb,
    /// A `SQLite` file.
    Sqlite,
}

impl Kind {
    /// The kind that users call `word`.
    pub fn named(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "postgresql" | "postgres" | "pg" => Some(Self::PostgreSql),
            "mysql" => Some(Self::MySql),
            "mariadb" => Some(Self::MariaDb),
            "sqlite" | "sqlite3" => Some(Self::Sqlite),
            _ => None,
        }
    }

    /// Its own spelling.
    pub fn title(self) -> &'static str {
        match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::Sqlite => "SQLite",
        }
    }

    /// Where its servers listen.
    pub fn default_port(self) -> u16 {
        match self {
            Self::PostgreSql => 5432,
            _ => 3306,
        }
    }

    /// The SQL that it speaks.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::PostgreSql => Dialect::PostgreSql,
            Self::MySql | Self::MariaDb => Dialect::MySql,
            Self::Sqlite => Dialect::Sqlite,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// How SQL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL's.
    PostgreSql,
    /// That of `MySQL` and `MariaDB`.
    MySql,
    /// `SQLite`'s.
    Sqlite,
}

impl Dialect {
    /// `name` as an identifier, whatever it contains.
    pub fn quoted(self, name: &str) -> String {
        let quote = match self {
            Self::PostgreSql | Self::Sqlite => '"',
            Self::MySql => '`',
        };
        let mut text = String::with_capacity(name.len() + 2);
        text.push(quote);
        for c in name.chars() {
            if c == quote {
                text.push(quote);
            }
            text.push(c);
        }
        text.push(quote);
        text
    }

    /// A column of the scanned table or query.
    pub(crate) fn column(self, name: &str) -> String {
        format!("s.{}", self.quoted(name))
    }

    /// Whether `(a, b) > (x, y)` is both understood and served by an index.
    pub(crate) fn compares_tuples(self) -> bool {
        !matches!(self, Self::MySql)
    }
}

/// How a column is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadAs {
    /// As it is.
    Value,
    /// As the text that the database writes for it.
    Text,
    /// A geometry, as well-known text.
    WellKnownText,
}

/// How a key's value gets into a statement, so that it is compared as the column's own type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bind {
    /// As the value that it is.
    Plain,
    /// As text, cast to this type.
    Cast(String),
    /// As the hexadecimal digits of its bytes.
    Hex,
}

impl Bind {
    pub(crate) fn placed(&self, dialect: Dialect, number: usize) -> String {
        let place = match dialect {
            Dialect::PostgreSql => format!("${number}"),
            Dialect::MySql | Dialect::Sqlite => "?".to_owned(),
        };
        match (self, dialect) {
            (Self::Plain, Dialect::PostgreSql) => format!("{place}::text"),
            (Self::Plain, _) => place,
            (Self::Cast(to), Dialect::PostgreSql) => format!("{place}::text::{to}"),
            (Self::Cast(to), _) => format!("CAST({place} AS {to})"),
            (Self::Hex, Dialect::PostgreSql) => format!("decode({place}::text, 'hex')"),
            (Self::Hex, _) => format!("UNHEX({place})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quote_in_a_name_is_doubled() {
        assert_eq!(Dialect::PostgreSql.quoted(r#"a"b"#), r#""a""b""#);
        assert_eq!(Dialect::Sqlite.quoted("a;--"), "\"a;--\"");
        assert_eq!(Dialect::MySql.quoted("a`b"), "`a``b`");
    }

    proptest! {
        #[test]
        fn no_name_leaves_its_quotes(name in ".*") {
            for (dialect, quote) in [(Dialect::PostgreSql, '"'), (Dialect::MySql, '`')] {
                let quoted = dialect.quoted(&name);
                let inner = &quoted[1..quoted.len() - 1];
                prop_assert_eq!(inner.replace(&format!("{quote}{quote}"), &quote.to_string()), name.clone());
                // Runs of quotes inside are of even length, so none of them ends the identifier.
                let odd = inner.split(|c| c != quote).any(|run| run.len() % 2 == 1);
                prop_assert!(!odd);
            }
        }
    }
}
