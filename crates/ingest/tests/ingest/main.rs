//! Streams read into a bucket.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod deaths;
mod failures;
mod harness;
mod legs;
mod property;
mod refine;
mod script;
