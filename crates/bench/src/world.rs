use std::time::Duration;

use clock::{Clock as _, SystemClock};
use serde_json::json;
use simulators::aws::Aws;
use simulators::zoho::{Options, Simulator};

use crate::Failure;

pub(crate) const BUCKET: &str = "zoho-reports-000000000000";

/// A simulated Zoho account and a simulated AWS.
pub(crate) struct World {
    pub(crate) zoho: Simulator,
    pub(crate) aws: Aws,
}

impl World {
    /// `limit` is the vendor's on calls in flight, that of the largest edition if `None`.
    pub(crate) async fn with_tickets(
        tickets: u32,
        latency: Duration,
        limit: Option<usize>,
    ) -> Result<Self, Failure> {
        let mut options = Options::with_tickets(tickets);
        // Long enough ago for a full run to read all of it.
        options.now = Some(SystemClock.now() - Duration::from_mins(1));
        options.latency = latency;
        options.concurrency = limit;
        options.daily_credits = Some(100_000_000);
        let zoho = Simulator::start(options).await?;
        let aws = Aws::start().await?;
        aws.create_bucket(BUCKET);
        let account = zoho.options();
        let secret = json!({
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "org_id": account.org_id,
            "code": account.code,
        });
        aws.put_secret("zoho_auth", &secret.to_string());
        Ok(Self { zoho, aws })
    }
}
