//! Custom APIs over a simulated one.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod auths;
mod conformance;
mod egress;
mod errors;
mod fan_out;
mod kinds;
mod world;
