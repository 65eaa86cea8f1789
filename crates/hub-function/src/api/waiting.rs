use std::time::Duration;

use hub::{IntegrationId, Run};
use lake::RunId;
use state::TenantId;
use vendor_http::Deadline;

use crate::api::Api;

/// The longest that a caller waits for a worker.
const PATIENCE: Duration = Duration::from_secs(20);

/// The run as it is when it has ended, or when there is no time to wait for that.
pub(crate) async fn wait(
    api: &Api,
    tenant: &TenantId,
    integration: IntegrationId,
    run: &RunId,
    time_left: Duration,
) -> Result<Run, hub::Error> {
    let until = Deadline::after(time_left.min(PATIENCE));
    api.hub.wait(tenant, integration, run, until).await
}
