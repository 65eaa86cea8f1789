use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use state::{ChatId, Counted, Lease, TicketRecord, TicketState};
use tracing::{info, warn};
use vendor_http::Deadline;
use zoho_desk::{ContactRef, Desk, EntityId, NewContact, NewTicket, Subject, Ticket};

use crate::access::Actor;
use crate::conversations::chat_id;
use crate::description::{Source, description};
use crate::history::{self, Line};
use crate::lookup::Lookup;
use crate::work::Work;
use crate::{Error, Job, Parts, TicketJob};

/// A job whose version is not committed by then belongs to a delivery that never was.
const ORPHANED: SignedDuration = SignedDuration::from_mins(2);
/// A job that Desk does not let finish for so long goes to the dead-letter queue.
const HOPELESS: SignedDuration = SignedDuration::from_hours(12);
/// How much longer than the caller's time a lease lasts.
const GRACE: Duration = Duration::from_secs(5);
/// A request that begins later than this after its intent might end when others already look for
/// its ticket.
const FRESH: SignedDuration = SignedDuration::from_secs(5);
/// When to try again what Desk refused for the moment.
const PAUSE: Duration = Duration::from_secs(15);
/// Less time than this is not enough for a request.
const LEAST: Duration = Duration::from_millis(100);

/// What became of a [`TicketJob`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Desk agrees with the chat's state, as far as it ever will.
    Done,
    /// The change that the job belongs to is not committed yet: try again soon.
    NotYet,
    /// Another process is at this chat: try again soon.
    Busy,
    /// Desk may still be carrying out a request, or cannot be asked now: try again after this
    /// time.
    Later(Duration),
    /// The job belongs to a delivery that was never stored; nothing is left to do.
    Dropped,
}

/// Whether the queue may forget a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// Yes.
    Done,
    /// No: deliver it again.
    Again,
}

/// Tickets: made, read, changed. Clones share everything.
#[derive(Debug, Clone)]
pub struct Tickets {
    pub(crate) parts: Arc<Parts>,
}

/// The shortest time that anything has to wait.
struct Waits(Option<Duration>);

impl Waits {
    /// Whether this step has to wait.
    fn note(&mut self, step: Step) -> bool {
        let Step::Later(after) = step else {
            return false;
        };
        self.0 = Some(self.0.map_or(after, |other| other.min(after)));
        true
    }
}

fn is_open(record: &TicketRecord) -> bool {
    matches!(record.state, TicketState::Due | TicketState::Sending { .. })
}

/// How far one record came.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Done,
    Later(Duration),
}

impl Tickets {
    /// The tickets of `parts`.
    pub fn new(parts: Arc<Parts>) -> Self {
        Self { parts }
    }

    /// What the worker of the queue does with a job: [`Tickets::settle`], and for
    /// [`Settled::Later`] a new job for then.
    pub async fn work(&self, job: &TicketJob, deadline: Deadline) -> Result<Worked, Error> {
        match self.settle(job, deadline).await? {
            Settled::Done | Settled::Dropped => Ok(Worked::Done),
            Settled::NotYet | Settled::Busy => Ok(Worked::Again),
            Settled::Later(after) => {
                if self.age(job) > HOPELESS {
                    return Ok(Worked::Again);
                }
                let again = Job::Ticket(job.clone());
                self.parts.outbox.send(&again, after).await?;
                Ok(Worked::Done)
            }
        }
    }

    /// Makes Desk agree with a chat's state: each due ticket exactly once, the chat's messages as
    /// its comments, the mails about it queued. Can be stopped at any point and run again.
    pub async fn settle(&self, job: &TicketJob, deadline: Deadline) -> Result<Settled, Error> {
        let chat = chat_id(&job.chat_id)?;
        let session = self.parts.state.sessions.load(&chat).await?;
        let Some(session) = session.filter(|session| session.version >= job.version) else {
            let orphaned = self.age(job) > ORPHANED;
            return Ok(if orphaned {
                Settled::Dropped
            } else {
                Settled::NotYet
            });
        };
        let Some(lease) = self.claim(&chat, deadline).await? else {
            return Ok(Settled::Busy);
        };
        let settled = self
            .settle_alone(&chat, session.next_seq - 1, deadline)
            .await;
        if let Err(error) = self.parts.state.leases.release(lease).await {
            warn!(%chat, %error, "the lease of a chat was not given back; it expires by itself");
        }
        settled
    }

