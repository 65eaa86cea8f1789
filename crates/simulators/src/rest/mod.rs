//! A REST API with every kind of paging and authentication, and faults.

mod admin;
mod auth;
mod faults;
mod lists;
mod reply;
mod rows;
mod server;
mod simulator;

pub use auth::Secrets;
pub use faults::{Fault, FaultRule};
pub use server::Received;
pub use simulator::{Options, Simulator};
