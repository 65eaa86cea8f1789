//! What readers and later runs see of a run, whatever happens to it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not recognise as tests"
)]

mod deaths;
mod failures;
mod gather;
mod harness;
mod history;
mod legs;
mod overlap;
mod roots;
mod rows;
