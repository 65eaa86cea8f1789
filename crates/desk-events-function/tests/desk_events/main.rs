//! Both functions between a simulated Zoho account and a simulated AWS account.

mod batches;
mod deliveries;
mod harness;
mod ledger;
mod registering;
mod sqs;
