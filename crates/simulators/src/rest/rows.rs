use std::collections::BTreeMap;

use jiff::Timestamp;

/// The rows that all lists show, by id.
#[derive(Debug, Default)]
pub(super) struct Rows {
    by_id: BTreeMap<u64, Row>,
    next_id: u64,
    last_change: Option<Timestamp>,
    /// A field that rows have gained.
    extra: Option<String>,
    groups: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) updated: Timestamp,
    version: u64,
}

/// Milliseconds between two rows of a fresh account; two at a time share their moment.
const APART_MS: i64 = 60_000;

impl Rows {
    /// `count` rows, the last one changed a minute before `now`.
    pub(super) fn fresh(count: u64, groups: u64, now: Timestamp) -> Self {
        let mut rows = Self {
            next_id: 1,
            groups: groups.max(1),
            ..Self::default()
        };
        for at in 0..count {
            let back = (count - at).div_ceil(2).cast_signed() * APART_MS;
            let updated = Timestamp::from_millisecond(now.as_millisecond() - back).unwrap_or(now);
            rows.add(updated);
        }
        rows
    }

    fn add(&mut self, updated: Timestamp) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let version = 0;
        self.by_id.insert(
            id,
            Row {
                id,
                updated,
                version,
            },
        );
        self.last_change = self.last_change.max(Some(updated));
        id
    }

    /// A moment later than every change before.
    fn moment(&mut self, now: Timestamp) -> Timestamp {
        let later = self.last_change.map(|last| last.as_millisecond() + 1_000);
        let moment = now.as_millisecond().max(later.unwrap_or(i64::MIN));
        let moment = Timestamp::from_millisecond(moment).unwrap_or(now);
        self.last_change = Some(moment);
        moment
    }

    pub(super) fn change(&mut self, ids: &[u64], now: Timestamp) -> Vec<u64> {
        let moment = self.moment(now);
        let mut changed = Vec::new();
        for id in ids {
            if let Some(row) = self.by_id.get_mut(id) {
                row.updated = moment;
                row.version += 1;
                changed.push(*id);
            }
        }
        changed
    }

    pub(super) fn create(&mut self, count: u64, now: Timestamp) -> Vec<u64> {
        let moment = self.moment(now);
        (0..count).map(|_| self.add(moment)).collect()
    }

    pub(super) fn delete(&mut self, ids: &[u64]) -> Vec<u64> {
        let gone = ids.iter().filter(|id| self.by_id.remove(id).is_some());
        gone.copied().collect()
    }

    pub(super) fn gain(&mut self, field: Option<String>) {
        self.extra = field;
    }

    /// The `count` first ids, for callers that name none.
    pub(super) fn first(&self, count: usize) -> Vec<u64> {
        self.by_id.keys().take(count).copied().collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Row> {
        self.by_id.values().copied()
    }

    pub(super) fn groups(&self) -> u64 {
        self.groups
    }

    pub(super) fn remove_last_group(&mut self) {
        self.groups = self.groups.saturating_sub(1);
    }

    /// Which group a row is in. Rows of a group that is gone are in none.
    pub(super) fn group_of(row: Row, groups_at_start: u64) -> u64 {
        row.id % groups_at_start.max(1) + 1
    }

    /// A row's text: numbers that a float would spoil, text that needs escapes.
    pub(super) fn json(&self, row: Row) -> String {
        let Row {
            id,
            updated,
            version,
        } = row;
        let extra = self.extra.as_ref().map_or_else(String::new, |field| {
            format!(
                ",{}:\"value {id}\"",
                serde_json::Value::from(field.as_str())
            )
        });
        format!(
            "{{\"id\":{id},\"name\":\"item {id} \\u00e9\\\"\",\"amount\":{id}.10,\
             \"big\":1234567890123456{:04},\"updatedAt\":\"{updated}\",\"updatedMs\":{},\
             \"version\":{version}{extra}}}",
            id % 10_000,
            updated.as_millisecond(),
        )
    }

    pub(super) fn csv(row: Row, delimiter: char) -> String {
        let updated = row.updated;
        let (id, version) = (row.id, row.version);
        let d = delimiter;
        format!("{id}{d}\"item {id}, \"\"x\"\"\"{d}{id}.10{d}{updated}{d}{version}\n")
    }
}
