use std::sync::Arc;
use std::time::Duration;

use chat::WorkflowSummary;
use serde_json::json;
use state::{ChatId, Session, TicketRecord, TicketState, Write};
use tracing::{info, warn};
use vendor_http::{Backoff, Deadline};
use webhook::salesiq::{Delivery, Reply, TicketReference};

use crate::access::{Actor, Viewer};
use crate::chat_session::{Authentication, SessionView};
use crate::intake::{Answer, Intake, Planned};
use crate::memory::Memory;
use crate::{Error, Job, Parts, TicketJob, Tickets};

/// Times a change is tried that others get ahead of.
const ATTEMPTS: u32 = 16;
/// Kept of the caller's time for the answer itself.
const MARGIN: Duration = Duration::from_millis(400);
/// Most time that a visitor waits for the ticket.
const INLINE: Duration = Duration::from_secs(3);
/// Kept of that for writing down how far the ticket came, and for giving its lease back.
pub(crate) const RECORDING: Duration = Duration::from_millis(300);
/// Less time than this is not worth a try.
const LEAST: Duration = Duration::from_millis(600);
/// The queue waits so long, because the ticket is tried at once first.
const HEAD_START: Duration = Duration::from_secs(5);
/// Messages of this time become one comment.
const BUNDLE: Duration = Duration::from_secs(2);

/// Chats: what visitors say, and what they are answered. Clones share everything.
#[derive(Debug, Clone)]
pub struct Conversations {
    parts: Arc<Parts>,
    tickets: Tickets,
    backoff: Arc<Backoff>,
    per_minute: u32,
}

impl Conversations {
    /// The chats of `parts`.
    pub fn new(parts: Arc<Parts>) -> Self {
        let (base, cap) = (Duration::from_millis(8), Duration::from_millis(250));
        Self {
            tickets: Tickets::new(Arc::clone(&parts)),
            backoff: Arc::new(Backoff::new(base, cap, fastrand::u64(..))),
            per_minute: u32::MAX,
            parts,
        }
    }

    /// Most deliveries of one chat that are taken in each minute; more are [`Error::TooMany`]. Those
    /// that change nothing, such as one that came before, are not counted.
    #[must_use]
    pub fn at_most_per_minute(self, deliveries: u32) -> Self {
        Self {
            per_minute: deliveries,
            ..self
        }
    }

    /// Takes a delivery of SalesIQ and gives its answer within `time_left`.
    ///
    /// A delivery that came before is answered as it was, and changes nothing. One that is ahead
    /// of others waits ([`Reply::pending`]). Several at once, also of one chat, come out as if one
    /// after the other. When the conversation comes to a ticket, it is tried at once for up to 3 s;
    /// otherwise the queue makes it, and the next answer tells its number.
    pub async fn deliver(
        &self,
        delivery: &Delivery,
        authentication: Authentication,
        time_left: Duration,
    ) -> Result<Reply, Error> {
        let deadline = Deadline::after(time_left).minus(MARGIN);
        let chat = chat_id(delivery.chat_id.as_str())?;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 && !deadline.sleep(self.backoff.wait(attempt)).await {
                break;
            }
            match self.try_deliver(&chat, delivery, authentication).await {
                Ok((session, answer)) => return self.announce(session, answer, deadline).await,
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contended)
    }

    /// What `GET /workflows` lists.
    pub fn workflows(&self) -> Vec<WorkflowSummary> {
        self.parts.catalogue.workflows()
    }

    /// A chat as staff, or its own visitor, may see it.
    pub async fn session(&self, chat_id: &str, viewer: &Viewer) -> Result<SessionView, Error> {
        let chat = viewer.chat(chat_id)?;
        let state = &self.parts.state;
        let session = state.sessions.load(&chat).await?.ok_or(NO_CHAT)?;
        let records = state.tickets.of_chat(&chat).await?;
        let workflow = Memory::of(&session)?
            .chat
            .workflow()
            .map(ToString::to_string);
        Ok(SessionView::of(&session, workflow, &records))
    }

