//! The fifteen functions, built as in `main`, against local stand-ins of Zoho and AWS.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod bad_input;
mod faults;
mod harness;
mod incremental;
mod interrupted;
mod narrowing;
mod whole_account;
