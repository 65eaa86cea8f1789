use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chat::{ContactEmail, Draft, Priority, WorkflowId};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use state::{Author, ChatId, Contact, Session, TicketRecord, TicketState};
use tracing::warn;
use vendor_http::Deadline;
use webhook::EmailAddress;

use crate::access::Actor;
use crate::conversations::{RECORDING, chat_id};
use crate::memory::Memory;
use crate::work::Work;
use crate::{Error, Job, TicketJob, Tickets};

/// Kept of the caller's time for the answer itself.
const MARGIN: Duration = Duration::from_millis(500);
/// Most time that a caller waits for the ticket.
const INLINE: Duration = Duration::from_secs(15);
/// The queue waits so long, because the ticket is tried at once first.
const HEAD_START: Duration = Duration::from_secs(17);
const QUERY: usize = 20_000;
const LINE: usize = 255;
/// Entries of `metadata` beyond the known ones, and characters of each.
const OTHERS: usize = 20;
const OTHER: usize = 500;

/// `POST /zoho/ticket/create`. `Debug` does not show it.
#[derive(Clone, Deserialize)]
pub struct NewRequest {
    /// What the person wants, at most 20,000 characters.
    pub query: String,
    /// The person's e-mail address.
    pub user_id: String,
    /// More about it.
    #[serde(default)]
    pub metadata: Requested,
}

/// `metadata` of a [`NewRequest`].
#[derive(Clone, Default, Deserialize)]
pub struct Requested {
    /// The ticket's subject; the query's beginning by default.
    pub subject: Option<String>,
    /// `Low`, `Medium` or `High`; the workflow's by default, else `Medium`.
    pub priority: Option<String>,
    /// E.g. `disk_upgrade`; need not be in the catalogue. `general` by default.
    pub workflow_type: Option<String>,
    /// The person's name.
    pub name: Option<String>,
    /// The person's phone number.
    pub phone: Option<String>,
    /// Anything else, at most 20 texts, numbers and flags: lines of the description.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What became of a [`NewRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// The ticket is there.
    Ticket {
        /// Zoho Desk's id.
        id: String,
        /// The number people use.
        number: String,
        /// Stands for the chat id in all routes.
        reference: String,
    },
    /// Desk is slow: the queue makes the ticket (202 Accepted). The session of this reference tells
    /// its id then.
    Later {
        /// Stands for the chat id in all routes.
        reference: String,
    },
}

impl fmt::Debug for NewRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRequest").finish_non_exhaustive()
    }
}

impl fmt::Debug for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requested").finish_non_exhaustive()
    }
}

impl Tickets {
    /// Makes a ticket that no chat asked for. With an idempotency key, the same request makes one
    /// ticket however often it comes, and another request with this key is refused. The key is the
    /// client's own: two clients may use the same.
    pub async fn create(
        &self,
        actor: &Actor,
        request: &NewRequest,
        idempotency_key: Option<&str>,
        time_left: Duration,
    ) -> Result<Created, Error> {
        let deadline = Deadline::after(time_left.min(INLINE)).minus(MARGIN);
        let checked = self.checked(request)?;
        let reference = reference(actor, idempotency_key)?;
        let chat = chat_id(&reference)?;
        let digest = digest(request);
        let version = match self.begun(&chat, &digest).await? {
            Some(version) => version,
            None => match self.begin(&chat, checked, &digest, actor).await {
                Err(error) if error.is_conflict() => {
                    self.begun(&chat, &digest).await?.ok_or(Error::Contended)?
                }
                version => version?,
            },
        };
        let job = TicketJob {
            chat_id: reference.clone(),
            version,
            queued_at: self.parts.clock.now(),
        };
        let settling = self.settle(&job, deadline.minus(RECORDING));
        match tokio::time::timeout(deadline.remaining(), settling).await {
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => warn!(%chat, %error, "the ticket is left to the queue"),
        }
        let record = self.parts.state.tickets.load(&chat, 1).await?;
        match record.map(|record| record.state) {
            Some(TicketState::Made { id, number, .. }) => Ok(Created::Ticket {
                id,
                number,
                reference,
            }),
            Some(TicketState::Failed { why, .. }) => Err(Error::Refused { why }),
            _ => Ok(Created::Later { reference }),
        }
    }

    /// The version of an earlier request with this reference.
    async fn begun(&self, chat: &ChatId, digest: &str) -> Result<Option<u64>, Error> {
        let Some(session) = self.parts.state.sessions.load(chat).await? else {
            return Ok(None);
        };
        let request = Memory::of(&session)?.request;
        // An erased request is not known any more.
        if request.as_deref() != Some(digest) {
            return Err(Error::KeyReused);
        }
        Ok(Some(session.version))
    }

    async fn begin(
        &self,
        chat: &ChatId,
        (draft, contact, query): (Draft, Contact, String),
        digest: &str,
        actor: &Actor,
    ) -> Result<u64, Error> {
        let now = self.parts.clock.now();
        let state = &self.parts.state;
        let mut session = Session::new(chat.clone(), now);
        session.visitor.name.clone_from(&contact.name);
        session.visitor.email.clone_from(&contact.email);
        session.visitor.phone.clone_from(&contact.phone);
        session.tickets = 1;
        let message = session.message(Author::Visitor, query, now);
        let memory = Memory {
            request: Some(digest.to_owned()),
            covered: 1,
            ..Memory::default()
        };
        memory.store(&mut session)?;
        let work = Work {
            draft,
            visitor_id: None,
            first: 1,
            until: 1,
            posting: None,
        };
        let email = work.draft.email.address.clone();
        let origin = work.origin(&self.parts.settings, contact)?;
        let mut record = TicketRecord::due(chat.clone(), 1, origin, now);
        // The request is the description; there is no chat to comment on.
        record.comments_posted = 1;
        let mut extra = state.tickets.writes(&record)?;
        extra.push(state.persons.note(&email, chat)?);
        let details = json!({"ticket": 1});
        extra.push(
            self.parts
                .audit(actor, "ticket.request", format!("chat:{chat}"), details)?,
        );
        let job = TicketJob {
            chat_id: chat.to_string(),
            version: 1,
            queued_at: now,
        };
        self.parts
            .outbox
            .send(&Job::Ticket(job), HEAD_START)
            .await?;
        let session = state.sessions.commit(session, &[message], extra).await?;
        Ok(session.version)
    }

