use chat::{Event, Input, Outcome};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use state::{
    Author, ChatId, Consent, Contact, Counted, Message, Session, SurveyAnswer, TicketRecord,
};
use webhook::salesiq::{Delivery, Format, Kind, Reply};

use crate::memory::{Last, Memory};
use crate::ordering::{Arrival, Ordering};
use crate::pace::Pace;
use crate::work::Work;
use crate::{Authentication, Error, Parts};

/// A delivery without id and number that repeats the visitor's last words within this time is the
/// same delivery.
const SAME_WORDS: SignedDuration = SignedDuration::from_secs(10);
/// Stands for a message without text.
const FILE: &str = "(sent a file)";

/// What a visitor did, in a form that can wait in the session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Opened,
    Text(String),
    Failed,
    Consent(bool),
    /// Said to somebody else: kept, not answered.
    Noted(String),
}

/// An answer as it is remembered: its texts, and the tickets that are announced with it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tickets: Vec<u32>,
}

/// A delivery on its way into a session.
pub(crate) struct Intake<'a> {
    parts: &'a Parts,
    now: Timestamp,
    pub(crate) session: Session,
    pub(crate) memory: Memory,
    pub(crate) messages: Vec<Message>,
    pub(crate) due: Vec<TicketRecord>,
    pub(crate) counted: Vec<Counted>,
    /// Actions for the audit trail, with details.
    pub(crate) audited: Vec<(&'static str, Value)>,
    pub(crate) reply: Reply,
}

/// What to do about a delivery.
pub(crate) enum Planned<'a> {
    /// Answer; nothing changes.
    Answer(Box<Session>, Answer),
    /// Store what changed, then answer.
    Commit(Box<Intake<'a>>),
}

#[derive(PartialEq, Eq)]
enum Heard {
    Now,
    Before,
}

/// How a delivery is told from others.
enum Name {
    /// By its place in the chat.
    Sequence(u32),
    /// By the sender's id.
    Id(String),
    /// Only by its words.
    Words,
}

impl Name {
    fn of(delivery: &Delivery) -> Self {
        match (delivery.sequence, &delivery.delivery_id) {
            (Some(sequence), _) if (1..u32::MAX).contains(&sequence) => Self::Sequence(sequence),
            (_, Some(id)) => Self::Id(id.clone()),
            _ => Self::Words,
        }
    }

    fn answer_name(&self, session: &Session) -> String {
        match self {
            Self::Sequence(sequence) => format!("s:{sequence}"),
            Self::Id(id) => format!("d:{id}"),
            Self::Words => format!("v:{}", session.version + 1),
        }
    }
}

impl<'a> Intake<'a> {
    /// The chat as it is, or as it begins.
    pub(crate) fn of(
        parts: &'a Parts,
        chat: &ChatId,
        loaded: Option<Session>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let session = loaded.unwrap_or_else(|| Session::new(chat.clone(), now));
        Ok(Self {
            parts,
            now,
            memory: Memory::of(&session)?,
            session,
            messages: Vec::new(),
            due: Vec::new(),
            counted: Vec::new(),
            audited: Vec::new(),
            reply: Reply::at(now),
        })
    }

