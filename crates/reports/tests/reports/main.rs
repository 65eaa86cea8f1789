//! Zoho Desk as a source of integrations, against a simulated portal.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod actions;
mod conformance;
mod portal;
mod source;
