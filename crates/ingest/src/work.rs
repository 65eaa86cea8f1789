use engine::{Reader, Reading, Source};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::value::RawValue;

/// Opens what is to be read. It is asked once in each leg, after the run is ours.
pub trait Work: Send {
    /// The reader, at its beginning or where `resume`, which its [`Reader::position`] once said,
    /// lies. `started_at` is when the run's first leg began.
    fn open<'a>(
        &'a mut self,
        resume: Option<&'a RawValue>,
        started_at: Timestamp,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, engine::Error>>;
}

/// One stream of a [`Source`].
#[derive(Debug)]
pub struct Reads<'a> {
    source: &'a dyn Source,
    reading: Reading,
}

impl<'a> Reads<'a> {
    /// `reading` as of the first leg; its `resume` and `started_at` are those of the run.
    pub fn new(source: &'a dyn Source, reading: Reading) -> Self {
        Self { source, reading }
    }
}

impl Work for Reads<'_> {
    fn open<'a>(
        &'a mut self,
        resume: Option<&'a RawValue>,
        started_at: Timestamp,
    ) -> BoxFuture<'a, Result<Box<dyn Reader>, engine::Error>> {
        self.source.read(Reading {
            resume: resume.map(ToOwned::to_owned),
            started_at,
            ..self.reading.clone()
        })
    }
}
