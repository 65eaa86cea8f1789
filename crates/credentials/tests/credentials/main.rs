//! The broker against stand-ins of AWS and Zoho, as processes see it: each `Broker` is one.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests may fail like tests"
)]

mod life_cycle;
mod refusals;
mod secrecy;
mod sharing;
mod storage;
mod world;
