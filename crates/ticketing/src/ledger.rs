use jiff::Timestamp;
use serde_json::json;
use state::{Counted, TicketRecord, TicketState};
use zoho_desk::{StatusType, Ticket};

use crate::access::Actor;
use crate::{Error, Tickets};

/// Times a record is changed that others get ahead of.
const ATTEMPTS: u32 = 8;

/// A ticket as Zoho Desk has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskChange {
    /// Desk's id.
    pub ticket_id: String,
    /// As the account calls it.
    pub status: Option<String>,
    /// What the status means.
    pub status_type: Option<StatusType>,
    /// When it was closed, if it is.
    pub closed_at: Option<Timestamp>,
}

impl From<&Ticket> for DeskChange {
    fn from(ticket: &Ticket) -> Self {
        Self {
            ticket_id: ticket.id.to_string(),
            status: ticket.status.clone(),
            status_type: ticket.status_type,
            closed_at: ticket.closed_time,
        }
    }
}

pub(crate) fn status_type_name(status_type: StatusType) -> String {
    match status_type {
        StatusType::Open => "Open",
        StatusType::OnHold => "On Hold",
        StatusType::Closed => "Closed",
    }
    .to_owned()
}

impl Tickets {
    /// Takes note of what became of a ticket in Desk: its status, and when it is closed for the
    /// first time, how long that took; then the visitor is asked how it was. Tickets that
    /// Deskbridge did not make are none of its business: `false`.
    pub async fn desk_changed(&self, change: &DeskChange, actor: &Actor) -> Result<bool, Error> {
        for _ in 0..ATTEMPTS {
            let tickets = &self.parts.state.tickets;
            let Some(record) = tickets.by_desk_id(&change.ticket_id).await? else {
                return Ok(false);
            };
            match self.apply(record, change, actor).await {
                Err(error) if error.is_conflict() => {}
                other => return other.map(|()| true),
            }
        }
        Err(Error::Contended)
    }

    async fn apply(
        &self,
        record: TicketRecord,
        change: &DeskChange,
        actor: &Actor,
    ) -> Result<(), Error> {
        let now = self.parts.clock.now();
        let before = record.clone();
        let status_type = change.status_type.map(status_type_name);
        let is_closed = change.status_type == Some(StatusType::Closed);
        let mut record = TicketRecord {
            status: change.status.clone().or(record.status),
            status_type: status_type.or(record.status_type),
            ..record
        };
        let mut counted = Vec::new();
        if is_closed && record.closed_at.is_none() {
            let closed_at = change.closed_at.unwrap_or(now);
            record.closed_at = Some(closed_at);
            if let TicketState::Made { made_at, .. } = record.state {
                counted.push(Counted::Resolved(closed_at.duration_since(made_at)));
            }
        }
        if record != before {
            let mut writes = self.parts.state.tickets.writes(&record)?;
            writes.extend(
                self.parts
                    .state
                    .counters
                    .write(now, &record.chat_id, &counted),
            );
            writes.push(self.parts.audit(
                actor,
                "ticket.status",
                format!("ticket:{}", change.ticket_id),
                json!({"from": before.status_type, "to": record.status_type}),
            )?);
            self.parts.state.table.transact(writes).await?;
            record.version += 1;
        }
        if is_closed {
            self.queue_survey(&record).await?;
        }
        Ok(())
    }
}
