use std::fmt;

use serde::{Deserialize, Serialize};
use state::TenantId;

/// Names an integration among those of its tenant, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntegrationId(pub u64);

impl fmt::Display for IntegrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One integration of one tenant: what every key, prefix and name is made of. The tenant always
/// comes first, and always from the caller's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub integration: IntegrationId,
}

impl Owner {
    /// An integration of a tenant's.
    pub fn new(tenant: TenantId, integration: IntegrationId) -> Self {
        Self {
            tenant,
            integration,
        }
    }

    /// Where its rows and records lie in the bucket: `integrations/tenant=<t>/integration=<id>/`.
    pub fn root(&self) -> String {
        format!(
            "integrations/tenant={}/integration={}/",
            self.tenant, self.integration
        )
    }

    /// Its secret's name after the deployment's prefix: `integrations/<tenant>/<id>`.
    pub fn secret_name(&self) -> String {
        format!("integrations/{}/{}", self.tenant, self.integration)
    }

    /// Its schedule's name: `<tenant>-<id>`. Ids are digits, so no two owners share a name.
    pub fn schedule_name(&self) -> String {
        format!("{}-{}", self.tenant, self.integration)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.integration)
    }
}
