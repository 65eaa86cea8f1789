#![doc = include_str!("../README.md")]

mod checkpoint;
mod claim;
mod course;
mod error;
mod pull;
mod refine;
mod work;

pub use checkpoint::{Span, outcome_of_parts};
pub use claim::take_turns;
pub use course::Stops;
pub use error::Error;
pub use pull::{Pull, Pulled, State};
pub use refine::{AsIs, Refine};
pub use work::{Reads, Work};
