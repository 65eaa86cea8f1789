#![doc = include_str!("../README.md")]

mod batch;
mod error;
mod folder;
mod incoming;
mod index;
mod join;
mod line;
mod merge;
mod page;
mod pass;
mod place;
mod record;
mod row;
mod segment;
mod staging;
mod stream;

pub use error::Error;
pub use page::{Page, Query};
pub use record::{Counts, FailedRow, ImportRow, Merged, Record, Status, UnknownStatus};
pub use row::ROW_ID;
pub use stream::{Records, StreamRecords};
