#![doc = include_str!("../README.md")]

mod desk;
mod error;
mod judge;
mod list;
mod page;
mod route;
mod row;
mod search;
mod window;

pub use desk::{Desk, Document, Organization};
pub use error::Error;
pub use judge::ZohoAnswers;
pub use list::{Listing, MAX_RESTARTS, RangeParam};
pub use route::{Edition, Paging, Route, routes};
pub use row::{EntityId, OrgId, Row, RowKey};
pub use search::Search;
pub use window::{TimeField, Window};

use futures_util::stream::BoxStream;

/// What a walk yields: pages of rows as they come, and holes the vendor does not let us fill.
#[derive(Debug, Clone)]
pub enum Step {
    /// Rows not yielded before by this walk.
    Rows(Vec<Row>),
    /// Rows that are missing.
    Gap(Gap),
}

/// Why a walk cannot be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// A sentence for people.
    pub why: String,
    /// Whether another walk over the same span would lack the same rows; if not, it is worth
    /// reading again.
    pub lasting: bool,
}

/// A walk to the end of a route. It ends after the first error.
pub type Walk<'a> = BoxStream<'a, Result<Step, Error>>;
