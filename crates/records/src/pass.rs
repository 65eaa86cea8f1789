use std::collections::HashSet;

use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use lake::Store;
use tokio::time::{Instant, timeout_at};

use crate::error::Error;
use crate::folder::Folder;
use crate::incoming::Incoming;
use crate::index::{Index, Segment};
use crate::join::{Join, Joined, Standing, Taking};
use crate::line::Lines;
use crate::place::Place;
use crate::segment::{self, Writer};

/// Segments worked on at the same time: while one travels, another is read and written.
const SIDE_BY_SIDE: usize = 3;

/// One pass over the segments that rows between two places belong to.
pub(crate) struct Pass<'p> {
    pub(crate) store: &'p Store,
    pub(crate) folder: &'p Folder,
    /// The index that it changes.
    pub(crate) index: &'p Index,
    pub(crate) taking: &'p Taking,
    /// The rows, in the order of their places.
    pub(crate) incoming: &'p [Incoming<'p>],
    /// Bytes that a segment may have before compression.
    pub(crate) segment_bytes: u64,
}

/// What a pass wrote.
pub(crate) struct Passed {
    /// The segments of the next index.
    pub(crate) segments: Vec<Segment>,
    /// Objects that the next index names no more.
    pub(crate) replaced: Vec<String>,
    /// Objects that only the next index names.
    pub(crate) written: Vec<String>,
    /// The place before which all is done; none if that is all that the pass has.
    pub(crate) stopped_at: Option<Place>,
}

/// A segment that rows belong to, or one that is yet to be.
struct Job<'p> {
    /// Its position in the index.
    number: usize,
    old: Option<&'p Segment>,
    from: Place,
    to: Option<Place>,
    incoming: &'p [Incoming<'p>],
}

impl<'p> Pass<'p> {
    /// Writes the segments that change, until `deadline`. Nothing of it can be seen before an index
    /// names it.
    pub(crate) async fn run(&self, deadline: Instant) -> Result<Passed, Error> {
        let jobs = self.jobs();
        let begins: Vec<(usize, Place)> = jobs.iter().map(|job| (job.number, job.from)).collect();
        let mut done = Vec::with_capacity(begins.len());
        let mut jobs = jobs.into_iter();
        let mut working = FuturesOrdered::new();
        loop {
            while working.len() < SIDE_BY_SIDE
                && let Some(job) = jobs.next()
            {
                working.push_back(self.work(job).boxed());
            }
            match timeout_at(deadline, working.next()).await {
                Ok(Some(segments)) => done.push(segments?),
                Ok(None) | Err(_) => break,
            }
        }
        let stopped_at = begins.get(done.len()).map(|(_, from)| *from);
        Ok(self.passed(&begins, done, stopped_at))
    }

    fn jobs(&self) -> Vec<Job<'p>> {
        if self.index.segments.is_empty() {
            let all = Job {
                number: 0,
                old: None,
                from: Place::FIRST,
                to: None,
                incoming: self.incoming,
            };
            return if self.incoming.is_empty() {
                vec![]
            } else {
                vec![all]
            };
        }
        let segments = self.index.segments.iter().enumerate();
        segments
            .filter_map(|(number, old)| self.job(number, old))
            .collect()
    }

    fn job(&self, number: usize, old: &'p Segment) -> Option<Job<'p>> {
        let from = if number == 0 { Place::FIRST } else { old.from };
        let to = self.index.end_of(number);
        let begin = self.incoming.partition_point(|row| row.place < from);
        let end = to.map_or(self.incoming.len(), |to| {
            self.incoming.partition_point(|row| row.place < to)
        });
        let incoming = self.incoming.get(begin..end).unwrap_or_default();
        let outside = self.taking.to.is_some_and(|end| end <= from)
            || to.is_some_and(|to| to <= self.taking.from);
        let concerned = !incoming.is_empty() || (self.taking.gone.is_some() && !outside);
        concerned.then_some(Job {
            number,
            old: Some(old),
            from,
            to,
            incoming,
        })
    }

    /// The segments that take the place of the job's.
    async fn work(&self, job: Job<'p>) -> Result<Vec<Segment>, Error> {
        let text = match job.old {
            None => Vec::new(),
            Some(old) => segment::read(self.store, old)
                .await?
                .ok_or_else(|| Error::corrupt(&old.key, &"it is gone"))?,
        };
        let key = job.old.map_or("", |old| &old.key);
        let whole = self.taking.from <= job.from
            && match (self.taking.to, job.to) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(taking), Some(job)) => job <= taking,
            };
        let seen = job.old.and_then(|old| old.seen);
        let noted = whole && self.taking.gone.is_some();
        let standing = Standing { seen, noted };
        let join = || Join::new(self.taking, standing, Lines::new(key, &text), job.incoming);
        let seen = if noted { Some(self.taking.now) } else { seen };

        if let Some(old) = job.old
            && !changes(join())?
        {
            return Ok(vec![Segment {
                seen,
                ..old.clone()
            }]);
        }
        let coming: u64 = job.incoming.iter().map(Incoming::stored_bytes).sum();
        let plain = text.len() as u64 + coming;
        let generation = self.index.generation + 1;
        let mut writer = Writer::new(
            self.store,
            self.folder,
            generation,
            seen,
            plain,
            self.segment_bytes,
        );
        let mut bytes = Vec::new();
        for record in join() {
            match record? {
                Joined::Same(read) => writer.push(read.place, &read.line, read.bytes).await?,
                Joined::New(place, line) => {
                    bytes.clear();
                    line.write(&mut bytes)?;
                    writer.push(place, &line, &bytes).await?;
                }
            }
        }
        writer.finish(job.from).await
    }

    fn passed(
        &self,
        begins: &[(usize, Place)],
        done: Vec<Vec<Segment>>,
        stopped_at: Option<Place>,
    ) -> Passed {
        let (mut segments, mut replaced) = (Vec::new(), Vec::new());
        let mut old = self.index.segments.iter().enumerate().peekable();
        for ((number, _), new) in begins.iter().zip(done) {
            while let Some((_, before)) = old.next_if(|(n, _)| n < number) {
                segments.push(before.clone());
            }
            if let Some((_, old)) = old.next_if(|(n, _)| n == number)
                && !new.iter().any(|new| new.key == old.key)
            {
                replaced.push(old.key.clone());
            }
            segments.extend(new);
        }
        segments.extend(old.map(|(_, after)| after.clone()));
        let before: HashSet<&str> = self.index.segments.iter().map(|s| s.key.as_str()).collect();
        let written = segments
            .iter()
            .filter(|segment| !before.contains(segment.key.as_str()))
            .map(|segment| segment.key.clone())
            .collect();
        Passed {
            segments,
            replaced,
            written,
            stopped_at,
        }
    }
}

/// Whether there is a record to be written.
fn changes(join: Join<'_, '_>) -> Result<bool, Error> {
    for record in join {
        if matches!(record?, Joined::New(..)) {
            return Ok(true);
        }
    }
    Ok(false)
}
