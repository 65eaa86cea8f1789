use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use lambda_kit::{ErrorType, Failure};
use serde::Serialize;
use state::{Counted, Mail, MailState, State, TicketRecord, TicketState};
use zoho_desk::{StatusType, Ticket};

use crate::Queue;

/// What the chats' own tickets are known to be like, and what follows from their being closed.
pub(crate) struct Ledger {
    state: State,
    notifications: Option<Arc<dyn Queue>>,
}

/// A mail to be sent; the address is looked up when it is.
#[derive(Debug, Serialize)]
struct Notification<'a> {
    kind: &'static str,
    chat_id: &'a str,
    ticket: u32,
}

/// The mail that asks how it was, in jobs and among a ticket's mails.
const SURVEY: &str = "survey";

/// Times a record is changed that others get ahead of.
const ATTEMPTS: u32 = 8;

impl Ledger {
    /// Without a queue nobody is asked how it was.
    pub(crate) fn new(state: State, notifications: Option<Arc<dyn Queue>>) -> Self {
        Self {
            state,
            notifications,
        }
    }

    /// Brings our record of `ticket` up to date, if it is one of ours. Whether its visitor is asked
    /// how it was: once, after it was closed.
    pub(crate) async fn update(&self, ticket: &Ticket, now: Timestamp) -> Result<bool, Failure> {
        for _ in 0..ATTEMPTS {
            let found = self.state.tickets.by_desk_id(ticket.id.as_str()).await;
            let Some(record) = found.map_err(|error| failure(&error))? else {
                return Ok(false);
            };
            match self.step(record, ticket, now).await {
                Ok(asked) => return Ok(asked),
                Err(Problem::State(error)) if error.is_conflict() => {
                    tokio::task::yield_now().await;
                }
                Err(Problem::State(error)) => return Err(failure(&error)),
                Err(Problem::Queue(failure)) => return Err(failure),
            }
        }
        Err(Failure::new(
            ErrorType::Upstream,
            "the ticket's record is being changed by many at once; run again later",
        ))
    }

    async fn step(
        &self,
        mut record: TicketRecord,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<bool, Problem> {
        let before = record.clone();
        let closed = is_closed(ticket);
        record.status.clone_from(&ticket.status);
        record.status_type = ticket.status_type.map(|it| name_of(it).to_owned());
        record.closed_at = closed.then(|| {
            let known = ticket.closed_time.or(before.closed_at);
            known.unwrap_or(now)
        });
        let asks = closed && self.wants_survey(&record);
        if asks {
            // Before the record says so: a mail that is queued twice is sent once.
            self.queue_survey(&record).await?;
            let queued = Mail {
                state: MailState::Queued,
                at: now,
            };
            record.mails.insert(SURVEY.to_owned(), queued);
        }
        if record == before {
            return Ok(false);
        }
        let mut writes = self.state.tickets.writes(&record)?;
        if before.closed_at.is_none()
            && let Some(took) = took(&record)
        {
            let counted = [Counted::Resolved(took)];
            let counters = &self.state.counters;
            writes.extend(counters.write(now, &record.chat_id, &counted));
        }
        self.state.table.transact(writes).await?;
        Ok(asks)
    }

    fn wants_survey(&self, record: &TicketRecord) -> bool {
        self.notifications.is_some()
            && record.origin.contact.email.is_some()
            && record.erased_at.is_none()
            && !record.mails.contains_key(SURVEY)
    }

    async fn queue_survey(&self, record: &TicketRecord) -> Result<(), Problem> {
        let Some(queue) = &self.notifications else {
            return Ok(());
        };
        let notification = Notification {
            kind: SURVEY,
            chat_id: record.chat_id.as_str(),
            ticket: record.n,
        };
        let upstream =
            |error: &dyn fmt::Display| Problem::Queue(Failure::new(ErrorType::Upstream, error));
        let body = serde_json::to_string(&notification).map_err(|error| upstream(&error))?;
        for outcome in queue.send(&[body]).await {
            outcome.map_err(|error| upstream(&error))?;
        }
        Ok(())
    }
}

enum Problem {
    State(state::Error),
    Queue(Failure),
}

impl From<state::Error> for Problem {
    fn from(error: state::Error) -> Self {
        Self::State(error)
    }
}

fn is_closed(ticket: &Ticket) -> bool {
    ticket.status_type == Some(StatusType::Closed)
}

/// As the vendor writes it.
fn name_of(status: StatusType) -> &'static str {
    match status {
        StatusType::Open => "Open",
        StatusType::OnHold => "On Hold",
        StatusType::Closed => "Closed",
    }
}

/// From when the ticket was made until it was closed.
fn took(record: &TicketRecord) -> Option<jiff::SignedDuration> {
    let TicketState::Made { made_at, .. } = &record.state else {
        return None;
    };
    Some(record.closed_at?.duration_since(*made_at))
}

fn failure(error: &state::Error) -> Failure {
    let error_type = match error {
        state::Error::Denied { .. } | state::Error::TableMissing { .. } => ErrorType::StorageDenied,
        error if error.is_transient() => ErrorType::Upstream,
        _ => ErrorType::Internal,
    };
    Failure::new(error_type, error)
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("notifications", &self.notifications.is_some())
            .finish_non_exhaustive()
    }
}
