#![doc = include_str!("../README.md")]

mod account;
mod credits;
pub mod failure;
mod settings;

pub use account::{DeskAccount, Visit};
pub use settings::Settings;
