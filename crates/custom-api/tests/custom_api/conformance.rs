use engine::{Error, Source};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use simulators::conformance::{Account, Mishap, SourceFuture, hold};
use simulators::rest::{Fault, FaultRule};

use crate::world::World;

const PAGE: usize = 5;

struct Simulated {
    world: World,
    stream: Value,
}

impl Simulated {
    async fn with(stream: Value) -> Self {
        Self {
            world: World::with_rows(0).await,
            stream,
        }
    }

    fn config(&self) -> Value {
        self.world.config(
            "/auth/bearer",
            &json!({
                "auth": {"kind": "bearer"}, "streams": [self.stream],
                "limits": {"maxBytes": 1_000_000, "maxPages": 50},
            }),
        )
    }

    fn with_token(&self, config: &Value, token: &str) -> Result<Box<dyn Source>, Error> {
        Ok(Box::new(self.world.source(config, &[("token", token)])?))
    }
}

impl Account for Simulated {
    fn stream(&self) -> &'static str {
        "items"
    }

    fn page_rows(&self) -> usize {
        PAGE
    }

    fn reset(&self, rows: usize) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.world.api.reset(rows as u64) })
    }

    fn truth(&self) -> BoxFuture<'_, Vec<(String, Option<String>)>> {
        let rows = self.world.api.truth().into_iter();
        let rows = rows.map(|(id, row)| (id.to_string(), Some(row))).collect();
        Box::pin(async move { rows })
    }

    fn change<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.world.pass(60);
            let ids: Vec<u64> = ids.iter().map(|id| id.parse().unwrap()).collect();
            self.world.api.change(&ids);
        })
    }

    fn id_of(&self, row: &RawValue) -> String {
        let row: Value = serde_json::from_str(row.get()).unwrap();
        row["id"].to_string()
    }

    fn source(&self) -> BoxFuture<'_, Result<Box<dyn Source>, Error>> {
        Box::pin(async { self.with_token(&self.config(), &self.world.api.secrets().token) })
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn read_again(&self) -> usize {
        // Two rows of a fresh account share their moment; a changed tie is read again as a whole.
        8
    }

    fn with_wrong_credentials(&self) -> SourceFuture<'_> {
        Box::pin(async { Some(self.with_token(&self.config(), "planted-wrong")) })
    }

    fn unreachable(&self) -> SourceFuture<'_> {
        Box::pin(async {
            let port = std::net::TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let mut config = self.config();
            config["baseUrl"] = json!(format!("http://127.0.0.1:{port}"));
            Some(self.with_token(&config, "planted"))
        })
    }

    fn secrets(&self) -> Vec<String> {
        vec!["planted".into(), self.world.api.secrets().token.clone()]
    }

    fn mishap(&self, mishap: Mishap, after: u32, times: Option<u32>) -> bool {
        let fault = match mishap {
            Mishap::TooManyRequests { retry_after } => Fault::TooManyRequests {
                retry_after_s: retry_after.map(|wait| wait.as_secs()),
            },
            Mishap::ServerError => Fault::Status {
                status: 500,
                body: String::new(),
            },
            Mishap::Reset => Fault::Reset,
            Mishap::Truncated => Fault::Truncated,
            Mishap::MalformedJson => Fault::MalformedJson,
            Mishap::Html => Fault::Html,
            Mishap::RepeatedPage => Fault::RepeatedPage,
            Mishap::EndlessPages => Fault::EndlessPages,
            Mishap::OversizedBody => Fault::OversizedBody { bytes: 1 << 31 },
            Mishap::DeepNesting => Fault::DeepNesting { depth: 100_000 },
        };
        self.world.api.add_fault(FaultRule {
            fault,
            after,
            times,
        });
        true
    }

    fn recover(&self) {
        self.world.api.clear_faults();
    }
}

#[tokio::test]
async fn every_kind_of_paging_behaves_as_a_source_must() {
    let cursor = json!({"field": "updatedAt", "parameter": "since"});
    for (path, pagination) in [
        (
            "/cursor",
            json!({"kind": "cursor", "size": PAGE, "from": {"body": "$.next_cursor"}}),
        ),
        ("/page", json!({"kind": "page", "size": PAGE})),
        (
            "/offset",
            json!({"kind": "offset", "size": PAGE, "total": "$.total"}),
        ),
        (
            "/link-header",
            json!({"kind": "next_link", "sizeParameter": "per_page", "size": PAGE}),
        ),
    ] {
        let account = Simulated::with(json!({
            "name": "items", "path": path, "primaryKey": "id", "pagination": pagination, "cursor": cursor,
        }))
        .await;
        let skipped = hold(&account).await;
        let skipped = skipped.unwrap_or_else(|broken| panic!("{path}: {broken}"));
        assert_eq!(skipped, [], "{path}");
    }
}
