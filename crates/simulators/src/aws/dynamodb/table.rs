use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::expression::{Test, Update};
use super::value::{self, Item};
use super::{Refusal, invalid, unsupported};

/// Partition and sort key of an item.
pub(super) type ItemKey = (String, String);

#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    items: BTreeMap<ItemKey, Item>,
}

/// What a write demands of the item that is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub(super) parsed: Option<Test>,
    /// Whether a refusal shows the item that is there.
    pub(super) tells: bool,
}

impl Condition {
    pub(super) fn check(&self, there: Option<&Item>) -> Result<(), Refusal> {
        let none = Item::new();
        let holds = self
            .parsed
            .as_ref()
            .is_none_or(|test| test.holds(there.unwrap_or(&none)));
        if holds {
            return Ok(());
        }
        let refusal = Refusal::new(
            "ConditionalCheckFailedException",
            "The conditional request failed",
        );
        Err(match there {
            Some(item) if self.tells => refusal.with("Item", json!(item)),
            _ => refusal,
        })
    }
}

impl Table {
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    pub(super) fn partition(&self, pk: &str) -> impl Iterator<Item = &Item> {
        self.items
            .range((pk.to_owned(), String::new())..)
            .take_while(move |((of, _), _)| of == pk)
            .map(|(_, item)| item)
    }

    pub(super) fn get(&self, key: &Item) -> Result<Option<&Item>, Refusal> {
        Ok(self.items.get(&exact_key(key)?))
    }

    /// Puts a whole item; gives the one before it.
    pub(super) fn put(
        &mut self,
        item: Item,
        condition: &Condition,
    ) -> Result<Option<Item>, Refusal> {
        let key = key_of(&item)?;
        check_item(&item)?;
        condition.check(self.items.get(&key))?;
        Ok(self.items.insert(key, item))
    }

    pub(super) fn delete(
        &mut self,
        key: &Item,
        condition: &Condition,
    ) -> Result<Option<Item>, Refusal> {
        let key = exact_key(key)?;
        condition.check(self.items.get(&key))?;
        Ok(self.items.remove(&key))
    }

    /// Changes single attributes, of a new item if there is none; gives it before and after.
    pub(super) fn update(
        &mut self,
        key: &Item,
        update: &Update,
        condition: &Condition,
    ) -> Result<(Option<Item>, Item), Refusal> {
        let at = exact_key(key)?;
        let there = self.items.get(&at);
        condition.check(there)?;
        let mut item = there.cloned().unwrap_or_else(|| key.clone());
        update.apply(&mut item)?;
        if exact_keys(&item) != Some((&at.0, &at.1)) {
            return Err(invalid(
                "One or more parameter values were invalid: Cannot update attribute pk or sk. This attribute is part of the key",
            ));
        }
        check_item(&item)?;
        Ok((self.items.insert(at, item.clone()), item))
    }

    pub(super) fn check(&self, key: &Item, condition: &Condition) -> Result<(), Refusal> {
        condition.check(self.items.get(&exact_key(key)?))
    }

    /// One `PutRequest` or `DeleteRequest`.
    pub(super) fn batched(&mut self, write: &Value) -> Result<ItemKey, Refusal> {
        if let Some(item) = write["PutRequest"]["Item"].as_object() {
            self.put(item.clone(), &Condition::default())?;
            return key_of(item);
        }
        let Some(key) = write["DeleteRequest"]["Key"].as_object() else {
            return Err(unsupported("this write request"));
        };
        self.delete(key, &Condition::default())?;
        key_of(key)
    }

    pub(super) fn remove_expired(&mut self, now: i64) {
        self.items.retain(|_, item| {
            let at = item.get("expires_at").and_then(|at| at["N"].as_str());
            at.and_then(|at| at.parse::<i64>().ok())
                .is_none_or(|at| at > now)
        });
    }
}

/// The key of an item or of a key alone.
pub(super) fn key_of(item: &Item) -> Result<ItemKey, Refusal> {
    let part = |name: &str, most: usize| match value::text(item, name) {
        Some("") => Err(invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
        ))),
        Some(text) if text.len() > most => Err(invalid(format!(
            "One or more parameter values were invalid: Size of key {name} has exceeded the maximum size limit of {most} bytes"
        ))),
        Some(text) => Ok(text.to_owned()),
        None => Err(invalid(format!(
            "One or more parameter values were invalid: Missing the key {name} in the item, or its type is not S"
        ))),
    };
    Ok((part("pk", 2048)?, part("sk", 1024)?))
}

fn exact_key(key: &Item) -> Result<ItemKey, Refusal> {
    if key.len() != 2 {
        return Err(invalid(
            "The provided key element does not match the schema",
        ));
    }
    key_of(key)
}

fn exact_keys(item: &Item) -> Option<(&str, &str)> {
    Some((value::text(item, "pk")?, value::text(item, "sk")?))
}

fn check_item(item: &Item) -> Result<(), Refusal> {
    for value in item.values() {
        value::check(value, 1)?;
    }
    for name in ["lpk", "lsk"] {
        let is_key = value::text(item, name).is_some_and(|text| !text.is_empty());
        if item.contains_key(name) && !is_key {
            return Err(invalid(format!(
                "One or more parameter values were invalid: {name} is a key of the index listing and must be a string that is not empty"
            )));
        }
    }
    value::check_size(item)
}
