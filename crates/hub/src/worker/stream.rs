use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use engine::{Kind, Mode, Reading, Stream, Used};
use ingest::{Pull, Pulled, Reads, Span, State};
use jiff::SignedDuration;
use lake::{Format, Manifest, RunSpec};
use mapping::{Rules, Schema};
use records::Merged;
use serde_json::value::RawValue;
use state::Stored;
use tokio::time::Instant;

use super::Worker;
use super::intake::{Intake, Noted, Watched, lock};
use super::sync::Leg;
use crate::error::Error;
use crate::run::{RunError, StreamStage};
use crate::stream_state::{NextState, Pending, StreamState};

/// How often the record of a run is written while a worker is at it.
const TICK: Duration = Duration::from_secs(2);

/// What became of a stream in a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// It is done, or failed.
    Over,
    /// The next leg goes on.
    Unfinished,
    /// Another process is at it.
    Busy,
    /// The integration is being removed.
    Removed,
}

/// Why a stream does not go on.
enum Halt {
    /// The stream fails; the run goes on.
    Failed(RunError),
    Ended(StreamEnd),
    /// The hub itself is in trouble.
    Hub(Error),
}

impl<E: Into<Error>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Hub(error.into())
    }
}

impl Worker {
    /// Reads a stream and brings its records up to date, as far as this leg gets.
    pub(super) async fn stream(&self, leg: &mut Leg<'_>, n: usize) -> Result<StreamEnd, Error> {
        leg.run.value.streams[n].legs += 1;
        let error = match self.stream_or_halt(leg, n).await {
            Ok(()) => None,
            Err(Halt::Ended(end)) => return Ok(end),
            Err(Halt::Failed(error)) => Some(error),
            Err(Halt::Hub(error)) if error.is_transient() => return Err(error),
            Err(Halt::Hub(error)) => Some(RunError::new(Kind::Internal, error)),
        };
        let stream = &mut leg.run.value.streams[n];
        stream.stage = match &error {
            Some(_) => StreamStage::Failed,
            None => StreamStage::Done,
        };
        stream.error = error;
        self.save(leg).await?;
        Ok(StreamEnd::Over)
    }

    async fn stream_or_halt(&self, leg: &mut Leg<'_>, n: usize) -> Result<(), Halt> {
        let name = leg.run.value.streams[n].name.clone();
        let Some(stream) = leg
            .streams
            .iter()
            .find(|stream| stream.name == name)
            .cloned()
        else {
            return Err(Halt::Failed(RunError::new(
                Kind::SchemaChanged,
                "the platform has this stream no more: restore it there, or leave it out",
            )));
        };
        let mut known = self.hub.stream_or_new(leg.at.owner, &name).await?;
        if let Some(pending) = known.value.pending.clone() {
            // Rows that an earlier leg, or a process that died, stored and did not merge.
            let ours = pending.run == leg.run.value.id || leg.run.value.streams[n].mode.is_some();
            let merged = self.merge(leg, n, &stream, &mut known, pending).await?;
            if merged && ours {
                return Ok(());
            }
        }
        let (manifest, noted, next) = self.read(leg, n, &stream, &known.value).await?;
        if known.value.last_run.as_ref() == Some(&manifest.run) {
            return Ok(());
        }
        let mode = leg.run.value.streams[n].mode.unwrap_or(Mode::Full);
        let pending = Pending {
            run: manifest.run.clone(),
            mode,
            rows_gone: mode == Mode::Full && manifest.complete && noted.tells_all(),
            next,
            asked: Self::asked(leg, &stream),
            started_at: manifest.started_at,
            seen: noted.seen,
            failed: noted.failed,
        };
        known.value.pending = Some(pending.clone());
        known.value.primary_key.clone_from(&stream.primary_key);
        known.value.cursor.clone_from(&stream.cursor);
        self.hub.store.save_stream(leg.at.owner, &mut known).await?;
        self.merge(leg, n, &stream, &mut known, pending).await?;
        Ok(())
    }

