use std::ops::Range;

use crate::incoming::Incoming;
use crate::place::Place;

/// The rows of a run between two places, as many as fit: when they become too many, the end moves
/// forward and the rows behind it are left for the next reading of the run.
pub(crate) struct Batch {
    limit: usize,
    from: Place,
    to: Option<Place>,
    /// Where segments begin: an end that lies on one leaves the segment after it alone.
    borders: Vec<Place>,
    /// Ids and data, in the order of their arrival.
    arena: String,
    rows: Vec<Held>,
}

#[derive(Clone, Copy)]
struct Held {
    place: Place,
    at: usize,
    id_bytes: u32,
    data_bytes: u32,
}

impl Held {
    fn bytes(&self) -> usize {
        self.id_bytes as usize + self.data_bytes as usize
    }

    fn cost(&self) -> usize {
        self.bytes() + size_of::<Self>()
    }

    fn id(&self) -> Range<usize> {
        self.at..self.at + self.id_bytes as usize
    }

    fn data(&self) -> Range<usize> {
        self.at + self.id_bytes as usize..self.at + self.bytes()
    }
}

impl Batch {
    /// Of the places from `from` on, with about `limit` bytes in memory.
    pub(crate) fn new(limit: usize, from: Place, borders: Vec<Place>) -> Self {
        Self {
            limit,
            from,
            to: None,
            borders,
            arena: String::new(),
            rows: Vec::new(),
        }
    }

    /// Where it ends; none: it has all the rest.
    pub(crate) fn to(&self) -> Option<Place> {
        self.to
    }

    pub(crate) fn wants(&self, place: Place) -> bool {
        place >= self.from && self.to.is_none_or(|to| place < to)
    }

    /// Takes a row in; a later one of the same record replaces it.
    pub(crate) fn push(&mut self, place: Place, external_id: &str, data: [&str; 2]) {
        let at = self.arena.len();
        self.arena.push_str(external_id);
        self.arena.push_str(data[0]);
        self.arena.push_str(data[1]);
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        self.rows.push(Held {
            place,
            at,
            id_bytes: length(external_id.len()),
            data_bytes: length(data[0].len() + data[1].len()),
        });
        if self.cost() > self.limit {
            self.shrink();
        }
    }

    /// The rows in the order of their places, the last one of each record.
    pub(crate) fn finish(&mut self) -> Vec<Incoming<'_>> {
        self.sort();
        let arena = &self.arena;
        let text = |range: Range<usize>| arena.get(range).unwrap_or_default();
        let rows = self.rows.iter().map(|row| Incoming {
            place: row.place,
            external_id: text(row.id()),
            data: Some(text(row.data())),
            error: None,
        });
        rows.collect()
    }

    fn cost(&self) -> usize {
        self.arena.len() + self.rows.len() * size_of::<Held>()
    }

    fn sort(&mut self) {
        // The newest first, as the first one is kept.
        self.rows
            .sort_unstable_by(|a, b| (a.place, b.at).cmp(&(b.place, a.at)));
        self.rows.dedup_by_key(|row| row.place);
    }

    fn shrink(&mut self) {
        self.sort();
        let held: usize = self.rows.iter().map(Held::cost).sum();
        // Much of it may have been older rows of the same records.
        if held > self.limit / 8 * 7
            && let Some(to) = self.end()
        {
            self.to = Some(to);
            let kept = self.rows.partition_point(|row| row.place < to);
            self.rows.truncate(kept);
        }
        self.compact();
    }

    /// An end that leaves about three quarters of the limit, and at least one row.
    fn end(&self) -> Option<Place> {
        let mut cost = 0;
        let mut least = None;
        let mut end = self.rows.get(1)?.place;
        for pair in self.rows.windows(2) {
            cost += pair[0].cost();
            if cost > self.limit / 4 * 3 {
                break;
            }
            end = pair[1].place;
            if cost >= self.limit / 4 {
                least.get_or_insert(end);
            }
        }
        let before = self.borders.partition_point(|border| *border <= end);
        let border = self.borders[..before].last();
        match (border, least) {
            (Some(border), Some(least)) if *border >= least => Some(*border),
            _ => Some(end),
        }
    }

    /// Closes the gaps that dropped rows left.
    fn compact(&mut self) {
        self.rows.sort_unstable_by_key(|row| row.at);
        let mut arena = std::mem::take(&mut self.arena).into_bytes();
        let mut end = 0;
        for row in &mut self.rows {
            arena.copy_within(row.at..row.at + row.bytes(), end);
            row.at = end;
            end += row.bytes();
        }
        arena.truncate(end);
        // Whole rows moved, each of which is text.
        self.arena = String::from_utf8(arena).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Reads all rows as often as it takes; what the batches had, and how many there were.
    fn in_batches(
        rows: &[(String, String)],
        limit: usize,
        borders: &[Place],
    ) -> (Vec<(String, String)>, usize) {
        let (mut all, mut batches, mut from) = (Vec::new(), 0, Place::FIRST);
        loop {
            let mut batch = Batch::new(limit, from, borders.to_vec());
            for (id, data) in rows {
                if batch.wants(Place::of(id)) {
                    batch.push(Place::of(id), id, [&data[..1], &data[1..]]);
                    assert!(
                        batch.rows.len() <= 1 || batch.cost() <= limit,
                        "it is too large"
                    );
                }
            }
            let to = batch.to();
            let got = batch.finish();
            assert!(got.windows(2).all(|pair| pair[0].place < pair[1].place));
            assert!(
                got.iter()
                    .all(|row| row.place >= from && to.is_none_or(|to| row.place < to))
            );
            all.extend(got.iter().map(|row| {
                (
                    row.external_id.to_owned(),
                    row.data.unwrap_or_default().to_owned(),
                )
            }));
            batches += 1;
            match to {
                Some(to) => {
                    assert!(to > from, "it stands still");
                    from = to;
                }
                None => return (all, batches),
            }
        }
    }

    proptest! {
        #[test]
        fn batches_together_have_the_last_row_of_each_record(
            rows in proptest::collection::vec(("[a-z]{1,2}", "x[a-zü]{0,80}"), 0..200),
            limit in 200_usize..4000,
            borders in proptest::collection::btree_set("[a-z]{1,2}", 0..20),
        ) {
            let mut borders: Vec<Place> = borders.iter().map(|id| Place::of(id)).collect();
            borders.sort();
            let (all, _) = in_batches(&rows, limit, &borders);
            let found: BTreeMap<String, String> = all.iter().cloned().collect();
            prop_assert_eq!(found.len(), all.len());
            let expected: BTreeMap<String, String> = rows.into_iter().collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_run_is_read_about_as_often_as_it_is_larger_than_the_batch() {
        let rows: Vec<_> = (0..20_000)
            .map(|n: u32| (n.to_string(), format!("x{}", "y".repeat(100))))
            .collect();
        let bytes: usize = rows
            .iter()
            .map(|(id, data)| id.len() + data.len() + 32)
            .sum();
        let (all, batches) = in_batches(&rows, bytes / 10, &[]);
        assert_eq!(all.len(), 20_000);
        assert!((10..=14).contains(&batches), "{batches}");
    }
}
