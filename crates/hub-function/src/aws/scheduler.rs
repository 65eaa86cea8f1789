use std::time::Duration;

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::ProvideErrorMetadata as _;
use aws_sdk_scheduler::types::{
    DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState,
    Target,
};

use super::trouble::Trouble;

/// Schedules of one group in Amazon EventBridge Scheduler, each of which sends one message to a
/// queue.
#[derive(Debug, Clone)]
pub(super) struct Scheduler {
    client: Client,
    group: String,
    role_arn: String,
    dead_letters_arn: Option<String>,
}

/// What a schedule does.
#[derive(Debug, Clone)]
pub(super) struct Timer<'a> {
    pub(super) name: &'a str,
    pub(super) every: Duration,
    pub(super) enabled: bool,
    pub(super) queue_arn: &'a str,
    pub(super) message: &'a str,
}

/// A sync that is this late is left to the next one.
const MOST_LATE_S: i32 = 3600;
const RETRIES: i32 = 10;
/// Syncs of many integrations made at once do not all begin in the same minute.
const WIDEST_WINDOW_MIN: u64 = 15;

impl Scheduler {
    pub(super) fn new(
        client: Client,
        group: String,
        role_arn: String,
        dead_letters_arn: Option<String>,
    ) -> Self {
        Self {
            client,
            group,
            role_arn,
            dead_letters_arn,
        }
    }

    /// Makes the schedule, or changes the one there is. A new one begins at once.
    pub(super) async fn set(&self, timer: &Timer<'_>) -> Result<(), Trouble> {
        match self.update(timer).await? {
            Found::Yes => Ok(()),
            Found::No => match self.create(timer).await? {
                Found::No => Ok(()),
                // Somebody else made it meanwhile.
                Found::Yes => self.update(timer).await.map(|_| ()),
            },
        }
    }

    /// Removes it. One that is not there is removed.
    pub(super) async fn remove(&self, name: &str) -> Result<(), Trouble> {
        let delete = self.client.delete_schedule().group_name(&self.group);
        match Box::pin(delete.name(name).send()).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(Trouble::of(
                &error,
                "removing an integration's schedule",
                "scheduler:DeleteSchedule",
            )),
        }
    }

    async fn update(&self, timer: &Timer<'_>) -> Result<Found, Trouble> {
        let update = self
            .client
            .update_schedule()
            .group_name(&self.group)
            .name(timer.name)
            .schedule_expression(rate(timer.every))
            .state(state(timer.enabled))
            .flexible_time_window(window(timer.every)?)
            .target(self.target(timer)?);
        match Box::pin(update.send()).await {
            Ok(_) => Ok(Found::Yes),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(Found::No),
            Err(error) => Err(Trouble::of(
                &error,
                "changing an integration's schedule",
                "scheduler:UpdateSchedule, and iam:PassRole on the schedules' role",
            )),
        }
    }

    /// [`Found::Yes`] if there is one by now.
    async fn create(&self, timer: &Timer<'_>) -> Result<Found, Trouble> {
        let create = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(timer.name)
            .schedule_expression(rate(timer.every))
            .state(state(timer.enabled))
            .flexible_time_window(window(timer.every)?)
            .target(self.target(timer)?);
        match Box::pin(create.send()).await {
            Ok(_) => Ok(Found::No),
            Err(error) if error.code() == Some("ConflictException") => Ok(Found::Yes),
            Err(error) => Err(Trouble::of(
                &error,
                "making an integration's schedule",
                "scheduler:CreateSchedule, and iam:PassRole on the schedules' role",
            )),
        }
    }

    fn target(&self, timer: &Timer<'_>) -> Result<Target, Trouble> {
        let late = RetryPolicy::builder()
            .maximum_event_age_in_seconds(MOST_LATE_S)
            .maximum_retry_attempts(RETRIES)
            .build();
        let dead_letters = self
            .dead_letters_arn
            .as_ref()
            .map(|arn| DeadLetterConfig::builder().arn(arn).build());
        Target::builder()
            .arn(timer.queue_arn)
            .role_arn(&self.role_arn)
            .input(timer.message)
            .retry_policy(late)
            .set_dead_letter_config(dead_letters)
            .build()
            .map_err(incomplete)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Yes,
    No,
}

fn state(enabled: bool) -> ScheduleState {
    if enabled {
        ScheduleState::Enabled
    } else {
        ScheduleState::Disabled
    }
}

/// Scheduler counts in whole minutes.
fn rate(every: Duration) -> String {
    format!("rate({} minutes)", minutes(every))
}

fn minutes(every: Duration) -> u64 {
    (every.as_secs() / 60).max(1)
}

/// A quarter of the interval, or nothing for short ones.
fn window(every: Duration) -> Result<FlexibleTimeWindow, Trouble> {
    let width = (minutes(every) / 4).min(WIDEST_WINDOW_MIN);
    let window = FlexibleTimeWindow::builder();
    let window = match i32::try_from(width) {
        Ok(width) if width > 0 => window
            .mode(FlexibleTimeWindowMode::Flexible)
            .maximum_window_in_minutes(width),
        _ => window.mode(FlexibleTimeWindowMode::Off),
    };
    window.build().map_err(incomplete)
}

fn incomplete(error: impl std::fmt::Display) -> Trouble {
    Trouble {
        message: format!("a schedule could not be written down: {error}"),
        transient: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_counts_whole_minutes_and_leaves_room_by_its_length() {
        for (minutes, expression, mode, width) in [
            (1, "rate(1 minutes)", FlexibleTimeWindowMode::Off, None),
            (3, "rate(3 minutes)", FlexibleTimeWindowMode::Off, None),
            (
                5,
                "rate(5 minutes)",
                FlexibleTimeWindowMode::Flexible,
                Some(1),
            ),
            (
                60,
                "rate(60 minutes)",
                FlexibleTimeWindowMode::Flexible,
                Some(15),
            ),
            (
                1440,
                "rate(1440 minutes)",
                FlexibleTimeWindowMode::Flexible,
                Some(15),
            ),
        ] {
            let every = Duration::from_secs(60 * minutes);
            assert_eq!(rate(every), expression);
            let window = window(every).unwrap();
            assert_eq!(window.mode(), &mode, "{minutes}");
            assert_eq!(window.maximum_window_in_minutes(), width, "{minutes}");
        }
    }
}
