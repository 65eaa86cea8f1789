use jiff::Timestamp;
use serde::Serialize;
use state::{Session, TicketRecord, TicketState};
use webhook::salesiq::Way;

/// Whether the sender of a delivery proved who it is. Only then its word counts that an e-mail
/// address is the visitor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// By a signature or a secret.
    Authenticated,
    /// Not at all.
    Anonymous,
}

impl From<Way> for Authentication {
    fn from(way: Way) -> Self {
        match way {
            Way::SiqSignature | Way::StandardWebhooks | Way::SharedSecret => Self::Authenticated,
        }
    }
}

/// `GET /salesiq/session/{chat_id}`.
#[derive(Clone, PartialEq, Serialize)]
pub struct SessionView {
    /// The chat.
    pub chat_id: String,
    /// As the visitor gave it.
    pub visitor_name: Option<String>,
    /// As the visitor gave it.
    pub visitor_email: Option<String>,
    /// Whether the address is known to be the visitor's.
    pub email_verified: bool,
    /// The newest ticket's id in Zoho Desk.
    pub ticket_id: Option<String>,
    /// The number people use for it.
    pub ticket_number: Option<String>,
    /// All tickets of the chat, oldest first.
    pub tickets: Vec<SessionTicket>,
    /// Messages of visitor and bot.
    pub message_count: u32,
    /// The workflow in progress.
    pub workflow: Option<String>,
    /// Whether the visitor agreed to a ticket; `None` if not asked.
    pub consent: Option<bool>,
    /// When the chat began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
}

/// A ticket of a [`SessionView`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionTicket {
    /// `due`, `sending`, `made` or `failed`.
    pub state: &'static str,
    /// Zoho Desk's id, once it is made.
    pub id: Option<String>,
    /// The number people use.
    pub number: Option<String>,
    /// E.g. `password_reset`.
    pub workflow_type: String,
}

impl std::fmt::Debug for SessionView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionView")
            .field("chat_id", &self.chat_id)
            .field("tickets", &self.tickets)
            .field("message_count", &self.message_count)
            .finish_non_exhaustive()
    }
}

impl SessionView {
    pub(crate) fn of(
        session: &Session,
        workflow: Option<String>,
        records: &[TicketRecord],
    ) -> Self {
        let tickets: Vec<SessionTicket> = records.iter().map(SessionTicket::of).collect();
        let newest = tickets.iter().rev().find(|ticket| ticket.id.is_some());
        Self {
            chat_id: session.chat_id.to_string(),
            visitor_name: session.visitor.name.clone(),
            visitor_email: session.visitor.email.clone(),
            email_verified: session.visitor.email_verified,
            ticket_id: newest.and_then(|ticket| ticket.id.clone()),
            ticket_number: newest.and_then(|ticket| ticket.number.clone()),
            message_count: session.next_seq - 1,
            workflow,
            consent: session.consent.map(|consent| consent.given),
            created_at: session.created_at,
            updated_at: session.updated_at,
            closed_at: session.closed_at,
            tickets,
        }
    }
}

impl SessionTicket {
    fn of(record: &TicketRecord) -> Self {
        let (state, id, number) = match &record.state {
            TicketState::Due => ("due", None, None),
            TicketState::Sending { .. } => ("sending", None, None),
            TicketState::Made { id, number, .. } => ("made", Some(id), Some(number)),
            TicketState::Failed { .. } => ("failed", None, None),
        };
        Self {
            state,
            id: id.cloned(),
            number: number.cloned(),
            workflow_type: record.origin.workflow.clone(),
        }
    }
}
