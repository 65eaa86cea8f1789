#![doc = include_str!("../README.md")]

mod asking;
mod data;
mod definition;
mod digest;
mod error;
mod health;
mod hub;
mod job;
mod json_text;
mod metrics;
mod owner;
mod platforms;
mod ports;
mod run;
mod secret;
mod settings;
mod store;
mod stream_state;
mod tokens;
mod transfer;
mod view;
mod worker;

pub use asking::SyncRequest;
pub use data::{DataExport, DataObject, DataQuery, StreamView};
pub use definition::{DataFate, Mapping, NewIntegration, Patch, StreamChoice, Switch};
pub use error::Error;
pub use hub::{Hub, HubParts};
pub use job::{InvalidJob, Job, Task};
pub use metrics::{Day, Figures, Metrics, StreamFigures};
pub use owner::{IntegrationId, Owner};
pub use platforms::{Platform, Platforms, Template, WorkerKind};
pub use ports::{
    Alert, Alerts, Connection, Connector, PortError, Ported, Queue, Schedule, Schedules, Vault,
};
pub use run::{Run, RunError, RunKind, RunStatus, StreamRun, StreamStage, Trigger};
pub use secret::Credentials;
pub use stream_state::DriftEntry;
pub use tokens::TokenStore;
pub use transfer::{Configuration, Imported};
pub use view::{Integration, IntegrationStatus, Listed, Removing, RunView};
pub use worker::{Shift, Worked, Worker, WorkerParts};
