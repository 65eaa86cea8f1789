use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use crate::error::Error;
use crate::index::{Index, Present, Segment, Staged};
use crate::line::{Line, Lines, moment};
use crate::place::Place;
use crate::record::{Record, Status};
use crate::segment;
use crate::stream::StreamRecords;

/// Records of one page.
const MOST_RECORDS: usize = 1000;

/// Objects that one page reads: what is looked for may be rare.
const MOST_OBJECTS: usize = 16;

/// Which records to read, and from where on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// [`Page::next`] of the page before; none for the first one.
    pub cursor: Option<String>,
    /// How many records the page may have, 1 to 1000.
    pub limit: usize,
    /// Only those of this status; the pending ones come last.
    pub status: Option<Status>,
    /// Those that the source has not any more, too.
    pub include_deleted: bool,
    /// Only those that changed then or later, see [`Record::updated_at`].
    pub changed_since: Option<Timestamp>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            cursor: None,
            limit: 100,
            status: None,
            include_deleted: false,
            changed_since: None,
        }
    }
}

/// Some records, in an order that never changes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Page {
    /// The records. There may be fewer than asked for although there is a next page.
    pub records: Vec<Record>,
    /// Where the next page begins; none at the end. It stays good whatever is merged meanwhile: a
    /// record that does not change is on one page, once.
    pub next: Option<String>,
}

/// The first record of a page, or where it would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    Record(Place),
    /// A row of the import that was staged with that generation of the index, or of a later one.
    Pending(u64, Place),
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(place) => write!(f, "r{place}"),
            Self::Pending(generation, place) => write!(f, "p{generation}-{place}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parsed = match text.split_at_checked(1) {
            Some(("r", place)) => place.parse().ok().map(Self::Record),
            Some(("p", rest)) => rest.split_once('-').and_then(|(generation, place)| {
                Some(Self::Pending(generation.parse().ok()?, place.parse().ok()?))
            }),
            _ => None,
        };
        parsed.ok_or(Error::InvalidCursor)
    }
}

impl Query {
    fn limit(&self) -> usize {
        self.limit.clamp(1, MOST_RECORDS)
    }

    fn wants_pending(&self) -> bool {
        matches!(self.status, None | Some(Status::Pending))
    }

    fn wants_since(&self, updated: i64) -> bool {
        self.changed_since
            .is_none_or(|since| moment(updated) >= since)
    }

    /// Whether a segment may have a record that is wanted.
    fn wants_of(&self, segment: &Segment) -> bool {
        let live = match self.status {
            None => segment.synced + segment.failed,
            Some(Status::Synced) => segment.synced,
            Some(Status::Failed) => segment.failed,
            Some(Status::Pending) => return false,
        };
        let deleted = if self.include_deleted {
            segment.deleted
        } else {
            0
        };
        live + deleted > 0 && self.wants_since(segment.updated)
    }

    fn wants(&self, line: &Line<'_>) -> bool {
        (self.include_deleted || line.deleted.is_none())
            && self.status.is_none_or(|status| status == line.status())
            && self.wants_since(line.updated)
    }
}

/// A page on its way.
struct Filling {
    limit: usize,
    objects: usize,
    page: Page,
}

impl Filling {
    /// Whether the page ends before what `cursor` points to.
    fn ends_at(&mut self, full: bool, cursor: Cursor) -> bool {
        if full {
            self.page.next = Some(cursor.to_string());
        }
        full
    }

    fn is_full(&self) -> bool {
        self.page.records.len() >= self.limit
    }

    fn has_read_enough(&self) -> bool {
        self.objects >= MOST_OBJECTS
    }
}

impl StreamRecords {
    /// The records that `query` asks for: those that were taken in, then those that are pending.
    pub async fn page(&self, query: &Query) -> Result<Page, Error> {
        let cursor = match &query.cursor {
            None => Cursor::Record(Place::FIRST),
            Some(cursor) => cursor.parse()?,
        };
        let mut attempt = 0;
        loop {
            let present = Present::read(&self.store, &self.folder).await?;
            match self.fill(&present.index, query, cursor).await {
                Err(error @ Error::Corrupt { .. }) => self.settle(error, &present.index).await?,
                settled => return settled,
            }
            attempt += 1;
            self.give_way(attempt).await?;
        }
    }

    /// The record with this id: as it was taken in, or else as it is pending.
    pub async fn get(&self, external_id: &str) -> Result<Option<Record>, Error> {
        let mut attempt = 0;
        loop {
            let present = Present::read(&self.store, &self.folder).await?;
            match self.find(&present.index, Place::of(external_id)).await {
                Err(error @ Error::Corrupt { .. }) => self.settle(error, &present.index).await?,
                settled => return settled,
            }
            attempt += 1;
            self.give_way(attempt).await?;
        }
    }

