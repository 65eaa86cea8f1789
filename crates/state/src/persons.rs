use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::ChatId;
use crate::item::{Key, Stored};
use crate::retention::Retention;
use crate::secret::digest;
use crate::session::{Message, Session};
use crate::sessions::Sessions;
use crate::table::{Range, Table};
use crate::ticket::TicketRecord;
use crate::tickets::Tickets;
use crate::time::days_after;
use crate::write::{Condition, Write};

/// How often a change that somebody else's change overtook is tried again.
const ATTEMPTS: u32 = 10;

/// Finds what is stored about a person by e-mail address, of which only a digest is kept.
#[derive(Debug, Clone)]
pub struct Persons {
    table: Table,
    retention: Retention,
    sessions: Sessions,
    tickets: Tickets,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    chat_id: ChatId,
}

/// All that is stored about a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Export {
    /// When this was read.
    pub at: Timestamp,
    /// By chat.
    pub chats: Vec<ChatExport>,
}

/// All that is stored about a chat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatExport {
    /// The chat, or the idempotency key of a ticket made through the API.
    pub chat_id: ChatId,
    /// The session, unless the ticket was made through the API.
    pub session: Option<Session>,
    /// What was said.
    pub messages: Vec<Message>,
    /// Its tickets.
    pub tickets: Vec<TicketRecord>,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Erased {
    /// The chats, which stay as anonymous records.
    pub chats: Vec<ChatId>,
    /// The ids in Zoho Desk of their tickets, whose own data Desk still has.
    pub desk_tickets: Vec<String>,
    /// Messages deleted.
    pub messages: usize,
}

impl Persons {
    /// The persons of a table.
    pub fn new(table: Table, retention: Retention, sessions: Sessions, tickets: Tickets) -> Self {
        Self {
            table,
            retention,
            sessions,
            tickets,
        }
    }

    /// The write that makes a chat findable by an e-mail address; part of the transaction that
    /// stores the address.
    pub fn note(&self, email: &str, chat: &ChatId) -> Result<Write, Error> {
        let pointer = Pointer {
            chat_id: chat.clone(),
        };
        let days = self.retention.persons_days();
        Ok(Write::put(key(email, chat), &pointer, Condition::Any)?
            .expires(days_after(self.table.now(), days)))
    }

    /// The chats of a person.
    pub async fn chats(&self, email: &str) -> Result<Vec<ChatId>, Error> {
        let stored: Vec<Stored<Pointer>> =
            self.table.query_all(&partition(email), Range::All).await?;
        Ok(stored
            .into_iter()
            .map(|stored| stored.value.chat_id)
            .collect())
    }

    /// Everything stored about a person.
    pub async fn export(&self, email: &str) -> Result<Export, Error> {
        let mut chats = Vec::new();
        for chat_id in self.chats(email).await? {
            chats.push(ChatExport {
                session: self.sessions.load(&chat_id).await?,
                messages: self.sessions.all_messages(&chat_id).await?,
                tickets: self.tickets.of_chat(&chat_id).await?,
                chat_id,
            });
        }
        Ok(Export {
            at: self.table.now(),
            chats,
        })
    }

    /// Erases a person's messages, answers and contact data. Sessions and tickets stay without
    /// them, so that counts and Desk's events still find them. Can be repeated after a failure:
    /// a chat stays findable until it is done.
    pub async fn erase(&self, email: &str) -> Result<Erased, Error> {
        let mut erased = Erased::default();
        for chat in self.chats(email).await? {
            self.erase_session(&chat).await?;
            for ticket in self.tickets.of_chat(&chat).await? {
                let ticket = self.erase_ticket(ticket).await?;
                erased
                    .desk_tickets
                    .extend(ticket.desk_id().map(str::to_owned));
            }
            erased.messages += self.sessions.delete_messages(&chat).await?;
            self.table.delete(key(email, &chat)).await?;
            erased.chats.push(chat);
        }
        Ok(erased)
    }

    async fn erase_session(&self, chat: &ChatId) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let Some(session) = self.sessions.load(chat).await? else {
                return Ok(());
            };
            let anonymous = session.anonymous(self.table.now());
            match self.sessions.commit(anonymous, &[], Vec::new()).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Err(busy(chat))
    }

    async fn erase_ticket(&self, ticket: TicketRecord) -> Result<TicketRecord, Error> {
        let (chat, n) = (ticket.chat_id.clone(), ticket.n);
        let mut next = Some(ticket);
        for _ in 0..ATTEMPTS {
            let Some(ticket) = next.take() else {
                break;
            };
            match self.tickets.save(ticket.anonymous(self.table.now())).await {
                Ok(saved) => return Ok(saved),
                Err(error) if error.is_conflict() => next = self.tickets.load(&chat, n).await?,
                Err(error) => return Err(error),
            }
        }
        Err(busy(&chat))
    }
}

fn busy(chat: &ChatId) -> Error {
    Error::Conflict {
        key: format!("chat {chat}"),
    }
}

fn partition(email: &str) -> String {
    format!("PERSON#{}", digest(&email.trim().to_lowercase()))
}

fn key(email: &str, chat: &ChatId) -> Key {
    Key::new(partition(email), format!("CHAT#{chat}"))
}
