//! No log line holds what a person wrote or is, or anything secret.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;
use simulators::zoho::{Fault, FaultRule};
use state::Scope;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::world::{World, ask, flat};

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
            "chat",
            "credentials",
            "desk_account",
            "front_door",
            "lambda_kit",
            "notify",
            "state",
            "ticket_function",
            "ticketing",
            "vendor_http",
            "webhook",
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

const PLANTED: [&str; 9] = [
    "zebra.planted@example.com",
    "planted.other@example.com",
    "Quagga Plantedname",
    "555-0199-777",
    "my planted words",
    "planted remark",
    "planted comment",
    "planted query",
    "fixture-shared-secret-0001",
];

#[tokio::test]
async fn scenarios_with_planted_strings_leave_none_in_the_log() {
    let log = log();
    let world = World::start().await;
    let hook = world.webhook();
    let api = world.api();
    let admin = world.key(&[Scope::Admin]).await;
    let say = |chat: &str, text: &str| {
        let mut body = flat(chat, text);
        body["visitor_email"] = "zebra.planted@example.com".into();
        body["visitor_name"] = "Quagga Plantedname".into();
        body["visitor_phone"] = "555-0199-777".into();
        body
    };
    for text in [
        "I forgot my password",
        "my planted words",
        "zebra.planted@example.com",
        "1234",
    ] {
        world.post_flat(&hook, &say("chat_1", text)).await;
    }
    // The same while everything fails.
    world.zoho.add_fault(FaultRule::always(Fault::ServerError));
    for text in ["Server is slow", "my planted words", "90", "80", "70"] {
        world.post_flat(&hook, &say("chat_2", text)).await;
    }
    let create = json!({"query": "planted query", "user_id": "planted.other@example.com",
        "metadata": {"name": "Quagga Plantedname", "phone": "555-0199-777", "server": "my planted words"}});
    ask(&api, &admin, "POST /zoho/ticket/create", Some(&create)).await;
    world.zoho.clear_faults();
    world
        .aws
        .inject(simulators::aws::Fault::deny("GetItem").times(3));
    world
        .post_flat(&hook, &say("chat_3", "my planted words"))
        .await;
    world.aws.heal();
    let created = ask(&api, &admin, "POST /zoho/ticket/create", Some(&create))
        .await
        .json();
    let id = created["ticket_id"].as_str().unwrap_or("1");
    let comment = json!({"comment": "planted comment"});
    ask(
        &api,
        &admin,
        &format!("POST /zoho/ticket/{id}/comment"),
        Some(&comment),
    )
    .await;
    ask(
        &api,
        &admin,
        "GET /zoho/tickets?source=planted%20query",
        None,
    )
    .await;
    world.post.refuse_next_mail(400, "BadRequestException");
    let jobs = world.post.take("ticket-jobs");
    let _ = world
        .worker()
        .invoke(crate::world::batch(&jobs), crate::world::context())
        .await;
    let mails = world.post.take("notifications");
    let _ = world
        .sender()
        .invoke(crate::world::batch(&mails), crate::world::context())
        .await;
    for (route, body) in [
        (
            "POST /privacy/export",
            json!({"email": "zebra.planted@example.com"}),
        ),
        (
            "POST /privacy/export",
            json!({"email": "zebra.planted@example.com", "x": "my planted words"}),
        ),
        (
            "POST /privacy/erase",
            json!({"email": "zebra.planted@example.com"}),
        ),
        (
            "POST /zoho/ticket/create",
            json!({"query": "planted query", "user_id": "planted remark"}),
        ),
    ] {
        ask(&api, &admin, route, Some(&body)).await;
    }
    let issued = ask(
        &api,
        &admin,
        "POST /admin/keys",
        Some(&json!({"client": "x", "scopes": ["read"]})),
    )
    .await
    .json();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains("delivery handled") && text.contains("request answered"),
        "nothing was logged"
    );
    let keys = [admin.as_str(), issued["key"].as_str().unwrap()];
    let secret = world.zoho.options().client_secret.clone();
    for planted in PLANTED.into_iter().chain(keys).chain([secret.as_str()]) {
        let line = text.lines().find(|line| line.contains(planted));
        assert_eq!(line, None, "{planted}");
    }
}
