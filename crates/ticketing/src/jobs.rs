use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Work for the queue `ticket-jobs`: make Zoho Desk agree with a chat's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketJob {
    /// The chat.
    pub chat_id: String,
    /// The version of the session that the work belongs to. It is committed after the job is
    /// queued, so a job may arrive before it.
    pub version: u64,
    /// When the job was queued.
    pub queued_at: Timestamp,
}

/// Work for the queue `notifications`: one mail. It names a record; the address is looked up when
/// the mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationJob {
    /// Which mail.
    pub kind: notify::Kind,
    /// The chat.
    pub chat_id: String,
    /// The chat's ticket, from 1.
    pub ticket: u32,
}

/// A message for one of the queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// For `ticket-jobs`.
    Ticket(TicketJob),
    /// For `notifications`.
    Notification(NotificationJob),
}

/// A queue did not take a message.
#[derive(Debug, Error)]
#[error("the queue did not take a message: {0}")]
pub struct OutboxError(pub String);

/// The future of an [`Outbox`].
pub type OutboxFuture<'a> = Pin<Box<dyn Future<Output = Result<(), OutboxError>> + Send + 'a>>;

/// Where work for later goes. It delivers at least once, not before `delay` has passed.
pub trait Outbox: Send + Sync + fmt::Debug {
    /// Takes a message. `delay` is at most 15 minutes (SQS `DelaySeconds`).
    fn send<'a>(&'a self, job: &'a Job, delay: Duration) -> OutboxFuture<'a>;
}
