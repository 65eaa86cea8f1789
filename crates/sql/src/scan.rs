use crate::{Bind, Dialect, ReadAs, Value};

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A table or view.
    Table {
        /// Its schema, where the database has such.
        schema: Option<String>,
        /// Its name.
        name: String,
    },
    /// A checked `SELECT`.
    Query(String),
}

impl From {
    pub(crate) fn sql(&self, dialect: Dialect) -> String {
        match self {
            Self::Table { schema, name } => {
                let schema = schema
                    .as_deref()
                    .map(|schema| dialect.quoted(schema) + ".")
                    .unwrap_or_default();
                format!("{schema}{} AS s", dialect.quoted(name))
            }
            // The line break ends what a comment could have begun.
            Self::Query(sql) => format!("({sql}\n) AS s"),
        }
    }
}

/// A column to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How it is asked for.
    pub read: ReadAs,
}

impl Column {
    fn sql(&self, dialect: Dialect) -> String {
        let column = dialect.column(&self.name);
        match (self.read, dialect) {
            (ReadAs::Value, _) => column,
            (ReadAs::Text, Dialect::PostgreSql) => format!("{column}::text"),
            (ReadAs::Text, Dialect::MySql) => format!("CAST({column} AS CHAR)"),
            (ReadAs::Text, Dialect::Sqlite) => format!("CAST({column} AS TEXT)"),
            (ReadAs::WellKnownText, _) => format!("ST_AsText({column})"),
        }
    }
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: String,
    /// How values of it are bound.
    pub bind: Bind,
}

/// Which rows are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// Those in which the column is null.
    Null(KeyColumn),
    /// Those in which it is this or greater.
    AtLeast(KeyColumn, Value),
    /// Those in which it is greater than this.
    Above(KeyColumn, Value),
    /// Those in which the columns, compared one after the other, are these or less.
    UpTo(Vec<KeyColumn>, Vec<Value>),
}

/// SQL with its parameters, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The SQL.
    pub text: String,
    /// What is bound.
    pub parameters: Vec<Value>,
}

/// The next rows of a table, by keyset: never by offset.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// How SQL is written.
    pub dialect: Dialect,
    /// What is read.
    pub from: &'a From,
    /// The columns to read.
    pub columns: &'a [Column],
    /// What the rows are ordered by: together they tell any two rows apart. None: any order.
    pub order: &'a [KeyColumn],
    /// Behind this row; from the first if none.
    pub after: Option<&'a [Value]>,
    /// Only these rows.
    pub bounds: &'a [Bound],
    /// At most so many.
    pub limit: Option<u32>,
}

impl Scan<'_> {
    /// Its SQL.
    pub fn statement(&self) -> Statement {
        let columns: Vec<_> = self.columns.iter().map(|c| c.sql(self.dialect)).collect();
        let mut write = Writer::new(self.dialect);
        write.text(&format!(
            "SELECT {} FROM {}",
            columns.join(", "),
            self.from.sql(self.dialect)
        ));
        self.conditions(&mut write);
        self.end(&mut write, "ASC");
        write.done()
    }

    /// The key of its last row: what a reading ends at, although rows are added meanwhile.
    pub fn last(&self) -> Statement {
        let columns: Vec<_> = self
            .order
            .iter()
            .map(|key| {
                let read = match self.dialect {
                    Dialect::PostgreSql => ReadAs::Text,
                    _ => ReadAs::Value,
                };
                let name = key.name.clone();
                Column { name, read }.sql(self.dialect)
            })
            .collect();
        let mut write = Writer::new(self.dialect);
        write.text(&format!(
            "SELECT {} FROM {}",
            columns.join(", "),
            self.from.sql(self.dialect)
        ));
        self.conditions(&mut write);
        let last = Self {
            limit: Some(1),
            ..*self
        };
        last.end(&mut write, "DESC");
        write.done()
    }

    fn conditions(&self, write: &mut Writer) {
        let mut word = " WHERE ";
        for bound in self.bounds {
            write.text(word);
            word = " AND ";
            match bound {
                Bound::Null(key) => {
                    write.text(&format!("{} IS NULL", self.dialect.column(&key.name)));
                }
                Bound::AtLeast(key, value) => write.compare(key, ">=", value),
                Bound::Above(key, value) => write.compare(key, ">", value),
                Bound::UpTo(keys, values) => write.compare_tuple(keys, Side::UpTo, values),
            }
        }
        if let Some(after) = self.after {
            write.text(word);
            write.compare_tuple(self.order, Side::After, after);
        }
    }

    fn end(&self, write: &mut Writer, direction: &str) {
        if !self.order.is_empty() {
            let order: Vec<_> = self
                .order
                .iter()
                .map(|key| format!("{} {direction}", self.dialect.column(&key.name)))
                .collect();
            write.text(&format!(" ORDER BY {}", order.join(", ")));
        }
        if let Some(limit) = self.limit {
            write.text(&format!(" LIMIT {limit}"));
        }
    }
}