    fn checked(&self, request: &NewRequest) -> Result<(Draft, Contact, String), Error> {
        let about = &request.metadata;
        let query = request.query.trim();
        if query.is_empty() || query.chars().count() > QUERY {
            return Err(Error::invalid("query", "must have 1 to 20,000 characters"));
        }
        let email: EmailAddress = request.user_id.parse().map_err(|_| {
            Error::invalid(
                "user_id",
                "must be an e-mail address such as name@example.com",
            )
        })?;
        let workflow = workflow(about.workflow_type.as_deref())?;
        let known = self
            .parts
            .catalogue
            .workflows()
            .into_iter()
            .find(|known| known.id == workflow);
        let priority = match about.priority.as_deref() {
            Some(priority) => self::priority(priority)?,
            None => known
                .as_ref()
                .map_or(Priority::Medium, |known| known.priority),
        };
        let subject = line(about.subject.as_deref(), "metadata.subject")?;
        let subject = subject.unwrap_or_else(|| beginning(query));
        let title = known
            .as_ref()
            .map_or_else(|| subject.clone(), |known| known.title.clone());
        let contact = Contact {
            name: line(about.name.as_deref(), "metadata.name")?,
            email: Some(email.as_str().to_owned()),
            phone: line(about.phone.as_deref(), "metadata.phone")?
                .filter(|phone| phone.chars().count() <= 50),
        };
        let draft = Draft {
            workflow,
            title,
            subject,
            priority,
            category: known
                .as_ref()
                .map_or_else(|| "General".to_owned(), |known| known.category.clone()),
            email: ContactEmail {
                address: email.as_str().to_owned(),
                verified: false,
            },
            language: "en".to_owned(),
            answers: others(&about.other)?,
            escalated: false,
            approval_needed: known.is_some_and(|known| known.approval_needed),
            consent: None,
            notes: Vec::new(),
        };
        Ok((draft, contact, query.to_owned()))
    }
}

fn reference(actor: &Actor, key: Option<&str>) -> Result<String, Error> {
    match key {
        Some(key) if (1..=255).contains(&key.len()) => {
            let digest = Sha256::digest(format!("{}\n{key}", actor.name()));
            Ok(format!("api-{}", hex::encode(&digest[..16])))
        }
        Some(_) => Err(Error::invalid(
            "Idempotency-Key",
            "must have 1 to 255 characters",
        )),
        None => Ok(format!("api-{:032x}", fastrand::u128(..))),
    }
}

fn digest(request: &NewRequest) -> String {
    let about = &request.metadata;
    let content = json!([
        request.query,
        request.user_id,
        about.subject,
        about.priority,
        about.workflow_type,
        about.name,
        about.phone,
        about.other
    ]);
    hex::encode(Sha256::digest(content.to_string()))
}

fn workflow(name: Option<&str>) -> Result<WorkflowId, Error> {
    let name = name.unwrap_or("general");
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let invalid = || {
        Error::invalid(
            "metadata.workflow_type",
            "must have 1 to 40 characters of a-z, 0-9 and _",
        )
    };
    if !(1..=40).contains(&name.len()) || !name.bytes().all(is_plain) {
        return Err(invalid());
    }
    serde_json::from_value(Value::from(name)).map_err(|_| invalid())
}

fn priority(name: &str) -> Result<Priority, Error> {
    [Priority::Low, Priority::Medium, Priority::High]
        .into_iter()
        .find(|priority| priority.as_str().eq_ignore_ascii_case(name.trim()))
        .ok_or_else(|| Error::invalid("metadata.priority", "must be Low, Medium or High"))
}

fn line(text: Option<&str>, field: &'static str) -> Result<Option<String>, Error> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if text.chars().count() > LINE || text.chars().any(char::is_control) {
        let why = "must be one line of at most 255 characters";
        return Err(Error::invalid(field, why));
    }
    Ok(Some(text.to_owned()))
}

fn beginning(query: &str) -> String {
    let words: Vec<&str> = query.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= 80 {
        return line;
    }
    let mut short: String = line.chars().take(79).collect();
    short.push('…');
    short
}

fn others(other: &BTreeMap<String, Value>) -> Result<Vec<chat::Answer>, Error> {
    if other.len() > OTHERS {
        return Err(Error::invalid(
            "metadata",
            "must have at most 20 further entries",
        ));
    }
    other
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => {
                    return Err(Error::invalid(
                        "metadata",
                        "must hold texts, numbers and flags only",
                    ));
                }
            };
            if name.chars().count() > 60 || text.chars().count() > OTHER {
                let why = "must have names of at most 60 and values of at most 500 characters";
                return Err(Error::invalid("metadata", why));
            }
            Ok(chat::Answer {
                field: name.clone(),
                label: name.clone(),
                value: text,
                validated: false,
                sensitive: false,
            })
        })
        .collect()
}
