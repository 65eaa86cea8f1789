use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use state::{DayStats, Total, WorkflowStats};

use crate::{Error, Parts};

/// Longest period, days.
const LONGEST: i32 = 366;
/// The period where none is asked for, days.
const USUAL: i64 = 30;

/// What came of the chats, in numbers.
#[derive(Debug, Clone)]
pub struct Figures {
    parts: Arc<Parts>,
}

/// `GET /stats`. Days are UTC; a rate is between 0 and 1, and absent where there is nothing to
/// divide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Tickets made.
    pub tickets_created: u64,
    /// Days with tickets.
    pub tickets_per_day: BTreeMap<Date, u64>,
    /// Tickets closed.
    pub tickets_resolved: u64,
    /// Mean time from a ticket's making to its first closing, hours.
    pub average_resolution_hours: Option<f64>,
    /// Ratings.
    pub ratings: u64,
    /// Mean of the stars, 1 to 5.
    pub customer_satisfaction: Option<f64>,
    /// Share of the workflows begun that came to their end.
    pub workflow_completion_rate: Option<f64>,
    /// Share of the workflows begun that a person had to go on with.
    pub escalation_rate: Option<f64>,
    /// The same by workflow.
    pub workflows: BTreeMap<String, WorkflowFigures>,
}

/// What became of one workflow, in numbers of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WorkflowFigures {
    /// Tickets made.
    pub tickets: u64,
    /// Begun.
    pub started: u64,
    /// Came to their end.
    pub completed: u64,
    /// Handed to a person.
    pub escalated: u64,
    /// Cancelled by the visitor.
    pub cancelled: u64,
    /// Share of those begun.
    pub completion_rate: Option<f64>,
    /// Share of those begun.
    pub escalation_rate: Option<f64>,
}

impl Figures {
    /// The figures of `parts`.
    pub fn new(parts: Arc<Parts>) -> Self {
        Self { parts }
    }

    /// The days from `from` to `to`, both included: the last 30 days where not given.
    pub async fn between(&self, from: Option<Date>, to: Option<Date>) -> Result<Stats, Error> {
        let today = self.parts.clock.now().to_zoned(TimeZone::UTC).date();
        let to = to.unwrap_or(today);
        let usual = || to.saturating_sub(jiff::Span::new().days(USUAL - 1));
        let from = from.unwrap_or_else(usual);
        let days = (to - from).get_days();
        if from > to {
            return Err(Error::invalid("from", "must not be after `to`"));
        }
        if days >= LONGEST {
            return Err(Error::invalid(
                "from",
                "must be at most 366 days before `to`",
            ));
        }
        let days = self.parts.state.counters.days(from, to).await?;
        Ok(summary(from, to, &days))
    }
}

fn summary(from: Date, to: Date, days: &[DayStats]) -> Stats {
    let mut by_workflow: BTreeMap<String, WorkflowStats> = BTreeMap::new();
    let (mut resolved, mut satisfaction) = (Total::default(), Total::default());
    let mut tickets_per_day = BTreeMap::new();
    for day in days {
        let mut tickets = 0;
        for (workflow, stats) in &day.workflows {
            let sum = by_workflow.entry(workflow.clone()).or_default();
            *sum = sum.plus(*stats);
            tickets += stats.tickets;
        }
        if tickets > 0 {
            tickets_per_day.insert(day.day, tickets);
        }
        resolved = resolved.plus(day.resolved);
        satisfaction = satisfaction.plus(day.satisfaction);
    }
    let sum = |of: fn(&WorkflowStats) -> u64| by_workflow.values().map(of).sum::<u64>();
    let begun = sum(begun);
    Stats {
        from,
        to,
        tickets_created: tickets_per_day.values().sum(),
        tickets_per_day,
        tickets_resolved: resolved.count,
        average_resolution_hours: resolved.mean().map(|seconds| seconds / 3600.0),
        ratings: satisfaction.count,
        customer_satisfaction: satisfaction.mean(),
        workflow_completion_rate: share(sum(|stats| stats.completed), begun),
        escalation_rate: share(sum(|stats| stats.escalated), begun),
        workflows: by_workflow
            .iter()
            .map(|(workflow, stats)| (workflow.clone(), figures(stats)))
            .collect(),
    }
}

fn figures(stats: &WorkflowStats) -> WorkflowFigures {
    WorkflowFigures {
        tickets: stats.tickets,
        started: stats.started,
        completed: stats.completed,
        escalated: stats.escalated,
        cancelled: stats.cancelled,
        completion_rate: share(stats.completed, begun(stats)),
        escalation_rate: share(stats.escalated, begun(stats)),
    }
}

/// A workflow that began the day before the period also ends in it.
fn begun(stats: &WorkflowStats) -> u64 {
    stats.started.max(stats.completed).max(stats.escalated)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, started: u64, completed: u64, escalated: u64) -> DayStats {
        let stats = WorkflowStats {
            tickets: completed,
            started,
            completed,
            escalated,
            cancelled: 0,
        };
        DayStats {
            day: text.parse().unwrap(),
            workflows: BTreeMap::from([("password_reset".to_owned(), stats)]),
            resolved: Total {
                count: 2,
                sum: 7200,
            },
            satisfaction: Total { count: 1, sum: 4 },
        }
    }

    #[test]
    fn rates_are_of_what_began() {
        let (from, to) = ("2026-06-01".parse().unwrap(), "2026-06-02".parse().unwrap());
        let days = [day("2026-06-01", 6, 3, 1), day("2026-06-02", 2, 1, 1)];
        let stats = summary(from, to, &days);
        assert_eq!(stats.tickets_created, 4);
        assert_eq!(stats.tickets_per_day[&from], 3);
        assert_eq!(stats.average_resolution_hours, Some(1.0));
        assert_eq!(stats.customer_satisfaction, Some(4.0));
        assert_eq!(stats.workflow_completion_rate, Some(0.5));
        assert_eq!(stats.escalation_rate, Some(0.25));
    }

    #[test]
    fn nothing_has_no_rates() {
        let at = "2026-06-01".parse().unwrap();
        let stats = summary(at, at, &[]);
        assert_eq!(stats.workflow_completion_rate, None);
        assert_eq!(stats.average_resolution_hours, None);
        assert!(stats.tickets_per_day.is_empty());
    }
}
