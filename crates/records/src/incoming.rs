use crate::place::Place;
use crate::record::FailedRow;

/// What a run, or an import, has to say about one record.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'r> {
    pub(crate) place: Place,
    pub(crate) external_id: &'r str,
    /// None if only a failure is known.
    pub(crate) data: Option<&'r str>,
    pub(crate) error: Option<&'r str>,
}

impl Incoming<'_> {
    /// About how many bytes it takes when it is stored.
    pub(crate) fn stored_bytes(&self) -> u64 {
        const TIMES_AND_NAMES: usize = 80;
        let error = self.error.map_or(0, str::len);
        let data = self.data.map_or(0, str::len);
        (TIMES_AND_NAMES + self.external_id.len() + data + error) as u64
    }
}

/// The failures among the rows of a run, in the order of their places; the last one of a record counts.
pub(crate) fn failures(failed: &[FailedRow]) -> Vec<Incoming<'_>> {
    let mut failures: Vec<Incoming<'_>> = failed
        .iter()
        .map(|row| Incoming {
            place: Place::of(&row.external_id),
            external_id: &row.external_id,
            data: None,
            error: Some(&row.error),
        })
        .collect();
    failures.sort_by_key(|failure| failure.place);
    failures.reverse();
    failures.dedup_by_key(|failure| failure.place);
    failures.reverse();
    failures
}

/// Rows and failures as one list, all in the order of their places, within `[from, to)`.
pub(crate) fn joined<'r>(
    rows: Vec<Incoming<'r>>,
    failures: &[Incoming<'r>],
    from: Place,
    to: Option<Place>,
) -> Vec<Incoming<'r>> {
    let begin = failures.partition_point(|failure| failure.place < from);
    let end = to.map_or(failures.len(), |to| {
        failures.partition_point(|failure| failure.place < to)
    });
    let failures = failures.get(begin..end).unwrap_or_default();
    if failures.is_empty() {
        return rows;
    }
    let mut all = rows;
    all.extend_from_slice(failures);
    // Stable: a row stands before the failure of its record.
    all.sort_by_key(|incoming| incoming.place);
    all.dedup_by(|failure, row| {
        let same = failure.place == row.place;
        if same {
            row.error = failure.error;
        }
        same
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_goes_to_the_row_of_its_record_and_stands_alone_without_one() {
        let failed = ["a", "b", "a"].map(|id| FailedRow {
            external_id: id.to_owned(),
            error: "why".to_owned(),
        });
        let failures = failures(&failed);
        assert_eq!(failures.len(), 2);
        let row = Incoming {
            place: Place::of("a"),
            external_id: "a",
            data: Some("{}"),
            error: None,
        };
        let all = joined(vec![row], &failures, Place::FIRST, None);
        let mut found: Vec<_> = all
            .iter()
            .map(|i| (i.external_id, i.data, i.error))
            .collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [("a", Some("{}"), Some("why")), ("b", None, Some("why"))]
        );
        let only = joined(vec![], &failures, Place::of("b"), None);
        assert!(only.iter().all(|i| i.place >= Place::of("b")));
    }
}
