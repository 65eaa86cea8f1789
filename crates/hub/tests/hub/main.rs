//! The hub and its worker against the stand-ins of `DynamoDB` and S3, with a scripted source.

#![allow(
    clippy::await_holding_lock,
    clippy::format_push_string,
    clippy::large_futures,
    clippy::similar_names,
    clippy::unused_self,
    reason = "tests: guards are dropped by hand, a world's helpers are its methods"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not recognise as tests"
)]

mod crash;
mod data;
mod life;
mod ports;
mod runs;
mod settings;
mod shop;
mod tenants;
mod tokens;
mod world;
