#![doc = include_str!("../README.md")]

mod compactor;
mod error;
mod plan;
mod record;
mod schema;
mod state;
mod store;
mod stored;
mod writer;

pub use compactor::{Compacted, Compactor, Outcome};
pub use error::Error;
pub use schema::{Column, Kind, OWN_COLUMNS, TABLES, Table};
