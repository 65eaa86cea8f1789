//! Behaviour that every [`engine::Source`] must show, whatever its platform.
//!
//! A test gives an [`Account`], and calls [`hold`] (all behaviours) or [`Behaviour::check`] (one).

mod account;
mod behaviour;
mod checks;
mod incremental;
mod mishaps;
mod reading;
mod stops;
#[cfg(test)]
mod tests;

pub use account::{Account, Mishap, SourceFuture};
pub use behaviour::{Behaviour, Broken, Outcome, hold};
