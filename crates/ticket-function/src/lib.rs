#![doc = include_str!("../README.md")]

mod again;
mod api;
mod cached;
mod clients;
mod config;
mod desks;
mod env;
mod mail;
mod metrics;
mod notifications;
mod outbox;
mod run;
mod salesiq;
mod secrets;
mod service;
mod worker;

pub use api::{openapi, router as api_router};
pub use clients::Clients;
pub use config::ConfigError;
pub use notifications::SendNotifications;
pub use outbox::SqsOutbox;
pub use run::{Function, main};
pub use salesiq::SalesiqWebhook;
pub use secrets::SecretError;
pub use service::Service;
pub use worker::TicketWorker;
