use std::collections::HashSet;

use jiff::Timestamp;
use lake::{Manifest, RunId};

use crate::state::{Moment, State, holds_everything};

/// What goes into the next version of a table, newest first: the first version of a row that is
/// met is the one to keep.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// The complete full runs that matter, oldest first.
    pub(crate) fulls: Vec<Moment>,
    pub(crate) known: HashSet<RunId>,
    pub(crate) newest: Moment,
    /// How many runs are read.
    pub(crate) runs: usize,
}

/// One source of rows.
#[derive(Debug)]
pub(crate) enum Step {
    Run(Box<Manifest>),
    /// The stored rows last seen before `before` and not before `from`.
    Stored {
        from: Option<Moment>,
        before: Option<Moment>,
    },
}

impl Plan {
    /// `manifests` are the committed runs that `state`, the stored table's, does not know; `None`
    /// if there is nothing to make a table of.
    ///
    /// Runs that began before the newest complete full run of the stored table are passed over,
    /// as are, for a first table, those before the newest complete full run of all: what they
    /// held is in it, or was gone by then.
    pub(crate) fn new(state: Option<&State>, manifests: Vec<Manifest>) -> Option<Self> {
        let mut known = state.map(|state| state.known.clone()).unwrap_or_default();
        known.extend(manifests.iter().map(|manifest| manifest.run.clone()));

        let mut runs: Vec<Manifest> = manifests
            .into_iter()
            .filter(|manifest| manifest.partitions.is_empty())
            .collect();
        runs.sort_by_key(|manifest| std::cmp::Reverse(Moment::of(manifest)));
        let floor = match state {
            Some(state) => state.full.clone(),
            None => runs
                .iter()
                .find(|run| holds_everything(run))
                .map(Moment::of),
        };
        runs.retain(|run| floor.as_ref().is_none_or(|floor| Moment::of(run) >= *floor));

        let newest = runs.first().map(Moment::of);
        let newest = newest
            .into_iter()
            .chain(state.map(|state| state.newest.clone()))
            .max()?;
        let mut fulls: Vec<Moment> = runs
            .iter()
            .filter(|run| holds_everything(run))
            .map(Moment::of)
            .chain(state.and_then(|state| state.full.clone()))
            .collect();
        fulls.sort_unstable();
        Some(Self {
            fulls,
            known,
            newest,
            runs: runs.len(),
            steps: steps(state.map(|state| &state.newest), runs),
        })
    }

    /// When the row of a run that began at `seen` was found to be gone: by the first complete full
    /// run after it, all later runs lacking the row too.
    pub(crate) fn deleted(&self, seen: &Moment) -> Option<Timestamp> {
        let after = self.fulls.iter().find(|full| *full > seen)?;
        Some(after.started_at)
    }
}

/// Runs that committed late, after newer ones were compacted, go between the stored rows.
fn steps(stored: Option<&Moment>, runs: Vec<Manifest>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut before = None;
    for run in runs {
        let moment = Moment::of(&run);
        if stored.is_some_and(|newest| *newest > moment) {
            steps.push(Step::Stored {
                from: Some(moment.clone()),
                before: before.replace(moment),
            });
        }
        steps.push(Step::Run(Box::new(run)));
    }
    if stored.is_some() {
        steps.push(Step::Stored { from: None, before });
    }
    steps
}

impl Step {
    /// Whether a stored row last seen at `moment` belongs to this step.
    pub(crate) fn covers(&self, moment: &Moment) -> bool {
        match self {
            Self::Run(_) => false,
            Self::Stored { from, before } => {
                from.as_ref().is_none_or(|from| moment >= from)
                    && before.as_ref().is_none_or(|before| moment < before)
            }
        }
    }
}
