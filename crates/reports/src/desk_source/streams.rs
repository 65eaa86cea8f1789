use engine::{Error, Kind, Stream};
use zoho_desk::{Edition, Route, routes};

use crate::Report;
use crate::catalogue::Source;

/// The field that rows, or their tickets, are found by once they changed.
const CURSOR: &str = "modifiedTime";

/// The report that is the stream of this name.
pub(super) fn report(stream: &str) -> Result<Report, Error> {
    let report = stream.parse().ok();
    report.filter(|report| stream_of(*report).is_some()).ok_or_else(|| {
        Error::new(
            Kind::SchemaChanged,
            "Zoho Desk has no such stream; list the integration's streams and choose among them",
        )
    })
}

/// Every report but the one whose route an event must name.
pub(super) fn all() -> Vec<Stream> {
    Report::ALL.into_iter().filter_map(stream_of).collect()
}

fn stream_of(report: Report) -> Option<Stream> {
    let (route, parent) = match report.source() {
        Source::List(route) | Source::DepartmentList(route) | Source::Search { route, .. } => {
            (route, None)
        }
        Source::PerAgent(route) => (route, Some((Report::Agents, routes::AGENTS))),
        Source::PerDepartment(route) => (route, Some((Report::Departments, routes::DEPARTMENTS))),
        Source::PerTicket { route, .. } => (route, Some((Report::Tickets, routes::SEARCH_TICKETS))),
        Source::Any => return None,
    };
    let per_ticket = matches!(report.source(), Source::PerTicket { .. });
    let incremental = match report.source() {
        Source::Search { incremental, .. } => incremental,
        Source::PerAgent(_) => true,
        Source::PerTicket { tickets, .. } => tickets == crate::catalogue::Tickets::Changed,
        _ => false,
    };
    let cheap = route.edition == Edition::Free && !per_ticket;
    Some(Stream {
        name: report.name().to_owned(),
        primary_key: primary_key(report),
        cursor: incremental.then(|| CURSOR.to_owned()),
        parent: parent.map(|(parent, _)| parent.name().to_owned()),
        needs: needs(route, parent.map(|(_, route)| route), per_ticket),
        fields: Vec::new(),
        // A queue is a part of the tickets.
        by_default: cheap && report != Report::QueueByStatus,
    })
}

fn primary_key(report: Report) -> Vec<String> {
    let fields: &[&str] = match report {
        Report::NotificationEmailFailures => &["ticketId", "threadId"],
        _ => &["id"],
    };
    fields.iter().map(|field| (*field).to_owned()).collect()
}

fn needs(route: Route, parents: Option<Route>, per_ticket: bool) -> Vec<String> {
    let scopes = |route: Route| format!("OAuth scope {}", route.scopes);
    let edition = (route.edition == Edition::Professional)
        .then(|| format!("Zoho Desk {} edition", route.edition));
    let mut needs: Vec<String> = [Some(scopes(route)), parents.map(scopes), edition]
        .into_iter()
        .flatten()
        .collect();
    needs.dedup();
    if per_ticket {
        needs.push("A request for each ticket".to_owned());
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_streams_are_the_reports_that_need_no_event() {
        let names: Vec<String> = all().into_iter().map(|stream| stream.name).collect();
        let reports = Report::ALL
            .into_iter()
            .filter(|report| *report != Report::DeskRoute);
        assert_eq!(names, reports.map(Report::name).collect::<Vec<_>>());
        for name in ["desk-route", "invoices", ""] {
            assert_eq!(report(name).unwrap_err().kind(), Kind::SchemaChanged);
        }
    }

    #[test]
    fn streams_know_what_they_are_read_by_and_take() {
        insta::assert_json_snapshot!("streams", all());
    }

    #[test]
    fn parents_are_streams_too() {
        for stream in all() {
            if let Some(parent) = stream.parent {
                assert!(report(&parent).is_ok(), "{parent}");
            }
        }
    }
}
