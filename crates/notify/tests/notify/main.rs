//! Mails as their readers get them, and senders against servers on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not recognise as tests"
)]

mod example;
mod overriding;
mod rendering;
mod ses;
mod ses_server;
mod smtp;
mod smtp_server;
