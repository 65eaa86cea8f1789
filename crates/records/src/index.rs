use jiff::Timestamp;
use lake::{Condition, Manifest, RunId, Store, Written};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::folder::Folder;
use crate::line::Millis;
use crate::place::Place;
use crate::record::Counts;

/// The layout that this release writes.
const VERSION: u32 = 1;

/// What a stream's records consist of. Everything that it does not name does not exist.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Index {
    version: u32,
    /// Grows by one with each write.
    pub(crate) generation: u64,
    /// The newest time that was given to a record: it never goes back, whatever the clocks do.
    pub(crate) stamp: Millis,
    /// The newest run that was taken in whole.
    applied: Option<Moment>,
    /// A run of which a part was taken in.
    applying: Option<Applying>,
    /// In the order of their places.
    pub(crate) segments: Vec<Segment>,
    /// In the order of their arrival.
    pub(crate) staged: Vec<Staged>,
}

/// Orders runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment {
    started_at: Timestamp,
    run: RunId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Applying {
    #[serde(flatten)]
    moment: Moment,
    /// All places before it are done.
    next: Place,
}

/// One object of records: those from its place up to that of the next segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) key: String,
    pub(crate) from: Place,
    pub(crate) synced: u64,
    pub(crate) failed: u64,
    pub(crate) deleted: u64,
    /// The newest change of a record in it.
    pub(crate) updated: Millis,
    /// The newest full run that saw all its live records.
    pub(crate) seen: Option<Millis>,
    /// Bytes before compression.
    pub(crate) plain: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Rows that wait to be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staged {
    pub(crate) import: RunId,
    pub(crate) rows: Segment,
}

/// How a run stands to what was taken in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Applied,
    Superseded,
    /// It is to be taken in, from this place on.
    Open(Place),
}

/// The index as read, and how to replace it.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    pub(crate) index: Index,
    etag: Option<String>,
}

impl Moment {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            started_at: manifest.started_at,
            run: manifest.run.clone(),
        }
    }
}

impl Segment {
    /// How many records it has.
    pub(crate) fn records(&self) -> u64 {
        self.synced + self.failed + self.deleted
    }
}

impl Index {
    fn new() -> Self {
        Self {
            version: VERSION,
            generation: 0,
            stamp: 0,
            applied: None,
            applying: None,
            segments: Vec::new(),
            staged: Vec::new(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for segment in &self.segments {
            counts.synced += segment.synced;
            counts.failed += segment.failed;
            counts.deleted += segment.deleted;
        }
        counts.pending = self.staged.iter().map(|staged| staged.rows.records()).sum();
        counts
    }

    pub(crate) fn standing(&self, run: &Moment) -> Standing {
        match (&self.applied, &self.applying) {
            (Some(applied), _) if applied == run => Standing::Applied,
            (Some(applied), _) if applied > run => Standing::Superseded,
            (_, Some(applying)) if applying.moment > *run => Standing::Superseded,
            (_, Some(applying)) if applying.moment == *run => Standing::Open(applying.next),
            _ => Standing::Open(Place::FIRST),
        }
    }

    /// Notes that the run was taken in up to `next`; without it, whole.
    pub(crate) fn took_in(&mut self, run: &Moment, next: Option<Place>) {
        let moment = || run.clone();
        self.applying = next.map(|next| Applying {
            moment: moment(),
            next,
        });
        if next.is_none() {
            self.applied = Some(moment());
        }
    }

    /// Where a segment ends: the place of the next one.
    pub(crate) fn end_of(&self, segment: usize) -> Option<Place> {
        self.segments.get(segment + 1).map(|next| next.from)
    }

    /// The segment that has `place`, if there is any.
    pub(crate) fn segment_of(&self, place: Place) -> Option<&Segment> {
        let after = self
            .segments
            .partition_point(|segment| segment.from <= place);
        self.segments.get(after.saturating_sub(1))
    }

    pub(crate) fn staged(&self, import: &RunId) -> Option<&Staged> {
        self.staged.iter().find(|staged| staged.import == *import)
    }

    /// Whether an object belongs to the records.
    pub(crate) fn names(&self, key: &str) -> bool {
        let staged = self.staged.iter().map(|staged| &staged.rows);
        self.segments
            .iter()
            .chain(staged)
            .any(|segment| segment.key == key)
    }
}

impl Present {
    pub(crate) async fn read(store: &Store, folder: &Folder) -> Result<Self, Error> {
        let key = folder.index();
        let Some(found) = store.get(&key).await? else {
            return Ok(Self {
                index: Index::new(),
                etag: None,
            });
        };
        let index: Index = found.parse(&key)?;
        if index.version != VERSION {
            let why = format!("it is of version {}", index.version);
            return Err(Error::corrupt(&key, &why));
        }
        Ok(Self {
            index,
            etag: Some(found.etag),
        })
    }

    /// Replaces the index by `next`, of the generation after it; false if others got ahead.
    pub(crate) async fn replace(
        &self,
        store: &Store,
        folder: &Folder,
        next: &Index,
    ) -> Result<bool, Error> {
        let condition = self
            .etag
            .as_deref()
            .map_or(Condition::Absent, Condition::Same);
        let written = store.write(&folder.index(), next, condition).await?;
        Ok(matches!(written, Written::Yes(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(started_at: i64, name: &str) -> Moment {
        Moment {
            started_at: Timestamp::from_second(started_at).unwrap(),
            run: RunId::parse(name).unwrap(),
        }
    }

    #[test]
    fn a_run_is_taken_in_once_and_never_after_a_newer_one() {
        let mut index = Index::new();
        let (old, new) = (run(1, "b"), run(2, "a"));
        let place = Place::of("x");
        assert_eq!(index.standing(&old), Standing::Open(Place::FIRST));
        index.took_in(&old, Some(place));
        assert_eq!(index.standing(&old), Standing::Open(place));
        assert_eq!(index.standing(&new), Standing::Open(Place::FIRST));
        index.took_in(&new, Some(place));
        assert_eq!(index.standing(&old), Standing::Superseded);
        index.took_in(&new, None);
        assert_eq!(index.standing(&new), Standing::Applied);
        assert_eq!(index.standing(&old), Standing::Superseded);
        assert_eq!(index.standing(&run(2, "b")), Standing::Open(Place::FIRST));
    }
}
