#![doc = include_str!("../README.md")]

mod api;
mod aws;
mod clients;
mod connector;
mod env;
mod figures;
mod platforms;
mod run;
mod settings;
mod setup;
mod worker;

pub use api::{openapi, router as api_router};
pub use aws::{
    QueueArns, QueueUrls, ScheduleSettings, SchedulerSchedules, SecretsVault, SnsAlerts, SqsQueues,
};
pub use clients::Clients;
pub use connector::HttpConnector;
pub use run::{database_worker, integrations_api, integrations_worker};
pub use settings::Settings;
pub use setup::Setup;
pub use worker::HubWorker;
