use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::desk::Param;
use crate::page::Page;
use crate::{Desk, Error, Gap, Paging, Route, Row, RowKey, Step, Stop, TimeField, Walk, Window};

/// Times a window is read again because it changed under the walk.
const MAX_ROUNDS: u32 = 5;

/// A search over a span of time.
#[derive(Debug, Clone)]
pub struct Search {
    route: Route,
    query: Vec<(String, String)>,
    field: TimeField,
    window: Window,
}

impl Search {
    /// Rows whose `field` lies in `window`.
    pub fn new(route: Route, field: TimeField, window: Window) -> Self {
        Self {
            route,
            query: Vec::new(),
            field,
            window,
        }
    }

    /// A further filter of the search.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((key.into(), value.into()));
        self
    }

    /// The same search over another span.
    #[must_use]
    pub fn over(self, window: Window) -> Self {
        Self { window, ..self }
    }

    /// `sign` is `-` for the latest row first.
    fn params(&self, window: Window, sign: &str) -> Vec<Param<'_>> {
        let mut params: Vec<Param<'_>> = self
            .query
            .iter()
            .map(|(key, value)| (key.as_str(), Cow::Borrowed(value.as_str())))
            .collect();
        params.push((self.field.range_key(), window.padded_iso().into()));
        params.push(("sortBy", format!("{sign}{}", self.field.sort_key()).into()));
        params
    }
}

impl Desk {
    /// Walks a search to its end, however many rows it has.
    ///
    /// A search reaches about 1,000 rows, so the span is split into windows that fit, which are read
    /// side by side. Windows partition the span by the rows' own time, pages of a window overlap by
    /// one row, and every page repeats the number of rows: a window that changed while it was read
    /// shows it and is read again.
    pub fn search(&self, search: Search) -> Walk {
        Walk::search(SearchWalk::new(self.clone(), search))
    }

    /// How many rows a search has and where they begin: one request.
    pub async fn survey(&self, search: &Search) -> Result<Survey, Error> {
        let mut params = search.params(search.window, "");
        params.push(("from", "0".into()));
        params.push(("limit", "1".into()));
        let page = self.page(search.route.path, &params).await?;
        Ok(Survey {
            rows: page.count.unwrap_or(page.rows.len() as u64),
            first: page.rows.first().and_then(|row| search.field.of(row)),
        })
    }
}

/// What lies ahead of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// Rows, as the vendor counts them.
    pub rows: u64,
    /// The time of the earliest one.
    pub first: Option<Timestamp>,
}

/// Where the walk of a search stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchPosition {
    rest: Vec<Rest>,
}

/// A window that is not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Rest {
    window: Window,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    whole: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    crammed: bool,
    /// Rows of the window that were yielded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    yielded: Vec<RowKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    window: u64,
    from: u32,
    descending: bool,
}

/// The ends of a page.
#[derive(Debug)]
struct Edges {
    first: RowKey,
    last: RowKey,
    /// The time of the last row.
    until: Option<Timestamp>,
}

impl Job {
    /// Whether it begins a window, or the rest of one.
    fn opens(self) -> bool {
        self.from == 0 && !self.descending
    }
}

