use std::sync::{Arc, Mutex};
use std::time::Duration;

use custom_api::{TokenVault, Tokens};
use engine::{Error, Kind, Source};
use futures_util::future::BoxFuture;
use hub::{Connection, Connector, TokenStore, Worker, WorkerParts};
use secrecy::ExposeSecret as _;
use vendor_http::Deadline;

use crate::world::{BUCKET, World, acme, body, shop_body};

/// Takes the token store out of a connection.
#[derive(Clone, Default)]
struct Thief(Arc<Mutex<Option<TokenStore>>>);

impl Connector for Thief {
    fn connect<'a>(
        &'a self,
        connection: Connection<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn Source>, Error>> {
        *self.0.lock().unwrap() = Some(connection.tokens.clone());
        Box::pin(async { Err(Error::new(Kind::Refused, "no source: this is a test")) })
    }
}

#[tokio::test]
async fn one_process_at_a_time_renews_and_keeps_tokens_in_the_secret() {
    let world = World::start().await;
    let id = world
        .hub
        .create(acme(), body(shop_body()), None)
        .await
        .unwrap()
        .id;
    let thief = Thief::default();
    let worker = Worker::new(WorkerParts {
        hub: world.hub.clone(),
        lake: lake::Lake::new(world.s3(), BUCKET, world.clock.clone()),
        connector: Arc::new(thief.clone()),
        alerts: Arc::new(world.ports.clone()),
    });
    let run = world.hub.start_check(acme(), id).await.unwrap();
    let job = hub::Job::run(world.owner(id), run.id, run.kind);
    worker.work(&job, world.shift()).await.unwrap();
    let store = thief.0.lock().unwrap().take().unwrap();
    let soon = || Deadline::after(Duration::from_secs(5));
    let hasty = Deadline::after(Duration::from_millis(100));
    assert!(store.load(soon()).await.unwrap().access_token.is_none());
    let mut first = store.lease(soon()).await.unwrap();
    let late = store.lease(hasty).await.err().unwrap();
    assert_eq!(late.kind(), Kind::DeadlineExceeded);
    let tokens = Tokens {
        access_token: Some("decoy-access".into()),
        failed_at: Some("2026-03-04T05:00:00Z".parse().unwrap()),
        ..Tokens::default()
    };
    first.store(&tokens, soon()).await.unwrap();
    first.release().await;
    let mut second = store.lease(soon()).await.unwrap();
    let kept = second.load(soon()).await.unwrap();
    assert_eq!(kept.access_token.unwrap().expose_secret(), "decoy-access");
    assert_eq!(
        kept.failed_at, tokens.failed_at,
        "the cooldown is known to all processes"
    );
    drop(second);
    world.pass(jiff::SignedDuration::from_secs(61));
    store.lease(soon()).await.unwrap().release().await;
    assert!(world.ports.kept().secrets["integrations/acme/1"].contains("api_key"));
    assert!(!world.table().contains("decoy") && !format!("{store:?}").contains("decoy"));
}
