use std::time::Duration;

use notify::Kind;
use state::{ChatId, Mail, MailState, TicketRecord, TicketState};

use crate::work::Work;
use crate::{Error, Job, NotificationJob, Tickets};

/// Times a record is changed that others get ahead of.
const ATTEMPTS: u32 = 8;

impl Tickets {
    /// Queues the mails that a ticket calls for, each once as far as the record knows. A mail that
    /// is queued twice all the same is sent once.
    pub(crate) async fn queue_mails(&self, record: &TicketRecord) -> Result<(), Error> {
        self.queue(record, &wanted(record)?).await
    }

    /// Asks the visitor how it was, once for each ticket.
    pub(crate) async fn queue_survey(&self, record: &TicketRecord) -> Result<(), Error> {
        let is_made = matches!(record.state, TicketState::Made { .. });
        if is_made && record.origin.contact.email.is_some() && record.erased_at.is_none() {
            self.queue(record, &[Kind::Survey]).await?;
        }
        Ok(())
    }

    async fn queue(&self, record: &TicketRecord, kinds: &[Kind]) -> Result<(), Error> {
        let new: Vec<Kind> = kinds
            .iter()
            .copied()
            .filter(|kind| !record.mails.contains_key(kind.as_str()))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let jobs = new.iter().map(|kind| {
            Job::Notification(NotificationJob {
                kind: *kind,
                chat_id: record.chat_id.to_string(),
                ticket: record.n,
            })
        });
        let jobs: Vec<Job> = jobs.collect();
        let sending = jobs
            .iter()
            .map(|job| self.parts.outbox.send(job, Duration::ZERO));
        futures_util::future::try_join_all(sending).await?;
        let now = self.parts.clock.now();
        let queued = Mail {
            state: MailState::Queued,
            at: now,
        };
        self.change(&record.chat_id, record.n, |record| {
            for kind in &new {
                // It may be on its way already.
                record
                    .mails
                    .entry(kind.as_str().to_owned())
                    .or_insert(queued);
            }
            true
        })
        .await?;
        Ok(())
    }

    /// Changes a record whoever else does; `None` if there is none, or `change` wants none.
    pub(crate) async fn change(
        &self,
        chat: &ChatId,
        n: u32,
        mut change: impl FnMut(&mut TicketRecord) -> bool,
    ) -> Result<Option<TicketRecord>, Error> {
        let tickets = &self.parts.state.tickets;
        for _ in 0..ATTEMPTS {
            let Some(mut record) = tickets.load(chat, n).await? else {
                return Ok(None);
            };
            if !change(&mut record) {
                return Ok(None);
            }
            match tickets.save(record).await {
                Ok(record) => return Ok(Some(record)),
                Err(error) if error.is_conflict() => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }
}

fn wanted(record: &TicketRecord) -> Result<Vec<Kind>, Error> {
    let Some(work) = Work::of(record)? else {
        return Ok(Vec::new());
    };
    Ok(match &record.state {
        TicketState::Due | TicketState::Sending { .. } => Vec::new(),
        TicketState::Failed { .. } => vec![Kind::SupportAlert],
        TicketState::Made { .. } => {
            let mut kinds = vec![Kind::VisitorConfirmation, Kind::SupportAlert];
            if work.draft.approval_needed {
                kinds.push(Kind::ApprovalRequest);
            }
            kinds
        }
    })
}
