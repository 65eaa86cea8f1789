//! What every platform must show, for a server and a file.

use engine::{Error, Source};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;
use simulators::conformance::{Account, Behaviour, SourceFuture, hold};

use crate::reading::{Database, connect, with};
use crate::servers::{ADMIN, PASSWORD, Servers};

const CHUNK: usize = 20;

pub(crate) async fn postgres(servers: Servers) {
    holds(Database::postgres(servers.postgres()).await).await;
}

pub(crate) async fn mariadb(servers: Servers) {
    holds(Database::mariadb(servers.mariadb()).await).await;
}

async fn holds(database: Database) {
    let moment = match database.platform {
        "postgresql" => "timestamptz",
        _ => "timestamp(6) NULL",
    };
    database
        .run(&format!(
            "CREATE TABLE things (id integer PRIMARY KEY, note varchar(99), updated_at {moment})"
        ))
        .await;
    let skipped = hold(&Table(database)).await.unwrap();
    // A database has no web pages to go wrong with; broken connections have a test of their own.
    assert_eq!(
        skipped,
        [
            Behaviour::ResumesAfterAnError,
            Behaviour::SurvivesMishaps,
            Behaviour::GivesUpOnLastingMishaps,
            Behaviour::SurvivesDeepNesting,
        ]
    );
}

struct Table(Database);

impl Account for Table {
    fn stream(&self) -> &str {
        match self.0.platform {
            "postgresql" => "public.things",
            _ => "things",
        }
    }

    fn page_rows(&self) -> usize {
        CHUNK
    }

    fn reset(&self, rows: usize) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.run("DELETE FROM things").await;
            let values: Vec<_> = (1..=rows)
                .map(|n| format!("({n}, 'row {n}', '2024-01-01 00:00:{:02}')", n / 5 % 60))
                .collect();
            if !values.is_empty() {
                self.0
                    .run(&format!("INSERT INTO things VALUES {}", values.join(", ")))
                    .await;
            }
        })
    }

    fn truth(&self) -> BoxFuture<'_, Vec<(String, Option<String>)>> {
        Box::pin(async move {
            let sql = match self.0.platform {
                "postgresql" => {
                    "SELECT id || '|{\"id\":' || id || ',\"note\":\"' || note || '\",\"updated_at\":\"' \
                     || replace(replace(updated_at::text, ' ', 'T'), '+00', 'Z') || '\"}' FROM things"
                }
                _ => {
                    "SELECT concat(id, '|{\"id\":', id, ',\"note\":\"', note, '\",\"updated_at\":\"', \
                     replace(updated_at, ' ', 'T'), 'Z\"}') FROM things"
                }
            };
            self.0
                .texts(sql)
                .await
                .iter()
                .map(|row| {
                    let (id, row) = row.split_once('|').unwrap();
                    (id.to_owned(), Some(row.to_owned()))
                })
                .collect()
        })
    }

    fn change<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let now = match self.0.platform {
                "postgresql" => "statement_timestamp()",
                _ => "CURRENT_TIMESTAMP(6)",
            };
            let ids = ids.join(", ");
            let note = "note = 'changed'";
            let sql = format!("UPDATE things SET {note}, updated_at = {now} WHERE id IN ({ids})");
            self.0.run(&sql).await;
        })
    }

    fn id_of(&self, row: &RawValue) -> String {
        let row: serde_json::Value = serde_json::from_str(row.get()).unwrap();
        row["id"].to_string()
    }

    fn source(&self) -> BoxFuture<'_, Result<Box<dyn Source>, Error>> {
        let settings = json!({"rowsPerChunk": CHUNK});
        Box::pin(async move { self.0.try_source(&settings, PASSWORD).await })
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn read_again(&self) -> usize {
        // Those that were changed at the moment where the last run ended.
        CHUNK * 2
    }

    fn with_wrong_credentials(&self) -> SourceFuture<'_> {
        Box::pin(async { Some(self.0.try_source(&json!({}), "wrong").await) })
    }

    fn unreachable(&self) -> SourceFuture<'_> {
        let config = with(self.0.config(), &json!({"port": 1}));
        Box::pin(async move { Some(connect(self.0.platform, &config, PASSWORD).await) })
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned(), ADMIN.to_owned()]
    }
}
