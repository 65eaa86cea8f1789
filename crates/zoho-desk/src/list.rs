use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::desk::Param;
use crate::page::Page;
use crate::{Desk, Document, Error, Gap, Paging, Route, Row, RowKey, Step, Walk, Window};

/// Times a list is read again from its start because rows vanished before the cursor.
pub const MAX_RESTARTS: u32 = 5;

/// How a list route takes a time range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeParam {
    /// One key, two ISO times: `createdTimeRange=a,b`.
    Iso(&'static str),
    /// Two keys, epoch milliseconds: `startTime=…&endTime=…`.
    Millis(&'static str, &'static str),
}

/// A list to be walked by offset.
#[derive(Debug, Clone)]
pub struct Listing {
    path: String,
    paging: Paging,
    query: Vec<(String, String)>,
    range: Option<RangeParam>,
    window: Option<Window>,
    horizon: Option<Window>,
}

impl Listing {
    /// All rows of `route`.
    pub fn new(route: Route) -> Self {
        Self::at(route.path, route.paging)
    }

    /// All rows of any path, paged as told.
    pub fn at(path: &str, paging: Paging) -> Self {
        Self {
            path: path.to_owned(),
            paging,
            query: Vec::new(),
            range: None,
            window: None,
            horizon: None,
        }
    }

    /// The children of `id`, for a route with `{id}` in its path.
    pub fn of(route: Route, id: &crate::EntityId) -> Self {
        Self::at(&route.with(id), route.paging)
    }

    /// A query parameter of every page.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((key.into(), value.into()));
        self
    }

    /// Only rows of `window`, by the route's own range parameter. It is also halved when the rows
    /// of the window are more than the offset reaches.
    #[must_use]
    pub fn within(mut self, range: RangeParam, window: Window) -> Self {
        (self.range, self.window) = (Some(range), Some(window));
        self
    }

    /// All rows, but when they are more than the offset reaches, read by windows of `horizon`.
    #[must_use]
    pub fn splittable(mut self, range: RangeParam, horizon: Window) -> Self {
        (self.range, self.horizon) = (Some(range), Some(horizon));
        self
    }

    fn filters(&self) -> Vec<Param<'_>> {
        self.query
            .iter()
            .map(|(key, value)| (key.as_str(), Cow::Borrowed(value.as_str())))
            .collect()
    }

    fn params(&self, window: Option<Window>, from: u32, limit: u32) -> Vec<Param<'_>> {
        let mut params = self.filters();
        match (self.range, window) {
            (Some(RangeParam::Iso(key)), Some(window)) => {
                params.push((key, window.padded_iso().into()));
            }
            (Some(RangeParam::Millis(start, end)), Some(window)) => {
                let (from, to) = window.padded_millis();
                params.push((start, from.into()));
                params.push((end, to.into()));
            }
            _ => {}
        }
        params.push(("from", from.to_string().into()));
        params.push(("limit", limit.to_string().into()));
        params
    }
}

impl Desk {
    /// The first page of `listing`, whatever its shape: for routes not known to be lists.
    pub async fn first_page(&self, listing: &Listing) -> Result<Document, Error> {
        let params = match listing.paging {
            Paging::Offset { page, .. } => listing.params(listing.window, 0, page),
            Paging::None => listing.filters(),
        };
        self.document_of(&listing.path, &params).await
    }

    /// Walks `listing` to its end, one page after the other.
    ///
    /// Each page starts on the last row of the one before. When that row is not where it was, rows
    /// before it are gone and others slid past the cursor: the list is read again from its start,
    /// and rows already yielded are left out. The same overlap makes it all one whether the route
    /// counts `from` from 0 or from 1, on which the vendor's pages disagree.
    pub fn list(&self, listing: Listing) -> Walk {
        Walk::list(ListWalk::new(self.clone(), listing))
    }
}

/// Where the walk of a list stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPosition {
    /// Windows still to be read, next one last.
    windows: Vec<Option<Window>>,
    from: u32,
    /// The row that the next page must begin with.
    last: Option<RowKey>,
    yielded: HashSet<RowKey>,
}

#[derive(Debug)]
pub(crate) struct ListWalk {
    desk: Desk,
    listing: Listing,
    /// Windows still to be read, next one last; `None` reads without a range.
    windows: Vec<Option<Window>>,
    yielded: HashSet<RowKey>,
    /// Rows met since the window was last begun.
    met: HashSet<RowKey>,
    from: u32,
    /// The last row of the page before.
    last: Option<RowKey>,
    restarts: u32,
    /// Full pages in a row that held only rows already met.
    stuck: u32,
    /// Told after the rows it came with.
    gap: Option<Gap>,
    stopped: bool,
}

