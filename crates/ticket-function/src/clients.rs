use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use lambda_kit::{Aws, Env};

/// The AWS clients of the ticket functions.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Objects and secrets.
    pub aws: Aws,
    /// The table of chats, tickets and keys.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Mails.
    pub ses: aws_sdk_sesv2::Client,
}

impl Clients {
    /// Builds the clients, once in INIT.
    pub async fn connect(env: &Env) -> Self {
        let (aws, config) = futures_util::join!(lambda_kit::connect(env), config());
        Self::of(aws, &config)
    }

    /// The clients of a configuration, beside those that there are.
    pub fn of(aws: Aws, config: &SdkConfig) -> Self {
        Self {
            aws,
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
            ses: aws_sdk_sesv2::Client::new(config),
        }
    }
}

/// Small requests while somebody waits for the answer: tried again soon, and not for long.
async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(1500))
        .operation_timeout(Duration::from_secs(4))
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
