//! The rooms of the table against the stand-in of `DynamoDB`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not recognise as tests"
)]

mod api_keys;
mod counters;
mod failures;
mod harness;
mod interleaved;
mod once;
mod persons;
mod sessions;
mod table;
mod tickets;