    /// Rows from the source into the lake.
    async fn read(
        &self,
        leg: &mut Leg<'_>,
        n: usize,
        stream: &Stream,
        known: &StreamState,
    ) -> Result<(Manifest, Noted, NextState), Halt> {
        let asked = Self::asked(leg, stream);
        let mode = match leg.run.value.streams[n].mode {
            Some(mode) => mode,
            None => self.mode(leg, stream, known, &asked),
        };
        let progress = Watched::default();
        lock(&progress).pages = leg.run.value.streams[n].pages;
        leg.run.value.streams[n].mode = Some(mode);
        leg.run.value.streams[n].stage = StreamStage::Reading;
        leg.run.value.stage = format!("reading {}", stream.name);
        self.save(leg).await?;

        let state = known.state.clone().filter(|_| mode == Mode::Incremental);
        let state = state.and_then(|text| RawValue::from_string(text).ok());
        let now = self.hub.clock.now();
        let started_at = leg.run.value.started_at.unwrap_or(now);
        let at_state = state.as_ref().map_or("", |state| state.get());
        let request = format!("{asked} {mode:?} {at_state}");
        let pull = Pull {
            lake: &leg.lake.clone(),
            clock: &self.hub.clock,
            spec: RunSpec {
                report: known.slug.clone(),
                partitions: Vec::new(),
                run: leg.run.value.id.clone(),
                group: None,
                request: crate::digest::hex_of(&[request.as_bytes()]),
                started_at,
                expires_at: leg.at.shift.ends_at,
                format: Format::JsonlGz,
            },
            span: Span::new(mode, started_at),
            stops: leg.at.shift.stops,
            ends_at: now,
        };
        let mapper = rules(leg, stream)
            .compile(&leg.document.salt)
            .map_err(|problems| Halt::Failed(unusable(&problems)))?;
        let mut intake = Intake::new(mapper, stream.primary_key.clone(), progress.clone());
        let reading = Reading {
            stream: stream.name.clone(),
            mode,
            state,
            resume: None,
            fields: fields(leg, stream),
            started_at,
        };
        let mut work = Reads::new(leg.source, reading);
        let pulled = pull.run(&mut work, &mut intake);
        let pulled = self.watched(leg, n, &progress, pulled).await?;
        let noted = intake.into_noted();
        let run = &mut leg.run.value.streams[n];
        run.failed_rows = noted.failed_rows;
        match pulled.map_err(halted)? {
            Pulled::Complete {
                manifest,
                state,
                used,
            } => {
                (run.rows, run.used) = (manifest.rows, used);
                run.manifest_key = Some(manifest.manifest_key.clone());
                run.warnings.extend(manifest.reasons.iter().cloned());
                run.warnings.extend(manifest.warnings.iter().cloned());
                let next = match state {
                    State::Next(state) => NextState::This(state),
                    State::Nothing => NextState::Nothing,
                    State::AsBefore => NextState::AsBefore,
                };
                Ok((manifest, noted, next))
            }
            Pulled::Before(manifest) => {
                run.rows = manifest.rows;
                run.manifest_key = Some(manifest.manifest_key.clone());
                // Which rows failed is not known any more: so nothing is taken for deleted.
                let noted = Noted {
                    failed_rows: 1,
                    ..Noted::default()
                };
                Ok((manifest, noted, NextState::AsBefore))
            }
            Pulled::Partial { rows, used, .. } => {
                (run.rows, run.used) = (rows, used);
                Err(Halt::Ended(StreamEnd::Unfinished))
            }
            Pulled::Parked { .. } => Err(Halt::Hub(Error::Defect("a stream's run was parked"))),
        }
    }

    /// Stored rows into the current records; then what is known of the stream. `false` if there is
    /// no such run any more.
    async fn merge(
        &self,
        leg: &mut Leg<'_>,
        n: usize,
        stream: &Stream,
        known: &mut Stored<StreamState>,
        pending: Pending,
    ) -> Result<bool, Halt> {
        leg.run.value.streams[n].stage = StreamStage::Merging;
        leg.run.value.stage = format!("merging {}", stream.name);
        self.save(leg).await?;
        let slug = known.value.slug.clone();
        let Some(manifest) = leg.lake.finished(&slug, &pending.run).await? else {
            // The run was swept away before it was visible: there is nothing to merge.
            known.value.pending = None;
            self.hub.store.save_stream(leg.at.owner, known).await?;
            return Ok(false);
        };
        let records = self.hub.records_of(leg.at.owner, &slug)?;
        let failed: Vec<_> = pending
            .failed
            .iter()
            .map(|row| records::FailedRow {
                external_id: row.external_id.clone(),
                error: row.error.clone(),
            })
            .collect();
        let until = Instant::now() + leg.at.shift.stops.now.remaining();
        let merged = Box::pin(records.merge(&manifest, pending.rows_gone, &failed, until));
        let progress = Watched::default();
        *lock(&progress) = leg.run.value.streams[n].progress();
        match self.watched(leg, n, &progress, merged).await?? {
            Merged::Unfinished => return Err(Halt::Ended(StreamEnd::Unfinished)),
            Merged::Done(counts) => {
                let before = known.value.counts.deleted;
                leg.run.value.streams[n].deleted = counts.deleted.saturating_sub(before);
                known.value.counts = counts;
                self.learn(leg, n, stream, &mut known.value, pending);
            }
            Merged::Superseded => {
                let warning = "a newer run was merged already: this one changed nothing";
                leg.run.value.streams[n].warnings.push(warning.to_owned());
                known.value.pending = None;
            }
        }
        self.hub.store.save_stream(leg.at.owner, known).await?;
        Ok(true)
    }

