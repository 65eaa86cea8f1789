use std::collections::BTreeSet;

use engine::{Kind, Source, Stream};
use lake::{Lake, RunId};
use state::Stored;
use tracing::warn;

use super::stream::StreamEnd;
use super::{At, BUSY, TURN, Worked, Worker};
use crate::error::Error;
use crate::job::Job;
use crate::run::{Run, RunError, RunKind, RunStatus, StreamRun, StreamStage};
use crate::secret::SecretDocument;

/// A leg of a sync.
pub(super) struct Leg<'a> {
    pub(super) at: &'a At<'a>,
    pub(super) run: Stored<Run>,
    pub(super) source: &'a dyn Source,
    pub(super) document: &'a SecretDocument,
    pub(super) lake: Lake,
    /// What the platform has now.
    pub(super) streams: Vec<Stream>,
}

impl Worker {
    /// Carries out a sync, or goes on with it, as the only process that is at the integration.
    pub(super) async fn sync(&self, at: &At<'_>, run: &RunId) -> Result<Worked, Error> {
        let Some(lease) = self.lease(at.owner, TURN, run.as_str(), at.shift).await? else {
            return Ok(Worked::Again(BUSY));
        };
        let worked = self.sync_alone(at, run).await;
        if let Err(error) = self.hub.store.release(lease).await {
            warn!(owner = %at.owner, %error, "a lease could not be given back; it ends by itself");
        }
        worked
    }

    async fn sync_alone(&self, at: &At<'_>, run: &RunId) -> Result<Worked, Error> {
        let found = self.hub.store.run(at.owner, run).await?;
        let Some(mut run) = found.filter(|run| !run.value.status.has_ended()) else {
            return Ok(Worked::Done);
        };
        run.value.begin(self.hub.clock.now());
        "connecting".clone_into(&mut run.value.stage);
        self.hub.store.save_run(at.owner, &mut run).await?;
        let document = self.hub.document(at.owner).await?;
        let source = match self.connect(at, document.as_ref()).await {
            Ok(source) => source,
            Err(error) => return self.failed(at, run, &error).await,
        };
        let streams = match source.streams(at.shift.stops.soon).await {
            Ok(streams) => streams,
            Err(error) => return self.failed(at, run, &error).await,
        };
        if run.value.streams.is_empty() {
            run.value.streams = planned(at, &run.value, &streams);
        }
        let (Some(document), Ok(lake)) = (&document, self.lake.clone().under(&at.owner.root()))
        else {
            return Err(Error::Defect(
                "an integration's root does not fit into a key",
            ));
        };
        let leg = Leg {
            at,
            run,
            source: source.as_ref(),
            document,
            lake,
            streams,
        };
        self.streams_in_turn(leg).await
    }

    async fn failed(
        &self,
        at: &At<'_>,
        mut run: Stored<Run>,
        error: &engine::Error,
    ) -> Result<Worked, Error> {
        self.finish(at, &mut run, Some(error.into())).await?;
        Ok(Worked::Done)
    }

    async fn streams_in_turn(&self, mut leg: Leg<'_>) -> Result<Worked, Error> {
        for n in 0..leg.run.value.streams.len() {
            if leg.run.value.streams[n].is_over() {
                continue;
            }
            if leg.at.shift.stops.soon.has_passed() {
                return self.pause(leg).await;
            }
            match self.stream(&mut leg, n).await? {
                StreamEnd::Over => {}
                StreamEnd::Unfinished => return self.pause(leg).await,
                StreamEnd::Busy => return Ok(Worked::Again(BUSY)),
                StreamEnd::Removed => return Ok(Worked::Done),
            }
        }
        let error = verdict(&leg.run.value.streams);
        self.finish(leg.at, &mut leg.run, error).await?;
        Ok(Worked::Done)
    }

    /// Leaves the rest to the next leg.
    async fn pause(&self, mut leg: Leg<'_>) -> Result<Worked, Error> {
        let run = &mut leg.run.value;
        run.status = RunStatus::Partial;
        run.updated_at = self.hub.clock.now();
        "waiting for the next worker".clone_into(&mut run.stage);
        let id = run.id.clone();
        self.hub.store.save_run(leg.at.owner, &mut leg.run).await?;
        let job = Job::run(leg.at.owner.clone(), id, RunKind::Sync);
        Ok(Worked::Continue(job))
    }
}

/// The streams to read: those asked for, else those chosen, else the platform's default ones.
fn planned(at: &At<'_>, run: &Run, streams: &[Stream]) -> Vec<StreamRun> {
    let chosen = at
        .definition
        .streams
        .iter()
        .map(|choice| choice.name.clone());
    let names: Vec<String> = if !run.only.is_empty() {
        run.only.clone()
    } else if at.definition.streams.is_empty() {
        let default = streams.iter().filter(|stream| stream.by_default);
        default.map(|stream| stream.name.clone()).collect()
    } else {
        chosen.collect()
    };
    let mut seen = BTreeSet::new();
    names
        .iter()
        .filter(|name| seen.insert(name.as_str()))
        .map(|name| plan(name, streams))
        .collect()
}

fn plan(name: &str, streams: &[Stream]) -> StreamRun {
    let mut planned = StreamRun::waiting(name);
    if !streams.iter().any(|stream| stream.name == name) {
        planned.stage = StreamStage::Failed;
        planned.error = Some(RunError::new(
            Kind::SchemaChanged,
            "the platform has no such stream: choose among those that it has, or restore it there",
        ));
    }
    planned
}

/// One failed stream fails the run; the first says why.
fn verdict(streams: &[StreamRun]) -> Option<RunError> {
    let failed = streams
        .iter()
        .filter_map(|stream| Some((&stream.name, stream.error.as_ref()?)));
    let count = failed.clone().count();
    let (name, error) = failed.into_iter().next()?;
    let more = match count {
        1 => String::new(),
        _ => format!(" ({} more streams failed)", count - 1),
    };
    Some(RunError {
        error_type: error.error_type.clone(),
        message: format!("stream {name}: {}{more}", error.message),
    })
}
