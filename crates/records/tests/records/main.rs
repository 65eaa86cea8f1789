//! What readers see of a stream, whatever happens to its merges.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not recognise as tests"
)]

mod harness;
mod imports;
mod interruptions;
mod model;
mod pages;
mod runs;
