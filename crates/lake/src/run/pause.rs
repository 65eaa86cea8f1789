use serde_json::value::RawValue;

use super::Run;
use crate::error::Error;
use crate::open::{Checkpoint, State};

/// Why a leg was not stored, and whether it may still be by a call that went unanswered.
struct NotStored {
    error: Error,
    undecided: bool,
}

impl From<Error> for NotStored {
    fn from(error: Error) -> Self {
        Self {
            error,
            undecided: false,
        }
    }
}

impl Run {
    /// Stores what this leg wrote, still invisible, and lets go of the run: the next
    /// [`crate::Lake::begin`] with the same request goes on from `progress`.
    ///
    /// If it fails, this leg is undone as by [`Run::abandon`]. A merge cannot be suspended.
    pub async fn suspend(self, progress: Box<RawValue>) -> Result<(), Error> {
        if !self.parts.is_empty() {
            let error = self.wrong_end("a merge is committed or abandoned; begin it again");
            return Err(self.refused(error).await);
        }
        self.pause(progress, State::Suspended).await
    }

    /// Stores what this leg wrote as the end of a part, for [`crate::Lake::gather`], which hands
    /// back `progress`. Only for runs that have a group.
    ///
    /// If it fails, this leg is undone as by [`Run::abandon`].
    pub async fn park(self, progress: Box<RawValue>) -> Result<(), Error> {
        if self.held.about.group.is_none() {
            let error = self.wrong_end("only a part of a merge is parked: commit it");
            return Err(self.refused(error).await);
        }
        self.pause(progress, State::Parked).await
    }

    async fn pause(
        mut self,
        progress: Box<RawValue>,
        state: fn(Checkpoint) -> State,
    ) -> Result<(), Error> {
        match self.try_pause(progress, state).await {
            Ok(()) => Ok(()),
            Err(NotStored { error, undecided }) if undecided => {
                tracing::warn!(
                    report = self.held.about.report,
                    run = %self.id(),
                    "left a run open: whether its checkpoint was stored is unknown until it expires"
                );
                Err(error)
            }
            Err(NotStored { error, .. }) => Err(self.roll_back_after(error).await),
        }
    }

    async fn try_pause(
        &mut self,
        progress: Box<RawValue>,
        state: fn(Checkpoint) -> State,
    ) -> Result<(), NotStored> {
        self.require_unbroken()?;
        self.require_time()?;
        let mut segments = self.held.segments().to_vec();
        if self.rows > 0 {
            let last = self.encoder.finish().map_err(Error::Compression)?;
            segments.push(self.upload.stage(last, self.rows).await?);
        }
        self.require_time()?;
        let checkpoint = Checkpoint {
            suspended_at: self.lake.clock.now(),
            legs: self.leg(),
            segments,
            progress,
        };
        let store = &self.lake.store;
        match self
            .held
            .release(store, &self.keys, state(checkpoint))
            .await
        {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(store.conflict(&self.held.about.open_key(&self.keys)).into()),
            Err(error) => Err(NotStored {
                undecided: error.may_have_happened(),
                error,
            }),
        }
    }

    pub(super) async fn refused(mut self, error: Error) -> Error {
        self.roll_back_after(error).await
    }
}
