use std::time::Duration;

use aws_sdk_scheduler::Client;
use hub::{Owner, Platform, PortError, Ported, Schedule, Schedules};

use super::queues::QueueArns;
use super::scheduler::{Scheduler, Timer};
use super::trouble::Trouble;

/// The schedules of integrations in Amazon EventBridge Scheduler: one for each, named
/// `<tenant>-<id>`, which puts a job on its platform's queue.
#[derive(Debug, Clone)]
pub struct SchedulerSchedules {
    /// `None` in a function that makes no schedules.
    scheduler: Option<Scheduler>,
    queues: QueueArns,
}

/// Where schedules are kept, and as whom they act.
#[derive(Debug, Clone)]
pub struct ScheduleSettings {
    /// The group's name.
    pub group: Option<String>,
    /// The role that may send to the queues.
    pub role_arn: Option<String>,
    /// The queue for what could not be sent.
    pub dead_letters_arn: Option<String>,
}

impl SchedulerSchedules {
    /// Schedules of one group that send to `queues`.
    pub fn new(client: Client, settings: ScheduleSettings, queues: QueueArns) -> Self {
        let ScheduleSettings {
            group,
            role_arn,
            dead_letters_arn,
        } = settings;
        let scheduler = group
            .zip(role_arn)
            .map(|(group, role_arn)| Scheduler::new(client, group, role_arn, dead_letters_arn));
        Self { scheduler, queues }
    }

    fn scheduler(&self) -> Result<&Scheduler, Trouble> {
        self.scheduler
            .as_ref()
            .ok_or_else(|| Trouble::unset("SCHEDULE_GROUP and SCHEDULE_ROLE_ARN"))
    }
}

impl Schedules for SchedulerSchedules {
    fn put<'a>(&'a self, schedule: &'a Schedule, platform: &'a Platform) -> Ported<'a, ()> {
        Box::pin(async move {
            let message = serde_json::to_string(&schedule.job).map_err(PortError::lasting)?;
            let timer = Timer {
                name: &schedule.owner.schedule_name(),
                every: Duration::from_secs(60 * u64::from(schedule.every_minutes)),
                enabled: schedule.enabled,
                queue_arn: self.queues.of(platform)?,
                message: &message,
            };
            Ok(self.scheduler()?.set(&timer).await?)
        })
    }

    fn remove<'a>(&'a self, owner: &'a Owner) -> Ported<'a, ()> {
        Box::pin(async move { Ok(self.scheduler()?.remove(&owner.schedule_name()).await?) })
    }
}
