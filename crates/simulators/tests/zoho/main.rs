//! The vendor's rules that Deskbridge leans on, asked of the stand-in over HTTP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod changes_and_faults;
mod deliveries;
mod generated;
mod limits;
mod oauth;
mod portal;
mod requests;
mod rows;
mod shifted;
