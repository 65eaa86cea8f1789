//! The engine as its callers use it: transcripts, catalogue files, arbitrary input.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

mod catalogue;
mod properties;
mod transcript;
mod transcripts;
