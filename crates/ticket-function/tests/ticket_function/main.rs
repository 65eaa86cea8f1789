//! The four ticket functions through the routers and handlers that `main` uses, against stand-ins
//! of AWS and Zoho Desk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod access;
mod document;
mod fixtures;
mod hostile;
mod post;
mod queues;
mod routes;
mod secrecy;
mod settings;
mod webhook;
mod world;
