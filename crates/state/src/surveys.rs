use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::ChatId;
use crate::item::{Key, Stored};
use crate::retention::Retention;
use crate::secret::{Entropy, digest, secret};
use crate::table::Table;
use crate::time::days_after;
use crate::write::{Condition, Write};

/// Links of satisfaction surveys: each is good for one answer about one ticket.
#[derive(Debug, Clone)]
pub struct Surveys {
    table: Table,
    retention: Retention,
    entropy: Arc<dyn Entropy>,
}

/// A survey that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The chat.
    pub chat_id: ChatId,
    /// The ticket's number in the chat.
    pub ticket: u32,
    key: Key,
    version: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Survey {
    chat_id: ChatId,
    ticket: u32,
    answered: bool,
}

impl Surveys {
    /// The surveys of a table.
    pub fn new(table: Table, retention: Retention, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            table,
            retention,
            entropy,
        }
    }

    /// A new token of 43 characters, of which only a digest is stored.
    pub async fn issue(&self, chat: &ChatId, ticket: u32) -> Result<SecretString, Error> {
        let token = secret(self.entropy.as_ref())?;
        let survey = Survey {
            chat_id: chat.clone(),
            ticket,
            answered: false,
        };
        let expires_at = days_after(self.table.now(), self.retention.surveys_days);
        let key = key(token.expose_secret());
        let write = Write::put(key, &survey, Condition::Absent)?.expires(expires_at);
        self.table.write(write).await?;
        Ok(token)
    }

    /// What a token is for, if it was not used yet and has not expired.
    pub async fn peek(&self, token: &SecretString) -> Result<Option<Invitation>, Error> {
        let stored: Option<Stored<Survey>> = self.table.get(&key(token.expose_secret())).await?;
        Ok(stored
            .filter(|stored| !stored.value.answered)
            .map(|stored| Invitation {
                chat_id: stored.value.chat_id,
                ticket: stored.value.ticket,
                key: stored.key,
                version: stored.version,
            }))
    }

    /// The write that uses a token up, for the transaction that stores the answer; a conflict if
    /// somebody was faster.
    pub fn used(&self, invitation: &Invitation) -> Result<Write, Error> {
        let survey = Survey {
            chat_id: invitation.chat_id.clone(),
            ticket: invitation.ticket,
            answered: true,
        };
        let condition = Condition::Version(invitation.version);
        let expires_at = days_after(self.table.now(), self.retention.surveys_days);
        Ok(Write::put(invitation.key.clone(), &survey, condition)?.expires(expires_at))
    }

    /// Uses a token up; `None` if it is unknown, expired or used. Exactly one caller gets it.
    pub async fn redeem(&self, token: &SecretString) -> Result<Option<Invitation>, Error> {
        let Some(invitation) = self.peek(token).await? else {
            return Ok(None);
        };
        match self.table.write(self.used(&invitation)?).await {
            Ok(()) => Ok(Some(invitation)),
            Err(Error::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn key(token: &str) -> Key {
    Key::new(format!("SURVEY#{}", digest(token)), "SURVEY")
}
