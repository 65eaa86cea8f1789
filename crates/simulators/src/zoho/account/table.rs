//! Times of one entity kind, with sorted indexes that stay sorted under changes.

use std::collections::{HashMap, HashSet};

use crate::zoho::dice::Dice;

const DAY_MS: i64 = 86_400_000;
const HISTORY_DAYS: i64 = 730;
const ID_STEP: u64 = 1_000;

/// What happened to a row after the account was generated.
#[derive(Debug, Clone, Default)]
pub(in crate::zoho) struct Edits {
    /// The `modifiedTime` the row was generated with, epoch ms.
    pub(in crate::zoho) original_modified: i64,
    /// When it was modified since, oldest first, epoch ms.
    pub(in crate::zoho) times: Vec<i64>,
}

/// Rows are known by their index; an id is computed from it and back.
#[derive(Debug)]
pub(in crate::zoho) struct TimedTable {
    seed: u64,
    stream: u64,
    base_id: u64,
    created: Vec<i64>,
    modified: Vec<i64>,
    dead: HashSet<u32>,
    edits: HashMap<u32, Edits>,
    by_created: Vec<u32>,
    by_modified: Vec<u32>,
}

/// Which sorted index to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::zoho) enum Order {
    Created,
    Modified,
}

impl TimedTable {
    /// `rows` rows created in the two years before `now_ms`, `burst` of them in one millisecond.
    pub(in crate::zoho) fn generate(
        (seed, stream): (u64, u64),
        base_id: u64,
        rows: u32,
        burst: u32,
        now_ms: i64,
    ) -> Self {
        let created = creation_times(seed, stream, rows, burst, now_ms);
        let modified = modification_times(seed, stream, &created, now_ms);
        let by_created = (0..rows).collect();
        let mut by_modified: Vec<u32> = (0..rows).collect();
        by_modified.sort_unstable_by_key(|&row| (modified[row as usize], row));
        Self {
            seed,
            stream,
            base_id,
            created,
            modified,
            dead: HashSet::new(),
            edits: HashMap::new(),
            by_created,
            by_modified,
        }
    }

    pub(in crate::zoho) fn id(&self, row: u32) -> u64 {
        let row = u64::from(row);
        self.base_id + row * ID_STEP + Dice::new(self.seed, self.stream, row).below(ID_STEP)
    }

    /// The row with this id, if it exists and is not deleted.
    pub(in crate::zoho) fn find(&self, id: u64) -> Option<u32> {
        let row = u32::try_from(id.checked_sub(self.base_id)? / ID_STEP).ok()?;
        (self.is_live(row) && self.id(row) == id).then_some(row)
    }

    pub(in crate::zoho) fn is_live(&self, row: u32) -> bool {
        (row as usize) < self.created.len() && !self.dead.contains(&row)
    }

    pub(in crate::zoho) fn created(&self, row: u32) -> i64 {
        self.created[row as usize]
    }

    pub(in crate::zoho) fn modified(&self, row: u32) -> i64 {
        self.modified[row as usize]
    }

    pub(in crate::zoho) fn edits(&self, row: u32) -> Edits {
        self.edits.get(&row).cloned().unwrap_or_else(|| Edits {
            original_modified: self.modified(row),
            times: Vec::new(),
        })
    }

    pub(in crate::zoho) fn version(&self, row: u32) -> usize {
        self.edits.get(&row).map_or(0, |edits| edits.times.len())
    }

    /// Rows ever created, deleted ones included.
    pub(in crate::zoho) fn rows(&self) -> u32 {
        self.created.len() as u32
    }

    /// Live rows in ascending order.
    pub(in crate::zoho) fn live(&self, order: Order) -> &[u32] {
        match order {
            Order::Created => &self.by_created,
            Order::Modified => &self.by_modified,
        }
    }

    pub(in crate::zoho) fn time(&self, order: Order, row: u32) -> i64 {
        match order {
            Order::Created => self.created(row),
            Order::Modified => self.modified(row),
        }
    }

    /// Live rows whose time lies in `first..=last`, ascending.
    pub(in crate::zoho) fn between(&self, order: Order, (first, last): (i64, i64)) -> &[u32] {
        let rows = self.live(order);
        let start = rows.partition_point(|&row| self.time(order, row) < first);
        let end = rows.partition_point(|&row| self.time(order, row) <= last);
        rows.get(start..end).unwrap_or_default()
    }

    pub(in crate::zoho) fn create(&mut self, at_ms: i64) -> u32 {
        let row = self.rows();
        self.created.push(at_ms);
        self.modified.push(at_ms);
        self.insert(Order::Created, row);
        self.insert(Order::Modified, row);
        row
    }

