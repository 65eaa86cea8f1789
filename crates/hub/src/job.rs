use lake::RunId;
use serde::{Deserialize, Serialize};

use crate::owner::{IntegrationId, Owner};
use crate::run::RunKind;
use state::TenantId;

/// What a worker is to do. References only: no settings, no rows, no parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Job {
    /// Whose.
    pub owner: Owner,
    /// What.
    pub task: Task,
}

/// The tasks of workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Carry out a run that has a record, or go on with it.
    Run {
        /// Its id.
        run: RunId,
        /// What it is about.
        kind: RunKind,
    },
    /// Make the sync that is due by now.
    Scheduled,
    /// Bring secret and schedule in line with the record: finish a removal, mend what a process
    /// that died in the middle left.
    Settle,
}

/// A job as on the queue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    tenant: TenantId,
    integration: IntegrationId,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    scheduled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Sync,
    Check,
    Act,
    Import,
    Settle,
}

/// A job that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job names its run, or is a scheduled sync, or settles: send it anew")]
pub struct InvalidJob;

impl Job {
    /// Carries out `run`.
    pub fn run(owner: Owner, run: RunId, kind: RunKind) -> Self {
        Self {
            owner,
            task: Task::Run { run, kind },
        }
    }

    /// What a schedule sends.
    pub fn scheduled(owner: Owner) -> Self {
        Self {
            owner,
            task: Task::Scheduled,
        }
    }

    /// Brings secret and schedule in line with the record.
    pub fn settle(owner: Owner) -> Self {
        Self {
            owner,
            task: Task::Settle,
        }
    }
}

impl TryFrom<Wire> for Job {
    type Error = InvalidJob;

    fn try_from(wire: Wire) -> Result<Self, InvalidJob> {
        let kind = match wire.kind {
            Kind::Sync => RunKind::Sync,
            Kind::Check => RunKind::Check,
            Kind::Act => RunKind::Act,
            Kind::Import => RunKind::Import,
            Kind::Settle if wire.run.is_none() && !wire.scheduled => {
                return Ok(Self::settle(Owner::new(wire.tenant, wire.integration)));
            }
            Kind::Settle => return Err(InvalidJob),
        };
        let owner = Owner::new(wire.tenant, wire.integration);
        match (wire.run, wire.scheduled) {
            (Some(run), false) => Ok(Self::run(owner, run, kind)),
            (None, true) if kind == RunKind::Sync => Ok(Self::scheduled(owner)),
            _ => Err(InvalidJob),
        }
    }
}

impl From<Job> for Wire {
    fn from(job: Job) -> Self {
        let (kind, run, scheduled) = match job.task {
            Task::Run { run, kind } => (kind.into(), Some(run), false),
            Task::Scheduled => (Kind::Sync, None, true),
            Task::Settle => (Kind::Settle, None, false),
        };
        Self {
            tenant: job.owner.tenant,
            integration: job.owner.integration,
            kind,
            run,
            scheduled,
        }
    }
}

impl From<RunKind> for Kind {
    fn from(kind: RunKind) -> Self {
        match kind {
            RunKind::Sync => Self::Sync,
            RunKind::Check => Self::Check,
            RunKind::Act => Self::Act,
            RunKind::Import => Self::Import,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_is_references_only_and_reads_back() {
        let owner = Owner::new(TenantId::parse("acme").unwrap(), IntegrationId(7));
        let run = RunId::parse("01ab").unwrap();
        for (job, wire) in [
            (
                Job::run(owner.clone(), run, RunKind::Check),
                json!({"tenant": "acme", "integration": 7, "kind": "check", "run": "01ab"}),
            ),
            (
                Job::scheduled(owner.clone()),
                json!({"tenant": "acme", "integration": 7, "kind": "sync", "scheduled": true}),
            ),
            (
                Job::settle(owner),
                json!({"tenant": "acme", "integration": 7, "kind": "settle"}),
            ),
        ] {
            assert_eq!(serde_json::to_value(&job).unwrap(), wire);
            assert_eq!(serde_json::from_value::<Job>(wire).unwrap(), job);
        }
    }

    #[test]
    fn jobs_that_make_no_sense_are_refused() {
        for wire in [
            json!({"tenant": "acme", "integration": 7, "kind": "sync"}),
            json!({"tenant": "acme", "integration": 7, "kind": "act", "scheduled": true}),
            json!({"tenant": "acme", "integration": 7, "kind": "settle", "run": "01ab"}),
            json!({"tenant": "../x", "integration": 7, "kind": "settle"}),
            json!({"tenant": "acme", "integration": 7, "kind": "settle", "data": "x"}),
        ] {
            assert!(
                serde_json::from_value::<Job>(wire.clone()).is_err(),
                "{wire}"
            );
        }
    }
}
