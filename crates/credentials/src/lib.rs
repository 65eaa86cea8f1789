#![doc = include_str!("../README.md")]

mod broker;
mod data_centre;
mod document;
mod error;
mod grant;
mod lease;
mod renewal;
mod secret_id;
mod store;
mod zoho_secret;

pub use broker::{Broker, BrokerConfig, LEASE_TTL};
pub use data_centre::{DataCentre, DataCentreError};
pub use error::Error;
pub use lease::{Attempt, Lease, Lock, Memo};
pub use secret_id::{SecretId, SecretIdError};
pub use store::SecretStore;
pub use zoho_secret::{OrgId, SecretProblem, ZohoSecret};
