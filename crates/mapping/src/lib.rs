#![doc = include_str!("../README.md")]

mod cast;
mod compile;
mod decimal;
mod drift;
mod error;
mod external_id;
mod kind;
mod known;
mod mapper;
mod row;
mod rules;
mod schema;
mod select;
mod template;

pub use compile::within;
pub use drift::{Change, What, drift};
pub use error::{NoId, RowError};
pub use external_id::{EXTERNAL_ID, external_id, with_external_id};
pub use mapper::Mapper;
pub use rules::{Cast, Constant, Drop, Flatten, Hash, Rename, Rules, Step, Template};
pub use schema::{MAX_FIELDS, Schema};
