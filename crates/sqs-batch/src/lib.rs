#![doc = include_str!("../README.md")]

mod batch;
mod patience;

pub use batch::{Verdict, each, job};
pub use patience::Patience;
