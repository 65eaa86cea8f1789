use jiff::Timestamp;
use lake::RunId;
use serde::{Deserialize, Serialize};

use crate::run::RunError;

/// How an integration fares: written by workers, and by who asks for a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Health {
    /// When a sync last succeeded.
    pub(crate) last_sync: Option<Timestamp>,
    /// Why the last sync or check failed.
    pub(crate) error: Option<RunError>,
    /// Syncs failed in a row.
    pub(crate) failures: u32,
    /// The sync or import that is queued or under way.
    pub(crate) current_run: Option<RunId>,
    /// When the schedule last began a run.
    pub(crate) scheduled_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
}

impl Health {
    /// Notes how a sync ended.
    pub(crate) fn synced(&mut self, error: Option<&RunError>, now: Timestamp) {
        self.current_run = None;
        self.updated_at = Some(now);
        self.error = error.cloned();
        if error.is_some() {
            self.failures = self.failures.saturating_add(1);
        } else {
            self.failures = 0;
            self.last_sync = Some(now);
        }
    }

    /// Whether people should be told of so many failures in a row: the third, the tenth, and
    /// every thirtieth.
    pub(crate) fn is_alarming(&self) -> bool {
        matches!(self.failures, 3 | 10) || (self.failures > 0 && self.failures.is_multiple_of(30))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_come_seldom_and_success_clears() {
        let now = Timestamp::UNIX_EPOCH;
        let error = RunError::new(engine::Kind::Upstream, "down");
        let mut health = Health::default();
        let mut alarms = vec![];
        for _ in 0..70 {
            health.synced(Some(&error), now);
            if health.is_alarming() {
                alarms.push(health.failures);
            }
        }
        assert_eq!(alarms, [3, 10, 30, 60]);
        health.synced(None, now);
        assert_eq!((health.failures, &health.error), (0, &None));
        assert!(!health.is_alarming());
    }
}
