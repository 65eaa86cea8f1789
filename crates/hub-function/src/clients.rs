use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use lambda_kit::{Aws, Env};

/// The AWS clients of the hub's functions.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Objects and secrets.
    pub aws: Aws,
    /// Integrations, runs, schedules' counterparts and keys.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Schedules.
    pub scheduler: aws_sdk_scheduler::Client,
    /// Alerts.
    pub sns: aws_sdk_sns::Client,
    /// The queues.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Builds the clients, once in INIT. `AWS_ENDPOINT_URL` alone points all of them at a local AWS.
    pub async fn connect(env: &Env) -> Self {
        let (aws, config) = futures_util::join!(lambda_kit::connect(env), config());
        Self::of(aws, &config)
    }

    /// The clients of a configuration, beside those that there are.
    pub fn of(aws: Aws, config: &SdkConfig) -> Self {
        Self {
            aws,
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            scheduler: aws_sdk_scheduler::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        }
    }
}

/// Small requests, some while somebody waits: tried again soon, and not for long.
async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(2500))
        .operation_timeout(Duration::from_secs(8))
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(4)
                .with_initial_backoff(Duration::from_millis(50)),
        )
        .load()
        .await
}
