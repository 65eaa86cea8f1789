//! Accounts to be integrated: each can tell what it holds, and change it in the same ways.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use mysql_async::prelude::Queryable as _;
use serde_json::{Value, json};

use super::caller::Hub;

/// Rows that a table begins with.
pub(super) const ROWS: u32 = 40;

/// A database with one table `orders`.
pub(super) enum Database {
    Postgresql(tokio_postgres::Client),
    Mariadb(mysql_async::Conn),
    /// A file on this machine, and the key of its copy in the bucket.
    Sqlite {
        file: tempfile::NamedTempFile,
        key: String,
    },
}

/// What a database is called after, so that tests do not meet in one server.
fn unique(hub: &Hub) -> String {
    hub.tenant.replace('-', "_")
}

/// Makes a database anew: on a stack that stays up, the tests have run before.
fn renewed(name: &str) -> [String; 2] {
    [
        format!("DROP DATABASE IF EXISTS {name}"),
        format!("CREATE DATABASE {name}"),
    ]
}

impl Database {
    /// Those that this stack has; a stack without a server says so when it starts.
    pub(super) async fn all(hub: &Hub) -> Vec<Self> {
        let mut found = vec![Self::sqlite(hub)];
        if hub.stack.has("/databases/postgresql") {
            found.push(Self::postgresql(hub).await);
        }
        if hub.stack.has("/databases/mariadb") {
            found.push(Self::mariadb(hub).await);
        }
        found
    }

    async fn postgresql(hub: &Hub) -> Self {
        let text = |field: &str| hub.stack.text(&format!("/databases/postgresql/{field}"));
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(port(hub, "postgresql"))
            .user(text("user"))
            .password(text("password"));
        let connect = async |config: &tokio_postgres::Config| {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        };
        let admin = connect(config.dbname("postgres")).await;
        let name = unique(hub);
        for sql in renewed(&name) {
            admin.batch_execute(&sql).await.unwrap();
        }
        Self::Postgresql(connect(config.dbname(&name)).await)
    }

    async fn mariadb(hub: &Hub) -> Self {
        let text = |field: &str| hub.stack.text(&format!("/databases/mariadb/{field}"));
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(port(hub, "mariadb"))
            .user(Some(text("user")))
            .pass(Some(text("password")));
        let mut connection = mysql_async::Conn::new(options).await.unwrap();
        let name = unique(hub);
        for sql in renewed(&name) {
            connection.query_drop(sql).await.unwrap();
        }
        connection.query_drop(format!("USE {name}")).await.unwrap();
        Self::Mariadb(connection)
    }

    fn sqlite(hub: &Hub) -> Self {
        Self::Sqlite {
            file: tempfile::NamedTempFile::new().unwrap(),
            key: format!("databases/{}/orders.db", hub.tenant),
        }
    }

    pub(super) fn platform(&self) -> &'static str {
        match self {
            Self::Postgresql(_) => "postgresql",
            Self::Mariadb(_) => "mariadb",
            Self::Sqlite { .. } => "sqlite",
        }
    }

    /// The stream of the table.
    pub(super) fn stream(&self) -> &'static str {
        match self {
            Self::Postgresql(_) => "public.orders",
            _ => "orders",
        }
    }

    pub(super) fn body(&self, hub: &Hub) -> Value {
        let platform = self.platform();
        let mut config = json!({"tables": [
            {"name": self.stream(), "primaryKey": ["id"], "cursor": "changed"}]});
        if let Self::Sqlite { key, .. } = self {
            config["file"] = json!(format!("s3://{}/{key}", hub.stack.bucket()));
            return json!({"name": "orders", "type": platform, "config": config});
        }
        config["host"] = json!("127.0.0.1");
        config["port"] = json!(port(hub, platform));
        config["database"] = json!(unique(hub));
        config["tls"] = json!("disable");
        config["lagSeconds"] = json!(0);
        let text = |field: &str| hub.stack.text(&format!("/databases/{platform}/{field}"));
        json!({
            "platform": platform,
            "name": "orders",
            "config": config,
            "credentials": {"user": text("user"), "password": text("password")},
        })
    }

    pub(super) async fn execute(&mut self, hub: &Hub, sql: &str) {
        match self {
            Self::Postgresql(client) => client.batch_execute(sql).await.unwrap(),
            Self::Mariadb(connection) => {
                for statement in sql.split(';').filter(|text| !text.trim().is_empty()) {
                    connection.query_drop(statement).await.unwrap();
                }
            }
            Self::Sqlite { file, key } => {
                rusqlite::Connection::open(file.path())
                    .unwrap()
                    .execute_batch(sql)
                    .unwrap();
                upload(hub, file.path(), key).await;
            }
        }
    }

    /// The table, with [`ROWS`] rows.
    pub(super) async fn fill(&mut self, hub: &Hub) {
        let id = match self {
            Self::Sqlite { .. } => "INTEGER",
            _ => "INT",
        };
        let mut sql = format!(
            "CREATE TABLE orders (id {id} PRIMARY KEY, note VARCHAR(200), amount DECIMAL(38,18), changed TIMESTAMP NOT NULL);"
        );
        for n in 1..=ROWS {
            // Five rows of each moment: the cursor has ties.
            let _ = write!(
                sql,
                "INSERT INTO orders VALUES ({n}, 'order {n}', '{n}.100000000000000000', '2026-01-01 00:00:{:02}');",
                n / 5
            );
        }
        self.execute(hub, &sql).await;
    }

    /// A row changes, one comes, one goes, and the table gains a column.
    pub(super) async fn change(&mut self, hub: &Hub) {
        self.execute(
            hub,
            "ALTER TABLE orders ADD COLUMN colour VARCHAR(20);
             UPDATE orders SET note = 'changed', colour = 'green', changed = '2026-01-02 00:00:00' WHERE id = 7;
             INSERT INTO orders (id, note, amount, changed, colour) VALUES (1000, 'new', '0.000000000000000001', '2026-01-02 00:00:01', 'blue');
             DELETE FROM orders WHERE id = 9",
        )
        .await;
    }

    /// Notes by id, before and after [`Database::change`].
    pub(super) fn truth(changed: bool) -> BTreeMap<String, String> {
        let mut notes: BTreeMap<_, _> = (1..=ROWS)
            .map(|n| (n.to_string(), format!("order {n}")))
            .collect();
        if changed {
            notes.insert("7".to_owned(), "changed".to_owned());
            notes.insert("1000".to_owned(), "new".to_owned());
            notes.remove("9");
        }
        notes
    }
}

fn port(hub: &Hub, kind: &str) -> u16 {
    hub.stack.number(&format!("/databases/{kind}/port"))
}

async fn upload(hub: &Hub, file: &Path, key: &str) {
    let bytes = std::fs::read(file).unwrap();
    hub.stack
        .s3
        .put_object()
        .bucket(hub.stack.bucket())
        .key(key)
        .body(bytes.into())
        .send()
        .await
        .unwrap();
}
