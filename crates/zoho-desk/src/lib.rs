#![doc = include_str!("../README.md")]

mod desk;
mod error;
mod judge;
mod list;
mod page;
mod route;
mod row;
mod search;
mod walk;
mod window;

pub use desk::{Desk, Document, Organization};
pub use error::Error;
pub use judge::ZohoAnswers;
pub use list::{ListPosition, Listing, MAX_RESTARTS, RangeParam};
pub use route::{Edition, Paging, Route, routes};
pub use row::{EntityId, OrgId, Row, RowKey};
pub use search::{Search, SearchPosition, Survey};
pub use walk::{Gap, Position, Step, Stop, Walk};
pub use window::{TimeField, Window};
