#![doc = include_str!("../README.md")]

mod error;
mod format;
mod gather;
mod history;
mod keys;
mod lake;
mod manifest;
mod open;
mod pointer;
mod row;
mod rows;
mod run;
mod segment;
mod split;
mod store;
mod sweep;
mod upload;

pub use error::{Error, InvalidName, causes};
pub use format::{Format, UnknownFormat};
pub use gather::Gathered;
pub use keys::{Partition, RunId, everything, folder};
pub use lake::{Begin, Lake, RunSpec};
pub use manifest::{Manifest, Mode, ObjectEntry, Outcome, Status};
pub use pointer::{FullRun, Pointer};
pub use rows::Rows;
pub use run::Run;
pub use store::{Body, Condition, Store, Stored, Target, Written};
