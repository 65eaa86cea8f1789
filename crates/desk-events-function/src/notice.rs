use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use webhook::desk::DeskEvent;

/// An event on the queue: what happened to what, and no content. The webhook's body is not covered
/// by its token, so nothing of it is passed on; what the ticket is like is read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The vendor's name, such as `Ticket_Update`.
    pub event_type: String,
    /// When it happened, by the vendor's clock.
    pub event_time: Timestamp,
    /// When it came in.
    pub received_at: Timestamp,
    /// The organisation.
    pub org_id: String,
    /// What kind of thing it happened to, such as `Ticket_Comment`.
    pub entity: String,
    /// The thing's id, where the event says so.
    pub id: Option<String>,
    /// The ticket that the thing is, or belongs to.
    pub ticket_id: Option<String>,
}

impl Notice {
    /// Of `event`, which came in at `received_at`.
    pub fn of(event: &DeskEvent, received_at: Timestamp) -> Self {
        Self {
            event_type: event.event_type.to_string(),
            event_time: event.event_time,
            received_at,
            org_id: event.org_id.clone(),
            entity: event.entity.as_str().to_owned(),
            id: event.id.clone(),
            ticket_id: event.ticket_id.clone(),
        }
    }
}