/// A window being read.
#[derive(Debug)]
struct Open {
    window: Window,
    /// The whole span of the search, not yet cut.
    whole: bool,
    /// Rows the search has, as its first page said; more if pages showed that it counted too few.
    expected: u64,
    pending: usize,
    round: u32,
    changed: bool,
    /// More rows than one search reaches within one millisecond: read from both ends.
    crammed: bool,
    disordered: bool,
    yielded: HashSet<RowKey>,
    seen: HashSet<RowKey>,
    /// Ends of each page by its offset, to check that pages join.
    edges: HashMap<u32, Edges>,
    /// Offset and rows of the furthest page.
    furthest: (u32, usize),
    /// The latest time seen, and the rows that have it.
    latest: Option<(Timestamp, HashSet<RowKey>)>,
    /// The earliest time seen from the far end.
    earliest: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct SearchWalk {
    desk: Desk,
    search: Search,
    limit: u32,
    last_offset: u32,
    jobs: VecDeque<Job>,
    open: HashMap<u64, Open>,
    windows: u64,
    // Tasks, so that calls go on while the caller writes rows; they end with the walk.
    in_flight: JoinSet<(Job, Result<Page, Error>)>,
    ready: VecDeque<Step>,
    stopped: Option<Stop>,
    order: Order,
}

/// What pages showed of the vendor's order.
#[derive(Debug, Default)]
struct Order {
    /// Rows that came right behind an earlier time.
    ascents: u32,
    descents: u32,
}

/// Rows of rising time after which nobody doubts that they come sorted.
const PROOF_OF_ORDER: u32 = 100;

impl Order {
    fn note(&mut self, rows: &[Row], field: TimeField) {
        for pair in rows.windows(2) {
            let times = pair.iter().map(|row| field.of(row));
            match times.collect::<Vec<_>>().as_slice() {
                [before, after] if before < after => self.ascents += 1,
                [before, after] if before > after => self.descents += 1,
                _ => {}
            }
        }
    }

    fn is_proven(&self) -> bool {
        self.ascents >= PROOF_OF_ORDER && self.descents == 0
    }
}

impl SearchWalk {
    fn new(desk: Desk, search: Search) -> Self {
        let (limit, last_offset) = match search.route.paging {
            Paging::Offset { page, last_offset } => (page, last_offset),
            Paging::None => (1, 0),
        };
        let mut walk = Self {
            desk,
            limit,
            last_offset,
            jobs: VecDeque::new(),
            open: HashMap::new(),
            windows: 0,
            in_flight: JoinSet::new(),
            ready: VecDeque::new(),
            stopped: None,
            order: Order::default(),
            search,
        };
        let mut whole = Open::new(walk.search.window, HashSet::new());
        whole.whole = true;
        walk.enqueue_open(whole);
        walk
    }

    pub(crate) fn resumed(mut self, position: SearchPosition) -> Self {
        self.jobs.clear();
        self.open.clear();
        for rest in position.rest.into_iter().rev() {
            let mut open = Open::new(rest.window, rest.yielded.into_iter().collect());
            (open.whole, open.crammed) = (rest.whole, rest.crammed);
            self.enqueue_open(open);
        }
        self
    }

    /// Windows are left out once all of them was yielded.
    pub(crate) fn position(&self) -> SearchPosition {
        let rest = |open: &Open| {
            let mut yielded: Vec<RowKey> = open.yielded.iter().cloned().collect();
            yielded.sort_unstable();
            Rest {
                window: if self.order.is_proven() {
                    open.unread(self.page_step())
                } else {
                    open.window
                },
                whole: open.whole,
                crammed: open.crammed,
                yielded,
            }
        };
        let mut rest: Vec<Rest> = self.open.values().map(rest).collect();
        rest.sort_unstable();
        SearchPosition { rest }
    }

    pub(crate) fn at_end(&self) -> bool {
        self.open.is_empty() && self.ready.is_empty()
    }

    pub(crate) fn stop(&mut self, how: Stop) {
        if how == Stop::Now {
            self.in_flight.abort_all();
        }
        self.stopped = Some(how);
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Step>, Error> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(Some(step));
            }
            if self.stopped == Some(Stop::Now) {
                return Ok(None);
            }
            while self.in_flight.len() < self.desk.width() {
                let Some(job) = self.next_job() else {
                    break;
                };
                let fetch = self.fetch(job);
                self.in_flight.spawn(fetch);
            }
            match self.in_flight.join_next().await {
                None => return Ok(None),
                Some(Ok((job, page))) => self.take(job, page?),
                Some(Err(ended)) => {
                    if let Ok(panic) = ended.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
        }
    }

    fn next_job(&mut self) -> Option<Job> {
        if self.stopped.is_none() {
            return self.jobs.pop_front();
        }
        let begun = self.jobs.iter().position(|job| !job.opens())?;
        self.jobs.remove(begun)
    }

