#![doc = include_str!("../README.md")]

mod address;
mod args;
mod blanks;
mod body;
mod client;
mod commands;
mod connection;
mod env;
mod error;
mod exit;
mod file;
mod follow;
mod model;
mod profile;
mod progress;
mod rows;
mod run;
mod secrets;
mod session;
mod table;
mod terminal;
mod text;
mod when;

pub use client::Patience;
pub use env::Env;
pub use error::{Error, Refusal};
pub use exit::Exit;
pub use run::run;
pub use session::World;
pub use terminal::{ProcessTerminal, Terminal};
