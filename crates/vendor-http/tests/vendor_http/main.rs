//! The client against servers that behave in every way a vendor was seen to behave, and the limiter
//! among processes that share an account.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod client;
mod hostile;
mod resolver;
mod server;
mod sharing;
