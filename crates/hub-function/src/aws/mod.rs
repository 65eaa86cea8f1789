//! The hub's ports on AWS.

mod alerts;
mod queues;
mod scheduler;
mod schedules;
mod secrets;
mod trouble;
mod vault;

pub use alerts::SnsAlerts;
pub use queues::{QueueArns, QueueUrls, SqsQueues};
pub use schedules::{ScheduleSettings, SchedulerSchedules};
pub use vault::SecretsVault;
