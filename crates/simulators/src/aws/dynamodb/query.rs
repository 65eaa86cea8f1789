use serde_json::{Value, json};

use super::expression::{Expressions, Operand, Test};
use super::table::Table;
use super::value::{self, Item};
use super::{Refusal, invalid, unsupported};

const MOST_PAGE_BYTES: usize = 1024 * 1024;

/// What is queried: the names of its partition and sort key.
#[derive(Debug, Clone, Copy)]
struct Schema {
    partition: &'static str,
    sort: &'static str,
    keys: &'static [&'static str],
}

const TABLE: Schema = Schema {
    partition: "pk",
    sort: "sk",
    keys: &["pk", "sk"],
};

const LISTING: Schema = Schema {
    partition: "lpk",
    sort: "lsk",
    keys: &["pk", "sk", "lpk", "lsk"],
};

impl Schema {
    fn asked(request: &Value) -> Result<Self, Refusal> {
        match request["IndexName"].as_str() {
            None => Ok(TABLE),
            Some("listing") if request["ConsistentRead"] == true => Err(invalid(
                "Consistent reads are not supported on global secondary indexes",
            )),
            Some("listing") => Ok(LISTING),
            Some(other) => Err(invalid(format!(
                "The table does not have the specified index: {other}"
            ))),
        }
    }

    /// What an index is ordered by; items without its keys are not in it.
    fn position(self, item: &Item) -> Option<[&str; 3]> {
        value::text(item, self.partition)?;
        Some([
            value::text(item, self.sort)?,
            value::text(item, "pk")?,
            value::text(item, "sk")?,
        ])
    }

    /// The one partition asked for; there may be one test of the sort key beside it.
    fn asked_partition(self, test: &Test) -> Result<&str, Refusal> {
        let mut terms = Vec::new();
        test.terms(&mut terms);
        let of = |name: &str| {
            let named = terms.iter().filter(|term| term.name() == Some(name));
            named.collect::<Vec<_>>()
        };
        let (partition, sort) = (of(self.partition), of(self.sort));
        let [Test::Compare(Operand::Name(_), "=", Operand::Value(asked))] = partition[..] else {
            return Err(invalid("Query condition missed key schema element: pk"));
        };
        if sort.len() > 1 || partition.len() + sort.len() != terms.len() {
            return Err(invalid("Query key condition not supported"));
        }
        asked["S"]
            .as_str()
            .ok_or_else(|| invalid("Query key condition of another type than the key's"))
    }

    fn items<'t>(
        self,
        table: &'t Table,
        partition: &'t str,
    ) -> Box<dyn Iterator<Item = &'t Item> + 't> {
        if self.partition == TABLE.partition {
            Box::new(table.partition(partition))
        } else {
            Box::new(table.items())
        }
    }
}

pub(super) fn run(table: &Table, request: &Value) -> Result<Value, Refusal> {
    let schema = Schema::asked(request)?;
    let condition = request["KeyConditionExpression"]
        .as_str()
        .ok_or_else(|| unsupported("a query without KeyConditionExpression"))?;
    let mut expressions = Expressions::of(request)?;
    let test = expressions.condition(condition)?;
    expressions.all_used()?;
    let partition = schema.asked_partition(&test)?;

    let forward = request["ScanIndexForward"] != false;
    let mut found: Vec<(&Item, [&str; 3])> = schema
        .items(table, partition)
        .filter(|item| test.holds(item))
        .filter_map(|item| Some((item, schema.position(item)?)))
        .collect();
    found.sort_by_key(|(_, position)| *position);
    if !forward {
        found.reverse();
    }
    if let Some(start) = request["ExclusiveStartKey"].as_object() {
        let start = start_of(schema, start, &test)?;
        found.retain(|(_, position)| {
            let order = position.as_slice().cmp(start.as_slice());
            if forward {
                order.is_gt()
            } else {
                order.is_lt()
            }
        });
    }
    page(schema, request, &found)
}

fn start_of<'a>(schema: Schema, start: &'a Item, test: &Test) -> Result<[&'a str; 3], Refusal> {
    let invalid_start = || {
        invalid(
            "The provided starting key is outside query boundaries based on provided conditions",
        )
    };
    let fits = start.len() == schema.keys.len()
        && schema
            .keys
            .iter()
            .all(|name| value::text(start, name).is_some());
    if !fits {
        return Err(invalid("The provided starting key is invalid"));
    }
    if !test.holds(start) {
        return Err(invalid_start());
    }
    schema.position(start).ok_or_else(invalid_start)
}

/// As far as `Limit` and 1 MB go. A page that reaches the limit names a last key even if nothing
/// comes after it.
fn page(schema: Schema, request: &Value, found: &[(&Item, [&str; 3])]) -> Result<Value, Refusal> {
    let limit = match &request["Limit"] {
        Value::Null => usize::MAX,
        limit => limit
            .as_u64()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| invalid("Limit must be greater than or equal to 1"))?
            as usize,
    };
    let mut bytes = 0;
    let mut items = Vec::new();
    let mut last = None;
    for (item, _) in found {
        bytes += value::bytes(item);
        items.push(*item);
        if items.len() == limit || bytes > MOST_PAGE_BYTES {
            last = Some(*item);
            break;
        }
    }
    let mut answer = json!({ "Items": items, "Count": items.len(), "ScannedCount": items.len() });
    if let Some(last) = last {
        let key: Item = schema
            .keys
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), last.get(*name)?.clone())))
            .collect();
        answer["LastEvaluatedKey"] = Value::Object(key);
    }
    Ok(answer)
}
