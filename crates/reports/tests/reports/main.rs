//! Zoho Desk as a source of integrations, against a simulated portal.

mod actions;
mod conformance;
mod portal;
mod source;
