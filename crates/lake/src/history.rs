use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::error::Error;
use crate::keys::{Keys, RunId};
use crate::lake::Lake;
use crate::manifest::Manifest;

/// Manifests read at the same time.
const READS: usize = 16;

impl Lake {
    /// The committed runs of a report, whatever they are limited to, oldest first by
    /// `(started_at, run)`. Runs in `known` are left out before they are read: the rest costs one
    /// `GetObject` each.
    pub async fn committed_runs(
        &self,
        report: &str,
        known: &HashSet<RunId>,
    ) -> Result<Vec<Manifest>, Error> {
        let keys = Keys::new(&self.root, report, &[])?;
        let stored = self.store.list(&keys.manifests()).await?;
        // After the manifests: a run that has one and no open record is committed.
        let open = self.store.list(&keys.open_records()).await?;
        let open: HashSet<RunId> = open
            .iter()
            .filter_map(|key| keys.owner_of_open(key))
            .filter_map(|(group, run)| group.is_none().then_some(run))
            .collect();
        let unknown: Vec<RunId> = stored
            .iter()
            .filter_map(|key| keys.run_of_manifest(key))
            .filter(|run| !known.contains(run))
            .collect();
        let found: Vec<Option<Manifest>> = stream::iter(unknown)
            .map(|run| self.committed(&keys, run, &open))
            .buffer_unordered(READS)
            .try_collect()
            .await?;
        let mut runs: Vec<Manifest> = found.into_iter().flatten().collect();
        runs.sort_by(|a, b| (a.started_at, &a.run).cmp(&(b.started_at, &b.run)));
        Ok(runs)
    }

    async fn committed(
        &self,
        keys: &Keys,
        run: RunId,
        open: &HashSet<RunId>,
    ) -> Result<Option<Manifest>, Error> {
        if open.contains(&run) {
            self.manifest_if_committed(keys, &run).await
        } else {
            self.manifest(keys, &run).await
        }
    }
}
