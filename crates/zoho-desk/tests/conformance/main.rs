//! The Zoho Desk client against the simulator: what every vendor client must do, and what only
//! Zoho's routes ask for.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod partition;
mod resume;
mod search;
mod suite;
mod webhooks;
mod writes;
mod zoho;
