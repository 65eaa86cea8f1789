use jiff::civil::Date;

use crate::error::Error;
use crate::ids::ChatId;
use crate::item::{Key, Stored};
use crate::retention::Retention;
use crate::session::{Message, Session};
use crate::table::{Page, Paging, Range, Table};
use crate::time::{day, days_after, sortable};
use crate::write::{Condition, Write};

const MESSAGES: &str = "MSG#";

/// Chats and their messages.
#[derive(Debug, Clone)]
pub struct Sessions {
    table: Table,
    retention: Retention,
}

impl Sessions {
    /// The chats of a table.
    pub fn new(table: Table, retention: Retention) -> Self {
        Self { table, retention }
    }

    /// A chat as of now.
    pub async fn load(&self, chat: &ChatId) -> Result<Option<Session>, Error> {
        Ok(self.table.get(&key(chat)).await?.map(with_version))
    }

    /// Stores a session together with its new messages and writes of other rooms: all or
    /// nothing, and nothing if the chat changed since it was loaded ([`Error::Conflict`]).
    /// At most 100 items. Gives the session with its new version.
    pub async fn commit(
        &self,
        mut session: Session,
        messages: &[Message],
        extra: Vec<Write>,
    ) -> Result<Session, Error> {
        session.updated_at = self.table.now();
        let mut writes = vec![self.write(&session)?];
        for message in messages {
            writes.push(self.message_write(&session.chat_id, message)?);
        }
        writes.extend(extra);
        self.table.transact(writes).await?;
        session.version = Condition::of_version(session.version).next_version();
        Ok(session)
    }

    /// The write of a session alone, for transactions that start in another room.
    pub fn write(&self, session: &Session) -> Result<Write, Error> {
        let chat = &session.chat_id;
        let condition = Condition::of_version(session.version);
        let lsk = format!("{}#{chat}", sortable(session.created_at));
        let expires_at = days_after(session.updated_at, self.retention.chats_days);
        Ok(Write::put(key(chat), session, condition)?
            .expires(expires_at)
            .listed(&listing(day(session.created_at)), &lsk))
    }

    /// One page of a chat's messages by number.
    pub async fn messages(&self, chat: &ChatId, paging: &Paging) -> Result<Page<Message>, Error> {
        let page = self
            .table
            .query(&partition(chat), Range::Prefix(MESSAGES), paging)
            .await?;
        Ok(page.map(|stored: Stored<Message>| stored.value))
    }

    /// All messages of a chat by number.
    pub async fn all_messages(&self, chat: &ChatId) -> Result<Vec<Message>, Error> {
        self.messages_after(chat, 0).await
    }

    /// The messages of a chat whose number is above `seq`.
    pub async fn messages_after(&self, chat: &ChatId, seq: u32) -> Result<Vec<Message>, Error> {
        let from = message_sk(seq.saturating_add(1));
        let range = Range::Between(&from, "MSG#99999999");
        let stored: Vec<Stored<Message>> = self.table.query_all(&partition(chat), range).await?;
        Ok(stored.into_iter().map(|stored| stored.value).collect())
    }

    /// The chats that began on a day (UTC), by the index.
    pub async fn of_day(&self, day: Date, paging: &Paging) -> Result<Page<Session>, Error> {
        let page = self
            .table
            .query_listing(&listing(day), Range::All, paging)
            .await?;
        Ok(page.map(with_version))
    }

    /// Deletes everything stored under a chat: session, messages, tickets. Can be repeated after
    /// a failure. Gives the number of items deleted.
    pub async fn delete(&self, chat: &ChatId) -> Result<usize, Error> {
        let keys = self.table.keys(&partition(chat)).await?;
        self.table.delete_all(&keys).await?;
        Ok(keys.len())
    }

    /// Deletes the messages of a chat; gives their number.
    pub(crate) async fn delete_messages(&self, chat: &ChatId) -> Result<usize, Error> {
        let mut keys = self.table.keys(&partition(chat)).await?;
        keys.retain(|key| key.sk.starts_with(MESSAGES));
        self.table.delete_all(&keys).await?;
        Ok(keys.len())
    }

    fn message_write(&self, chat: &ChatId, message: &Message) -> Result<Write, Error> {
        let key = Key::new(partition(chat), message_sk(message.seq));
        let expires_at = days_after(self.table.now(), self.retention.chats_days);
        Ok(Write::put(key, message, Condition::Absent)?.expires(expires_at))
    }
}

/// The partition of everything about a chat.
pub(crate) fn partition(chat: &ChatId) -> String {
    format!("CHAT#{chat}")
}

fn key(chat: &ChatId) -> Key {
    Key::new(partition(chat), "SESSION")
}

fn message_sk(seq: u32) -> String {
    format!("{MESSAGES}{seq:08}")
}

fn listing(day: Date) -> String {
    format!("SESSIONS#{day}")
}

fn with_version(stored: Stored<Session>) -> Session {
    Session {
        version: stored.version,
        ..stored.value
    }
}
