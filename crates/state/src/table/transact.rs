use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};

use super::{CONTENDED_ATTEMPTS, Table, addition, conflict};
use crate::error::Error;
use crate::item::{self, Key};
use crate::write::{What, Write};

pub(super) const MOST_WRITES: usize = 100;

/// Why nothing of a transaction was done.
enum Cancelled {
    /// The condition of this write did not hold.
    Unmet(usize),
    /// Another transaction, or too many requests.
    Contended,
    Failed(Error),
}

impl Table {
    /// Makes all changes or none; at most 100, each of another item, 4 MB together. A lost answer
    /// is settled by the request token that the client sends.
    pub async fn transact(&self, writes: Vec<Write>) -> Result<(), Error> {
        if writes.is_empty() {
            return Ok(());
        }
        if writes.len() > MOST_WRITES {
            return Err(Error::TooLarge {
                what: format!("a transaction of {} writes", writes.len()),
                limit: "100 writes in a transaction",
            });
        }
        let keys: Vec<Key> = writes.iter().map(|write| write.key.clone()).collect();
        let now = self.now();
        let items = writes
            .into_iter()
            .map(|write| self.transact_item(write, now))
            .collect::<Result<Vec<_>, _>>()?;
        for attempt in 0..CONTENDED_ATTEMPTS {
            match self.try_transact(items.clone()).await {
                Ok(()) => return Ok(()),
                Err(Cancelled::Unmet(position)) => {
                    return Err(conflict(keys.get(position).unwrap_or(&keys[0])));
                }
                Err(Cancelled::Failed(error)) => return Err(error),
                Err(Cancelled::Contended) => self.wait_out(attempt).await,
            }
        }
        Err(self
            .call("TransactWriteItems")
            .unavailable("other transactions kept the items busy"))
    }

    async fn try_transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Cancelled> {
        let answer = self
            .client()
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(self.cancelled(&error)),
        }
    }

    fn cancelled(&self, error: &SdkError<TransactWriteItemsError, HttpResponse>) -> Cancelled {
        let call = self.call("TransactWriteItems");
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Cancelled::Failed(call.failure(error));
        };
        let codes: Vec<&str> = cancelled
            .cancellation_reasons()
            .iter()
            .map(|reason| reason.code().unwrap_or_default())
            .collect();
        if let Some(position) = codes
            .iter()
            .position(|code| *code == "ConditionalCheckFailed")
        {
            return Cancelled::Unmet(position);
        }
        let passing = [
            "TransactionConflict",
            "ThrottlingError",
            "ProvisionedThroughputExceeded",
        ];
        if codes.iter().any(|code| passing.contains(code)) {
            return Cancelled::Contended;
        }
        let reason = cancelled
            .cancellation_reasons()
            .iter()
            .find(|reason| !matches!(reason.code(), None | Some("None")));
        Cancelled::Failed(match reason {
            Some(reason)
                if reason
                    .message()
                    .is_some_and(|m| m.contains("size has exceeded")) =>
            {
                Error::TooLarge {
                    what: "an item".to_owned(),
                    limit: "400 KB in an item",
                }
            }
            Some(reason) => Error::Refused {
                action: "TransactWriteItems",
                table: self.name().to_owned(),
                code: reason.code().unwrap_or_default().to_owned(),
                detail: reason.message().unwrap_or("no reason given").to_owned(),
            },
            None => call.failure(error),
        })
    }

    fn transact_item(
        &self,
        write: Write,
        now: jiff::Timestamp,
    ) -> Result<TransactWriteItem, Error> {
        let Write { key, what } = write;
        let built = match what {
            What::Put {
                mut attributes,
                requirement,
            } => {
                attributes.insert(item::WRITE.to_owned(), item::text(&self.write_id()));
                let condition = requirement.expression(now);
                Put::builder()
                    .table_name(self.name())
                    .set_item(Some(attributes))
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .build()
                    .map(|put| TransactWriteItem::builder().put(put))
            }
            What::Delete(requirement) => {
                let condition = requirement.expression(now);
                Delete::builder()
                    .table_name(self.name())
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .build()
                    .map(|delete| TransactWriteItem::builder().delete(delete))
            }
            What::Check(requirement) => {
                let condition = requirement.expression(now);
                ConditionCheck::builder()
                    .table_name(self.name())
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .build()
                    .map(|check| TransactWriteItem::builder().condition_check(check))
            }
            What::Add {
                counters,
                expires_at,
            } => {
                let update = addition(&counters, expires_at);
                Update::builder()
                    .table_name(self.name())
                    .set_key(Some(key.attributes()))
                    .set_update_expression(update.text)
                    .set_expression_attribute_names(update.names)
                    .set_expression_attribute_values(update.values)
                    .build()
                    .map(|update| TransactWriteItem::builder().update(update))
            }
        };
        built
            .map(TransactWriteItemBuilder::build)
            .map_err(|_: BuildError| Error::Malformed {
                key: key.to_string(),
                why: "the write has no condition to check",
            })
    }
}
