#![doc = include_str!("../README.md")]

mod catalogue;
mod error;
mod event;
mod plan;
mod route_path;
mod rows;
mod runner;

pub use catalogue::Report;
pub use error::{Error, InvalidEvent};
pub use event::{Event, Occurrence};
pub use plan::{FIRST_LOOKBACK, LAG, OVERLAP, Settings};
pub use route_path::RoutePath;
pub use runner::{Finished, Invocation, Runner};
