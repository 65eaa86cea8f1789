use mysql_async::prelude::Queryable as _;
use serde_json::{Value, json};
use simulators::rest;

use crate::Failure;
use crate::hub::{DATABASES, HTTP, Hub};
use crate::servers::{Servers, fill, inserts, port, text};
use crate::world::BUCKET;

/// A source to be synced by a worker.
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) queue: &'static str,
    /// What creates its integration.
    pub(crate) body: Value,
}

/// The accounts behind sources; they end with this.
pub(crate) struct Sources {
    pub(crate) all: Vec<Source>,
    _rest: rest::Simulator,
    _servers: Servers,
}

const TABLE: &str = "CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(200) NOT NULL, amount DECIMAL(38,18) NOT NULL, changed TIMESTAMP NOT NULL)";

/// About 150 bytes as JSON.
fn row(n: u32) -> String {
    format!(
        "({n},'order {n} of somebody who buys a hundred bytes of text each time','{n}.000000000000000001','2026-01-01 {:02}:{:02}:{:02}')",
        n / 3_600 % 24,
        n / 60 % 60,
        n % 60
    )
}

impl Sources {
    /// Zoho Desk with the tickets of the hub's world, all others with `rows` rows.
    pub(crate) async fn start(hub: &Hub, rows: u32) -> Result<Self, Failure> {
        let rest = rest::Simulator::start(rest::Options::with_rows(rows.into())).await?;
        let servers = Servers::start().await?;
        let mut all = vec![desk(hub), custom_api(&rest), sqlite(hub, rows)?];
        if let Some(client) = servers.postgresql().await? {
            client.batch_execute(TABLE).await?;
            for statement in inserts(rows, row) {
                client.batch_execute(&statement).await?;
            }
            all.push(server(&servers, "postgresql", "public.orders"));
        } else {
            println!("  PostgreSQL is not installed here");
        }
        if let Some(mut connection) = servers.mariadb().await? {
            connection.query_drop(TABLE).await?;
            fill(&mut connection, inserts(rows, row)).await?;
            connection.disconnect().await?;
            all.push(server(&servers, "mariadb", "orders"));
        } else {
            println!("  MariaDB is not installed here");
        }
        Ok(Self {
            all,
            _rest: rest,
            _servers: servers,
        })
    }
}

fn desk(hub: &Hub) -> Source {
    let account = hub.world().zoho.options();
    Source {
        name: "zoho_desk",
        queue: HTTP,
        body: json!({
            "name": "desk", "type": "zoho_desk", "streams": ["tickets"],
            "credentials": {
                "client_id": account.client_id, "client_secret": account.client_secret,
                "org_id": account.org_id, "code": account.code,
            },
        }),
    }
}

fn custom_api(rest: &rest::Simulator) -> Source {
    Source {
        name: "custom_api",
        queue: HTTP,
        body: json!({
            "name": "items", "type": "custom_api",
            "config": {
                "baseUrl": rest.origin(),
                "streams": [{
                    "name": "items", "path": "/cursor", "records": "$.items", "primaryKey": ["id"],
                    "pagination": {"kind": "cursor", "parameter": "cursor", "from": {"body": "$.next_cursor"}, "size": 500},
                    "cursor": {"field": "updatedAt", "parameter": "since"},
                }],
                "rate": {"requestsPerSecond": 1_000},
            },
        }),
    }
}

fn sqlite(hub: &Hub, rows: u32) -> Result<Source, Failure> {
    let file = tempfile::NamedTempFile::new()?;
    let connection = rusqlite::Connection::open(file.path())?;
    connection.execute_batch(&format!("BEGIN; {TABLE}"))?;
    for statement in inserts(rows, row) {
        connection.execute_batch(&statement)?;
    }
    connection.execute_batch("COMMIT")?;
    drop(connection);
    let key = "databases/bench/orders.db";
    hub.world()
        .aws
        .put_object(BUCKET, key, std::fs::read(file.path())?);
    Ok(Source {
        name: "sqlite",
        queue: DATABASES,
        body: json!({
            "name": "file", "type": "sqlite",
            "config": {"file": format!("s3://{BUCKET}/{key}"), "tables": [table("orders")]},
        }),
    })
}

fn table(name: &str) -> Value {
    json!({"name": name, "primaryKey": ["id"], "cursor": "changed"})
}

/// What creates the integration of a server's table `orders`.
pub(crate) fn server(servers: &Servers, kind: &'static str, stream: &str) -> Source {
    let about = servers.about(kind).unwrap_or(&Value::Null);
    Source {
        name: kind,
        queue: DATABASES,
        body: json!({
            "name": kind, "platform": kind,
            "config": {
                "host": "127.0.0.1", "port": port(about), "database": text(about, "database"), "tls": "disable",
                "tables": [table(stream)], "lagSeconds": 0,
            },
            "credentials": {"user": text(about, "user"), "password": text(about, "password")},
        }),
    }
}
