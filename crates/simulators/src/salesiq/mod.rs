//! Zoho SalesIQ as a sender: what it posts to a bot's webhook, and how it signs that.

mod chat;
mod play;
mod signer;

pub use chat::{Chat, Format, Visitor};
pub use play::{Played, Player, Turn};
pub use signer::Signer;
