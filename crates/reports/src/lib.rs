#![doc = include_str!("../README.md")]

mod any_route;
mod backfill;
mod catalogue;
mod children;
mod desk_source;
mod error;
mod event;
mod failure;
mod finished;
mod pieces;
mod plan;
mod reader;
mod route_path;
mod runner;

pub use backfill::{Backfill, Planned};
pub use catalogue::Report;
pub use desk_source::{DeskSource, ZOHO_DESK};
pub use error::{Error, InvalidEvent};
pub use event::{Event, Occurrence};
pub use finished::{Answer, Finished};
pub use plan::{FIRST_LOOKBACK, LAG, OVERLAP, Settings};
pub use route_path::RoutePath;
pub use runner::{Invocation, Runner};

pub use ingest::Stops;