    /// Moves the row's `modifiedTime` to `at_ms`, or one millisecond on if it is already there.
    pub(in crate::zoho) fn modify(&mut self, row: u32, at_ms: i64) {
        let after = self.touch(row, at_ms);
        if let Some(edits) = self.edits.get_mut(&row) {
            edits.times.push(after);
        }
    }

    /// The same without a new version of what the seed decides; returns the new time.
    pub(in crate::zoho) fn touch(&mut self, row: u32, at_ms: i64) -> i64 {
        self.remove(Order::Modified, row);
        let before = self.modified(row);
        let after = at_ms.max(before + 1);
        self.edits.entry(row).or_insert_with(|| Edits {
            original_modified: before,
            times: Vec::new(),
        });
        self.modified[row as usize] = after;
        self.insert(Order::Modified, row);
        after
    }

    pub(in crate::zoho) fn delete(&mut self, row: u32) {
        self.remove(Order::Created, row);
        self.remove(Order::Modified, row);
        self.dead.insert(row);
    }

    fn position(&self, order: Order, row: u32) -> usize {
        let key = (self.time(order, row), row);
        self.live(order)
            .partition_point(|&other| (self.time(order, other), other) < key)
    }

    fn insert(&mut self, order: Order, row: u32) {
        let position = self.position(order, row);
        self.index(order).insert(position, row);
    }

    fn remove(&mut self, order: Order, row: u32) {
        let position = self.position(order, row);
        if self.live(order).get(position) == Some(&row) {
            self.index(order).remove(position);
        }
    }

    fn index(&mut self, order: Order) -> &mut Vec<u32> {
        match order {
            Order::Created => &mut self.by_created,
            Order::Modified => &mut self.by_modified,
        }
    }
}

/// Ascending times, thin at weekends, with busy days, shared milliseconds and one bulk import.
fn creation_times(seed: u64, stream: u64, rows: u32, burst: u32, now_ms: i64) -> Vec<i64> {
    let mut dice = Dice::new(seed, stream ^ 0xc0, 0);
    let start = now_ms - HISTORY_DAYS * DAY_MS;
    let mut reach = Vec::with_capacity(HISTORY_DAYS as usize);
    let mut total = 0;
    for day in 0..HISTORY_DAYS.cast_unsigned() {
        let weekend = matches!((day + seed) % 7, 0 | 1);
        let busy = if dice.percent(3) { 12 } else { 1 };
        total += (400 + day) * busy / if weekend { 5 } else { 1 };
        reach.push(total);
    }
    let mut times: Vec<i64> = (0..rows)
        .map(|_| {
            let roll = dice.below(total);
            let day = reach.partition_point(|&end| end <= roll);
            start + DAY_MS * i64::try_from(day).unwrap_or(0) + dice.millis_below(DAY_MS)
        })
        .collect();
    times.sort_unstable();
    share_milliseconds(&mut times, burst, &mut dice);
    times
}

fn share_milliseconds(times: &mut [i64], burst: u32, dice: &mut Dice) {
    let mut position = 40;
    while position < times.len() {
        let end = (position + 2 + dice.below(10) as usize).min(times.len());
        let shared = times[position];
        times[position..end].fill(shared);
        position = end + 60 + dice.below(120) as usize;
    }
    let from = times.len() / 3;
    let to = (from + burst as usize).min(times.len());
    if from < to {
        let shared = times[from];
        times[from..to].fill(shared);
        // What came earlier in sorted order keeps its place: the filled run took its lowest time.
        times.sort_unstable();
    }
}

/// Never before creation; most long ago, a few percent in the last day, one bulk update.
fn modification_times(seed: u64, stream: u64, created: &[i64], now_ms: i64) -> Vec<i64> {
    let yesterday = now_ms - DAY_MS;
    let mut times: Vec<i64> = created
        .iter()
        .enumerate()
        .map(|(row, &created)| {
            let mut dice = Dice::new(seed, stream ^ 0xed, row as u64);
            if dice.percent(3) {
                let earliest = created.max(yesterday);
                earliest + dice.millis_below(now_ms - earliest)
            } else {
                let days = [0, 1, 1, 2, 3, 7, 20, 60][dice.below(8) as usize];
                let later = created + days * DAY_MS / 2 + dice.millis_below(DAY_MS);
                later.min(created.max(yesterday))
            }
        })
        .collect();
    let from = created.len() / 2;
    let to = from + (created.len() / 30).min(150);
    if let Some(&updated) = times.get(from..to).and_then(|run| run.iter().max()) {
        times[from..to].fill(updated);
    }
    times
}
