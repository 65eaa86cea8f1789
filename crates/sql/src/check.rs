use sqlparser::ast::{SetExpr, Statement};
use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace, Word};

use crate::Dialect;

/// The longest query that is taken, in bytes.
const LONGEST: usize = 64 * 1024;

/// A query that only reads, as far as its text tells. The database session is read-only as well:
/// this check is there to say so early, and for what a read-only session still lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select(String);

/// Why a query is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nobody can read it.
    #[error("this is no SQL that {0} understands; check its syntax near {1}")]
    Syntax(&'static str, String),
    /// None, or several.
    #[error("give exactly one statement")]
    NotOne,
    /// Not a `SELECT`.
    #[error("only SELECT (or WITH … SELECT) is taken: Deskbridge never writes to a database")]
    NotSelect,
    /// It contains something that writes, locks or runs other SQL.
    #[error("{0} is not taken: a query may only read")]
    Forbidden(String),
    /// Comments hide what databases still carry out (`/*! … */`).
    #[error("comments are not taken; put the explanation elsewhere")]
    Comment,
    /// Placeholders have nothing to be filled with.
    #[error("placeholders such as $1 or ? are not taken")]
    Placeholder,
    /// Longer than anybody writes.
    #[error("the query is longer than {LONGEST} bytes; make it a view")]
    TooLong,
}

impl Unfit {
    /// Whether it would do more than read, rather than being malformed.
    pub fn does_more_than_read(&self) -> bool {
        matches!(self, Self::NotSelect | Self::Forbidden(_))
    }
}

impl Select {
    /// Checks `sql`.
    pub fn parse(dialect: Dialect, sql: &str) -> Result<Self, Unfit> {
        let sql = sql.trim().trim_end_matches(';').trim_end();
        if sql.len() > LONGEST {
            return Err(Unfit::TooLong);
        }
        let grammar = grammar(dialect);
        let tokens = Tokenizer::new(grammar.as_ref(), sql)
            .tokenize()
            .map_err(|e| Unfit::Syntax(title(dialect), e.location.to_string()))?;
        check_tokens(dialect, &tokens)?;
        let statements = Parser::new(grammar.as_ref())
            .with_tokens(tokens)
            .parse_statements()
            .map_err(|e| Unfit::Syntax(title(dialect), place_in(&e.to_string())))?;
        let [statement] = statements.as_slice() else {
            return Err(Unfit::NotOne);
        };
        let Statement::Query(query) = statement else {
            return Err(Unfit::NotSelect);
        };
        if !query.locks.is_empty() {
            return Err(Unfit::Forbidden("a row lock".into()));
        }
        only_reads(&query.body)?;
        Ok(Self(sql.to_owned()))
    }

    /// Its text, without a semicolon.
    pub fn sql(&self) -> &str {
        &self.0
    }
}

fn grammar(dialect: Dialect) -> Box<dyn Grammar> {
    match dialect {
        Dialect::PostgreSql => Box::new(PostgreSqlDialect {}),
        Dialect::MySql => Box::new(MySqlDialect {}),
        Dialect::Sqlite => Box::new(SQLiteDialect {}),
    }
}

fn title(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::PostgreSql => "PostgreSQL",
        Dialect::MySql => "MySQL",
        Dialect::Sqlite => "SQLite",
    }
}

/// Where the parser stopped, without the words that it found there.
fn place_in(message: &str) -> String {
    message.rsplit_once("at Line: ").map_or_else(
        || "its end".to_owned(),
        |(_, place)| format!("line {place}"),
    )
}

fn only_reads(body: &SetExpr) -> Result<(), Unfit> {
    match body {
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => only_reads(&query.body),
        SetExpr::SetOperation { left, right, .. } => {
            only_reads(left)?;
            only_reads(right)
        }
        _ => Err(Unfit::NotSelect),
    }
}

/// Looks at every word, wherever it stands: in common table expressions and subqueries too.
fn check_tokens(dialect: Dialect, tokens: &[Token]) -> Result<(), Unfit> {
    let mut solid = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token {
            Token::Whitespace(
                Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_),
            ) => return Err(Unfit::Comment),
            Token::Whitespace(_) => {}
            Token::Placeholder(_) => return Err(Unfit::Placeholder),
            Token::SemiColon => return Err(Unfit::NotOne),
            Token::Assignment => return Err(Unfit::Forbidden(":=".into())),
            token => solid.push(token),
        }
    }
    // A statement of another kind is told as such, rather than by its first word.
    if !matches!(
        solid.first(),
        Some(
            Token::LParen
                | Token::Word(Word {
                    keyword: Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE,
                    ..
                })
        )
    ) {
        return Err(Unfit::NotSelect);
    }
    for (at, token) in solid.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let before = at.checked_sub(1).map(|at| solid[at]);
        let next = solid.get(at + 1).copied();
        check_word(dialect, word, before, next)?;
    }
    Ok(())
}

