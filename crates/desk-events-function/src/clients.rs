use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use lambda_kit::{Aws, Env};

/// The AWS clients of both functions.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Objects and secrets.
    pub aws: Aws,
    /// The state table.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The queues.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Builds the clients, once in INIT.
    pub async fn connect(env: &Env) -> Self {
        let aws = lambda_kit::connect(env).await;
        let config = config().await;
        Self {
            aws,
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
        }
    }
}

/// Zoho waits 5 s for an answer: small requests are given up and repeated soon.
async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(1200))
        .operation_timeout(Duration::from_millis(2500))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50));
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(retries)
        .load()
        .await
}
