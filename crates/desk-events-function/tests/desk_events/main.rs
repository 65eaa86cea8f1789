//! Both functions between a simulated Zoho account and a simulated AWS account.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod batches;
mod deliveries;
mod harness;
mod ledger;
mod registering;
mod sqs;
