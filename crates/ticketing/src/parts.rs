use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use chat::Catalogue;
use clock::Clock;
use notify::Templates;
use serde_json::Value;
use state::{Entry, State, Write};
use vendor_http::Deadline;
use zoho_desk::Desk;

use crate::{Actor, Error, Outbox, Settings};

/// The future of [`Desks`].
pub type DeskFuture<'a> = Pin<Box<dyn Future<Output = Result<Desk, zoho_desk::Error>> + Send + 'a>>;

/// Where the client of the Zoho Desk organisation comes from.
pub trait Desks: Send + Sync + fmt::Debug {
    /// A client whose calls end by `deadline`.
    fn desk(&self, deadline: Deadline) -> DeskFuture<'_>;

    /// The organisation's id, digits; known once a client was given.
    fn org_id(&self) -> String;
}

/// What all operations share. Built once for a process.
#[derive(Debug)]
pub struct Parts {
    /// The state.
    pub state: State,
    /// The workflows and the chat's texts.
    pub catalogue: Catalogue,
    /// The user's settings.
    pub settings: Settings,
    /// Zoho Desk.
    pub desks: Arc<dyn Desks>,
    /// The queues.
    pub outbox: Arc<dyn Outbox>,
    /// The mails.
    pub templates: Templates,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Parts {
    /// The write of an audit entry.
    pub(crate) fn audit(
        &self,
        actor: &Actor,
        action: &str,
        target: String,
        details: Value,
    ) -> Result<Write, Error> {
        let entry = Entry {
            at: self.clock.now(),
            actor: actor.name(),
            action: action.to_owned(),
            target,
            details,
        };
        Ok(self.state.audit.write(&entry)?)
    }
}
