#![doc = include_str!("../README.md")]

mod address;
mod error;
mod names;
mod permit;
mod rule;

pub use address::Class;
pub use error::{Error, Refused};
pub use names::{Names, SystemNames};
pub use permit::Egress;
pub use rule::InvalidRule;