    /// Ends a chat: what waited for its turn is processed, a comment on the newest ticket says so,
    /// and the visitor is asked how it was. Closing a closed chat changes nothing.
    pub async fn close(
        &self,
        chat_id: &str,
        actor: &Actor,
        time_left: Duration,
    ) -> Result<(), Error> {
        let deadline = Deadline::after(time_left).minus(MARGIN);
        let chat = crate::conversations::chat_id(chat_id)?;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 && !deadline.sleep(self.backoff.wait(attempt)).await {
                break;
            }
            match self.try_close(&chat, actor).await {
                Err(error) if error.is_conflict() => {}
                done => return done,
            }
        }
        Err(Error::Contended)
    }

    async fn try_close(&self, chat: &ChatId, actor: &Actor) -> Result<(), Error> {
        let loaded = self.parts.state.sessions.load(chat).await?;
        let session = loaded.ok_or(NO_CHAT)?;
        if session.closed_at.is_none() {
            let now = self.parts.clock.now();
            let mut intake = Intake::of(&self.parts, chat, Some(session), now)?;
            intake.close()?;
            intake.summarise();
            intake.memory.store(&mut intake.session)?;
            intake.audited.push(("session.close", json!({})));
            self.commit(intake, actor).await?;
        }
        for record in self.parts.state.tickets.of_chat(chat).await? {
            self.tickets.queue_survey(&record).await?;
        }
        Ok(())
    }

    async fn try_deliver(
        &self,
        chat: &ChatId,
        delivery: &Delivery,
        authentication: Authentication,
    ) -> Result<(Session, Answer), Error> {
        let loaded = self.parts.state.sessions.load(chat).await?;
        let now = self.parts.clock.now();
        let intake = Intake::of(&self.parts, chat, loaded, now)?;
        let mut intake = match intake.plan(delivery, authentication, self.per_minute)? {
            Planned::Commit(intake) => intake,
            Planned::Answer(session, answer) => return Ok((*session, answer)),
        };
        let earlier = self.tell_earlier(&mut intake).await?;
        let answer = Answer {
            tickets: intake.due.iter().map(|record| record.n).collect(),
            reply: intake.reply.clone(),
        };
        if earlier {
            intake.remember_again(delivery)?;
        }
        let session = self.commit(*intake, &Actor::Visitor).await?;
        Ok((session, answer))
    }

    /// Puts the numbers of tickets that were made meanwhile before the answer.
    async fn tell_earlier(&self, intake: &mut Intake<'_>) -> Result<bool, Error> {
        let due: Vec<u32> = intake.due.iter().map(|record| record.n).collect();
        if intake.memory.untold.iter().all(|n| due.contains(n)) {
            return Ok(false);
        }
        let records = self
            .parts
            .state
            .tickets
            .of_chat(&intake.session.chat_id)
            .await?;
        let mut told = Vec::new();
        let mut texts = Vec::new();
        for record in records {
            if intake.memory.untold.contains(&record.n)
                && let Some(ticket) = reference(&record)
            {
                texts.push(self.logged(&intake.memory, &record, &ticket));
                intake.reply.ticket_created = true;
                intake.reply.ticket = Some(ticket);
                told.push(record.n);
            }
        }
        if told.is_empty() {
            return Ok(false);
        }
        intake.memory.untold.retain(|n| !told.contains(n));
        texts.append(&mut intake.reply.text);
        intake.reply.text = texts;
        Ok(true)
    }

    /// Stores what changed, all or nothing. Work for the queue is queued before, so that no crash
    /// loses it.
    async fn commit(&self, intake: Intake<'_>, actor: &Actor) -> Result<Session, Error> {
        let state = &self.parts.state;
        let now = self.parts.clock.now();
        let mut extra: Vec<Write> = Vec::new();
        for record in &intake.due {
            extra.extend(state.tickets.writes(record)?);
        }
        let chat = intake.session.chat_id.clone();
        extra.extend(state.counters.write(now, &chat, &intake.counted));
        for (action, details) in &intake.audited {
            extra.push(
                self.parts
                    .audit(actor, action, format!("chat:{chat}"), details.clone())?,
            );
        }
        for email in intake.emails() {
            extra.push(state.persons.note(&email, &chat)?);
        }
        let work =
            !intake.due.is_empty() || (intake.session.tickets > 0 && !intake.messages.is_empty());
        if work {
            let job = TicketJob {
                chat_id: chat.to_string(),
                version: intake.session.version + 1,
                queued_at: now,
            };
            let delay = if intake.due.is_empty() {
                BUNDLE
            } else {
                HEAD_START
            };
            self.parts.outbox.send(&Job::Ticket(job), delay).await?;
        }
        let (tickets, messages) = (intake.due.len(), intake.messages.len());
        let session = state
            .sessions
            .commit(intake.session, &intake.messages, extra)
            .await?;
        info!(%chat, version = session.version, messages, tickets, "chat went on");
        Ok(session)
    }

    /// Completes an answer that tickets belong to.
    async fn announce(
        &self,
        session: Session,
        answer: Answer,
        deadline: Deadline,
    ) -> Result<Reply, Error> {
        let Answer { mut reply, tickets } = answer;
        if tickets.is_empty() {
            return Ok(reply);
        }
        let chat = session.chat_id.clone();
        let mut records = self.parts.state.tickets.of_chat(&chat).await?;
        let is_open = |record: &TicketRecord| {
            tickets.contains(&record.n)
                && matches!(record.state, TicketState::Due | TicketState::Sending { .. })
        };
        if records.iter().any(is_open) {
            self.settle_now(&session, deadline).await;
            records = self.parts.state.tickets.of_chat(&chat).await?;
        }
        let memory = Memory::of(&session)?;
        let mut told = Vec::new();
        for record in records.iter().filter(|record| tickets.contains(&record.n)) {
            if let Some(ticket) = reference(record) {
                reply.text.push(self.logged(&memory, record, &ticket));
                reply.ticket_created = true;
                reply.ticket = Some(ticket);
                told.push(record.n);
            } else {
                let email = record.origin.contact.email.as_deref().unwrap_or_default();
                let language = memory.chat.language();
                reply
                    .text
                    .push(self.parts.catalogue.being_logged(language, email));
                reply.pending = true;
            }
        }
        self.told(&chat, &told).await;
        Ok(reply)
    }

    /// Tries to make the ticket while the visitor waits. What is not done by then the queue does.
    async fn settle_now(&self, session: &Session, deadline: Deadline) {
        let budget = deadline.remaining().min(INLINE);
        if budget < LEAST {
            return;
        }
        let job = TicketJob {
            chat_id: session.chat_id.to_string(),
            version: session.version,
            queued_at: session.updated_at,
        };
        let until = Deadline::after(budget).minus(RECORDING);
        let settling = self.tickets.settle(&job, until);
        match tokio::time::timeout(budget, settling).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                warn!(chat = job.chat_id, %error, "the ticket is left to the queue");
            }
            Err(_) => info!(
                chat = job.chat_id,
                "Zoho Desk is slow; the ticket is left to the queue"
            ),
        }
    }

    /// Notes which numbers the visitor knows. If that fails, the next answer tells them again.
    async fn told(&self, chat: &ChatId, told: &[u32]) {
        for attempt in 0..3 {
            if attempt > 0 {
                tokio::time::sleep(self.backoff.wait(attempt)).await;
            }
            match self.try_told(chat, told).await {
                Err(error) if error.is_conflict() => {}
                Err(error) => {
                    warn!(%chat, %error, "the number of a ticket will be told once more");
                    return;
                }
                Ok(()) => return,
            }
        }
    }

    async fn try_told(&self, chat: &ChatId, told: &[u32]) -> Result<(), Error> {
        let sessions = &self.parts.state.sessions;
        let Some(mut session) = sessions.load(chat).await? else {
            return Ok(());
        };
        let mut memory = Memory::of(&session)?;
        let before = memory.untold.len();
        memory.untold.retain(|n| !told.contains(n));
        if memory.untold.len() < before {
            memory.store(&mut session)?;
            sessions.commit(session, &[], Vec::new()).await?;
        }
        Ok(())
    }

    fn logged(&self, memory: &Memory, record: &TicketRecord, ticket: &TicketReference) -> String {
        let email = record.origin.contact.email.as_deref().unwrap_or_default();
        let language = memory.chat.language();
        self.parts
            .catalogue
            .logged(language, &ticket.id, &ticket.number, email)
    }
}

pub(crate) const NO_CHAT: Error = Error::NotFound { what: "chat" };

pub(crate) fn chat_id(text: &str) -> Result<ChatId, Error> {
    ChatId::parse(text).map_err(|_| NO_CHAT)
}

fn reference(record: &TicketRecord) -> Option<TicketReference> {
    match &record.state {
        TicketState::Made { id, number, .. } => Some(TicketReference {
            id: id.clone(),
            number: number.clone(),
        }),
        _ => None,
    }
}
