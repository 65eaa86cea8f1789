use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use vendor_http::TokenSource;

use crate::world::{BUCKET, LOCK, SECRET, World, soon};

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

#[tokio::test]
async fn neither_logs_nor_debug_output_nor_the_lock_show_a_secret() {
    let log = Log::default();
    let sink = log.clone();
    let targets = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("credentials", LevelFilter::TRACE)
        .with_target("vendor_http", LevelFilter::TRACE);
    let subscriber = tracing_subscriber::registry().with(targets).with(
        tracing_subscriber::fmt::layer()
            .json()
            .with_writer(move || sink.clone()),
    );
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = World::start().await;
    let process = world.process();
    let mut shown = format!("{:?} {process:?}", world.config());
    world.fill_in_code();
    let first = process.token(soon()).await.unwrap();
    let mut secret = world.secret();
    secret["code"] = "1000.planted-code".into();
    world.aws.put_secret(SECRET, &secret.to_string());
    world.pass(3600);
    process.begin_invocation();
    let second = process.token(soon()).await.unwrap();
    shown += &format!(
        "{:?} {first:?} {second:?}",
        process.secret(soon()).await.unwrap()
    );
    let planted: Vec<String> = ["client_secret", "code", "refresh_token", "access_token"]
        .iter()
        .map(|field| world.secret()[field].as_str().unwrap().to_owned())
        .chain([first.expose().to_owned(), world.zoho.options().code.clone()])
        .collect();

    world.zoho.revoke_refresh_tokens();
    world.pass(3600);
    process.begin_invocation();
    shown += &format!("{:?}", process.token(soon()).await.unwrap_err());
    world.zoho_answers(&json!({ "error": planted[0] }));
    process.begin_invocation();
    shown += &format!("{:?}", process.token(soon()).await.unwrap_err());

    let lock = world.aws.object(BUCKET, LOCK).unwrap();
    shown += std::str::from_utf8(&lock).unwrap();
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("access token minted"), "{logged}");
    assert!(logged.contains("\"expires_in_s\":3600") && logged.contains("duration_ms"));
    assert!(
        logged.contains("going on with the earlier grant"),
        "{logged}"
    );
    for secret in planted {
        assert!(!logged.contains(&secret), "{secret} in {logged}");
        assert!(!shown.contains(&secret), "{secret} in {shown}");
    }
}
