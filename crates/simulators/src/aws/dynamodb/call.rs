use axum::http::request::Parts;
use serde_json::Value;

use super::super::Asked;
use super::{Refusal, unsupported};

/// One request to `DynamoDB`.
#[derive(Debug)]
pub(in super::super) struct Call {
    action: Action,
    request: Result<Value, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    GetItem,
    PutItem,
    UpdateItem,
    DeleteItem,
    Query,
    TransactWriteItems,
    BatchWriteItem,
    Unknown,
}

const WRITE: [&str; 6] = [
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
    "ReturnConsumedCapacity",
];

impl Action {
    fn of(name: &str) -> Self {
        match name {
            "GetItem" => Self::GetItem,
            "PutItem" => Self::PutItem,
            "UpdateItem" => Self::UpdateItem,
            "DeleteItem" => Self::DeleteItem,
            "Query" => Self::Query,
            "TransactWriteItems" => Self::TransactWriteItems,
            "BatchWriteItem" => Self::BatchWriteItem,
            _ => Self::Unknown,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::GetItem => "GetItem",
            Self::PutItem => "PutItem",
            Self::UpdateItem => "UpdateItem",
            Self::DeleteItem => "DeleteItem",
            Self::Query => "Query",
            Self::TransactWriteItems => "TransactWriteItems",
            Self::BatchWriteItem => "BatchWriteItem",
            Self::Unknown => "Unknown",
        }
    }

    /// The parameters that the stand-in knows; of writes, those beside [`WRITE`].
    fn parameters(self) -> (bool, &'static [&'static str]) {
        match self {
            Self::GetItem => (
                false,
                &[
                    "TableName",
                    "Key",
                    "ConsistentRead",
                    "ReturnConsumedCapacity",
                ],
            ),
            Self::PutItem => (true, &["Item", "ReturnValues"]),
            Self::UpdateItem => (true, &["Key", "UpdateExpression", "ReturnValues"]),
            Self::DeleteItem => (true, &["Key", "ReturnValues"]),
            Self::Query => (
                false,
                &[
                    "TableName",
                    "IndexName",
                    "KeyConditionExpression",
                    "ExpressionAttributeNames",
                    "ExpressionAttributeValues",
                    "ScanIndexForward",
                    "Limit",
                    "ExclusiveStartKey",
                    "ConsistentRead",
                    "ReturnConsumedCapacity",
                ],
            ),
            Self::TransactWriteItems => (
                false,
                &[
                    "TransactItems",
                    "ClientRequestToken",
                    "ReturnConsumedCapacity",
                ],
            ),
            Self::BatchWriteItem => (false, &["RequestItems", "ReturnConsumedCapacity"]),
            Self::Unknown => (false, &[]),
        }
    }
}

impl Call {
    /// The call, if this is one to `DynamoDB`.
    pub(in super::super) fn read(parts: &Parts, body: &[u8]) -> Option<Self> {
        let target = parts.headers.get("x-amz-target")?.to_str().ok()?;
        let action = Action::of(target.strip_prefix("DynamoDB_20120810.")?);
        Some(Self {
            action,
            request: serde_json::from_slice(body).map_err(|error| error.to_string()),
        })
    }

    pub(in super::super) fn asked(&self) -> Asked {
        Asked {
            action: self.action.name(),
            target: self.target().unwrap_or_default(),
            mutates: !matches!(
                self.action,
                Action::GetItem | Action::Query | Action::Unknown
            ),
        }
    }

    pub(super) fn action(&self) -> Action {
        self.action
    }

    /// How many items a transaction has; `None` for other calls.
    pub(in super::super) fn transaction_size(&self) -> Option<usize> {
        let request = self.request.as_ref().ok()?;
        let items = request["TransactItems"].as_array()?;
        (self.action == Action::TransactWriteItems).then_some(items.len())
    }

    /// The body, if it names only what the stand-in knows.
    pub(super) fn request(&self) -> Result<&Value, Refusal> {
        let request = match &self.request {
            Ok(request) => request,
            Err(why) => return Err(Refusal::new("SerializationException", why.clone())),
        };
        let Some(fields) = request.as_object() else {
            return Err(Refusal::new("SerializationException", "not an object"));
        };
        let (is_write, own) = self.action.parameters();
        let known = |name: &str| own.contains(&name) || (is_write && WRITE.contains(&name));
        match fields.keys().find(|name| !known(name)) {
            Some(name) if self.action != Action::Unknown => {
                Err(unsupported(format!("{name} in {}", self.action.name())))
            }
            _ => Ok(request),
        }
    }

    /// The partition key of the first item concerned.
    fn target(&self) -> Option<String> {
        let request = self.request.as_ref().ok()?;
        let pk = match self.action {
            Action::TransactWriteItems => {
                let first = request["TransactItems"].get(0)?.as_object()?;
                partition_key(first.values().next()?)
            }
            Action::BatchWriteItem => {
                let writes = request["RequestItems"].as_object()?.values().next()?;
                partition_key(writes.get(0)?.as_object()?.values().next()?)
            }
            Action::Query => request["ExpressionAttributeValues"][":pk"]["S"].as_str(),
            _ => partition_key(request),
        };
        pk.map(str::to_owned)
    }
}

fn partition_key(write: &Value) -> Option<&str> {
    let found = ["Key", "Item"].iter().find_map(|field| write.get(field));
    found?["pk"]["S"].as_str()
}
