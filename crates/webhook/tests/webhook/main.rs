//! Deliveries as SalesIQ, its adapters and Zoho Desk send them, and as others would forge them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod answers;
mod desk_events;
mod desk_token;
mod forge;
mod keys;
mod properties;
mod salesiq_parse;
mod salesiq_verify;
mod seeds;
