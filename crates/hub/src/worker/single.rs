//! Checks, actions and imports: runs that one worker does in one go.

use engine::Kind;
use lake::RunId;
use records::Merged;
use serde_json::{Map, Value, json};
use state::Stored;
use tokio::time::Instant;
use tracing::warn;

use super::{At, BUSY, TURN, Worked, Worker, tell};
use crate::error::Error;
use crate::job::Job;
use crate::run::{Run, RunError, RunKind, RunStatus, StreamStage};

impl Worker {
    /// Tests address and credentials; what comes out also tells how the integration is.
    pub(super) async fn check(&self, at: &At<'_>, run: &RunId) -> Result<Worked, Error> {
        let Some(mut run) = self.begun(at, run, "testing").await? else {
            return Ok(Worked::Done);
        };
        let document = self.hub.document(at.owner).await?;
        let checked = match self.connect(at, document.as_ref()).await {
            Ok(source) => source.check(at.shift.stops.now).await,
            Err(error) => Err(error),
        };
        let error = checked.as_ref().err().map(RunError::from);
        run.value.result = Some(match checked {
            Ok(checked) => {
                let facts: Map<_, _> = checked
                    .facts
                    .into_iter()
                    .map(|(name, fact)| (name.to_owned(), Value::from(fact)))
                    .collect();
                json!({"success": true, "message": checked.message, "facts": facts})
            }
            Err(error) => {
                let error_type = error.kind().as_str();
                json!({"success": false, "message": error.to_string(), "errorType": error_type})
            }
        });
        let now = self.hub.clock.now();
        self.ended(at, &mut run, error.clone()).await?;
        let noted = |health: &mut crate::health::Health| {
            health.error.clone_from(&error);
            health.updated_at = Some(now);
        };
        self.hub.store.change_health(at.owner, noted).await?;
        Ok(Worked::Done)
    }

    /// Carries out an action once, or not at all. Where that cannot be told, it says so.
    pub(super) async fn act(&self, at: &At<'_>, id: &RunId) -> Result<Worked, Error> {
        let what = format!("act#{id}");
        let Some(lease) = self.lease(at.owner, &what, id.as_str(), at.shift).await? else {
            return Ok(Worked::Again(BUSY));
        };
        let acted = self.act_alone(at, id).await;
        if let Err(error) = self.hub.store.release(lease).await {
            warn!(owner = %at.owner, %error, "a lease could not be given back; it ends by itself");
        }
        acted
    }

    async fn act_alone(&self, at: &At<'_>, id: &RunId) -> Result<Worked, Error> {
        let Some(run) = self.hub.store.run(at.owner, id).await? else {
            return Ok(Worked::Done);
        };
        if run.value.status == RunStatus::Running {
            let mut run = run;
            let error = RunError::new(
                Kind::Internal,
                "the worker ended in the middle: the action may have happened, look on the platform before you repeat it",
            );
            self.ended(at, &mut run, Some(error)).await?;
            return Ok(Worked::Done);
        }
        let Some(mut run) = self.begun(at, id, "acting").await? else {
            return Ok(Worked::Done);
        };
        let order = run.value.action.clone();
        let Some((name, parameters)) =
            order.and_then(|order| Some((order.name, order.parameters?)))
        else {
            return Err(Error::Defect("an action's run has no action"));
        };
        let document = self.hub.document(at.owner).await?;
        let acted = match self.connect(at, document.as_ref()).await {
            Ok(source) => source.act(&name, &parameters, at.shift.stops.now).await,
            Err(error) => Err(error),
        };
        let error = match acted {
            Ok(result) => {
                run.value.result = Some(result);
                None
            }
            Err(error) if error.may_have_happened() => Some(RunError::new(
                error.kind(),
                format!(
                    "{error}; the action may have happened, look on the platform before you repeat it"
                ),
            )),
            Err(error) => Some((&error).into()),
        };
        self.ended(at, &mut run, error).await?;
        Ok(Worked::Done)
    }

    /// Merges rows that a caller sent, as the only process that is at the integration.
    pub(super) async fn import(&self, at: &At<'_>, id: &RunId) -> Result<Worked, Error> {
        let Some(lease) = self.lease(at.owner, TURN, id.as_str(), at.shift).await? else {
            return Ok(Worked::Again(BUSY));
        };
        let imported = self.import_alone(at, id).await;
        if let Err(error) = self.hub.store.release(lease).await {
            warn!(owner = %at.owner, %error, "a lease could not be given back; it ends by itself");
        }
        imported
    }

    async fn import_alone(&self, at: &At<'_>, id: &RunId) -> Result<Worked, Error> {
        let found = self.hub.store.run(at.owner, id).await?;
        let Some(mut run) = found.filter(|run| !run.value.status.has_ended()) else {
            return Ok(Worked::Done);
        };
        run.value.begin(self.hub.clock.now());
        "merging".clone_into(&mut run.value.stage);
        self.hub.store.save_run(at.owner, &mut run).await?;
        let Some(name) = run.value.streams.first().map(|stream| stream.name.clone()) else {
            return Err(Error::Defect("an import's run has no stream"));
        };
        let mut known = self.hub.stream_or_new(at.owner, &name).await?;
        let records = self.hub.records_of(at.owner, &known.value.slug)?;
        let until = Instant::now() + at.shift.stops.now.remaining();
        match records.merge_staged(id, until).await? {
            Merged::Done(counts) => {
                known.value.counts = counts;
                known.value.last_sync = Some(self.hub.clock.now());
                self.hub.store.save_stream(at.owner, &mut known).await?;
            }
            Merged::Unfinished => {
                let job = Job::run(at.owner.clone(), id.clone(), RunKind::Import);
                return Ok(Worked::Continue(job));
            }
            Merged::Superseded => {}
        }
        run.value.streams[0].stage = StreamStage::Done;
        self.ended(at, &mut run, None).await?;
        Ok(Worked::Done)
    }

    /// The run, if it is this process that begins it.
    async fn begun(
        &self,
        at: &At<'_>,
        id: &RunId,
        stage: &str,
    ) -> Result<Option<Stored<Run>>, Error> {
        let found = self.hub.store.run(at.owner, id).await?;
        let Some(mut run) = found.filter(|run| !run.value.status.has_ended()) else {
            return Ok(None);
        };
        run.value.begin(self.hub.clock.now());
        stage.clone_into(&mut run.value.stage);
        match self.hub.store.save_run(at.owner, &mut run).await {
            Ok(()) => Ok(Some(run)),
            Err(Error::State(error)) if error.is_conflict() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn ended(
        &self,
        at: &At<'_>,
        run: &mut Stored<Run>,
        error: Option<RunError>,
    ) -> Result<(), Error> {
        run.value.end(error, self.hub.clock.now());
        self.hub.store.save_run(at.owner, run).await?;
        tell(at, &run.value);
        Ok(())
    }
}