    fn fetch(&self, job: Job) -> impl Future<Output = (Job, Result<Page, Error>)> + Send + use<> {
        let window = self.open.get(&job.window).map(|open| open.window);
        let (desk, search, limit) = (self.desk.clone(), self.search.clone(), self.limit);
        async move {
            let Some(window) = window else {
                return (job, Ok(Page::default()));
            };
            let sign = if job.descending { "-" } else { "" };
            let mut params = search.params(window, sign);
            params.push(("from", job.from.to_string().into()));
            params.push(("limit", limit.to_string().into()));
            let page = desk.page(search.route.path, &params).await;
            (job, page)
        }
    }

    /// Puts windows in front of the queue, earliest first. Rows in `yielded` are not yielded again.
    fn enqueue(&mut self, windows: Vec<Window>, yielded: &HashSet<RowKey>) {
        for window in windows.into_iter().rev() {
            self.enqueue_open(Open::new(window, yielded.clone()));
        }
    }

    fn enqueue_open(&mut self, open: Open) {
        let id = self.windows;
        self.windows += 1;
        self.open.insert(id, open);
        self.jobs.push_front(Job {
            window: id,
            from: 0,
            descending: false,
        });
    }

    fn take(&mut self, job: Job, page: Page) {
        let Some(mut open) = self.open.remove(&job.window) else {
            return;
        };
        open.pending -= 1;
        let count = page.count.unwrap_or(page.rows.len() as u64);
        if job.opens() {
            if count > self.most(&open) && !open.crammed {
                match self.narrower(&open.window, count, page.rows.first()) {
                    Some(windows) => return self.enqueue(windows, &open.yielded),
                    None => open.crammed = true,
                }
            }
            open.expected = count;
            let jobs = self.remaining_pages(job.window, &open);
            open.pending += jobs.len();
            for job in jobs.into_iter().rev() {
                self.jobs.push_front(job);
            }
        } else {
            open.changed |= page.count.is_some_and(|count| count != open.expected);
        }
        if !job.descending {
            self.order.note(&page.rows, self.search.field);
        }
        let rows = open.absorb(job, page.rows, self.search.field);
        if !rows.is_empty() {
            self.ready.push_back(Step::Rows(rows));
        }
        if open.pending == 0
            && let Some(from) = self.behind_the_count(&mut open)
        {
            open.pending = 1;
            self.jobs.push_front(Job {
                window: job.window,
                from,
                descending: false,
            });
        }
        if open.pending > 0 {
            self.open.insert(job.window, open);
        } else {
            self.settle(job.window, open);
        }
    }

    /// The vendor counted too few, or not at all, if the furthest page is full: the offset of the
    /// next one, up to a short page.
    fn behind_the_count(&self, open: &mut Open) -> Option<u32> {
        let (from, rows) = open.furthest;
        // Fewer rows than places: pages repeat, and more of them would bring nothing.
        let repeating = open.seen.len() < from as usize + rows;
        if rows < self.limit as usize || repeating || open.expected > self.reach() {
            return None;
        }
        let next = (from + self.page_step()).min(self.last_offset);
        if next == from {
            // There is no telling how many; more than can be read here.
            open.expected = 2 * self.reach() + 1;
            return None;
        }
        Some(next)
    }

    /// Rows of one search that overlapping pages reach.
    fn reach(&self) -> u64 {
        let step = self.page_step();
        u64::from(self.last_offset / step * step + self.limit)
    }

    /// From one page to the next, which starts on the last row of the one before.
    fn page_step(&self) -> u32 {
        (self.limit - 1).max(1)
    }

    /// Rows of a window that are read one reach after the other. More are cut into windows that can
    /// be read side by side.
    fn most(&self, open: &Open) -> u64 {
        self.reach() * if open.whole { 3 } else { 16 }
    }

    /// Pages after the first, as far as rows and offsets go.
    fn remaining_pages(&self, window: u64, open: &Open) -> Vec<Job> {
        let step = self.page_step();
        let rows = open.expected.min(self.reach()) as u32;
        let offsets = || {
            (1..)
                .map(|n| n * step)
                .take_while(move |from| from + 1 < rows)
        };
        let page = |descending| {
            move |from| Job {
                window,
                from,
                descending,
            }
        };
        let forwards = offsets().map(page(false));
        if !open.crammed {
            return forwards.collect();
        }
        forwards
            .chain(std::iter::once(0).chain(offsets()).map(page(true)))
            .collect()
    }