    /// Works `delivery` in.
    /// At most `per_minute` of them change the chat in each minute.
    pub(crate) fn plan(
        mut self,
        delivery: &Delivery,
        authentication: Authentication,
        per_minute: u32,
    ) -> Result<Planned<'a>, Error> {
        let name = Name::of(delivery);
        if let Some(answer) = self.answered_before(delivery, &name)? {
            return Ok(Planned::Answer(Box::new(self.session), answer));
        }
        let pace = Pace::next(self.memory.pace, per_minute, self.now)
            .map_err(|retry_after| Error::TooMany { retry_after })?;
        self.memory.pace = Some(pace);
        let exists = self.session.version > 0;
        match &delivery.kind {
            Kind::Rated { stars, comment } if exists => {
                let comment = comment.as_ref().map(|comment| comment.as_str().to_owned());
                if !self.rated(*stars, comment) {
                    return Ok(self.unchanged());
                }
            }
            Kind::Ended if exists && self.session.closed_at.is_none() => self.close()?,
            Kind::Rated { .. } | Kind::Ended | Kind::Other(_) => return Ok(self.unchanged()),
            Kind::Opened | Kind::Message(_) | Kind::Context { .. } | Kind::ForwardFailed => {
                let said = said(delivery);
                if said.is_empty() {
                    return Ok(self.unchanged());
                }
                self.know(delivery, authentication);
                if self.hear(said, &name)? == Heard::Before {
                    return Ok(self.unchanged());
                }
            }
        }
        // A message that waits has no answer yet; its sender gets one by asking again.
        if !self.reply.pending || !self.messages.is_empty() {
            self.remember(&name)?;
        }
        self.memory.store(&mut self.session)?;
        Ok(Planned::Commit(Box::new(self)))
    }

    /// Ends the chat: what waited for its turn is processed first.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        let mut order = Ordering::load(&mut self.session, &self.memory.missed)?;
        let waiting: Vec<Vec<Said>> = order.flush();
        self.memory.missed = order.store(&mut self.session)?;
        self.take(waiting)?;
        self.session.closed_at = Some(self.now);
        Ok(())
    }

    /// Keeps the first rating of a chat; whether this is it.
    pub(crate) fn rated(&mut self, stars: u8, comment: Option<String>) -> bool {
        let is_first = self.session.survey.is_none();
        if is_first {
            self.session.survey = Some(SurveyAnswer {
                stars,
                comment,
                at: self.now,
            });
            self.counted.push(Counted::Rated(stars));
        }
        is_first
    }

    /// Says in the history that the chat ended, so that it becomes a comment of the ticket.
    pub(crate) fn summarise(&mut self) {
        if self.session.tickets > 0 {
            let messages = self.session.next_seq - 1;
            let text = format!("Chat closed after {messages} messages.");
            self.say(Author::System, &text);
        }
    }

    /// The addresses that the chat must be found by.
    pub(crate) fn emails(&self) -> Vec<String> {
        let typed = self.memory.chat.email().map(str::to_owned);
        let of_tickets = self
            .due
            .iter()
            .filter_map(|due| due.origin.contact.email.clone());
        let mut emails: Vec<String> = self.session.visitor.email.clone().into_iter().collect();
        for email in typed.into_iter().chain(of_tickets) {
            if !emails
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&email))
            {
                emails.push(email);
            }
        }
        emails
    }

    /// Keeps an answer that became another one.
    pub(crate) fn remember_again(&mut self, delivery: &Delivery) -> Result<(), Error> {
        self.remember(&Name::of(delivery))?;
        self.memory.store(&mut self.session)
    }

    fn unchanged(self) -> Planned<'a> {
        let answer = Answer {
            reply: self.reply,
            tickets: Vec::new(),
        };
        Planned::Answer(Box::new(self.session), answer)
    }

    /// The answer that this delivery got when it came before.
    fn answered_before(&self, delivery: &Delivery, name: &Name) -> Result<Option<Answer>, Error> {
        let known = match name {
            Name::Words => match (&self.memory.last, &delivery.kind) {
                (Some(last), Kind::Message(text)) if self.are_last_words(text.as_str()) => {
                    let noted_only = last.noted && delivery.format != Format::Event;
                    (!noted_only).then(|| last.answer.clone())
                }
                _ => None,
            },
            name => Some(name.answer_name(&self.session)),
        };
        let Some(stored) = known.and_then(|known| self.session.deliveries.answer_to(&known)) else {
            return Ok(None);
        };
        serde_json::from_value(stored.clone())
            .map(Some)
            .map_err(|error| Error::stored("answer", &error))
    }

    fn are_last_words(&self, text: &str) -> bool {
        self.memory.last.as_ref().is_some_and(|last| {
            last.digest == digest(text) && self.now.duration_since(last.at) <= SAME_WORDS
        })
    }

    /// What the delivery says about the visitor. An address counts as verified only while it stays
    /// the same.
    fn know(&mut self, delivery: &Delivery, authentication: Authentication) {
        let (known, told) = (&mut self.session.visitor, &delivery.visitor);
        if let Some(id) = &told.id {
            known.id = Some(id.as_str().to_owned());
        }
        if let Some(name) = &told.name {
            known.name = Some(name.as_str().to_owned());
        }
        if let Some(phone) = &told.phone {
            known.phone = Some(phone.as_str().to_owned());
        }
        if let Some(language) = &told.language {
            known.language = Some(language.clone());
        }
        if let Some(email) = &told.email {
            let known_as = known.email.as_deref().unwrap_or_default();
            if !known_as.eq_ignore_ascii_case(email.as_str()) {
                known.email_verified = false;
            }
            known.email = Some(email.as_str().to_owned());
            known.email_verified |=
                told.email_verified && authentication == Authentication::Authenticated;
        }
    }

    /// Takes what was said, in order.
    fn hear(&mut self, said: Vec<Said>, name: &Name) -> Result<Heard, Error> {
        let mut order = Ordering::load(&mut self.session, &self.memory.missed)?;
        let due = match name {
            Name::Sequence(sequence) => match order.arrive(*sequence, said, self.now) {
                Arrival::Seen => {
                    self.reply.pending = order.is_holding(*sequence);
                    return Ok(Heard::Before);
                }
                Arrival::Held(due) => {
                    self.reply.pending = true;
                    due
                }
                Arrival::Due(due) => due,
            },
            Name::Id(_) | Name::Words => {
                let mut due = order.overdue(self.now);
                due.push(said);
                due
            }
        };
        self.memory.missed = order.store(&mut self.session)?;
        self.take(due)?;
        let answer = name.answer_name(&self.session);
        if let Some(last) = self.memory.last.as_mut().filter(|last| last.at == self.now) {
            last.answer = answer;
        }
        Ok(Heard::Now)
    }

    fn take(&mut self, due: Vec<Vec<Said>>) -> Result<(), Error> {
        for said in due.into_iter().flatten() {
            self.step(&said)?;
        }
        Ok(())
    }

    fn step(&mut self, said: &Said) -> Result<(), Error> {
        if let Said::Noted(text) = said {
            if !self.are_last_words(text) {
                self.say(Author::Visitor, text);
                self.hear_words(text, true);
            }
            return Ok(());
        }
        if self.session.closed_at.take().is_some() {
            let language = self.session.visitor.language.as_deref();
            self.memory.chat = chat::Conversation::new(language);
        }
        let input = match said {
            Said::Text(text) | Said::Noted(text) => {
                let noted = self.memory.last.as_ref().is_some_and(|last| last.noted);
                if !(noted && self.are_last_words(text)) {
                    self.say(Author::Visitor, if text.is_empty() { FILE } else { text });
                }
                self.hear_words(text, false);
                Input::Text(text)
            }
            Said::Opened => Input::Opened,
            Said::Failed => Input::Failed,
            Said::Consent(given) => Input::Consent(*given),
        };
        let visitor = chat::Visitor {
            name: self.session.visitor.name.clone(),
            email: self.session.visitor.email.clone(),
            email_verified: self.session.visitor.email_verified,
        };
        let turn = self
            .parts
            .catalogue
            .step(&self.memory.chat, input, &visitor);
        self.memory.chat = turn.conversation;
        if self.session.visitor.email.is_none() {
            self.session.visitor.email = self.memory.chat.email().map(str::to_owned);
        }
        for text in &turn.replies {
            self.say(Author::Bot, text);
        }
        self.reply.text.extend(turn.replies);
        self.reply.suggestions = turn.suggestions;
        for event in &turn.events {
            self.note(event);
        }
        match turn.outcome {
            Some(Outcome::TicketDue(draft)) => self.ticket_due(draft)?,
            Some(Outcome::HandOver(draft)) => {
                self.reply.escalate = true;
                if let Some(draft) = draft {
                    self.ticket_due(draft)?;
                }
            }
            Some(Outcome::Ended) => self.reply.ended = true,
            None => {}
        }
        Ok(())
    }

    fn say(&mut self, from: Author, text: &str) {
        let message = self.session.message(from, text, self.now);
        self.messages.push(message);
    }

    fn hear_words(&mut self, text: &str, noted: bool) {
        let answer = self.memory.last.take().map(|last| last.answer);
        self.memory.last = Some(Last {
            digest: digest(text),
            at: self.now,
            answer: answer.unwrap_or_default(),
            noted,
        });
    }

    fn note(&mut self, event: &Event) {
        let counted = match event {
            Event::Started(workflow) => Counted::Started(workflow.to_string()),
            Event::Completed(workflow) => Counted::Completed(workflow.to_string()),
            Event::Escalated(workflow, _) => Counted::Escalated(workflow.to_string()),
            Event::Cancelled(workflow) => Counted::Cancelled(workflow.to_string()),
            Event::Consent(given) => {
                self.session.consent = Some(Consent {
                    given: *given,
                    at: self.now,
                });
                self.audited.push(("consent", json!({ "given": given })));
                return;
            }
            Event::ForwardFailed | Event::Restarted => return,
        };
        self.counted.push(counted);
    }

    fn ticket_due(&mut self, draft: chat::Draft) -> Result<(), Error> {
        if self.parts.settings.require_verified_email && !draft.email.verified {
            // A person can find out who it is; the bot cannot.
            self.reply.escalate = true;
            self.counted
                .push(Counted::Escalated(draft.workflow.to_string()));
            self.audited.push((
                "ticket.withheld",
                json!({"why": "the e-mail address is not verified"}),
            ));
            return Ok(());
        }
        let contact = Contact {
            name: self.session.visitor.name.clone(),
            email: Some(draft.email.address.clone()),
            phone: self.session.visitor.phone.clone(),
        };
        let until = self.session.next_seq - 1;
        let work = Work {
            draft,
            visitor_id: self.session.visitor.id.clone(),
            first: self.memory.covered + 1,
            until,
            posting: None,
        };
        self.session.tickets += 1;
        let n = self.session.tickets;
        let origin = work.origin(&self.parts.settings, contact)?;
        let mut record = TicketRecord::due(self.session.chat_id.clone(), n, origin, self.now);
        record.comments_posted = self.memory.covered;
        self.memory.covered = until;
        self.memory.untold.push(n);
        self.audited.push(("ticket.due", json!({ "ticket": n })));
        self.due.push(record);
        Ok(())
    }

    /// Keeps the answer for the same delivery coming again.
    fn remember(&mut self, name: &Name) -> Result<(), Error> {
        let answer = Answer {
            reply: self.reply.clone(),
            tickets: self.due.iter().map(|record| record.n).collect(),
        };
        let stored =
            serde_json::to_value(answer).map_err(|error| Error::stored("answer", &error))?;
        let name = name.answer_name(&self.session);
        self.session.deliveries.remember(name, stored);
        Ok(())
    }
}

fn said(delivery: &Delivery) -> Vec<Said> {
    let is_event = delivery.format == Format::Event;
    match &delivery.kind {
        Kind::Message(text) if is_event => vec![Said::Noted(text.as_str().to_owned())],
        // The answer of an event shows nobody anything, so the bot does not speak.
        _ if is_event => Vec::new(),
        Kind::Opened => vec![Said::Opened],
        Kind::Message(text) => vec![Said::Text(text.as_str().to_owned())],
        Kind::ForwardFailed => vec![Said::Failed],
        Kind::Context { answers, .. } => answers
            .iter()
            .map(
                |answer| match (answer.name.as_str(), answer.value.as_str()) {
                    ("consent", value) => Said::Consent(is_yes(value)),
                    (_, value) => Said::Text(value.to_owned()),
                },
            )
            .collect(),
        Kind::Rated { .. } | Kind::Ended | Kind::Other(_) => Vec::new(),
    }
}

fn is_yes(value: &str) -> bool {
    matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "true" | "yes" | "1" | "on"
    )
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
