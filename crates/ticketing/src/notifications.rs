use std::sync::Arc;

use jiff::SignedDuration;
use notify::{
    ApprovalRequest, Context, Customer, Detail, EmailAddress, Envelope, History, Kind, Language,
    Line, Link, Mail, Reference, Speaker, SupportAlert, Survey, SurveyLinks, Ticket,
    VisitorConfirmation, support_action,
};
use serde_json::json;
use state::{Author, ChatId, Mail as MailNote, MailState, TicketRecord, TicketState};

use crate::access::Actor;
use crate::conversations::chat_id;
use crate::description::hidden;
use crate::work::Work;
use crate::{Error, NotificationJob, Parts, Tickets};

/// A mail that somebody began to send so long ago is sent again.
const CLAIM: SignedDuration = SignedDuration::from_mins(2);

/// Mails about tickets. Clones share everything.
#[derive(Debug, Clone)]
pub struct Notifications {
    parts: Arc<Parts>,
    tickets: Tickets,
}

/// What to do with a [`NotificationJob`].
#[derive(Debug)]
pub enum Prepared {
    /// Send this mail to each of these, then say how it went: [`Notifications::mark_sent`],
    /// [`Notifications::mark_failed`] or [`Notifications::release`].
    Send {
        /// One for each recipient.
        envelopes: Vec<Envelope>,
        /// The same for all.
        mail: Mail,
    },
    /// It was sent, or is not to be sent: forget the job.
    Nothing,
    /// Another process is sending it: try again in a minute or two.
    Busy,
}

impl Notifications {
    /// The mails of `parts`.
    pub fn new(parts: Arc<Parts>) -> Self {
        Self {
            tickets: Tickets::new(Arc::clone(&parts)),
            parts,
        }
    }

    /// Claims a mail and writes it. However often a job comes, its mail is sent once, except when a
    /// process dies between sending it and saying so; then it is sent again after two minutes.
    pub async fn prepare(&self, job: &NotificationJob) -> Result<Prepared, Error> {
        let chat = chat_id(&job.chat_id)?;
        let Some(record) = self.parts.state.tickets.load(&chat, job.ticket).await? else {
            return Ok(Prepared::Nothing);
        };
        let now = self.parts.clock.now();
        match record.mails.get(job.kind.as_str()).copied() {
            Some(note) if matches!(note.state, MailState::Sent | MailState::Failed) => {
                return Ok(Prepared::Nothing);
            }
            Some(note)
                if note.state == MailState::Sending && now.duration_since(note.at) < CLAIM =>
            {
                return Ok(Prepared::Busy);
            }
            _ => {}
        }
        let Some(work) = Work::of(&record)? else {
            return Ok(Prepared::Nothing);
        };
        let to = self.recipients(job.kind, &record);
        if to.is_empty() {
            return Ok(Prepared::Nothing);
        }
        let mut claimed = record.clone();
        let sending = MailNote {
            state: MailState::Sending,
            at: now,
        };
        claimed.mails.insert(job.kind.as_str().to_owned(), sending);
        match self.parts.state.tickets.save(claimed).await {
            Err(error) if error.is_conflict() => return Ok(Prepared::Busy),
            saved => saved?,
        };
        let written = self.write(job, &chat, &record, &work).await;
        if written.is_err() {
            self.release(job).await?;
        }
        let Some(mail) = written? else {
            self.note(job, MailState::Failed).await?;
            return Ok(Prepared::Nothing);
        };
        let reply_to = self.parts.settings.support_email.first();
        let envelope = |to: EmailAddress| Envelope {
            from: self.parts.settings.from_email.clone(),
            to,
            reply_to: reply_to.cloned(),
            reference: Reference::new(&job.chat_id, job.ticket, job.kind),
            date: now,
        };
        Ok(Prepared::Send {
            envelopes: to.into_iter().map(envelope).collect(),
            mail,
        })
    }

    /// The mail service has the mail.
    pub async fn mark_sent(&self, job: &NotificationJob) -> Result<(), Error> {
        self.note(job, MailState::Sent).await
    }

    /// The mail will never be taken; `why` without personal data.
    pub async fn mark_failed(&self, job: &NotificationJob, why: &str) -> Result<(), Error> {
        self.note(job, MailState::Failed).await?;
        let entry = self.parts.audit(
            &Actor::Worker,
            "mail.failed",
            format!("chat:{}", job.chat_id),
            json!({"kind": job.kind, "ticket": job.ticket, "why": why}),
        )?;
        Ok(self.parts.state.table.write(entry).await?)
    }

    /// The mail was not sent this time; the next try need not wait.
    pub async fn release(&self, job: &NotificationJob) -> Result<(), Error> {
        self.note(job, MailState::Queued).await
    }

    async fn note(&self, job: &NotificationJob, state: MailState) -> Result<(), Error> {
        let at = self.parts.clock.now();
        let chat = chat_id(&job.chat_id)?;
        let note = MailNote { state, at };
        self.tickets
            .change(&chat, job.ticket, |record| {
                record.mails.insert(job.kind.as_str().to_owned(), note);
                true
            })
            .await?;
        Ok(())
    }

