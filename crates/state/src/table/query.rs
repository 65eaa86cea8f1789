use serde::de::DeserializeOwned;

use super::Table;
use crate::cursor::{Cursor, Index, Position};
use crate::error::Error;
use crate::expression::Expression;
use crate::item::{self, Attributes, Key, Stored};

const LISTING: &str = "listing";

/// Which items of a partition or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range<'a> {
    /// All of them.
    All,
    /// Those whose sort key starts so.
    Prefix(&'a str),
    /// Those whose sort key lies between the two, both included.
    Between(&'a str, &'a str),
}

/// The order of a list by its sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest, or oldest, first.
    #[default]
    Ascending,
    /// Largest, or newest, first.
    Descending,
}

/// How much of a list to read, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// Most items to give, at least 1.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
    /// The order; the same for all pages.
    pub order: Order,
}

impl Paging {
    /// The first `limit` items in ascending order.
    pub fn first(limit: u32) -> Self {
        Self {
            limit,
            cursor: None,
            order: Order::Ascending,
        }
    }

    /// The last `limit` items, newest first.
    pub fn newest(limit: u32) -> Self {
        Self {
            order: Order::Descending,
            ..Self::first(limit)
        }
    }

    /// The page that starts at `cursor`.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.cursor = cursor;
        self
    }
}

/// Some items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order asked for.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end of the list.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// The same page with other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }
}

impl Table {
    /// The items of a partition, read consistently.
    pub async fn query<T: DeserializeOwned>(
        &self,
        pk: &str,
        range: Range<'_>,
        paging: &Paging,
    ) -> Result<Page<Stored<T>>, Error> {
        self.walk(Index::Table(pk), range, paging).await
    }

    /// The items listed under `lpk`, as the index knows them: usually within a second of a write.
    pub async fn query_listing<T: DeserializeOwned>(
        &self,
        lpk: &str,
        range: Range<'_>,
        paging: &Paging,
    ) -> Result<Page<Stored<T>>, Error> {
        self.walk(Index::Listing(lpk), range, paging).await
    }

    /// All items of a partition in a range, read consistently.
    pub(crate) async fn query_all<T: DeserializeOwned>(
        &self,
        pk: &str,
        range: Range<'_>,
    ) -> Result<Vec<Stored<T>>, Error> {
        let mut paging = Paging::first(1000);
        let mut all = Vec::new();
        loop {
            let page = self.query(pk, range, &paging).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => paging.cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// The keys of all items of a partition, expired ones included.
    pub(crate) async fn keys(&self, pk: &str) -> Result<Vec<Key>, Error> {
        let items = self.query_raw(pk, Range::All).await?;
        Ok(items.iter().filter_map(item::key_of).collect())
    }

    /// The attributes of all items of a partition in a range, expired ones included.
    pub(crate) async fn query_raw(
        &self,
        pk: &str,
        range: Range<'_>,
    ) -> Result<Vec<Attributes>, Error> {
        let paging = Paging::first(1000);
        let mut all = Vec::new();
        let mut start = None;
        loop {
            let (items, last) = self
                .fetch(Index::Table(pk), range, &paging, 1000, start)
                .await?;
            all.extend(items);
            if last.is_none() {
                return Ok(all);
            }
            start = last;
        }
    }

    async fn walk<T: DeserializeOwned>(
        &self,
        index: Index<'_>,
        range: Range<'_>,
        paging: &Paging,
    ) -> Result<Page<Stored<T>>, Error> {
        let limit = paging.limit.max(1) as usize;
        let start = paging.cursor.as_ref().map(|cursor| cursor.within(index));
        let mut start = start.transpose()?.map(start_key);
        let mut items = Vec::new();
        loop {
            let wanted = limit - items.len();
            let (found, last) = self.fetch(index, range, paging, wanted, start).await?;
            let now = self.now();
            for attributes in found {
                if !item::is_expired(&attributes, now) {
                    items.push(item::decoded(attributes)?);
                }
            }
            start = last;
            if start.is_none() || items.len() >= limit {
                break;
            }
        }
        let next = start.as_ref().and_then(|last| cursor_of(last, index));
        Ok(Page { items, next })
    }

    /// One answer of Query: its items, and where it stopped if the list goes on.
    async fn fetch(
        &self,
        index: Index<'_>,
        range: Range<'_>,
        paging: &Paging,
        wanted: usize,
        start: Option<Attributes>,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), Error> {
        let call = self.call("Query");
        let condition = key_condition(index, range);
        let over_table = matches!(index, Index::Table(_));
        let answer = self
            .client()
            .query()
            .table_name(self.name())
            .set_index_name((!over_table).then(|| LISTING.to_owned()))
            .consistent_read(over_table)
            .set_key_condition_expression(condition.text)
            .set_expression_attribute_names(condition.names)
            .set_expression_attribute_values(condition.values)
            .scan_index_forward(paging.order == Order::Ascending)
            .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| call.failure(&error))?;
        let last = answer.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((answer.items.unwrap_or_default(), last))
    }
}

fn key_condition(index: Index<'_>, range: Range<'_>) -> Expression {
    let (partition, partition_value, sort) = match index {
        Index::Table(pk) => (item::PK, pk, item::SK),
        Index::Listing(lpk) => (item::LPK, lpk, item::LSK),
    };
    let text = match range {
        Range::All => "#pk = :pk",
        Range::Prefix(_) => "#pk = :pk AND begins_with(#sk, :from)",
        Range::Between(..) => "#pk = :pk AND #sk BETWEEN :from AND :to",
    };
    let condition = Expression::new(text.to_owned())
        .name("#pk", partition)
        .value(":pk", item::text(partition_value));
    match range {
        Range::All => condition,
        Range::Prefix(prefix) => condition
            .name("#sk", sort)
            .value(":from", item::text(prefix)),
        Range::Between(from, to) => condition
            .name("#sk", sort)
            .value(":from", item::text(from))
            .value(":to", item::text(to)),
    }
}

fn start_key(position: &Position) -> Attributes {
    let parts = [
        (item::PK, Some(&position.pk)),
        (item::SK, Some(&position.sk)),
        (item::LPK, position.lpk.as_ref()),
        (item::LSK, position.lsk.as_ref()),
    ];
    parts
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), item::text(value?))))
        .collect()
}

fn cursor_of(last: &Attributes, index: Index<'_>) -> Option<Cursor> {
    let listing = match index {
        Index::Table(_) => None,
        Index::Listing(_) => Some((
            item::string(last, item::LPK)?,
            item::string(last, item::LSK)?,
        )),
    };
    Some(Cursor::at(&item::key_of(last)?, listing.as_ref()))
}
