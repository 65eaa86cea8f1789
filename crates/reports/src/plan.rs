use jiff::{SignedDuration, Timestamp, Unit};
use lake::{Format, Mode, Partition, Pointer};
use serde::{Deserialize, Serialize};
use zoho_desk::{EntityId, Window};

use crate::catalogue::{Narrow, Source, Tickets};
use crate::{Event, InvalidEvent, Report, RoutePath};

/// How far before the watermark an incremental run begins: the vendor's search index may lag.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

/// How far before the present a window ends, so that a row that changes during the run leaves the
/// window for good instead of moving within it. Covers the clocks' difference.
pub const LAG: SignedDuration = SignedDuration::from_secs(10);

/// What the first run of a per-ticket report covers: each ticket costs a request.
pub const FIRST_LOOKBACK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What the environment says about every run of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `DEPARTMENT_ID`.
    pub department_id: Option<EntityId>,
    /// `AGENT_ID`.
    pub agent_id: Option<EntityId>,
    /// `TICKET_ID`.
    pub ticket_id: Option<EntityId>,
    /// `TICKET_STATUS`: the queue of `queue-by-status`.
    pub status: Option<String>,
    /// `OUTPUT_FORMAT`.
    pub format: Option<Format>,
}

const DEFAULT_QUEUE: &str = "Open";

/// What a run is limited to, before its time span is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) report: Report,
    pub(crate) agent: Option<EntityId>,
    pub(crate) department: Option<EntityId>,
    pub(crate) ticket: Option<EntityId>,
    pub(crate) status: Option<String>,
    pub(crate) route: Option<RoutePath>,
    pub(crate) partitions: Vec<Partition>,
}

/// A run, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) scope: Scope,
    pub(crate) span: Span,
}

/// What a run covers; a run that goes on in another process keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) mode: Mode,
    /// Whether the event asked for all parents.
    pub(crate) everything: bool,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Timestamp,
    /// The watermark once the run is durable; `None` leaves it alone.
    pub(crate) watermark: Option<Timestamp>,
    pub(crate) warnings: Vec<String>,
}

impl Scope {
    pub(crate) fn new(
        report: Report,
        event: &Event,
        settings: &Settings,
    ) -> Result<Self, InvalidEvent> {
        let allowed = |narrow| report.narrows().contains(&narrow);
        let pick = |narrow, event: &Option<EntityId>, setting: &Option<EntityId>| {
            allowed(narrow)
                .then(|| event.clone().or_else(|| setting.clone()))
                .flatten()
        };
        let mut scope = Self {
            report,
            agent: pick(Narrow::Agent, &event.agent_id, &settings.agent_id),
            department: pick(
                Narrow::Department,
                &event.department_id,
                &settings.department_id,
            ),
            ticket: pick(Narrow::Ticket, &event.ticket_id, &settings.ticket_id),
            status: None,
            route: None,
            partitions: Vec::new(),
        };
        for (key, id) in [
            ("department_id", &scope.department),
            ("agent_id", &scope.agent),
            ("ticket_id", &scope.ticket),
        ] {
            if let Some(id) = id {
                scope.partitions.push(Partition::new(key, id.as_str()));
            }
        }
        if allowed(Narrow::Status) {
            scope.narrow_to_status(event, settings);
        }
        if report == Report::DeskRoute {
            scope.route = Some(event.route.clone().ok_or_else(|| {
                InvalidEvent::new(
                    "route",
                    "is missing; name a GET route such as \"/tickets/123/comments\"",
                )
            })?);
        }
        Ok(scope)
    }

    /// The queue report always has a status, which is no narrowing as long as it is the configured
    /// one; the tickets report has one only when the event asks for it.
    fn narrow_to_status(&mut self, event: &Event, settings: &Settings) {
        let usual = (self.report == Report::QueueByStatus)
            .then(|| settings.status.as_deref().unwrap_or(DEFAULT_QUEUE));
        self.status = event.status.as_deref().or(usual).map(str::to_owned);
        if self.status.as_deref() != usual
            && let Some(status) = &self.status
        {
            self.partitions.push(Partition::new("status", status));
        }
    }

    /// Whether the report reads by time and remembers how far it came.
    pub(crate) fn incremental(&self) -> bool {
        match self.report.source() {
            Source::Search { incremental, .. } => incremental,
            Source::PerAgent(_) => true,
            Source::PerTicket { tickets, .. } => {
                tickets == Tickets::Changed && self.ticket.is_none()
            }
            Source::List(_)
            | Source::DepartmentList(_)
            | Source::PerDepartment(_)
            | Source::Any => false,
        }
    }

