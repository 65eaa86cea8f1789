#![doc = include_str!("../README.md")]

mod catalogue;
mod conversation;
mod draft;
mod engine;
mod kind;
mod message;
mod phrase;
mod texts;
mod turn;
mod words;

pub use catalogue::{Catalogue, CatalogueError, StepSummary, WorkflowSummary};
pub use conversation::Conversation;
pub use draft::{Answer, ContactEmail, Draft, Priority, WorkflowId};
pub use turn::{Event, Input, Outcome, Reason, Turn, Visitor};
