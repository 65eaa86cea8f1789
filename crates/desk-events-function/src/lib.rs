#![doc = include_str!("../README.md")]

mod archive;
mod clients;
mod function;
mod inbox;
mod ledger;
mod notice;
mod path_secret;
mod queue;
mod reading;
mod register;
mod registration;
mod settings;

pub use clients::Clients;
pub use function::DeskEvents;
pub use inbox::DeskWebhook;
pub use notice::Notice;
pub use queue::{Queue, QueueError, Sending, Sqs};
pub use registration::Registration;

use std::sync::Arc;

use clock::SystemClock;
use lambda_kit::Env;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

/// Runs the function `desk-webhook` until Lambda stops it: the whole of its `main`.
pub fn desk_webhook() -> Result<(), lambda_runtime::Error> {
    runtime()?.block_on(async {
        let env = Env::of_process();
        lambda_kit::start_telemetry(&env);
        let clients = Clients::connect(&env).await;
        let webhook = DeskWebhook::new(&env, &clients, Arc::new(SystemClock))?;
        front_door::serve(webhook.router()).await
    })
}

/// Runs the function `desk-events` until Lambda stops it: the whole of its `main`.
pub fn desk_events() -> Result<(), lambda_runtime::Error> {
    runtime()?.block_on(async {
        let env = Env::of_process();
        lambda_kit::start_telemetry(&env);
        let clients = Clients::connect(&env).await;
        let function = DeskEvents::new(&env, &clients, Arc::new(SystemClock));
        lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| {
            function.invoke(event.payload, event.context)
        }))
        .await
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
