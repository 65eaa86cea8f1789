//! The functions of the integrations hub through the router and the worker that `main` uses,
//! against stand-ins of AWS and Zoho Desk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod access;
mod adapters;
mod document;
mod fixtures;
mod post;
mod routes;
mod secrecy;
mod work;
mod world;