/// Finds one row in which any of `columns` is null.
pub fn any_null(dialect: Dialect, from: &From, columns: &[String]) -> Statement {
    let nulls: Vec<_> = columns
        .iter()
        .map(|name| format!("{} IS NULL", dialect.column(name)))
        .collect();
    any(dialect, from, &nulls.join(" OR "))
}

/// Finds no row, but whether rows may be read.
pub fn may_read(dialect: Dialect, from: &From) -> Statement {
    any(dialect, from, "1 = 0")
}

fn any(dialect: Dialect, from: &From, condition: &str) -> Statement {
    let text = format!(
        "SELECT 1 FROM {} WHERE {condition} LIMIT 1",
        from.sql(dialect)
    );
    Statement {
        text,
        parameters: Vec::new(),
    }
}

#[derive(Clone, Copy)]
enum Side {
    After,
    UpTo,
}

/// Writes SQL and gathers its parameters.
struct Writer {
    dialect: Dialect,
    text: String,
    parameters: Vec<Value>,
}

impl Writer {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: String::new(),
            parameters: Vec::new(),
        }
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn value(&mut self, key: &KeyColumn, value: &Value) {
        self.parameters.push(value.clone());
        let place = key.bind.placed(self.dialect, self.parameters.len());
        self.text.push_str(&place);
    }

    fn compare(&mut self, key: &KeyColumn, operator: &str, value: &Value) {
        self.text(&format!("{} {operator} ", self.dialect.column(&key.name)));
        self.value(key, value);
    }

    fn compare_tuple(&mut self, keys: &[KeyColumn], side: Side, values: &[Value]) {
        let pairs: Vec<_> = keys.iter().zip(values).collect();
        match pairs.as_slice() {
            [(key, value)] => self.compare(key, side.strictly_or_not(true), value),
            pairs if self.dialect.compares_tuples() => self.tuple(pairs, side),
            pairs => self.expanded(pairs, side),
        }
    }

    fn tuple(&mut self, pairs: &[(&KeyColumn, &Value)], side: Side) {
        let columns: Vec<_> = pairs
            .iter()
            .map(|(key, _)| self.dialect.column(&key.name))
            .collect();
        self.text(&format!(
            "({}) {} (",
            columns.join(", "),
            side.strictly_or_not(true)
        ));
        for (at, (key, value)) in pairs.iter().enumerate() {
            if at > 0 {
                self.text(", ");
            }
            self.value(key, value);
        }
        self.text(")");
    }

    /// `(a, b) > (x, y)` as `a >= x AND (a > x OR (a = x AND b > y))`: the first part, redundant,
    /// is what MySQL looks up in an index.
    fn expanded(&mut self, pairs: &[(&KeyColumn, &Value)], side: Side) {
        let (first, value) = pairs[0];
        self.text("(");
        self.compare(first, side.or_equal(), value);
        self.text(" AND (");
        for (at, (key, value)) in pairs.iter().enumerate() {
            if at > 0 {
                self.text(" OR ");
            }
            self.text("(");
            for (key, value) in &pairs[..at] {
                self.compare(key, "=", value);
                self.text(" AND ");
            }
            let is_last = at + 1 == pairs.len();
            self.compare(key, side.strictly_or_not(is_last), value);
            self.text(")");
        }
        self.text("))");
    }

    fn done(self) -> Statement {
        Statement {
            text: self.text,
            parameters: self.parameters,
        }
    }
}

