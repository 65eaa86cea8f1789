//! End-to-end tests on the deployed local stack; see the README beside this folder.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod agreement;
mod backfill;
mod cargo_lambda;
mod chats;
mod compact;
mod events;
mod hub;
mod logs;
mod openapi;
mod processes;
mod queries;
mod refusals;
mod reports;
mod schedule;
mod stack;