    fn age(&self, job: &TicketJob) -> SignedDuration {
        self.parts.clock.now().duration_since(job.queued_at)
    }

    /// Saves work; exactness does not depend on it.
    async fn claim(&self, chat: &ChatId, deadline: Deadline) -> Result<Option<Lease>, Error> {
        let length = deadline.remaining().saturating_add(GRACE);
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::from_mins(15));
        let leases = &self.parts.state.leases;
        Ok(leases
            .claim(&format!("ticket/{chat}"), "settle", length)
            .await?)
    }

    /// `last_message` is the number of the chat's last message.
    async fn settle_alone(
        &self,
        chat: &ChatId,
        last_message: u32,
        deadline: Deadline,
    ) -> Result<Settled, Error> {
        let tickets = &self.parts.state.tickets;
        let mut records = tickets.of_chat(chat).await?;
        let mut later = Waits(None);
        if records.iter().any(is_open) {
            for record in records.iter().filter(|record| is_open(record)) {
                // A ticket is looked for among those that are no other record's, so one at a time.
                if later.note(Box::pin(self.make(chat, record.n, deadline)).await?) {
                    break;
                }
            }
            records = tickets.of_chat(chat).await?;
        }
        for record in &records {
            self.queue_mails(record).await?;
        }
        for record in &records {
            let is_newest = record.n as usize == records.len();
            let last = if is_newest { last_message } else { u32::MAX };
            if record.comments_posted < last {
                let commenting = Box::pin(self.comment_on(chat, record.n, is_newest, deadline));
                later.note(commenting.await?);
            }
        }
        Ok(later.0.map_or(Settled::Done, Settled::Later))
    }

    /// Brings one record to a ticket.
    async fn make(&self, chat: &ChatId, n: u32, deadline: Deadline) -> Result<Step, Error> {
        let Some(record) = self.parts.state.tickets.load(chat, n).await? else {
            return Ok(Step::Done);
        };
        let sent_before = match record.state {
            TicketState::Due => None,
            TicketState::Sending { sent_at, attempt } => Some((sent_at, attempt)),
            TicketState::Made { .. } | TicketState::Failed { .. } => return Ok(Step::Done),
        };
        let Some(work) = Work::of(&record)? else {
            return self
                .failed(record, "the person's data was erased before")
                .await;
        };
        if let Some(rest) = sent_before.and_then(|(sent_at, _)| self.unsettled(sent_at)) {
            return Ok(Step::Later(rest));
        }
        if deadline.remaining() < LEAST {
            return Ok(Step::Later(Duration::ZERO));
        }
        let desk = self.parts.desks.desk(deadline).await?;
        let contact = desk.contact_by_email(&work.draft.email.address).await;
        let contact = match contact {
            Ok(contact) => contact.map(|contact| contact.id),
            Err(error) => return paused(error),
        };
        if sent_before.is_some() {
            match self.look(&desk, &record, &work, contact.as_ref()).await {
                Ok(Some(ticket)) => return self.made(record, &ticket, true).await,
                Ok(None) => {}
                Err(Error::Desk(error)) => return paused(error),
                Err(error) => return Err(error),
            }
        }
        let attempt = sent_before.map_or(1, |(_, attempt)| attempt + 1);
        self.send(record, &work, contact, attempt, deadline).await
    }

    /// Time until a request of then cannot be carried out any more.
    pub(crate) fn unsettled(&self, sent_at: Timestamp) -> Option<Duration> {
        let since = self.parts.clock.now().duration_since(sent_at);
        // A clock that went back makes the wait longer, never shorter.
        let since = Duration::try_from(since).unwrap_or_default();
        let rest = self.parts.settings.settle_after.checked_sub(since)?;
        (!rest.is_zero()).then_some(rest)
    }

    /// The ticket of an earlier request whose answer never came.
    async fn look(
        &self,
        desk: &Desk,
        record: &TicketRecord,
        work: &Work,
        contact: Option<&EntityId>,
    ) -> Result<Option<Ticket>, Error> {
        let settings = &self.parts.settings;
        let records = self.parts.state.tickets.of_chat(&record.chat_id).await?;
        let others: Vec<EntityId> = records
            .iter()
            .filter(|other| other.n != record.n)
            .filter_map(|other| other.desk_id()?.parse().ok())
            .collect();
        let lookup = Lookup {
            field: &settings.field_names.salesiq_chat_id,
            chat: record.chat_id.as_str(),
            department: &settings.department_id,
            email: &work.draft.email.address,
            contact,
            // The first request was sent after it.
            sent_at: record.created_at,
            others: &others,
        };
        Ok(lookup.find(desk).await?)
    }

    /// Records the intent, then sends the request once.
    async fn send(
        &self,
        record: TicketRecord,
        work: &Work,
        contact: Option<EntityId>,
        attempt: u32,
        deadline: Deadline,
    ) -> Result<Step, Error> {
        let ticket = self.new_ticket(&record, work, contact).await?;
        let sent_at = self.parts.clock.now();
        let intent = TicketRecord {
            state: TicketState::Sending { sent_at, attempt },
            ..record
        };
        let record = self.parts.state.tickets.save(intent).await?;
        let settle_after = self.parts.settings.settle_after;
        if self.parts.clock.now().duration_since(sent_at) > FRESH {
            return Ok(Step::Later(settle_after));
        }
        // The request must be over before anybody looks for its ticket.
        let bound = deadline.remaining().min(settle_after * 2 / 3);
        let desk = self.parts.desks.desk(Deadline::after(bound)).await;
        let answer = match desk {
            Ok(desk) => desk.create_ticket(&ticket).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(ticket) => self.made(record, &ticket, false).await,
            Err(error) => self.not_made(record, attempt, error).await,
        }
    }

    async fn not_made(
        &self,
        record: TicketRecord,
        attempt: u32,
        error: zoho_desk::Error,
    ) -> Result<Step, Error> {
        let (chat, n) = (record.chat_id.clone(), record.n);
        if error.may_have_happened() {
            warn!(%chat, ticket = n, attempt, %error, "no answer from Zoho Desk; it will be asked later");
            return Ok(Step::Later(self.parts.settings.settle_after));
        }
        if is_refusal(&error) {
            warn!(%chat, ticket = n, %error, "Zoho Desk refused a ticket");
            return self.failed(record, &reason(&error)).await;
        }
        if attempt == 1 {
            // Nothing was carried out, so there will be nothing to look for.
            let due = TicketRecord {
                state: TicketState::Due,
                ..record
            };
            self.parts.state.tickets.save(due).await?;
        }
        paused(error)
    }

    async fn made(
        &self,
        record: TicketRecord,
        ticket: &Ticket,
        found: bool,
    ) -> Result<Step, Error> {
        let now = self.parts.clock.now();
        let (chat, n) = (record.chat_id.clone(), record.n);
        let workflow = record.origin.workflow.clone();
        let record = TicketRecord {
            state: TicketState::Made {
                id: ticket.id.to_string(),
                number: ticket.ticket_number.clone(),
                web_url: ticket.web_url.clone(),
                made_at: now,
            },
            status: ticket.status.clone().or(record.status.clone()),
            status_type: ticket.status_type.map(crate::ledger::status_type_name),
            ..record
        };
        let state = &self.parts.state;
        let mut writes = state.tickets.writes(&record)?;
        let counted = [Counted::TicketCreated(workflow)];
        writes.extend(state.counters.write(now, &chat, &counted));
        writes.push(self.parts.audit(
            &Actor::Worker,
            "ticket.create",
            format!("ticket:{}", ticket.id),
            json!({"chat": chat, "ticket": n, "found": found}),
        )?);
        state.table.transact(writes).await?;
        info!(%chat, ticket = n, id = %ticket.id, found, "ticket made");
        Ok(Step::Done)
    }

    async fn failed(&self, record: TicketRecord, why: &str) -> Result<Step, Error> {
        let (chat, n) = (record.chat_id.clone(), record.n);
        let record = TicketRecord {
            state: TicketState::Failed {
                why: why.to_owned(),
                at: self.parts.clock.now(),
            },
            ..record
        };
        let mut writes = self.parts.state.tickets.writes(&record)?;
        writes.push(self.parts.audit(
            &Actor::Worker,
            "ticket.failed",
            format!("chat:{chat}"),
            json!({"ticket": n, "why": why}),
        )?);
        self.parts.state.table.transact(writes).await?;
        Ok(Step::Done)
    }

    async fn new_ticket(
        &self,
        record: &TicketRecord,
        work: &Work,
        contact: Option<EntityId>,
    ) -> Result<NewTicket, Error> {
        let settings = &self.parts.settings;
        let draft = &work.draft;
        let person = &record.origin.contact;
        let email = draft.email.address.as_str();
        let contact = contact.map_or_else(
            || {
                let new = NewContact::named(person.name.as_deref(), Some(email));
                ContactRef::New(NewContact {
                    phone: person.phone.clone(),
                    ..new
                })
            },
            ContactRef::Id,
        );
        let lines = self.lines(&record.chat_id, work).await?;
        let source = Source {
            name: &settings.source_name(),
            chat: record.chat_id.as_str(),
            visitor: work.visitor_id.as_deref(),
        };
        let subject = Subject::cut(&draft.subject);
        let mut ticket = NewTicket::new(settings.department_id.clone(), contact, subject);
        ticket.description = Some(description(draft, &lines, &source));
        ticket.status = Some("Open".to_owned());
        ticket.priority = Some(draft.priority.as_str().to_owned());
        ticket.channel = Some(settings.channel.clone());
        ticket.category = Some(draft.category.clone());
        ticket.email = Some(email.to_owned());
        ticket.phone.clone_from(&person.phone);
        ticket.assignee_id.clone_from(&settings.default_assignee);
        ticket.cf = settings.custom_values(&crate::settings::Values {
            workflow_type: draft.workflow.as_str(),
            chat_id: record.chat_id.as_str(),
            visitor_id: work.visitor_id.as_deref(),
        });
        Ok(ticket)
    }

    /// The messages that a ticket was made of.
    pub(crate) async fn lines(&self, chat: &ChatId, work: &Work) -> Result<Vec<Line>, Error> {
        let sessions = &self.parts.state.sessions;
        let messages = sessions
            .messages_after(chat, work.first.saturating_sub(1))
            .await?;
        Ok(history::lines(messages, work.until))
    }
}

/// A request that will be refused again, however often it is sent.
pub(crate) fn is_refusal(error: &zoho_desk::Error) -> bool {
    match error {
        zoho_desk::Error::Invalid { .. } => true,
        zoho_desk::Error::Refused { status, .. } => (400..429).contains(status),
        _ => false,
    }
}

/// Why, without the vendor's own words, which may repeat what it was sent.
fn reason(error: &zoho_desk::Error) -> String {
    match error {
        zoho_desk::Error::Refused { status, code, .. } => format!("HTTP {status} {code}"),
        other => other.to_string(),
    }
}

/// What Desk cannot do now is done later; what a person has to mend fails the job.
pub(crate) fn paused(error: zoho_desk::Error) -> Result<Step, Error> {
    if error.is_transient() {
        Ok(Step::Later(PAUSE))
    } else {
        Err(error.into())
    }
}