impl Side {
    /// The operator between the last columns, or between earlier ones.
    fn strictly_or_not(self, is_last: bool) -> &'static str {
        match (self, is_last) {
            (Self::After, _) => ">",
            (Self::UpTo, true) => "<=",
            (Self::UpTo, false) => "<",
        }
    }

    fn or_equal(self) -> &'static str {
        match self {
            Self::After => ">=",
            Self::UpTo => "<=",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, cast: &str) -> KeyColumn {
        KeyColumn {
            name: name.into(),
            bind: Bind::Cast(cast.into()),
        }
    }

    fn scan(dialect: Dialect, moment: &str, number: &str) -> String {
        let from = From::Table {
            schema: Some("shop".into()),
            name: "orders".into(),
        };
        let order = [key("changed", moment), key("id", number)];
        let high = Bound::UpTo(
            vec![key("changed", moment)],
            vec![Value::Text("2024-01-02".into())],
        );
        let low = Bound::AtLeast(key("changed", moment), Value::Text("2024-01-01".into()));
        let columns = ["id", "changed"].map(|name| Column {
            name: name.into(),
            read: ReadAs::Text,
        });
        let after = [Value::Text("2024-01-01".into()), Value::Int(7)];
        let scan = Scan {
            dialect,
            from: &from,
            columns: &columns,
            order: &order,
            after: Some(&after),
            bounds: &[low, high],
            limit: Some(100),
        };
        let statement = scan.statement();
        let last = scan.last();
        format!(
            "{}\n-- {} parameters\n{}",
            statement.text,
            statement.parameters.len(),
            last.text
        )
    }

    #[test]
    fn postgresql_compares_tuples() {
        insta::assert_snapshot!(scan(Dialect::PostgreSql, "timestamptz", "bigint"), @r#"
        SELECT s."id"::text, s."changed"::text FROM "shop"."orders" AS s WHERE s."changed" >= $1::text::timestamptz AND s."changed" <= $2::text::timestamptz AND (s."changed", s."id") > ($3::text::timestamptz, $4::text::bigint) ORDER BY s."changed" ASC, s."id" ASC LIMIT 100
        -- 4 parameters
        SELECT s."changed"::text, s."id"::text FROM "shop"."orders" AS s WHERE s."changed" >= $1::text::timestamptz AND s."changed" <= $2::text::timestamptz AND (s."changed", s."id") > ($3::text::timestamptz, $4::text::bigint) ORDER BY s."changed" DESC, s."id" DESC LIMIT 1
        "#);
    }

    #[test]
    fn mysql_gets_the_or_form() {
        insta::assert_snapshot!(scan(Dialect::MySql, "DATETIME(6)", "SIGNED"), @r#"
        SELECT CAST(s.`id` AS CHAR), CAST(s.`changed` AS CHAR) FROM `shop`.`orders` AS s WHERE s.`changed` >= CAST(? AS DATETIME(6)) AND s.`changed` <= CAST(? AS DATETIME(6)) AND (s.`changed` >= CAST(? AS DATETIME(6)) AND ((s.`changed` > CAST(? AS DATETIME(6))) OR (s.`changed` = CAST(? AS DATETIME(6)) AND s.`id` > CAST(? AS SIGNED)))) ORDER BY s.`changed` ASC, s.`id` ASC LIMIT 100
        -- 6 parameters
        SELECT s.`changed`, s.`id` FROM `shop`.`orders` AS s WHERE s.`changed` >= CAST(? AS DATETIME(6)) AND s.`changed` <= CAST(? AS DATETIME(6)) AND (s.`changed` >= CAST(? AS DATETIME(6)) AND ((s.`changed` > CAST(? AS DATETIME(6))) OR (s.`changed` = CAST(? AS DATETIME(6)) AND s.`id` > CAST(? AS SIGNED)))) ORDER BY s.`changed` DESC, s.`id` DESC LIMIT 1
        "#);
    }

    #[test]
    fn sqlite_compares_tuples() {
        insta::assert_snapshot!(scan(Dialect::Sqlite, "TEXT", "INTEGER"), @r#"
        SELECT CAST(s."id" AS TEXT), CAST(s."changed" AS TEXT) FROM "shop"."orders" AS s WHERE s."changed" >= CAST(? AS TEXT) AND s."changed" <= CAST(? AS TEXT) AND (s."changed", s."id") > (CAST(? AS TEXT), CAST(? AS INTEGER)) ORDER BY s."changed" ASC, s."id" ASC LIMIT 100
        -- 4 parameters
        SELECT s."changed", s."id" FROM "shop"."orders" AS s WHERE s."changed" >= CAST(? AS TEXT) AND s."changed" <= CAST(? AS TEXT) AND (s."changed", s."id") > (CAST(? AS TEXT), CAST(? AS INTEGER)) ORDER BY s."changed" DESC, s."id" DESC LIMIT 1
        "#);
    }
}