    fn recipients(&self, kind: Kind, record: &TicketRecord) -> Vec<EmailAddress> {
        let settings = &self.parts.settings;
        match kind {
            Kind::VisitorConfirmation | Kind::Survey => {
                let email = record.origin.contact.email.as_deref();
                email
                    .and_then(|email| email.parse().ok())
                    .into_iter()
                    .collect()
            }
            Kind::SupportAlert => settings.support_email.clone(),
            Kind::ApprovalRequest => {
                let poc = settings.poc_email.as_ref();
                let approver = poc.or_else(|| settings.support_email.first());
                approver.cloned().into_iter().collect()
            }
        }
    }

    /// `None` where there is nothing to write about.
    async fn write(
        &self,
        job: &NotificationJob,
        chat: &ChatId,
        record: &TicketRecord,
        work: &Work,
    ) -> Result<Option<Mail>, Error> {
        let settings = &self.parts.settings;
        let Some(support) = settings.support() else {
            return Ok(None);
        };
        let draft = &work.draft;
        let context: Context = match job.kind {
            Kind::SupportAlert => self.support_alert(chat, record, work).await?.into(),
            Kind::VisitorConfirmation => VisitorConfirmation {
                visitor_name: record.origin.contact.name.clone(),
                ticket: ticket(record),
                request: draft.title.clone(),
                resolution: settings.expected_resolution.of(draft.priority.as_str()),
                support,
                privacy_policy: settings.privacy_policy.clone(),
            }
            .into(),
            Kind::Survey => {
                let token = self.parts.state.surveys.issue(chat, job.ticket).await?;
                Survey {
                    visitor_name: record.origin.contact.name.clone(),
                    ticket: ticket(record),
                    request: draft.title.clone(),
                    ratings: SurveyLinks::new(settings.survey_page.clone(), token),
                    support,
                    privacy_policy: settings.privacy_policy.clone(),
                }
                .into()
            }
            Kind::ApprovalRequest => ApprovalRequest {
                approver_name: settings.poc_name.clone(),
                ticket: ticket(record),
                request: draft.title.clone(),
                customer: customer(record, work),
                details: details(work),
                support,
            }
            .into(),
        };
        let language = match job.kind {
            Kind::VisitorConfirmation | Kind::Survey => Language::of(Some(&draft.language)),
            Kind::SupportAlert | Kind::ApprovalRequest => Language::En,
        };
        Ok(Some(self.parts.templates.render(language, &context)?))
    }

    async fn support_alert(
        &self,
        chat: &ChatId,
        record: &TicketRecord,
        work: &Work,
    ) -> Result<SupportAlert, Error> {
        let draft = &work.draft;
        let lines = self.tickets.lines(chat, work).await?;
        let lines = lines.into_iter().map(|line| Line {
            speaker: match line.from {
                Author::Visitor => Speaker::Customer,
                Author::Bot | Author::System => Speaker::Bot,
                Author::Agent => Speaker::Agent,
            },
            text: hidden(&line.text, &draft.answers),
        });
        let workflow = draft.workflow.as_str();
        let action_required = match &record.state {
            TicketState::Failed { why, .. } => {
                format!(
                    "Zoho Desk did not take this ticket ({why}); make it by hand, and see to the cause"
                )
            }
            _ => support_action(workflow, &draft.title),
        };
        let mut approvals_pending = Vec::new();
        if draft.approval_needed {
            approvals_pending.push(format!("{} - {}", draft.title, "point of contact"));
        }
        Ok(SupportAlert {
            ticket: ticket(record),
            ticket_subject: draft.subject.clone(),
            customer: customer(record, work),
            priority: draft.priority.to_string(),
            status: record.status.clone().unwrap_or_else(|| "Open".to_owned()),
            workflow: draft.title.clone(),
            source: self.parts.settings.source_name(),
            history: History::new(lines.collect()),
            action_required,
            approvals_pending,
        })
    }
}

fn ticket(record: &TicketRecord) -> Ticket {
    match &record.state {
        TicketState::Made {
            id,
            number,
            web_url,
            ..
        } => Ticket {
            id: id.clone(),
            number: number.clone(),
            link: web_url.as_deref().and_then(|url| Link::parse(url).ok()),
        },
        _ => Ticket {
            id: "none".to_owned(),
            number: "none".to_owned(),
            link: None,
        },
    }
}

fn customer(record: &TicketRecord, work: &Work) -> Customer {
    Customer {
        name: record.origin.contact.name.clone(),
        email: work.draft.email.address.parse().ok(),
        email_verified: work.draft.email.verified,
    }
}

fn details(work: &Work) -> Vec<Detail> {
    let shown = work.draft.answers.iter().filter(|answer| !answer.sensitive);
    shown
        .map(|answer| Detail {
            label: answer.label.clone(),
            value: answer.value.clone(),
        })
        .collect()
}