    fn per_ticket(&self) -> bool {
        matches!(self.report.source(), Source::PerTicket { .. })
    }
}

impl From<&Span> for ingest::Span {
    fn from(span: &Span) -> Self {
        Self {
            mode: match span.mode {
                Mode::Full => engine::Mode::Full,
                Mode::Incremental => engine::Mode::Incremental,
            },
            since: span.since,
            until: span.until,
            watermark: span.watermark,
            warnings: span.warnings.clone(),
        }
    }
}

impl Plan {
    pub(crate) fn new(
        scope: Scope,
        event: &Event,
        pointer: Option<&Pointer>,
        now: Timestamp,
    ) -> Result<Self, InvalidEvent> {
        let known = pointer.and_then(|pointer| pointer.watermark);
        Self::after(scope, event, known, now)
    }

    /// What to read if everything before `known` is known.
    pub(crate) fn after(
        scope: Scope,
        event: &Event,
        known: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, InvalidEvent> {
        if !scope.incremental() {
            return Ok(Self::snapshot(scope, event, now));
        }
        if event.full && event.since.is_some() {
            return Err(InvalidEvent::new(
                "full",
                "asks for everything, `since` for a part; send one of them",
            ));
        }
        let until = settled(now).min(event.until.unwrap_or(Timestamp::MAX));
        let mut warnings = Vec::new();
        let since = if event.full {
            None
        } else if event.since.is_some() {
            event.since
        } else if let Some(watermark) = known {
            Some(before(watermark, OVERLAP))
        } else if scope.per_ticket() {
            warnings.push(
                "first run: covers the tickets changed in the last 7 days; send {\"full\": true} once for all tickets"
                    .to_owned(),
            );
            Some(before(until, FIRST_LOOKBACK))
        } else {
            None
        };
        if since.is_some_and(|since| since >= until) {
            return Err(InvalidEvent::new(
                "until",
                format!(
                    "({until}) lies before what was read already; send `since` too to read it again"
                ),
            ));
        }
        // Only a window that joins what is known already may move the watermark: a gap before it
        // would never be read.
        let joins = match (event.since, known) {
            (None, _) => true,
            (Some(since), Some(watermark)) => since <= watermark,
            (Some(_), None) => false,
        };
        let span = Span {
            mode: if since.is_some() {
                Mode::Incremental
            } else {
                Mode::Full
            },
            everything: event.full,
            since,
            until,
            watermark: joins.then_some(until),
            warnings,
        };
        Ok(Self { scope, span })
    }

    fn snapshot(scope: Scope, event: &Event, now: Timestamp) -> Self {
        let windowed = scope.report == Report::CustomerHappiness;
        let since = event.since.filter(|_| windowed);
        let until = event.until.filter(|_| windowed).unwrap_or(now);
        let span = Span {
            mode: if since.is_some() {
                Mode::Incremental
            } else {
                Mode::Full
            },
            everything: event.full,
            since,
            until: until.min(now),
            watermark: None,
            warnings: Vec::new(),
        };
        Self { scope, span }
    }

    /// The span to read: from `since`, or from before the first account.
    pub(crate) fn window(&self) -> Window {
        self.span
            .since
            .and_then(|since| Window::new(since, self.span.until))
            .unwrap_or_else(|| Window::until(self.span.until))
    }
}

fn settled(now: Timestamp) -> Timestamp {
    let now = now.round(
        jiff::TimestampRound::new()
            .smallest(Unit::Millisecond)
            .mode(jiff::RoundMode::Floor),
    );
    now.map_or(Timestamp::MIN, |now| before(now, LAG))
}

fn before(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-06-01T12:00:00.0005Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn pointer(watermark: &str) -> Pointer {
        serde_json::from_value(serde_json::json!({
            "report": "tickets", "run": "r1", "started_at": watermark, "manifest_key": "m",
            "keys": [], "mode": "full", "complete": true, "watermark": watermark,
            "full_run": null, "updated_at": watermark,
        }))
        .unwrap()
    }

    fn plan(
        report: Report,
        event: &Event,
        pointer: Option<&Pointer>,
    ) -> Result<Plan, InvalidEvent> {
        let scope = Scope::new(report, event, &Settings::default())?;
        Plan::new(scope, event, pointer, at(NOW))
    }

    #[test]
    fn the_first_run_reads_everything_and_the_next_what_changed() {
        let first = plan(Report::Tickets, &Event::default(), None).unwrap();
        assert_eq!((first.span.mode, first.span.since), (Mode::Full, None));
        assert_eq!(first.span.watermark, Some(at("2026-06-01T11:59:50Z")));

        let next = plan(
            Report::Tickets,
            &Event::default(),
            Some(&pointer("2026-06-01T08:00:00Z")),
        )
        .unwrap();
        assert_eq!(next.span.mode, Mode::Incremental);
        assert_eq!(next.span.since, Some(at("2026-06-01T07:50:00Z")));
        assert_eq!(next.span.watermark, Some(at("2026-06-01T11:59:50Z")));
    }

    #[test]
    fn a_window_that_leaves_a_gap_does_not_move_the_watermark() {
        let known = pointer("2026-05-01T00:00:00Z");
        for (since, until, watermark) in [
            (
                "2026-04-30T00:00:00Z",
                None,
                Some(at("2026-06-01T11:59:50Z")),
            ),
            ("2026-05-02T00:00:00Z", None, None),
            (
                "2026-04-01T00:00:00Z",
                Some("2026-04-02T00:00:00Z"),
                Some(at("2026-04-02T00:00:00Z")),
            ),
        ] {
            let event = Event {
                since: Some(at(since)),
                until: until.map(at),
                ..Event::default()
            };
            let plan = plan(Report::Contacts, &event, Some(&known)).unwrap();
            assert_eq!(plan.span.watermark, watermark, "{since}");
        }
        let event = Event {
            since: Some(at("2026-05-02T00:00:00Z")),
            ..Event::default()
        };
        assert_eq!(
            plan(Report::Contacts, &event, None).unwrap().span.watermark,
            None
        );
    }

    #[test]
    fn per_ticket_reports_begin_with_the_last_week_and_full_covers_all() {
        let first = plan(Report::Threads, &Event::default(), None).unwrap();
        assert_eq!(first.span.since, Some(at("2026-05-25T11:59:50Z")));
        assert_eq!(first.span.warnings.len(), 1);
        let full = Event {
            full: true,
            ..Event::default()
        };
        let all = plan(
            Report::Threads,
            &full,
            Some(&pointer("2026-05-01T00:00:00Z")),
        )
        .unwrap();
        assert_eq!((all.span.mode, all.span.since), (Mode::Full, None));
    }

    #[test]
    fn contradictions_are_refused() {
        let both = Event {
            full: true,
            since: Some(at("2026-01-01T00:00:00Z")),
            ..Event::default()
        };
        assert_eq!(plan(Report::Tickets, &both, None).unwrap_err().key, "full");
        let early = Event {
            until: Some(at("2026-01-01T00:00:00Z")),
            ..Event::default()
        };
        let known = pointer("2026-05-01T00:00:00Z");
        assert_eq!(
            plan(Report::Tickets, &early, Some(&known)).unwrap_err().key,
            "until"
        );
        assert_eq!(
            plan(Report::DeskRoute, &Event::default(), None)
                .unwrap_err()
                .key,
            "route"
        );
    }

    #[test]
    fn an_id_narrows_a_report_that_knows_it_and_no_other() {
        let event = Event {
            agent_id: Some("7".parse().unwrap()),
            ticket_id: Some("9".parse().unwrap()),
            ..Event::default()
        };
        let keys = |report| {
            let scope = Scope::new(report, &event, &Settings::default()).unwrap();
            scope
                .partitions
                .into_iter()
                .map(|p| format!("{}={}", p.key, p.value))
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(Report::AgentTimeEntry), ["agent_id=7"]);
        assert_eq!(keys(Report::Threads), ["ticket_id=9"]);
        assert!(keys(Report::Tickets).is_empty());
    }

    #[test]
    fn the_configured_queue_is_no_partition_and_another_one_is() {
        let settings = Settings {
            status: Some("On Hold".into()),
            ..Settings::default()
        };
        let scope = |event: &Event| Scope::new(Report::QueueByStatus, event, &settings).unwrap();
        let usual = scope(&Event::default());
        assert_eq!(usual.status.as_deref(), Some("On Hold"));
        assert!(usual.partitions.is_empty());
        let other = scope(&Event {
            status: Some("Closed".into()),
            ..Event::default()
        });
        assert_eq!(other.status.as_deref(), Some("Closed"));
        assert_eq!(other.partitions, [Partition::new("status", "Closed")]);
    }
}
