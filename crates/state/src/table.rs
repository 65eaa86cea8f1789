use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use clock::Clock;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::error::{Call, Error};
use crate::expression::{Expression, Requirement};
use crate::item::{self, Attributes, Key, Stored};
use crate::write::{What, Write};

mod query;
mod transact;

pub use query::{Order, Page, Paging, Range};

/// How often a write is repeated that ran into a transaction on the same item.
const CONTENDED_ATTEMPTS: u32 = 8;

/// One `DynamoDB` table with `pk` and `sk`, the TTL attribute `expires_at` and the index
/// `listing` on `lpk` and `lsk`. Clones share the client.
#[derive(Debug, Clone)]
pub struct Table(Arc<Inner>);

struct Inner {
    client: Client,
    name: String,
    clock: Arc<dyn Clock>,
    rng: Mutex<fastrand::Rng>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// How a write under a condition ended.
enum Attempt {
    Done,
    /// The condition did not hold; the item that is there instead.
    Unmet(Option<Attributes>),
    /// A transaction on the same item was under way.
    Contended,
}

impl Table {
    /// The table with this name; timeouts and retries are those of the client.
    pub fn new(client: Client, name: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            client,
            name: name.into(),
            clock,
            rng: Mutex::new(fastrand::Rng::new()),
        }))
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The present moment on the table's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Reads one item, consistently; `None` if it is not there or has expired.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Stored<T>>, Error> {
        let call = self.call("GetItem");
        let answer = self
            .client()
            .get_item()
            .table_name(self.name())
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| call.failure(&error))?;
        let now = self.now();
        answer
            .item
            .filter(|attributes| !item::is_expired(attributes, now))
            .map(item::decoded)
            .transpose()
    }

    /// Makes one change.
    ///
    /// A lost answer is settled: of a put by the random id of each write, of a deletion by the
    /// item being gone. Only [`Write::add`] may count twice then; in [`Table::transact`] it does
    /// not.
    pub async fn write(&self, write: Write) -> Result<(), Error> {
        let Write { key, what } = write;
        match what {
            What::Put {
                attributes,
                requirement,
            } => {
                self.put_under(&key, attributes, &requirement).await?;
                Ok(())
            }
            What::Delete(requirement) => self.delete_under(&key, &requirement).await,
            What::Add {
                counters,
                expires_at,
            } => {
                self.add_until(&key, &counters, expires_at).await?;
                Ok(())
            }
            What::Check(_) => self.transact(vec![Write { key, what }]).await,
        }
    }

    /// Deletes an item, whatever it is.
    pub async fn delete(&self, key: Key) -> Result<(), Error> {
        self.delete_under(&key, &Requirement::Nothing).await
    }

    /// Adds to counters of an item, from 0 if there is none, and gives those of them as they are
    /// now. If an answer gets lost, the client's retry adds a second time.
    pub async fn add(
        &self,
        key: &Key,
        counters: &[(&str, i64)],
        expires_at: Option<Timestamp>,
    ) -> Result<BTreeMap<String, i64>, Error> {
        let counters = counters
            .iter()
            .map(|(counter, n)| ((*counter).to_owned(), *n))
            .collect();
        let second = expires_at.map(crate::time::ceil_second);
        self.add_until(key, &counters, second).await
    }

    /// Deletes items, whatever they are.
    pub(crate) async fn delete_all(&self, keys: &[Key]) -> Result<(), Error> {
        for some in keys.chunks(transact::MOST_WRITES) {
            let writes = some
                .iter()
                .map(|key| Write::deletion(key.clone(), Requirement::Nothing));
            self.transact(writes.collect()).await?;
        }
        Ok(())
    }

    async fn add_until(
        &self,
        key: &Key,
        counters: &BTreeMap<String, i64>,
        expires_at: Option<i64>,
    ) -> Result<BTreeMap<String, i64>, Error> {
        let call = self.call("UpdateItem");
        let update = addition(counters, expires_at);
        for attempt in 0..CONTENDED_ATTEMPTS {
            let answer = self
                .client()
                .update_item()
                .table_name(self.name())
                .set_key(Some(key.attributes()))
                .set_update_expression(update.text.clone())
                .set_expression_attribute_names(update.names.clone())
                .set_expression_attribute_values(update.values.clone())
                .return_values(ReturnValue::UpdatedNew)
                .send()
                .await;
            match answer {
                Ok(answer) => {
                    let mut now = answer.attributes.unwrap_or_default();
                    now.retain(|name, _| counters.contains_key(name));
                    return numbers(key, now);
                }
                Err(error) if is_contended(&error) => self.wait_out(attempt).await,
                Err(error) => return Err(call.failure(&error)),
            }
        }
        Err(call.unavailable("transactions kept the item busy"))
    }

    /// Puts an item, and gives the id of this write.
    pub(crate) async fn put_under(
        &self,
        key: &Key,
        mut attributes: Attributes,
        requirement: &Requirement,
    ) -> Result<String, Error> {
        let id = self.write_id();
        attributes.insert(item::WRITE.to_owned(), item::text(&id));
        for attempt in 0..CONTENDED_ATTEMPTS {
            match self.try_put(&attributes, requirement).await? {
                Attempt::Done => return Ok(id),
                Attempt::Unmet(Some(there))
                    if item::string(&there, item::WRITE) == Some(id.clone()) =>
                {
                    return Ok(id);
                }
                Attempt::Unmet(_) => return Err(conflict(key)),
                Attempt::Contended => self.wait_out(attempt).await,
            }
        }
        Err(self
            .call("PutItem")
            .unavailable("transactions kept the item busy"))
    }

    async fn try_put(
        &self,
        attributes: &Attributes,
        requirement: &Requirement,
    ) -> Result<Attempt, Error> {
        let condition = requirement.expression(self.now());
        let answer = self
            .client()
            .put_item()
            .table_name(self.name())
            .set_item(Some(attributes.clone()))
            .set_condition_expression(condition.text)
            .set_expression_attribute_names(condition.names)
            .set_expression_attribute_values(condition.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Attempt::Done),
            Err(error) if is_contended(&error) => Ok(Attempt::Contended),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(unmet)) => {
                    Ok(Attempt::Unmet(unmet.item.clone()))
                }
                _ => Err(self.call("PutItem").failure(&error)),
            },
        }
    }

    pub(crate) async fn delete_under(
        &self,
        key: &Key,
        requirement: &Requirement,
    ) -> Result<(), Error> {
        for attempt in 0..CONTENDED_ATTEMPTS {
            match self.try_delete(key, requirement).await? {
                Attempt::Done | Attempt::Unmet(None) => return Ok(()),
                Attempt::Unmet(Some(_)) => return Err(conflict(key)),
                Attempt::Contended => self.wait_out(attempt).await,
            }
        }
        Err(self
            .call("DeleteItem")
            .unavailable("transactions kept the item busy"))
    }

    async fn try_delete(&self, key: &Key, requirement: &Requirement) -> Result<Attempt, Error> {
        let condition = requirement.expression(self.now());
        let answer = self
            .client()
            .delete_item()
            .table_name(self.name())
            .set_key(Some(key.attributes()))
            .set_condition_expression(condition.text)
            .set_expression_attribute_names(condition.names)
            .set_expression_attribute_values(condition.values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Attempt::Done),
            Err(error) if is_contended(&error) => Ok(Attempt::Contended),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(unmet)) => Ok(
                    Attempt::Unmet(unmet.item.clone().filter(|there| !there.is_empty())),
                ),
                _ => Err(self.call("DeleteItem").failure(&error)),
            },
        }
    }

    /// Full jitter, up to 10 ms doubled with each attempt.
    async fn wait_out(&self, attempt: u32) {
        let most = 10_u64 << attempt.min(5);
        let wait = self.with_rng(|rng| rng.u64(1..=most));
        tracing::debug!(attempt, wait_ms = wait, "a transaction holds the item");
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    pub(crate) fn write_id(&self) -> String {
        format!("{:016x}", self.with_rng(|rng| rng.u64(..)))
    }

    fn with_rng<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.0.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn client(&self) -> &Client {
        &self.0.client
    }

    fn call(&self, action: &'static str) -> Call<'_> {
        Call {
            action,
            table: &self.0.name,
        }
    }
}

fn conflict(key: &Key) -> Error {
    Error::Conflict {
        key: key.to_string(),
    }
}

fn is_contended<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.code() == Some("TransactionConflictException")
}

fn addition(counters: &BTreeMap<String, i64>, expires_at: Option<i64>) -> Expression {
    let sums: Vec<_> = (0..counters.len())
        .map(|n| format!("#c{n} :c{n}"))
        .collect();
    let mut text = format!("ADD {}", sums.join(", "));
    if expires_at.is_some() {
        text.push_str(" SET #expires_at = :expires_at");
    }
    let mut update = Expression::new(text);
    for (n, (counter, sum)) in counters.iter().enumerate() {
        update = update
            .name(&format!("#c{n}"), counter)
            .value(&format!(":c{n}"), item::number(sum));
    }
    match expires_at {
        Some(second) => update
            .name("#expires_at", item::EXPIRES_AT)
            .value(":expires_at", item::number(&second)),
        None => update,
    }
}

fn numbers(key: &Key, attributes: Attributes) -> Result<BTreeMap<String, i64>, Error> {
    let number = |value: &AttributeValue| value.as_n().ok()?.parse().ok();
    attributes
        .into_iter()
        .map(|(name, value)| {
            let number = number(&value).ok_or_else(|| Error::Malformed {
                key: key.to_string(),
                why: "a counter is not a whole number",
            })?;
            Ok((name, number))
        })
        .collect()
}
