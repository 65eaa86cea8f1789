//! No log line, answer or item holds anything secret, or what rows say.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;
use simulators::zoho::{Fault, FaultRule};
use state::Scope;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::world::{TABLE, World, ask};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One log for the test binary: subscribers of single threads miss events at random.
fn log() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let sink = log.clone();
        let mut targets = Targets::new().with_default(LevelFilter::WARN);
        for ours in [
            "credentials",
            "custom_api",
            "desk_account",
            "egress",
            "front_door",
            "hub",
            "hub_function",
            "ingest",
            "lake",
            "lambda_kit",
            "mapping",
            "records",
            "reports",
            "sqs_batch",
            "state",
            "vendor_http",
            "zoho_desk",
        ] {
            targets = targets.with_target(ours, LevelFilter::TRACE);
        }
        let lines = tracing_subscriber::fmt::layer().json();
        let subscriber = tracing_subscriber::registry()
            .with(targets)
            .with(lines.with_writer(move || sink.clone()));
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    })
    .clone()
}

#[tokio::test]
async fn planted_strings_are_in_the_secret_and_nowhere_else() {
    let log = log();
    let world = World::start().await;
    let api = world.api();
    let key = world.key("acme", &[Scope::Admin]).await;
    let mut desk = world.desk();
    desk["credentials"]["redirect_uri"] = "https://example.com/decoy-redirect".into();
    let mut answers = Vec::new();
    answers.push(
        ask(&api, &key, "POST /api/integrations", Some(&desk))
            .await
            .text,
    );
    let postgres = json!({"name": "p", "type": "postgresql", "config": {
        "host": "db.example.com", "database": "shop", "user": "reader", "password": "decoy-password",
    }});
    answers.push(
        ask(&api, &key, "POST /api/integrations", Some(&postgres))
            .await
            .text,
    );
    let wrong = json!({"name": "p", "type": "postgresql", "config": {"password": "decoy-password", "port": "x"}});
    answers.push(
        ask(&api, &key, "POST /api/integrations", Some(&wrong))
            .await
            .text,
    );
    let rows = json!([{"externalId": "1", "data": {"name": "decoy-row"}}]);
    let import = "POST /api/integrations/1/data/import?dataType=people";
    answers.push(ask(&api, &key, import, Some(&rows)).await.text);
    let action = json!({"action": "get_ticket", "parameters": {"ticketId": "7", "decoy": "decoy-parameter"}});
    let act = "POST /api/integrations/1/actions";
    world.ask_worked(&api, &key, act, Some(&action), &[]).await;
    for _ in 0..2 {
        ask(&api, &key, "POST /api/integrations/1/sync", None).await;
        world.drain().await;
        world.zoho.add_fault(FaultRule::always(Fault::InvalidOauth));
    }
    for route in [
        "GET /api/integrations",
        "GET /api/integrations/export",
        "GET /api/integrations/1/runs",
    ] {
        answers.push(ask(&api, &key, route, None).await.text);
    }
    let options = world.zoho.options();
    let secrets = [
        "decoy-password",
        options.client_secret.as_str(),
        options.code.as_str(),
    ];
    assert!(
        world
            .aws
            .secret("test/integrations/acme/2")
            .unwrap()
            .contains("decoy-password")
    );
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("a job is done") && log.contains("request answered"),
        "nothing was logged"
    );
    for planted in secrets
        .into_iter()
        .chain(["decoy-row", "decoy-parameter", &key])
    {
        let line = log.lines().find(|line| line.contains(planted));
        assert_eq!(line, None, "{planted}");
    }
    let items = serde_json::to_string(&world.aws.items(TABLE)).unwrap();
    let sent: Vec<_> = world.post.queued().into_iter().map(|m| m.body).collect();
    for secret in secrets {
        assert!(!items.contains(secret), "{secret} is in the table");
        assert!(!sent.concat().contains(secret), "{secret} is on a queue");
        assert!(
            !answers.concat().contains(secret),
            "{secret} is in an answer"
        );
    }
}
