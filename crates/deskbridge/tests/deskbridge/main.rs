//! The command line against a hub that answers as the API's documentation says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod connection;
mod create;
mod help;
mod reading;
mod runs;
mod stage;
mod stub;
mod transfer;
