//! Zoho Desk and Zoho accounts on one local port.

mod account;
mod admin;
mod dice;
mod faults;
mod filter;
mod limits;
mod listing;
mod oauth;
mod options;
mod query;
mod refusal;
mod routes;
mod row;
mod server;
mod simulator;
mod socket;
mod state;
mod stats;
mod truth;
mod webhooks;
mod writes;

pub use account::{AccountSize, Change, Entity, Mutation};
pub use faults::{Fault, FaultRule};
pub use options::{Edition, FromBase, Options};
pub use simulator::Simulator;
pub use stats::{Second, Stats};
pub use truth::TruthRow;
pub use webhooks::{Deliveries, Delivery};
