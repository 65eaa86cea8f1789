use lake::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use vendor_http::Usage;
use zoho_desk::Gap;

use crate::pieces::Position;
use crate::plan::Span;

/// Reasons kept; an account in trouble could give one for each ticket.
const MOST_REASONS: usize = 20;

/// Changes when a newer version could not read what an older one stored.
const VERSION: u32 = 1;

/// How far a run has come, for the process that goes on with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Progress {
    version: u32,
    pub(crate) span: Span,
    pub(crate) position: Position,
    pub(crate) findings: Findings,
    pub(crate) used: Used,
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

/// What a run used, all its legs together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub(crate) requests: u64,
    pub(crate) credits: u64,
    pub(crate) retries: u64,
}

impl Progress {
    pub(crate) fn new(span: Span, position: Position, findings: Findings, used: Used) -> Self {
        Self {
            version: VERSION,
            span,
            position,
            findings,
            used,
        }
    }

    /// `None` if another version wrote it.
    pub(crate) fn read(stored: &RawValue) -> Option<Self> {
        let progress: Self = serde_json::from_str(stored.get()).ok()?;
        (progress.version == VERSION).then_some(progress)
    }

    pub(crate) fn stored(&self) -> Result<Box<RawValue>, serde_json::Error> {
        serde_json::value::to_raw_value(self)
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
            mode: span.mode,
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

impl Used {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            credits: self.credits + other.credits,
            retries: self.retries + other.retries,
        }
    }
}

impl From<Usage> for Used {
    fn from(usage: Usage) -> Self {
        Self {
            requests: usage.requests,
            credits: usage.credits,
            retries: usage.retries,
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
}
