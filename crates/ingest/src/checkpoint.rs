use engine::{Gap, Mode, Used};
use jiff::Timestamp;
use lake::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::Error;

/// Reasons kept; an account in trouble could give one for each parent.
const MOST_REASONS: usize = 20;

/// Changes when a newer version could not read what an older one stored.
const VERSION: u32 = 2;

/// What a run covers, as its manifest tells it; a run that goes on in another process keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Everything, or what changed.
    pub mode: Mode,
    /// Start of the time span; none for everything.
    pub since: Option<Timestamp>,
    /// Its end.
    pub until: Timestamp,
    /// The pointer's watermark once the run is durable; `None` leaves it alone.
    pub watermark: Option<Timestamp>,
    /// Remarks for the manifest that do not touch completeness.
    pub warnings: Vec<String>,
}

/// How far a run has come, for the process that goes on with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    version: u32,
    pub(crate) span: Span,
    /// Of the reader.
    pub(crate) position: Box<RawValue>,
    pub(crate) findings: Findings,
    /// All legs together.
    pub(crate) used: Used,
    /// Of the refinement.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) refine: Option<Box<RawValue>>,
}

/// What a run found besides rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Findings {
    reasons: Vec<String>,
    /// Reasons beyond those kept.
    more: u64,
    /// Another run may get the rows that are missing.
    unsettled: bool,
    pub(crate) vanished: u64,
}

/// What a merge of parts that were parked with `stored` says of itself.
pub fn outcome_of_parts(stored: &[Box<RawValue>], span: Span) -> Result<Outcome, Error> {
    let (mut findings, mut used) = (Findings::default(), Used::default());
    for part in stored {
        let part = Checkpoint::read(part).ok_or(Error::Checkpoint)?;
        findings = findings.and(part.findings);
        used = used.and(part.used);
    }
    Ok(findings.outcome(span, used))
}

impl Span {
    /// Of a run whose rows are told by `mode` alone, up to the moment `until`.
    pub fn new(mode: Mode, until: Timestamp) -> Self {
        Self {
            mode,
            since: None,
            until,
            watermark: None,
            warnings: Vec::new(),
        }
    }
}

impl Checkpoint {
    pub(crate) fn new(
        span: Span,
        position: Box<RawValue>,
        findings: Findings,
        used: Used,
        refine: Option<Box<RawValue>>,
    ) -> Self {
        Self {
            version: VERSION,
            span,
            position,
            findings,
            used,
            refine,
        }
    }

    /// `None` if another version wrote it.
    pub(crate) fn read(stored: &RawValue) -> Option<Self> {
        let checkpoint: Self = serde_json::from_str(stored.get()).ok()?;
        (checkpoint.version == VERSION).then_some(checkpoint)
    }

    pub(crate) fn stored(&self) -> Result<Box<RawValue>, serde_json::Error> {
        to_raw_value(self)
    }
}

impl Findings {
    pub(crate) fn note(&mut self, gap: Gap) {
        self.unsettled |= !gap.lasting;
        if self.reasons.len() < MOST_REASONS {
            self.reasons.push(gap.why);
        } else {
            self.more += 1;
        }
    }

    /// Whether another run may get rows that this one lacks.
    pub(crate) fn are_unsettled(&self) -> bool {
        self.unsettled
    }

    /// What was found by both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        let room = MOST_REASONS.saturating_sub(self.reasons.len());
        self.more += other.more + other.reasons.len().saturating_sub(room) as u64;
        self.reasons.extend(other.reasons.into_iter().take(room));
        self.unsettled |= other.unsettled;
        self.vanished += other.vanished;
        self
    }

    /// What a run that covers `span` says of itself.
    pub(crate) fn outcome(self, span: Span, used: Used) -> Outcome {
        let complete = self.reasons.is_empty();
        let mut warnings = span.warnings;
        if self.vanished > 0 {
            warnings.push(format!(
                "{} parent records were deleted while the report ran",
                self.vanished
            ));
        }
        let mut reasons = self.reasons;
        if self.more > 0 {
            reasons.push(format!("and {} more of the kind", self.more));
        }
        Outcome {
            mode: match span.mode {
                Mode::Full => lake::Mode::Full,
                Mode::Incremental => lake::Mode::Incremental,
            },
            since: span.since,
            until: span.until,
            complete,
            reasons,
            warnings,
            requests: used.requests,
            credits: used.credits,
            retries: used.retries,
            // Rows that another run may get must stay before the watermark; waiting for those that
            // no run can get would read the same span for ever.
            watermark: span.watermark.filter(|_| !self.unsettled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(why: &str, lasting: bool) -> Gap {
        Gap {
            why: why.to_owned(),
            lasting,
        }
    }

    #[test]
    fn findings_of_two_legs_are_those_of_one() {
        let gaps: Vec<Gap> = (0..50).map(|n| gap(&n.to_string(), n != 33)).collect();
        let found = |gaps: &[Gap]| {
            let mut findings = Findings::default();
            gaps.iter().cloned().for_each(|gap| findings.note(gap));
            findings
        };
        let whole = found(&gaps);
        for cut in [0, 1, 19, 20, 21, 34, 50] {
            let (first, second) = gaps.split_at(cut);
            assert_eq!(found(first).and(found(second)), whole, "{cut}");
        }
        assert_eq!(
            (whole.reasons.len(), whole.more, whole.unsettled),
            (20, 30, true)
        );
    }

    #[test]
    fn a_checkpoint_of_another_version_is_not_read() {
        let span = Span::new(Mode::Full, Timestamp::UNIX_EPOCH);
        let place = to_raw_value(&7).unwrap();
        let ours = Checkpoint::new(span, place, Findings::default(), Used::default(), None);
        let stored = ours.stored().unwrap();
        assert_eq!(Checkpoint::read(&stored).unwrap().position.get(), "7");
        let older = stored.get().replace("\"version\":2", "\"version\":1");
        assert!(Checkpoint::read(&RawValue::from_string(older).unwrap()).is_none());
    }
}