    /// Windows that partition `window`, each to be read by itself. The first row of an ascending search tells
    /// where rows begin; the part before it is searched too (one empty answer), so that an order
    /// other than the one asked for loses nothing.
    fn narrower(&self, window: &Window, count: u64, first: Option<&Row>) -> Option<Vec<Window>> {
        // Windows enough for all calls that may be in flight, and none of them empty.
        let side_by_side = count.div_ceil(self.reach()).min(self.desk.width() as u64);
        let parts = count.div_ceil(3 * self.reach()).max(side_by_side);
        let start: Option<Timestamp> = first.and_then(|row| self.search.field.of(row));
        match start.and_then(|start| window.cut(start)) {
            Some((before, from_first)) => {
                let mut windows = vec![before];
                windows.extend(from_first.split(parts).unwrap_or_else(|| vec![from_first]));
                Some(windows)
            }
            None => window.split(parts),
        }
    }

    /// All pages of a window, or of its first reach, are in.
    fn settle(&mut self, id: u64, mut open: Open) {
        let due = open
            .expected
            .min(self.reach() * if open.crammed { 2 } else { 1 });
        let short = (open.seen.len() as u64) < due;
        let sound = !open.changed && !short && (open.crammed || open.joined(self.page_step()));
        let beyond_reach = open.expected > due && !open.read_across();
        if sound && !beyond_reach {
            return;
        }
        if sound && !open.crammed {
            return self.go_on(open);
        }
        if !sound && open.round < MAX_ROUNDS {
            open.again();
            self.open.insert(id, open);
            self.jobs.push_front(Job {
                window: id,
                from: 0,
                descending: false,
            });
            return;
        }
        let (start, end) = (open.window.start(), open.window.end());
        let path = self.search.route.path;
        let why = if open.crammed {
            format!(
                "{} rows of {path} fall into or next to the one millisecond from {start}, more than Zoho lets be read; some are missing",
                open.expected
            )
        } else {
            format!(
                "{path} between {start} and {end} said it has {} rows but gave {}, {} times over; some may be missing until the next run",
                open.expected,
                open.seen.len(),
                MAX_ROUNDS + 1
            )
        };
        let lasting = open.crammed;
        self.ready.push_back(Step::Gap(Gap { why, lasting }));
        // What lies behind the part that cannot be read soundly can be.
        if beyond_reach && !open.crammed {
            self.go_on(open);
        }
    }

    /// Searches that a rest of so many rows is worth: more than one only when calls would idle.
    fn parts_of_rest(&self, rows: u64) -> u64 {
        let busy = self.in_flight.len() + self.jobs.len();
        let idle = self.desk.width().saturating_sub(busy) as u64;
        rows.div_ceil(self.reach()).min(idle + 1)
    }

    /// The window has more rows than one search reaches: the rest of it begins at the latest row
    /// seen, whose moment is searched again because others may share it.
    fn go_on(&mut self, open: Open) {
        let rest = open
            .latest
            .filter(|_| !open.disordered)
            .and_then(|(time, keys)| Some((open.window.from(time)?, keys)));
        match rest {
            Some((rest, keys)) if rest != open.window => {
                // Rows of one moment say nothing of the order: what may lie before them is
                // searched as well.
                let of_one_moment = keys.len() >= open.seen.len();
                let before = open.window.cut(rest.start()).filter(|_| of_one_moment);
                let mut windows: Vec<Window> =
                    before.into_iter().map(|(before, _)| before).collect();
                let parts = self.parts_of_rest(open.expected.saturating_sub(self.reach()));
                let cut = (parts > 1).then(|| rest.split(parts)).flatten();
                windows.extend(cut.unwrap_or_else(|| vec![rest]));
                self.enqueue(windows, &keys);
            }
            rest => {
                // All of one moment: that one by itself. Not sorted as asked: halve.
                let parts = match rest {
                    Some(_) => open.window.first_milliseconds(),
                    None => open.window.split(2),
                };
                if let Some(parts) = parts {
                    return self.enqueue(parts, &open.yielded);
                }
                let mut crammed = Open::new(open.window, open.yielded);
                crammed.crammed = true;
                self.enqueue_open(crammed);
            }
        }
    }
}

impl Open {
    fn new(window: Window, yielded: HashSet<RowKey>) -> Self {
        Self {
            window,
            whole: false,
            expected: 0,
            pending: 1,
            round: 0,
            changed: false,
            crammed: false,
            disordered: false,
            yielded,
            seen: HashSet::new(),
            edges: HashMap::new(),
            furthest: (0, 0),
            latest: None,
            earliest: None,
        }
    }

