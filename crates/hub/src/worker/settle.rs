use std::time::Duration;

use state::Stored;
use tracing::{info, warn};

use super::{At, BUSY, Shift, TURN, Worked, Worker};
use crate::definition::{DataFate, Definition, Removal};
use crate::error::Error;
use crate::owner::Owner;
use crate::secret::SecretDocument;

/// How often a vendor that does not answer is asked to revoke.
const MOST_ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_mins(1);

impl Worker {
    /// Brings secret and schedule in line with the record, which decides.
    pub(super) async fn settle(
        &self,
        owner: &Owner,
        stored: Stored<Definition>,
        shift: Shift,
    ) -> Result<Worked, Error> {
        let Some(removal) = stored.value.removal.clone() else {
            let platform = self.hub.platform_of(&stored.value)?;
            self.hub.schedule(owner, &stored.value, platform).await?;
            return Ok(Worked::Done);
        };
        // First of all, so that no new run begins.
        self.hub.schedules.remove(owner).await?;
        let Some(lease) = self.lease(owner, TURN, "removal", shift).await? else {
            return Ok(Worked::Again(BUSY));
        };
        let removed = self.remove(owner, stored, removal, shift).await;
        if let Err(error) = self.hub.store.release(lease).await {
            warn!(%owner, %error, "a lease could not be given back; it ends by itself");
        }
        removed
    }

    /// What nobody has a record of: a creation that was broken off, or a removal that is done.
    pub(super) async fn forget(&self, owner: &Owner) -> Result<(), Error> {
        self.hub.schedules.remove(owner).await?;
        self.hub.vault.delete(owner).await?;
        self.hub.store.remove_all(owner).await
    }

    /// Revokes, then deletes data, secret and state in this order: whatever is left at any moment
    /// suffices to go on.
    async fn remove(
        &self,
        owner: &Owner,
        mut stored: Stored<Definition>,
        removal: Removal,
        shift: Shift,
    ) -> Result<Worked, Error> {
        if let Some(document) = self.hub.document(owner).await?
            && self
                .must_wait(owner, &stored.value, &document, &removal, shift)
                .await
        {
            stored.value.removal = Some(Removal {
                attempts: removal.attempts + 1,
                ..removal
            });
            self.hub.save_definition(owner, &mut stored).await?;
            return Ok(Worked::Again(PATIENCE));
        }
        if removal.data == DataFate::Delete {
            for stream in self.hub.store.streams(owner).await? {
                let records = self.hub.records_of(owner, &stream.value.slug)?;
                records.remove_all().await?;
            }
            self.hub.records.remove_rest(&owner.root()).await?;
        }
        self.forget(owner).await?;
        info!(%owner, "an integration was removed");
        Ok(Worked::Done)
    }

    /// Revokes the credentials where the vendor can; whether that is worth another attempt.
    async fn must_wait(
        &self,
        owner: &Owner,
        definition: &Definition,
        document: &SecretDocument,
        removal: &Removal,
        shift: Shift,
    ) -> bool {
        let at = At {
            owner,
            definition,
            shift,
        };
        let revoked = match self.connect(&at, Some(document)).await {
            Ok(source) => source.revoke(shift.stops.now).await,
            Err(error) => Err(error),
        };
        match revoked {
            Ok(revoked) => {
                info!(%owner, revoked, "credentials are given up");
                false
            }
            Err(error) => {
                let again = error.is_transient() && removal.attempts + 1 < MOST_ATTEMPTS;
                warn!(%owner, error_type = error.kind().as_str(), again, "credentials could not be revoked");
                again
            }
        }
    }
}