fn check_word(
    dialect: Dialect,
    word: &Word,
    before: Option<&Token>,
    next: Option<&Token>,
) -> Result<(), Unfit> {
    let is_column = matches!(before, Some(Token::Period));
    if word.quote_style.is_none() && !is_column && writes(word.keyword) {
        return Err(Unfit::Forbidden(word.value.to_ascii_uppercase()));
    }
    if word.keyword == Keyword::FOR && word.quote_style.is_none() && locks(next) {
        return Err(Unfit::Forbidden("FOR UPDATE or FOR SHARE".into()));
    }
    if word.keyword == Keyword::LOCK
        && matches!(next, Some(Token::Word(w)) if w.keyword == Keyword::IN)
    {
        return Err(Unfit::Forbidden("LOCK IN SHARE MODE".into()));
    }
    // SQLite takes such functions without parentheses too.
    let is_pragma =
        dialect == Dialect::Sqlite && word.value.to_ascii_lowercase().starts_with("pragma_");
    let is_call = matches!(next, Some(Token::LParen));
    if is_pragma || is_call && has_effects(dialect, &word.value) {
        return Err(Unfit::Forbidden(format!(
            "the function {}",
            word.value.to_ascii_lowercase()
        )));
    }
    Ok(())
}

fn writes(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::INTO
            | Keyword::INSERT
            | Keyword::UPDATE
            | Keyword::DELETE
            | Keyword::MERGE
            | Keyword::TRUNCATE
            | Keyword::DROP
            | Keyword::ALTER
            | Keyword::CREATE
            | Keyword::GRANT
            | Keyword::REVOKE
            | Keyword::CALL
            | Keyword::EXECUTE
            | Keyword::COPY
            | Keyword::ATTACH
            | Keyword::PRAGMA
            | Keyword::VACUUM
            | Keyword::PROCEDURE
    )
}

fn locks(next: Option<&Token>) -> bool {
    matches!(
        next,
        Some(Token::Word(Word {
            keyword: Keyword::UPDATE | Keyword::SHARE | Keyword::NO | Keyword::KEY,
            ..
        }))
    )
}

