//! Changes that other users of the portal make.

use serde::{Deserialize, Serialize};

use super::{Account, STATUSES, table::TimedTable};
use crate::zoho::dice::Dice;

/// The row kinds that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// Tickets.
    Tickets,
    /// Contacts.
    Contacts,
    /// Accounts (companies).
    Accounts,
    /// Calls.
    Calls,
}

/// What happens to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// New rows, created now.
    Create,
    /// Rows get a new `modifiedTime` and visibly new content; a ticket also gains a thread.
    Modify,
    /// Rows disappear from every list and cannot be read by id.
    Delete,
}

/// A change to `count` rows picked by the seed, or to the rows named by `ids`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutation {
    /// Which kind of row.
    pub entity: Entity,
    /// What happens.
    pub change: Change,
    /// How many rows, if `ids` is empty.
    #[serde(default = "one")]
    pub count: u32,
    /// Exactly these rows; unknown ids are skipped. Not used by [`Change::Create`].
    #[serde(default)]
    pub ids: Vec<String>,
    /// The status that created or modified tickets get; one the account does not know is ignored.
    #[serde(default)]
    pub status: Option<String>,
}

const fn one() -> u32 {
    1
}

impl Mutation {
    /// `count` rows picked by the seed.
    pub fn of(entity: Entity, change: Change, count: u32) -> Self {
        Self {
            entity,
            change,
            count,
            ids: Vec::new(),
            status: None,
        }
    }

    /// The rows with these ids.
    pub fn of_ids(entity: Entity, change: Change, ids: Vec<String>) -> Self {
        Self {
            ids,
            ..Self::of(entity, change, 0)
        }
    }
}

impl Account {
    /// Applies the change at `at_ms` and returns the ids of the rows it touched.
    pub(in crate::zoho) fn apply(
        &mut self,
        mutation: &Mutation,
        at_ms: i64,
        dice: &mut Dice,
    ) -> Vec<String> {
        let rows = match mutation.change {
            Change::Create => (0..mutation.count)
                .map(|_| self.table(mutation.entity).create(at_ms))
                .collect(),
            Change::Modify | Change::Delete => self.targets(mutation, dice),
        };
        for &row in &rows {
            match mutation.change {
                Change::Create => {}
                Change::Modify => self.table(mutation.entity).modify(row, at_ms),
                Change::Delete => self.table(mutation.entity).delete(row),
            }
            if mutation.entity == Entity::Tickets {
                self.follow(row, mutation);
            }
        }
        let table = self.table(mutation.entity);
        rows.iter().map(|&row| table.id(row).to_string()).collect()
    }

    /// The ids of the rows that a change or a deletion would touch.
    pub(in crate::zoho) fn pick(&mut self, mutation: &Mutation, dice: &mut Dice) -> Vec<String> {
        let rows = self.targets(mutation, dice);
        let table = self.table(mutation.entity);
        rows.iter().map(|&row| table.id(row).to_string()).collect()
    }

    fn targets(&mut self, mutation: &Mutation, dice: &mut Dice) -> Vec<u32> {
        let table = self.table(mutation.entity);
        if !mutation.ids.is_empty() {
            let ids = mutation.ids.iter().filter_map(|id| id.parse().ok());
            return ids.filter_map(|id| table.find(id)).collect();
        }
        let mut candidates = table.live(super::Order::Created).to_vec();
        let count = (mutation.count as usize).min(candidates.len());
        for position in 0..count {
            let rest = (candidates.len() - position) as u64;
            candidates.swap(position, position + dice.below(rest) as usize);
        }
        candidates.truncate(count);
        candidates
    }

    /// What a changed ticket brings with it.
    fn follow(&mut self, row: u32, mutation: &Mutation) {
        if mutation.change == Change::Create {
            self.file_time_entries(row);
        }
        let wanted = mutation.status.as_deref();
        if let Some(status) = STATUSES.iter().find(|status| Some(status.name) == wanted) {
            self.statuses.insert(row, *status);
        }
    }

    fn table(&mut self, entity: Entity) -> &mut TimedTable {
        match entity {
            Entity::Tickets => &mut self.tickets,
            Entity::Contacts => &mut self.contacts,
            Entity::Accounts => &mut self.accounts,
            Entity::Calls => &mut self.calls,
        }
    }
}
