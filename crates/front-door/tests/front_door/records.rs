//! Keeps what would be logged as text.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::ThreadId;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// All records of this process, by thread: a subscriber of one thread would miss what another
/// thread met first and found nobody interested in.
#[derive(Clone, Default)]
pub(crate) struct Records(Arc<Mutex<Vec<(ThreadId, String)>>>);

static RECORDS: OnceLock<Records> = OnceLock::new();

impl Records {
    /// Starts keeping, once for all tests.
    pub(crate) fn start() -> Self {
        RECORDS
            .get_or_init(|| {
                let records = Self::default();
                tracing::subscriber::set_global_default(records.clone()).unwrap();
                records
            })
            .clone()
    }

    /// What this thread wrote.
    pub(crate) fn of_this_thread(&self) -> String {
        let records = self.0.lock().unwrap();
        let own = records
            .iter()
            .filter(|(thread, _)| *thread == std::thread::current().id());
        own.map(|(_, line)| line.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    fn keep(&self, line: Line) {
        let record = (std::thread::current().id(), line.0);
        self.0.lock().unwrap().push(record);
    }
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{}={value} ", field.name());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Subscriber for Records {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line::default();
        span.record(&mut line);
        self.keep(line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        self.keep(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.keep(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
