use chat::Draft;
use serde::{Deserialize, Serialize};
use state::{Contact, Origin, TicketRecord};

use crate::comments::Batch;
use crate::{Error, Settings};

/// What has to be known to make a ticket and its comments; stored with its record, and erased with
/// it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) draft: Draft,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) visitor_id: Option<String>,
    /// The first message that belongs to the ticket.
    pub(crate) first: u32,
    /// The chat's last message when the ticket became due.
    pub(crate) until: u32,
    /// A comment that was sent, and whose answer was not recorded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) posting: Option<Posting>,
}

/// A comment on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Posting {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) since: jiff::Timestamp,
}

impl Posting {
    pub(crate) fn batch(self) -> Batch {
        Batch {
            first: self.first,
            last: self.last,
        }
    }
}

impl Work {
    /// `None` once the person's data was erased.
    pub(crate) fn of(record: &TicketRecord) -> Result<Option<Self>, Error> {
        if record.origin.answers.is_null() {
            return Ok(None);
        }
        serde_json::from_value(record.origin.answers.clone())
            .map(Some)
            .map_err(|error| Error::stored("ticket", &error))
    }

    pub(crate) fn store(&self, record: &mut TicketRecord) -> Result<(), Error> {
        record.origin.answers =
            serde_json::to_value(self).map_err(|error| Error::stored("ticket", &error))?;
        Ok(())
    }

    /// What the record says about a ticket that is due.
    pub(crate) fn origin(&self, settings: &Settings, contact: Contact) -> Result<Origin, Error> {
        let draft = &self.draft;
        Ok(Origin {
            source: settings.automation_source().to_owned(),
            workflow: draft.workflow.as_str().to_owned(),
            title: draft.title.clone(),
            subject: draft.subject.clone(),
            priority: draft.priority.as_str().to_owned(),
            category: draft.category.clone(),
            answers: serde_json::to_value(self).map_err(|error| Error::stored("ticket", &error))?,
            escalated: draft.escalated,
            approval: draft.approval_needed.then(|| "pending".to_owned()),
            contact,
        })
    }
}
