//! The hub and its worker against the stand-ins of `DynamoDB` and S3, with a scripted source.

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
