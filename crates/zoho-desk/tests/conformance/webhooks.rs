//! Webhooks: made, changed, removed; their keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use simulators::zoho::Options;
use vendor_http::{Client, Deadline, Settings};
use zoho_desk::{Error, NewWebhook, WebhookChange, webhook_keys};

use crate::zoho::Zoho;

const LIFE: Duration = Duration::from_secs(30);

/// A receiver that answers with the status of the moment, until the test ends.
async fn receiver(status: &Arc<AtomicU16>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook/desk", listener.local_addr().unwrap());
    let status = Arc::clone(status);
    let answer =
        move || async move { StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap() };
    let router = Router::new().fallback(answer);
    tokio::spawn(axum::serve(listener, router).into_future());
    url
}

#[tokio::test]
async fn a_webhook_is_made_changed_listed_and_removed() {
    let zoho = Zoho::of(Options::with_tickets(5), Settings::default()).await;
    let desk = zoho.desk(LIFE);
    let status = Arc::new(AtomicU16::new(500));
    let url = receiver(&status).await;
    let webhook = NewWebhook::new(
        "Deskbridge",
        url.parse().unwrap(),
        ["Ticket_Add", "Ticket_Delete"],
    );

    // The vendor calls the url first.
    let refused = desk.create_webhook(&webhook).await.unwrap_err();
    assert!(!refused.may_have_happened());
    assert!(
        matches!(&refused, Error::Invalid { fields, .. } if fields[0].name == "/url"),
        "{refused}"
    );
    assert!(desk.webhooks().await.unwrap().is_empty());

    status.store(200, Ordering::SeqCst);
    let made = desk.create_webhook(&webhook).await.unwrap();
    assert_eq!((made.url.as_str(), made.is_enabled), (url.as_str(), true));
    let events: Vec<&String> = made.subscriptions.keys().collect();
    assert_eq!(events, ["Ticket_Add", "Ticket_Delete"]);
    assert_eq!(desk.webhooks().await.unwrap(), std::slice::from_ref(&made));

    let change = WebhookChange {
        is_enabled: Some(false),
        ..WebhookChange::default()
    };
    let changed = desk.update_webhook(&made.id, &change).await.unwrap();
    assert!(!changed.is_enabled);
    assert_eq!(changed.subscriptions, made.subscriptions);

    desk.delete_webhook(&made.id).await.unwrap();
    desk.delete_webhook(&made.id).await.unwrap();
    assert!(desk.webhooks().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_keys_of_deliveries_are_had_without_a_token() {
    let zoho = Zoho::of(Options::with_tickets(5), Settings::default()).await;
    let http = Client::new(Settings::default()).unwrap();
    let origin = zoho.simulator.origin().parse().unwrap();
    let keys = webhook_keys(&http, &origin, Deadline::after(LIFE))
        .await
        .unwrap();
    let keys: serde_json::Value = serde_json::from_slice(&keys).unwrap();
    assert_eq!(keys["keys"][0]["kty"], "RSA");
}
