//! One list, page by page, window by window.

use engine::{Error, Gap, Kind, Mode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::body;
use crate::config::{Config, Format, Limits, Stream};
use crate::exchange::{Exchange, Reply, Rows};
use crate::failure::Refusal;
use crate::hmac::digest_hex;
use crate::paging::{Page, Seen};
use crate::request::{Blanks, Request};
use crate::source::Credentials;
use crate::span::Window;
use vendor_http::Deadline;

/// Pages that a repeated one is looked for among.
const REMEMBERED: usize = 32;

/// Before which page a list stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Where the present window begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    page: Page,
    /// Pages and rows of this window that were read.
    pages: u64,
    rows: u64,
    /// Digests of the last pages' rows and tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
}

/// What a page brought.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) rows: Vec<Box<RawValue>>,
    /// The page after; `None` ends the window.
    next: Option<Page>,
    /// Rows before any were left out.
    raw_rows: u64,
    digest: Option<String>,
    /// The latest change among its rows.
    pub(crate) high: Option<Timestamp>,
    skipped: bool,
}

/// What a page is fetched with.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) parent: Option<String>,
    pub(crate) place: Place,
    pub(crate) run_began: Timestamp,
}

impl Place {
    /// Before the first page.
    pub(crate) fn first(stream: &Stream, mode: Mode, state: Option<Timestamp>) -> Self {
        let state = state.filter(|_| mode == Mode::Incremental);
        Self::of_window(stream.first_window(state))
    }

    fn of_window(from: Option<Timestamp>) -> Self {
        Self {
            from,
            page: Page::First,
            pages: 0,
            rows: 0,
            seen: Vec::new(),
        }
    }

    pub(crate) fn is_first(&self) -> bool {
        self.pages == 0 && self.page == Page::First
    }

    fn window(&self, stream: &Stream, run_began: Timestamp) -> Window {
        match &stream.cursor {
            Some(cursor) => cursor.window(self.from, run_began),
            None => Window {
                from: None,
                until: None,
            },
        }
    }

    /// The place behind the page that was fetched, and a gap if rows are left out there. `None`
    /// behind the last page.
    pub(crate) fn after(
        mut self,
        stream: &Stream,
        limits: &Limits,
        run_began: Timestamp,
        fetched: &Fetched,
    ) -> Result<(Option<Self>, Option<Gap>), Error> {
        let mut gap = fetched.skipped.then(|| Gap {
            why: format!("a rule of `errors` skipped an answer of `{}`", stream.name),
            lasting: true,
        });
        self.remember(stream, fetched)?;
        let window = self.window(stream, run_began);
        self.pages += 1;
        self.rows += fetched.raw_rows;
        let most = stream.pagination.stop().and_then(|stop| stop.max_pages);
        let next = match &fetched.next {
            Some(_) if most.is_some_and(|most| self.pages >= most) => {
                gap = Some(Gap {
                    why: format!(
                        "`{}` has more than the {} pages of `maxPages`; the rest was not read",
                        stream.name, self.pages
                    ),
                    lasting: true,
                });
                None
            }
            Some(_) if self.pages >= limits.pages => {
                return Err(Error::new(
                    Kind::Upstream,
                    format!(
                        "`{}` has more than {} pages; check how its last page is told \
                         (`pagination`), or raise `config.limits.maxPages`",
                        stream.name, limits.pages
                    ),
                ));
            }
            next => next.clone(),
        };
        let place = match (next, window.until) {
            (Some(page), _) => Some(Self { page, ..self }),
            (None, Some(until)) => Some(Self::of_window(Some(until))),
            (None, None) => None,
        };
        Ok((place, gap))
    }

    /// A list that comes back to where it was has no end.
    fn remember(&mut self, stream: &Stream, fetched: &Fetched) -> Result<(), Error> {
        let token = match &fetched.next {
            Some(Page::Cursor(text) | Page::Link(text)) => Some(short_digest(text.as_bytes())),
            _ => None,
        };
        for digest in token.iter().chain(&fetched.digest) {
            if self.seen.contains(digest) {
                return Err(Error::new(
                    Kind::Upstream,
                    format!(
                        "the API repeats a page of `{}`; check how the next page is asked for and \
                         how the last one is told (`pagination`)",
                        stream.name
                    ),
                ));
            }
        }
        self.seen.extend(token);
        self.seen.extend(fetched.digest.clone());
        let surplus = self.seen.len().saturating_sub(REMEMBERED);
        self.seen.drain(..surplus);
        Ok(())
    }
}

fn short_digest(bytes: &[u8]) -> String {
    digest_hex(bytes)[..16].to_owned()
}

/// Fetches a page.
pub(crate) async fn fetch(
    exchange: &Exchange,
    config: &Config,
    credentials: &Credentials,
    stream: &Stream,
    job: &Job,
    deadline: Deadline,
) -> Result<Fetched, Refusal> {
    let window = job.place.window(stream, job.run_began);
    let mut blanks = Blanks {
        parent: job.parent.clone(),
        ..Blanks::default()
    };
    let mut parameters = match &stream.cursor {
        Some(cursor) => cursor.bounds(window, job.run_began, &mut blanks),
        None => Vec::new(),
    };
    parameters.extend(stream.pagination.parameters(&job.place.page));
    let request = Request::of_page(config, credentials, stream, &blanks, &parameters)?;
    let request = match &job.place.page {
        Page::Link(link) => request.linked(&config.base, link)?,
        _ => request,
    };
    let sent = exchange.send(&request, &stream.errors, Some(stream.format), deadline);
    let reply = sent.await?;
    read(stream, &job.place, window, &reply).map_err(Refusal::from)
}

fn read(stream: &Stream, place: &Place, window: Window, reply: &Reply) -> Result<Fetched, Error> {
    let text = match &reply.rows {
        Rows::In(text) => text,
        without => {
            return Ok(Fetched {
                rows: Vec::new(),
                next: None,
                raw_rows: 0,
                digest: None,
                high: None,
                skipped: matches!(without, Rows::Skipped),
            });
        }
    };
    let unreadable = |why: body::Unreadable| {
        let what = why.describe(text.len());
        Error::new(Kind::Upstream, format!("`{}` brought {what}", stream.name))
    };
    let mut rows = body::rows(text, stream.format, &stream.records).map_err(unreadable)?;
    let root = match stream.format {
        Format::Json => Some(body::document(text).map_err(unreadable)?),
        Format::Ndjson | Format::Csv { .. } => None,
    };
    let seen = Seen {
        rows: rows.len() as u64,
        before: place.rows,
        root,
        last_row: rows.last().map(|row| &**row),
        headers: &reply.headers,
        url: &reply.url,
    };
    let next = stream.pagination.after(&place.page, &seen)?;
    let (raw_rows, digest) = (seen.rows, digest_of(&rows));
    let mut high = None;
    if let Some(cursor) = &stream.cursor {
        high = rows.iter().filter_map(|row| cursor.changed_at(row)).max();
        rows.retain(|row| cursor.keeps(row, window));
    }
    Ok(Fetched {
        rows,
        next,
        raw_rows,
        digest,
        high,
        skipped: false,
    })
}

fn digest_of(rows: &[Box<RawValue>]) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for row in rows {
        context.update(row.get().as_bytes());
        context.update(b"\n");
    }
    Some(hex::encode(context.finish())[..16].to_owned())
}
