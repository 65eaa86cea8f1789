//! The ticket service against the stand-ins of `DynamoDB` and Zoho Desk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "helpers of tests, which clippy does not recognise as tests; seeds are printed"
)]

mod api;
mod deliveries;
mod kill;
mod privacy;
mod scenarios;
mod slow;
mod storm;
mod world;