/// Functions that do what a read-only session does not stop: wait, lock, kill, signal, read files,
/// call other servers, change settings, run SQL given as text.
fn has_effects(dialect: Dialect, function: &str) -> bool {
    let name = function.to_ascii_lowercase();
    match dialect {
        Dialect::PostgreSql => {
            const HARMLESS: [&str; 5] = [
                "pg_typeof",
                "pg_size_pretty",
                "pg_get_expr",
                "pg_column_size",
                "pg_table_is_visible",
            ];
            const PREFIXES: [&str; 4] = ["pg_", "lo_", "dblink", "binary_upgrade_"];
            const NAMES: [&str; 9] = [
                "set_config",
                "setval",
                "nextval",
                "loread",
                "lowrite",
                "txid_current",
                "inet_server_addr",
                "ts_stat",
                "postgres_fdw_disconnect",
            ];
            (PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                && !HARMLESS.contains(&name.as_str()))
                || NAMES.contains(&name.as_str())
                // query_to_xml, table_to_xml, cursor_to_xmlschema … run SQL given as text.
                || name.contains("_to_xml")
        }
        Dialect::MySql => [
            "sleep",
            "benchmark",
            "get_lock",
            "release_lock",
            "release_all_locks",
            "is_free_lock",
            "is_used_lock",
            "load_file",
            "last_insert_id",
            "master_pos_wait",
            "source_pos_wait",
            "master_gtid_wait",
            "wait_for_executed_gtid_set",
            "wait_until_sql_thread_after_gtids",
            "sys_exec",
            "sys_eval",
            "setval",
            "nextval",
            "lastval",
        ]
        .contains(&name.as_str()),
        Dialect::Sqlite => [
            "load_extension",
            "readfile",
            "writefile",
            "edit",
            "fts3_tokenizer",
            "zeroblob",
            "randomblob",
        ]
        .contains(&name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Dialect; 3] = [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite];

    #[test]
    fn queries_that_read_are_taken() {
        for dialect in ALL {
            for sql in [
                "SELECT 1",
                "  select id, name from people where deleted_at is null ;",
                "WITH recent AS (SELECT * FROM orders) SELECT count(*) FROM recent",
                "SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1 LIMIT 10",
                "SELECT o.id, o.update FROM o WHERE note = 'DELETE; -- not really'",
                "SELECT max(x) OVER (PARTITION BY y) FROM t",
            ] {
                assert!(Select::parse(dialect, sql).is_ok(), "{dialect:?}: {sql}");
            }
        }
    }

    #[test]
    fn queries_that_write_are_refused() {
        for dialect in ALL {
            for sql in [
                "DELETE FROM people",
                "INSERT INTO people VALUES (1)",
                "UPDATE people SET name = 'x'",
                "DROP TABLE people",
                "CREATE TABLE a AS SELECT 1",
                "WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone",
                "WITH a AS (SELECT 1) DELETE FROM people",
                "SELECT * INTO copy FROM people",
                "SELECT * FROM people FOR UPDATE",
                "SELECT * FROM people FOR SHARE",
                "SELECT * FROM (SELECT * FROM people FOR UPDATE) AS p",
                "TRUNCATE people",
                "GRANT ALL ON people TO PUBLIC",
                "SET x = 1",
                "COPY people TO PROGRAM 'curl'",
                "BEGIN",
            ] {
                let unfit = Select::parse(dialect, sql).unwrap_err();
                assert!(unfit.does_more_than_read(), "{dialect:?}: {sql}: {unfit}");
            }
        }
    }

    #[test]
    fn functions_with_effects_are_refused() {
        for (dialect, calls) in [
            (
                Dialect::PostgreSql,
                &[
                    "pg_sleep(10)",
                    "pg_terminate_backend(1)",
                    "pg_read_file('/etc/passwd')",
                    "\"pg_sleep\"(1)",
                    "pg_catalog.pg_sleep(1)",
                    "lo_export(1, 'x')",
                    "dblink('host=x', 'select 1')",
                    "set_config('transaction_read_only', 'off', false)",
                    "nextval('s')",
                    "query_to_xml('delete from t', true, true, '')",
                ][..],
            ),
            (
                Dialect::MySql,
                &[
                    "sleep(10)",
                    "SLEEP (10)",
                    "benchmark(1000000, md5('x'))",
                    "load_file('/etc/passwd')",
                    "get_lock('x', 10)",
                    "@a := 1",
                ][..],
            ),
            (
                Dialect::Sqlite,
                &[
                    "load_extension('x')",
                    "writefile('a', 'b')",
                    "readfile('a')",
                    "name FROM pragma_database_list",
                ][..],
            ),
        ] {
            for call in calls {
                let sql = format!("SELECT {call}");
                let unfit = Select::parse(dialect, &sql).unwrap_err();
                assert!(unfit.does_more_than_read(), "{sql}: {unfit}");
            }
        }
    }

    #[test]
    fn what_hides_or_splits_statements_is_refused() {
        for (sql, unfit) in [
            ("SELECT 1; SELECT 2", Unfit::NotOne),
            ("SELECT 1; DROP TABLE a", Unfit::NotOne),
            ("SELECT 1 /* more */", Unfit::Comment),
            ("SELECT 1 -- more\n", Unfit::Comment),
            ("SELECT /*+ hint */ 1", Unfit::Comment),
            ("", Unfit::NotSelect),
        ] {
            for dialect in ALL {
                assert_eq!(
                    Select::parse(dialect, sql).unwrap_err(),
                    unfit,
                    "{dialect:?}: {sql}"
                );
            }
        }
        assert_eq!(
            Select::parse(Dialect::PostgreSql, "SELECT $1").unwrap_err(),
            Unfit::Placeholder
        );
        // MySQL carries such comments out.
        for sql in [
            "SELECT 1 INTO OUTFILE '/x'",
            "SELECT 1 /*! INTO OUTFILE '/x' */",
        ] {
            assert_eq!(
                Select::parse(Dialect::MySql, sql).unwrap_err(),
                Unfit::Forbidden("INTO".into())
            );
        }
    }

    #[test]
    fn messages_do_not_quote_the_query() {
        let unfit = Select::parse(Dialect::PostgreSql, "SELECT 'hunter2' FROM (x").unwrap_err();
        assert!(!unfit.to_string().contains("hunter2"), "{unfit}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(sql in ".{0,200}") {
            for dialect in ALL {
                let _ = Select::parse(dialect, &sql);
            }
        }
    }
}