    /// Passes `error` on, unless the index has changed: then what it names may rightly be gone.
    pub(crate) async fn settle(&self, error: Error, index: &Index) -> Result<(), Error> {
        let present = Present::read(&self.store, &self.folder).await?;
        if present.index.generation == index.generation {
            return Err(error);
        }
        Ok(())
    }

    async fn fill(&self, index: &Index, query: &Query, cursor: Cursor) -> Result<Page, Error> {
        let mut filling = Filling {
            limit: query.limit(),
            objects: 0,
            page: Page::default(),
        };
        if let Cursor::Record(place) = cursor {
            self.fill_with_records(index, query, place, &mut filling)
                .await?;
        }
        if filling.page.next.is_none() && query.wants_pending() {
            let (generation, place) = match cursor {
                Cursor::Record(_) => (0, Place::FIRST),
                Cursor::Pending(generation, place) => (generation, place),
            };
            self.fill_with_pending(index, query, (generation, place), &mut filling)
                .await?;
        }
        Ok(filling.page)
    }

    async fn fill_with_records(
        &self,
        index: &Index,
        query: &Query,
        begin: Place,
        filling: &mut Filling,
    ) -> Result<(), Error> {
        let after = index
            .segments
            .partition_point(|segment| segment.from <= begin);
        for segment in index.segments.iter().skip(after.saturating_sub(1)) {
            if !query.wants_of(segment) {
                continue;
            }
            let cursor = Cursor::Record(segment.from.max(begin));
            if filling.ends_at(filling.has_read_enough(), cursor) {
                return Ok(());
            }
            filling.objects += 1;
            let text = self.lines_of(segment).await?;
            for read in Lines::new(&segment.key, &text) {
                let read = read?;
                if read.place < begin || !query.wants(&read.line) {
                    continue;
                }
                if filling.ends_at(filling.is_full(), Cursor::Record(read.place)) {
                    return Ok(());
                }
                let status = read.line.status();
                filling
                    .page
                    .records
                    .push(read.line.record(status, segment.seen));
            }
        }
        Ok(())
    }

    async fn fill_with_pending(
        &self,
        index: &Index,
        query: &Query,
        begin: (u64, Place),
        filling: &mut Filling,
    ) -> Result<(), Error> {
        for Staged { rows, .. } in &index.staged {
            let generation = self.folder.generation_of(&rows.key).unwrap_or_default();
            if generation < begin.0 || !query.wants_since(rows.updated) {
                continue;
            }
            let begin = if generation == begin.0 {
                begin.1
            } else {
                Place::FIRST
            };
            let cursor = |place| Cursor::Pending(generation, place);
            let full = filling.is_full() || filling.has_read_enough();
            if begin == Place::FIRST && filling.ends_at(full, cursor(begin)) {
                return Ok(());
            }
            filling.objects += 1;
            let text = self.lines_of(rows).await?;
            for read in Lines::new(&rows.key, &text) {
                let read = read?;
                if read.place < begin {
                    continue;
                }
                if filling.ends_at(filling.is_full(), cursor(read.place)) {
                    return Ok(());
                }
                let record = read.line.record(Status::Pending, None);
                filling.page.records.push(record);
            }
        }
        Ok(())
    }

    async fn find(&self, index: &Index, place: Place) -> Result<Option<Record>, Error> {
        if let Some(segment) = index.segment_of(place)
            && let Some(record) = self.find_in(segment, place, None).await?
        {
            return Ok(Some(record));
        }
        for staged in index.staged.iter().rev() {
            let found = self
                .find_in(&staged.rows, place, Some(Status::Pending))
                .await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn find_in(
        &self,
        segment: &Segment,
        place: Place,
        status: Option<Status>,
    ) -> Result<Option<Record>, Error> {
        let text = self.lines_of(segment).await?;
        for read in Lines::new(&segment.key, &text) {
            let read = read?;
            if read.place == place {
                let status = status.unwrap_or_else(|| read.line.status());
                return Ok(Some(read.line.record(status, segment.seen)));
            }
        }
        Ok(None)
    }

    pub(crate) async fn lines_of(&self, segment: &Segment) -> Result<Vec<u8>, Error> {
        let lines = segment::read(&self.store, segment).await?;
        lines.ok_or_else(|| Error::corrupt(&segment.key, &"it is gone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_they_were_written_and_nothing_else_is() {
        let place = Place::of("a");
        for cursor in [Cursor::Record(place), Cursor::Pending(7, place)] {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for text in [
            "",
            "r",
            "x",
            "p1",
            "p-0",
            "é",
            "r../index.json",
            &format!("p1{place}"),
        ] {
            assert!(
                matches!(text.parse::<Cursor>(), Err(Error::InvalidCursor)),
                "{text}"
            );
        }
    }
}
