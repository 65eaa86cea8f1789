//! The functions of the integrations hub through the router and the worker that `main` uses,
//! against stand-ins of AWS and Zoho Desk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod access;
mod actions;
mod adapters;
mod data;
mod document;
mod fixtures;
mod integrations;
mod invalid;
mod post;
mod secrecy;
mod work;
mod world;
