use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use state::Export;

use crate::{Actor, Error, Parts};

/// What Deskbridge holds about a person.
#[derive(Debug, Clone)]
pub struct People {
    parts: Arc<Parts>,
}

/// What an erasure did, and what is left to a person to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// The chats whose personal data is gone.
    pub chats: Vec<String>,
    /// Messages deleted.
    pub messages: usize,
    /// Tickets in Zoho Desk that still hold the person's data.
    pub desk_tickets: Vec<String>,
    /// What to do in Zoho Desk.
    pub next_step: String,
}

impl People {
    /// The people of `parts`.
    pub fn new(parts: Arc<Parts>) -> Self {
        Self { parts }
    }

    /// Everything stored under an e-mail address: chats, messages, tickets.
    pub async fn export(&self, email: &str, actor: &Actor) -> Result<Export, Error> {
        let export = self.parts.state.persons.export(checked(email)?).await?;
        for chat in &export.chats {
            self.audit(actor, "person.export", chat.chat_id.as_str())
                .await?;
        }
        Ok(export)
    }

    /// Removes a person from our state: messages, answers, names, addresses. That a chat and its
    /// tickets were, and when, stays. What Zoho Desk holds stays there.
    pub async fn erase(&self, email: &str, actor: &Actor) -> Result<Erased, Error> {
        let email = checked(email)?;
        // Named first: afterwards nothing leads from the address to its chats.
        for chat in self.parts.state.persons.chats(email).await? {
            self.audit(actor, "person.erase", chat.as_str()).await?;
        }
        let erased = self.parts.state.persons.erase(email).await?;
        let next_step = if erased.desk_tickets.is_empty() {
            "Nothing is left to do in Zoho Desk."
        } else {
            "Zoho Desk still holds these tickets and their contact: open the contact there and choose \
             Anonymize or Delete, and delete the tickets if they must go too."
        };
        Ok(Erased {
            chats: erased.chats.iter().map(ToString::to_string).collect(),
            messages: erased.messages,
            desk_tickets: erased.desk_tickets,
            next_step: next_step.to_owned(),
        })
    }

    async fn audit(&self, actor: &Actor, action: &str, chat: &str) -> Result<(), Error> {
        let write = self
            .parts
            .audit(actor, action, format!("chat:{chat}"), json!({}))?;
        Ok(self.parts.state.table.write(write).await?)
    }
}

fn checked(email: &str) -> Result<&str, Error> {
    let email = email.trim();
    if email.contains('@') && email.len() <= 254 {
        Ok(email)
    } else {
        Err(Error::invalid(
            "email",
            "must be an e-mail address such as name@example.com",
        ))
    }
}
