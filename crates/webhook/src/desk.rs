//! The `desk-webhook` side: whether Zoho Desk called, and the events it brings.

mod claims;
mod event;
mod jwks;
mod keys;
mod kind;
mod parse;
mod validator;

pub use event::DeskEvent;
pub use jwks::{KeyFuture, KeySource, KeysUnavailable, ZohoKeys};
pub use kind::{Change, EntityKind, EventType};
pub use parse::{Posted, parse};
pub use validator::{Caller, TOKEN_HEADER, Validator};

pub(crate) use claims::moment;
