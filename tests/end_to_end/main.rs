//! End-to-end tests on the deployed local stack; see the README beside this folder.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod agreement;
mod cargo_lambda;
mod events;
mod logs;
mod processes;
mod refusals;
mod reports;
mod schedule;
mod stack;