    /// What a merged run tells of its stream.
    fn learn(
        &self,
        leg: &mut Leg<'_>,
        n: usize,
        stream: &Stream,
        known: &mut StreamState,
        pending: Pending,
    ) {
        let now = self.hub.clock.now();
        // What the platform declares is all there is; rows only show what they have.
        let declared = !stream.fields.is_empty();
        let seen = if declared {
            Schema::of(&stream.fields)
        } else {
            pending.seen
        };
        let complete = declared || pending.rows_gone;
        let changes = mapping::drift(&known.schema, &seen, complete);
        leg.run.value.streams[n].drift = changes.len() as u64;
        known.drifted(changes, &pending.run, now);
        if complete && !seen.is_empty() {
            known.schema = seen;
        } else {
            known.schema.merge(&seen);
        }
        match pending.next {
            NextState::This(state) => {
                known.state = Some(state.get().to_owned());
                known.asked = pending.asked;
            }
            NextState::Nothing => {
                known.state = None;
                known.asked = pending.asked;
            }
            NextState::AsBefore => {}
        }
        if pending.mode == Mode::Full {
            known.last_full = Some(pending.started_at);
        }
        known.last_run = Some(pending.run);
        known.last_sync = Some(now);
        known.pending = None;
    }

    /// Full where nothing else is possible, where it was asked for, where other fields or rules
    /// want all rows again, and where it is time to look for deleted rows.
    fn mode(&self, leg: &Leg<'_>, stream: &Stream, known: &StreamState, asked: &str) -> Mode {
        let every = leg.at.definition.full_every;
        let hours = SignedDuration::from_hours(i64::from(every));
        let due = |last| self.hub.clock.now().duration_since(last) >= hours;
        let incremental = stream.cursor.is_some()
            && known.state.is_some()
            && known.asked == asked
            && !leg.run.value.full
            && (every == 0 || known.last_full.is_some_and(|last| !due(last)));
        if incremental {
            Mode::Incremental
        } else {
            Mode::Full
        }
    }

    /// A digest of what is asked of a stream. Settings are a part of it: rows of another account,
    /// or of another query, are other rows.
    fn asked(leg: &Leg<'_>, stream: &Stream) -> String {
        let rules = serde_json::to_string(rules(leg, stream)).unwrap_or_default();
        let fields = fields(leg, stream).join("\n");
        let key = stream.primary_key.join("\n");
        let cursor = stream.cursor.as_deref().unwrap_or_default();
        let config = serde_json::to_string(&leg.at.definition.config).unwrap_or_default();
        let parts = [&stream.name, &rules, &fields, &key, &config].map(String::as_bytes);
        crate::digest::hex_of(&[&parts[..], &[cursor.as_bytes()]].concat())
    }

    /// Awaits `work`, writing the run's record every two seconds and looking whether the
    /// integration is still wanted.
    async fn watched<T>(
        &self,
        leg: &mut Leg<'_>,
        n: usize,
        progress: &Watched,
        work: impl Future<Output = T>,
    ) -> Result<T, Halt> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep(TICK) => {}
            }
            let now = *lock(progress);
            leg.run.value.streams[n].shows(now);
            self.save(leg).await?;
            let definition = self.hub.store.definition(leg.at.owner).await?;
            if definition.is_none_or(|stored| stored.value.removal.is_some()) {
                return Err(Halt::Ended(StreamEnd::Removed));
            }
        }
    }

    async fn save(&self, leg: &mut Leg<'_>) -> Result<(), Error> {
        let run = &mut leg.run.value;
        run.used = run
            .streams
            .iter()
            .fold(Used::default(), |sum, stream| sum.and(stream.used));
        run.updated_at = self.hub.clock.now();
        self.hub.store.save_run(leg.at.owner, &mut leg.run).await
    }
}

fn rules<'l>(leg: &'l Leg<'_>, stream: &Stream) -> &'l Rules {
    static NONE: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(Rules::default);
    leg.at.definition.mapping.get(&stream.name).unwrap_or(&NONE)
}

fn fields(leg: &Leg<'_>, stream: &Stream) -> Vec<String> {
    let choices = leg.at.definition.streams.iter();
    let mut chosen = choices.filter(|choice| choice.name == stream.name);
    chosen
        .next()
        .map_or_else(Vec::new, |choice| choice.fields.clone())
}

fn unusable(problems: &[engine::Problem]) -> RunError {
    let texts: Vec<_> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.message))
        .collect();
    RunError::new(
        Kind::InvalidConfig,
        format!("the mapping cannot be used: {}", texts.join("; ")),
    )
}

fn halted(error: ingest::Error) -> Halt {
    match error {
        ingest::Error::Source(error) => Halt::Failed((&error).into()),
        ingest::Error::Lake(error) => Halt::Hub(error.into()),
        ingest::Error::Busy { .. } => Halt::Ended(StreamEnd::Busy),
        ingest::Error::NoTime | ingest::Error::Checkpoint => Halt::Ended(StreamEnd::Unfinished),
        ingest::Error::Unwritable(_) => Halt::Failed(RunError::new(Kind::Internal, error)),
    }
}
