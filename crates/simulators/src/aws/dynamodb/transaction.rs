use serde_json::{Value, json};

use super::expression::Expressions;
use super::table::{ItemKey, key_of};
use super::value::{self, Item};
use super::{
    DynamoDb, Refusal, condition, invalid, no_table, object, table_name, unsupported, update,
};

const MOST_WRITES: usize = 100;
const MOST_BYTES: usize = 4 * 1024 * 1024;

pub(super) fn cancelled(reasons: Vec<Value>) -> Refusal {
    let codes: Vec<&str> = reasons
        .iter()
        .map(|reason| reason["Code"].as_str().unwrap_or_default())
        .collect();
    Refusal::new(
        "TransactionCanceledException",
        format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        ),
    )
    .with("CancellationReasons", Value::Array(reasons))
}

impl DynamoDb {
    pub(super) fn transact(&mut self, request: &Value) -> Result<Value, Refusal> {
        if let Some(token) = request["ClientRequestToken"].as_str()
            && let Some(before) = self.transactions.get(token)
        {
            return if *before == *request {
                Ok(json!({}))
            } else {
                Err(Refusal::new(
                    "IdempotentParameterMismatchException",
                    "The request uses the same client token as a previous, but non-identical request",
                ))
            };
        }
        let writes = request["TransactItems"].as_array();
        let writes = writes.ok_or_else(|| invalid("TransactItems is required"))?;
        check(writes)?;
        let mut staged = self.tables.clone();
        let mut reasons = Vec::new();
        for write in writes {
            let (kind, write) = kind_of(write)?;
            let name = table_name(write)?;
            let table = staged.get_mut(name).ok_or_else(|| no_table(name))?;
            reasons.push(reason(apply(table, kind, write))?);
        }
        if reasons.iter().any(|reason| reason["Code"] != "None") {
            return Err(cancelled(reasons));
        }
        self.tables = staged;
        if let Some(token) = request["ClientRequestToken"].as_str() {
            self.transactions.insert(token.to_owned(), request.clone());
        }
        Ok(json!({}))
    }
}

fn apply(table: &mut super::table::Table, kind: &str, write: &Value) -> Result<(), Refusal> {
    let mut expressions = Expressions::of(write)?;
    match kind {
        "Put" => {
            let condition = condition(write, &mut expressions)?;
            table.put(object(write, "Item")?.clone(), &condition)?;
        }
        "Delete" => {
            let condition = condition(write, &mut expressions)?;
            table.delete(object(write, "Key")?, &condition)?;
        }
        "ConditionCheck" => {
            let condition = condition(write, &mut expressions)?;
            if condition.parsed.is_none() {
                return Err(invalid("The expression can not be empty"));
            }
            table.check(object(write, "Key")?, &condition)?;
        }
        "Update" => {
            let update = update(write, &mut expressions)?;
            let condition = condition(write, &mut expressions)?;
            table.update(object(write, "Key")?, &update, &condition)?;
        }
        other => return Err(unsupported(format!("{other} in a transaction"))),
    }
    Ok(())
}

/// A failed condition or too large an item cancels; a malformed write refuses the request.
fn reason(outcome: Result<(), Refusal>) -> Result<Value, Refusal> {
    let Err(refusal) = outcome else {
        return Ok(json!({ "Code": "None" }));
    };
    let code = match refusal.code {
        "ConditionalCheckFailedException" => "ConditionalCheckFailed",
        "ValidationException" if refusal.message.contains("size has exceeded") => "ValidationError",
        _ => return Err(refusal),
    };
    let mut reason = json!({ "Code": code, "Message": refusal.message });
    if let Some(item) = refusal.more.get("Item") {
        reason["Item"] = item.clone();
    }
    Ok(reason)
}

fn kind_of(write: &Value) -> Result<(&str, &Value), Refusal> {
    let fields = write.as_object().filter(|fields| fields.len() == 1);
    let (kind, write) = fields
        .and_then(|fields| fields.iter().next())
        .ok_or_else(|| {
            invalid("TransactItems can only contain one of Check, Put, Update or Delete")
        })?;
    Ok((kind, write))
}

fn check(writes: &[Value]) -> Result<(), Refusal> {
    if !(1..=MOST_WRITES).contains(&writes.len()) {
        return Err(invalid(format!(
            "Member must have length less than or equal to {MOST_WRITES} and at least 1"
        )));
    }
    let mut seen: Vec<(String, ItemKey)> = Vec::new();
    let mut bytes = 0;
    for write in writes {
        let (_, write) = kind_of(write)?;
        let item: &Item = object(write, "Item").or_else(|_| object(write, "Key"))?;
        let place = (table_name(write)?.to_owned(), key_of(item)?);
        if seen.contains(&place) {
            return Err(invalid(
                "Transaction request cannot include multiple operations on one item",
            ));
        }
        seen.push(place);
        bytes += value::bytes(item);
    }
    if bytes > MOST_BYTES {
        return Err(invalid(
            "Collection size of items in transaction exceeded the limit of 4 MB",
        ));
    }
    Ok(())
}