    /// Forgets what this round saw, not what was yielded.
    fn again(&mut self) {
        self.round += 1;
        self.pending = 1;
        self.changed = false;
        self.seen.clear();
        self.edges.clear();
        self.furthest = (0, 0);
        self.latest = None;
        self.earliest = None;
    }

    /// Whether reading came out at the other side, so that what lies behind its reach is not of
    /// this window: searches are a millisecond wider than their windows on both sides.
    fn read_across(&self) -> bool {
        let past_end = self
            .latest
            .as_ref()
            .is_some_and(|(latest, _)| *latest >= self.window.end());
        let past_start = self
            .earliest
            .is_some_and(|earliest| earliest < self.window.start());
        !self.disordered && (past_end || past_start)
    }

    /// Notes the page and gives the rows that belong to this window and were not yielded.
    fn absorb(&mut self, job: Job, rows: Vec<Row>, field: TimeField) -> Vec<Row> {
        if job.descending {
            self.note_far_end(&rows, field);
        } else {
            self.note(job.from, &rows, field);
        }
        let (window, seen, yielded) = (self.window, &mut self.seen, &mut self.yielded);
        rows.into_iter()
            .filter(|row| {
                seen.insert(row.key.clone());
                let inside = field.of(row).is_none_or(|at| window.contains(at));
                inside && yielded.insert(row.key.clone())
            })
            .collect()
    }

    fn note(&mut self, from: u32, rows: &[Row], field: TimeField) {
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            let edges = Edges {
                first: first.key.clone(),
                last: last.key.clone(),
                until: field.of(last),
            };
            self.edges.insert(from, edges);
        }
        if from >= self.furthest.0 {
            self.furthest = (from, rows.len());
        }
        let mut before = None;
        for row in rows {
            let at = field.of(row);
            self.disordered |= at.is_none() || at < before;
            before = at;
            let Some(at) = at else { continue };
            match &mut self.latest {
                Some((latest, _)) if at < *latest => {}
                Some((latest, keys)) if at == *latest => {
                    keys.insert(row.key.clone());
                }
                latest => *latest = Some((at, HashSet::from([row.key.clone()]))),
            }
        }
    }

    fn note_far_end(&mut self, rows: &[Row], field: TimeField) {
        let mut before = None;
        for row in rows {
            let at = field.of(row);
            self.disordered |= at.is_none() || before.is_some_and(|before| at > before);
            before = Some(at);
            self.earliest = [self.earliest, at].into_iter().flatten().min();
        }
    }

    /// What of the window is not yielded for certain: it begins with the last row of the pages that
    /// were read without a hole from the first one on.
    fn unread(&self, step: u32) -> Window {
        let sound = !self.changed && !self.crammed && !self.disordered && self.joined(step);
        let unbroken = (0..)
            .map(|page| self.edges.get(&(page * step)))
            .take_while(Option::is_some)
            .flatten();
        unbroken
            .last()
            .filter(|_| sound)
            .and_then(|page| self.window.from(page.until?))
            .unwrap_or(self.window)
    }

    /// Whether each page began where the one before it ended.
    fn joined(&self, step: u32) -> bool {
        self.edges.iter().all(|(from, page)| {
            let before = from
                .checked_sub(step)
                .and_then(|before| self.edges.get(&before));
            before.is_none_or(|before| before.last == page.first)
        })
    }
}
