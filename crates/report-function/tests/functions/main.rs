//! The fifteen functions, built as in `main`, against local stand-ins of Zoho and AWS.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod backfill;
mod bad_input;
mod faults;
mod harness;
mod hostile;
mod incremental;
mod interrupted;
mod legs;
mod narrowing;
mod shared_limits;
mod whole_account;
