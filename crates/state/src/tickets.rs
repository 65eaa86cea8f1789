use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::ChatId;
use crate::item::{Key, Stored};
use crate::retention::Retention;
use crate::sessions::partition;
use crate::table::{Order, Page, Paging, Range, Table};
use crate::ticket::TicketRecord;
use crate::time::{days_after, sortable};
use crate::write::{Condition, Write};

const TICKETS: &str = "TICKET#";
const LISTING: &str = "TICKETS";

/// Items that one call of [`Tickets::list`] looks at before it hands out what it has.
const LOOKED_AT: usize = 2000;
const PAGE: u32 = 200;

/// Tickets, due and made.
#[derive(Debug, Clone)]
pub struct Tickets {
    table: Table,
    retention: Retention,
}

/// Which tickets to list. A field that is `None` leaves all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketFilter {
    /// What made them, in any case.
    pub source: Option<String>,
    /// The workflow's id.
    pub workflow: Option<String>,
    /// The status as last seen, in any case.
    pub status: Option<String>,
    /// Only those that Zoho Desk has.
    pub made_only: bool,
}

/// From Desk's id to the ticket.
#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    chat_id: ChatId,
    n: u32,
}

impl TicketFilter {
    fn fits(&self, record: &TicketRecord) -> bool {
        let same = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| {
                is.is_some_and(|is| is.to_lowercase() == wanted.to_lowercase())
            })
        };
        same(&self.source, Some(&record.origin.source))
            && same(&self.workflow, Some(&record.origin.workflow))
            && same(&self.status, record.status.as_deref())
            && (!self.made_only || record.desk_id().is_some())
    }
}

impl Tickets {
    /// The tickets of a table.
    pub fn new(table: Table, retention: Retention) -> Self {
        Self { table, retention }
    }

    /// One ticket of a chat.
    pub async fn load(&self, chat: &ChatId, n: u32) -> Result<Option<TicketRecord>, Error> {
        Ok(self.table.get(&key(chat, n)).await?.map(with_version))
    }

    /// All tickets of a chat by number.
    pub async fn of_chat(&self, chat: &ChatId) -> Result<Vec<TicketRecord>, Error> {
        let range = Range::Prefix(TICKETS);
        let stored = self.table.query_all(&partition(chat), range).await?;
        Ok(stored.into_iter().map(with_version).collect())
    }

    /// The ticket that has this id in Zoho Desk.
    pub async fn by_desk_id(&self, id: &str) -> Result<Option<TicketRecord>, Error> {
        let pointer: Option<Stored<Pointer>> = self.table.get(&pointer_key(id)).await?;
        match pointer {
            Some(pointer) => self.load(&pointer.value.chat_id, pointer.value.n).await,
            None => Ok(None),
        }
    }

    /// Stores a ticket if it is still as it was loaded, and gives it with its new version.
    pub async fn save(&self, mut record: TicketRecord) -> Result<TicketRecord, Error> {
        let mut writes = self.writes(&record)?;
        match writes.pop() {
            Some(only) if writes.is_empty() => self.table.write(only).await?,
            last => {
                self.table
                    .transact(writes.into_iter().chain(last).collect())
                    .await?;
            }
        }
        record.version = Condition::of_version(record.version).next_version();
        Ok(record)
    }

    /// The writes that store a ticket, for a transaction: the ticket, and once Desk has it the
    /// pointer by Desk's id.
    pub fn writes(&self, record: &TicketRecord) -> Result<Vec<Write>, Error> {
        let expires_at = days_after(self.table.now(), self.retention.tickets_days);
        let condition = Condition::of_version(record.version);
        let lsk = format!(
            "{}#{}#{:04}",
            sortable(record.created_at),
            record.chat_id,
            record.n
        );
        let ticket = Write::put(key(&record.chat_id, record.n), record, condition)?
            .expires(expires_at)
            .listed(LISTING, &lsk);
        let mut writes = vec![ticket];
        if let Some(id) = record.desk_id() {
            let pointer = Pointer {
                chat_id: record.chat_id.clone(),
                n: record.n,
            };
            let pointer = Write::put(pointer_key(id), &pointer, Condition::Any)?;
            writes.push(pointer.expires(expires_at));
        }
        Ok(writes)
    }

    /// Tickets newest first, as the index knows them. A page may hold fewer than `limit` tickets
    /// although there is a next one: each call looks at some 2,000 tickets at most.
    pub async fn list(
        &self,
        filter: &TicketFilter,
        paging: &Paging,
    ) -> Result<Page<TicketRecord>, Error> {
        let limit = paging.limit.max(1) as usize;
        let mut items = Vec::new();
        let mut looked_at = 0;
        let mut cursor = paging.cursor.clone();
        loop {
            let step = Paging {
                limit: PAGE,
                cursor: cursor.take(),
                order: Order::Descending,
            };
            let page = self.table.query_listing(LISTING, Range::All, &step).await?;
            let read = page.items.len();
            for (position, stored) in page.items.into_iter().enumerate() {
                let here = stored.listing_cursor();
                let record: TicketRecord = with_version(stored);
                if filter.fits(&record) {
                    items.push(record);
                }
                if items.len() == limit {
                    let more = position + 1 < read || page.next.is_some();
                    let next = more.then_some(here);
                    return Ok(Page { items, next });
                }
            }
            looked_at += read;
            cursor = page.next;
            if cursor.is_none() || looked_at >= LOOKED_AT {
                return Ok(Page {
                    items,
                    next: cursor,
                });
            }
        }
    }
}

fn key(chat: &ChatId, n: u32) -> Key {
    Key::new(partition(chat), format!("{TICKETS}{n:04}"))
}

fn pointer_key(id: &str) -> Key {
    Key::new(format!("DESK#{id}"), "DESK")
}

fn with_version(stored: Stored<TicketRecord>) -> TicketRecord {
    TicketRecord {
        version: stored.version,
        ..stored.value
    }
}
