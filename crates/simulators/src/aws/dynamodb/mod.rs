//! `DynamoDB` as tables with `pk` and `sk` and the index `listing` on `lpk` and `lsk`.
//!
//! It knows the operations, parameters and expressions that a client with whole items needs, and
//! answers anything else with a `ValidationException` that says so.

mod call;
mod expression;
mod query;
mod table;
mod transaction;
mod value;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use serde_json::{Map, Value, json};

pub(super) use call::Call;

use call::Action;
use expression::{Expressions, Update};
use table::{Condition, Table};
use value::Item;

/// How an operation was turned down.
#[derive(Debug, Clone)]
struct Refusal {
    code: &'static str,
    message: String,
    /// Fields beside the message, such as `CancellationReasons`.
    more: Map<String, Value>,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            more: Map::new(),
        }
    }

    fn with(mut self, field: &str, value: Value) -> Self {
        self.more.insert(field.to_owned(), value);
        self
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

/// For what `DynamoDB` can do and this stand-in cannot.
fn unsupported(what: impl std::fmt::Display) -> Refusal {
    invalid(format!("the stand-in does not support {what}"))
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Response {
    refused(status, code, message, Map::new())
}

fn refused(status: u16, code: &str, message: &str, more: Map<String, Value>) -> Response {
    let namespace = match code {
        "ValidationException" | "ThrottlingException" | "AccessDeniedException" => {
            "com.amazon.coral.service"
        }
        _ => "com.amazonaws.dynamodb.v20120810",
    };
    // A cancelled transaction spells it differently.
    let field = if more.contains_key("CancellationReasons") {
        "Message"
    } else {
        "message"
    };
    let mut body = Map::new();
    body.insert("__type".to_owned(), format!("{namespace}#{code}").into());
    body.insert(field.to_owned(), message.into());
    body.extend(more);
    respond(status, &Value::Object(body))
}

/// The answer of a transaction that another one on the same items cancelled.
pub(super) fn cancelled_by_conflict(items: usize) -> Response {
    let reasons = vec![
        json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" });
        items
    ];
    let refusal = transaction::cancelled(reasons);
    refused(400, refusal.code, &refusal.message, refusal.more)
}

fn respond(status: u16, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000")
        .body(Body::from(body.to_string()))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}

#[derive(Debug, Default)]
pub(super) struct DynamoDb {
    tables: BTreeMap<String, Table>,
    /// The requests that bore these tokens.
    transactions: BTreeMap<String, Value>,
}

impl DynamoDb {
    pub(super) fn create_table(&mut self, name: &str) {
        self.tables.entry(name.to_owned()).or_default();
    }

    /// All items in the order of their keys, in `DynamoDB` JSON.
    pub(super) fn items(&self, table: &str) -> Vec<Value> {
        let items = self.tables.get(table).map(Table::items);
        items
            .into_iter()
            .flatten()
            .map(|item| Value::Object(item.clone()))
            .collect()
    }

    /// Puts an item as it is; false if it has no key or there is no such table.
    pub(super) fn put(&mut self, table: &str, item: Value) -> bool {
        let (Some(table), Value::Object(item)) = (self.tables.get_mut(table), item) else {
            return false;
        };
        table.put(item, &Condition::default()).is_ok()
    }

    /// Removes what has expired by `now`, epoch seconds; `DynamoDB` takes days for it.
    pub(super) fn remove_expired(&mut self, table: &str, now: i64) {
        if let Some(table) = self.tables.get_mut(table) {
            table.remove_expired(now);
        }
    }

    pub(super) fn serve(&mut self, call: &Call) -> Response {
        match self.try_serve(call) {
            Ok(body) => respond(200, &body),
            Err(refusal) => refused(400, refusal.code, &refusal.message, refusal.more),
        }
    }

    fn try_serve(&mut self, call: &Call) -> Result<Value, Refusal> {
        let request = call.request()?;
        match call.action() {
            Action::GetItem => self.get(request),
            Action::PutItem => self.put_item(request),
            Action::UpdateItem => self.update(request),
            Action::DeleteItem => self.delete(request),
            Action::Query => query::run(self.table(request)?, request),
            Action::TransactWriteItems => self.transact(request),
            Action::BatchWriteItem => self.batch(request),
            Action::Unknown => Err(Refusal::new("UnknownOperationException", "")),
        }
    }

    fn table(&self, request: &Value) -> Result<&Table, Refusal> {
        let name = table_name(request)?;
        self.tables.get(name).ok_or_else(|| no_table(name))
    }

    fn table_mut(&mut self, request: &Value) -> Result<&mut Table, Refusal> {
        let name = table_name(request)?;
        self.tables.get_mut(name).ok_or_else(|| no_table(name))
    }

    fn get(&self, request: &Value) -> Result<Value, Refusal> {
        let item = self.table(request)?.get(object(request, "Key")?)?;
        Ok(match item {
            Some(item) => json!({ "Item": item }),
            None => json!({}),
        })
    }

    fn put_item(&mut self, request: &Value) -> Result<Value, Refusal> {
        let condition = condition(request, &mut Expressions::of(request)?)?;
        let item = object(request, "Item")?.clone();
        let old = self.table_mut(request)?.put(item, &condition)?;
        Ok(returned(request, old, None))
    }

    fn delete(&mut self, request: &Value) -> Result<Value, Refusal> {
        let condition = condition(request, &mut Expressions::of(request)?)?;
        let key = object(request, "Key")?;
        let old = self.table_mut(request)?.delete(key, &condition)?;
        Ok(returned(request, old, None))
    }

    fn update(&mut self, request: &Value) -> Result<Value, Refusal> {
        let mut expressions = Expressions::of(request)?;
        let update = update(request, &mut expressions)?;
        let condition = condition(request, &mut expressions)?;
        let key = object(request, "Key")?;
        let (old, mut new) = self.table_mut(request)?.update(key, &update, &condition)?;
        if request["ReturnValues"] == "UPDATED_NEW" {
            new.retain(|name, _| update.touches(name));
        }
        Ok(returned(request, old, Some(new)))
    }

    fn batch(&mut self, request: &Value) -> Result<Value, Refusal> {
        let tables = object(request, "RequestItems")?;
        let count: usize = tables
            .values()
            .map(|writes| writes.as_array().map_or(0, Vec::len))
            .sum();
        if !(1..=25).contains(&count) {
            return Err(invalid(
                "Too many items requested for the BatchWriteItem call",
            ));
        }
        let mut staged = self.tables.clone();
        for (name, writes) in tables {
            let table = staged.get_mut(name).ok_or_else(|| no_table(name))?;
            let mut seen = Vec::new();
            for write in writes.as_array().into_iter().flatten() {
                let key = table.batched(write)?;
                if seen.contains(&key) {
                    return Err(invalid("Provided list of item keys contains duplicates"));
                }
                seen.push(key);
            }
        }
        self.tables = staged;
        Ok(json!({ "UnprocessedItems": {} }))
    }
}

fn table_name(request: &Value) -> Result<&str, Refusal> {
    request["TableName"]
        .as_str()
        .ok_or_else(|| invalid("The parameter 'TableName' is required but was not present"))
}

fn no_table(name: &str) -> Refusal {
    let message = format!("Requested resource not found: Table: {name} not found");
    Refusal::new("ResourceNotFoundException", message)
}

fn object<'a>(request: &'a Value, field: &str) -> Result<&'a Item, Refusal> {
    request[field].as_object().ok_or_else(|| {
        invalid(format!(
            "The parameter '{field}' is required but was not present"
        ))
    })
}

/// What a write demands of the item that is there. Checks that all placeholders were used.
fn condition(request: &Value, expressions: &mut Expressions) -> Result<Condition, Refusal> {
    let parsed = request["ConditionExpression"]
        .as_str()
        .map(|text| expressions.condition(text))
        .transpose()?;
    expressions.all_used()?;
    Ok(Condition {
        parsed,
        tells: request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD",
    })
}

fn update(request: &Value, expressions: &mut Expressions) -> Result<Update, Refusal> {
    let text = request["UpdateExpression"]
        .as_str()
        .ok_or_else(|| unsupported("an update without UpdateExpression"))?;
    expressions.update(text)
}

fn returned(request: &Value, old: Option<Item>, new: Option<Item>) -> Value {
    let item = match request["ReturnValues"].as_str() {
        Some("ALL_OLD") => old,
        Some("ALL_NEW" | "UPDATED_NEW") => new,
        _ => None,
    };
    match item {
        Some(item) if !item.is_empty() => json!({ "Attributes": item }),
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests;
