#![doc = include_str!("../README.md")]

mod any_route;
mod backfill;
mod catalogue;
mod children;
mod error;
mod event;
mod finished;
mod leg;
mod pieces;
mod plan;
mod progress;
mod route_path;
mod runner;

pub use backfill::{Backfill, Planned};
pub use catalogue::Report;
pub use error::{Error, InvalidEvent};
pub use event::{Event, Occurrence};
pub use finished::{Answer, Finished};
pub use leg::Stops;
pub use plan::{FIRST_LOOKBACK, LAG, OVERLAP, Settings};
pub use route_path::RoutePath;
pub use runner::{Invocation, Runner};
