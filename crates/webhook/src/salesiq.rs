//! The `salesiq-webhook` side: who sent it, what it says, and the answer in the sender's format.

mod answer;
mod delivery;
mod event;
mod flat;
mod ids;
mod keys;
mod parse;
mod verify;
mod zobot;

pub use answer::{Reply, TicketReference, answer};
pub use delivery::{Answer, Delivery, Format, Kind, Visitor};
pub use ids::{ChatId, NotAnId, VisitorId};
pub use keys::{Keys, KeysError, RsaPublicKey, SharedSecret, SigningSecret};
pub use parse::parse;
pub use verify::{
    SHARED_SECRET, SIQ_SIGNATURE, Verified, WEBHOOK_ID, WEBHOOK_SIGNATURE, WEBHOOK_TIMESTAMP, Way,
    verify,
};

use crate::json::Limits;

/// SalesIQ's calls are a few kilobytes.
const LIMITS: Limits = Limits {
    bytes: 64 * 1024,
    nesting: 32,
};