impl ListWalk {
    fn new(desk: Desk, listing: Listing) -> Self {
        Self {
            desk,
            windows: vec![listing.window],
            listing,
            yielded: HashSet::new(),
            met: HashSet::new(),
            from: 0,
            last: None,
            restarts: 0,
            stuck: 0,
            gap: None,
            stopped: false,
        }
    }

    pub(crate) fn resumed(self, position: ListPosition) -> Self {
        Self {
            windows: position.windows,
            from: position.from,
            last: position.last,
            yielded: position.yielded,
            ..self
        }
    }

    pub(crate) fn position(&self) -> ListPosition {
        ListPosition {
            windows: self.windows.clone(),
            from: self.from,
            last: self.last.clone(),
            yielded: self.yielded.clone(),
        }
    }

    pub(crate) fn at_end(&self) -> bool {
        self.windows.is_empty() && self.gap.is_none()
    }

    /// Pages come one by one, so that stopping soon and now are the same.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Step>, Error> {
        loop {
            if let Some(gap) = self.gap.take() {
                return Ok(Some(Step::Gap(gap)));
            }
            let Some(&window) = self.windows.last().filter(|_| !self.stopped) else {
                return Ok(None);
            };
            let rows = self.page(window).await?;
            if !rows.is_empty() {
                return Ok(Some(Step::Rows(rows)));
            }
        }
    }

    /// Reads one page, and decides where the next one begins.
    async fn page(&mut self, window: Option<Window>) -> Result<Vec<Row>, Error> {
        let Paging::Offset {
            page: limit,
            last_offset,
        } = self.listing.paging
        else {
            let page = self
                .desk
                .page(&self.listing.path, &self.listing.filters())
                .await?;
            self.windows.clear();
            return Ok(self.fresh(page));
        };
        let params = self.listing.params(window, self.from, limit);
        let page = self.desk.page(&self.listing.path, &params).await?;
        let full = page.rows.len() >= limit as usize;
        let keys: Vec<RowKey> = page.rows.iter().map(|row| row.key.clone()).collect();
        self.refuse_going_in_circles(&keys, full)?;

        let slid = self.last.as_ref().is_some_and(|last| !keys.contains(last));
        let fresh = self.fresh(page);
        if slid {
            self.read_again();
        } else if !full {
            self.finish_window();
        } else if self.from == last_offset {
            self.split_or_give_up(window, last_offset + limit);
        } else {
            self.from = (self.from + keys.len() as u32 - 1).min(last_offset);
            self.last = keys.last().cloned();
        }
        Ok(fresh)
    }

    /// Rows before the cursor are gone, so that others slid past it.
    fn read_again(&mut self) {
        if self.restarts < MAX_RESTARTS {
            self.restarts += 1;
            self.start_over();
            return;
        }
        self.finish_window();
        self.gap = Some(Gap {
            why: format!(
                "rows of {} kept vanishing while it was read; some rows may be missing until the next run",
                self.listing.path
            ),
            lasting: false,
        });
    }

    fn fresh(&mut self, page: Page) -> Vec<Row> {
        page.rows
            .into_iter()
            .filter(|row| self.yielded.insert(row.key.clone()))
            .collect()
    }

    /// A cursor that the vendor ignores, or a list that begins again behind its end, would go on
    /// for ever.
    fn refuse_going_in_circles(&mut self, keys: &[RowKey], full: bool) -> Result<(), Error> {
        let met = self.met.len();
        self.met.extend(keys.iter().cloned());
        let nothing_new = full && self.met.len() == met;
        self.stuck = if nothing_new { self.stuck + 1 } else { 0 };
        if self.stuck < 3 {
            return Ok(());
        }
        Err(Error::Malformed {
            path: self.listing.path.clone(),
            why: format!("pages up to from={} repeat those before them", self.from),
        })
    }

    fn start_over(&mut self) {
        self.from = 0;
        self.last = None;
        self.met.clear();
    }

    fn finish_window(&mut self) {
        self.windows.pop();
        self.start_over();
    }

    /// The rows go on behind the largest offset: read them by narrower windows if the route can.
    fn split_or_give_up(&mut self, window: Option<Window>, reached: u32) {
        self.finish_window();
        let halves = window
            .or(self.listing.horizon)
            .filter(|_| self.listing.range.is_some())
            .and_then(|window| window.split(2));
        if let Some(halves) = halves {
            self.windows.extend(halves.into_iter().rev().map(Some));
            return;
        }
        self.gap = Some(Gap {
            why: format!(
                "Zoho lets {} be read only to row {reached}; rows behind it are missing",
                self.listing.path
            ),
            lasting: true,
        });
    }
}
