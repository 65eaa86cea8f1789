use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

use crate::Env;

/// The AWS clients of a function.
#[derive(Debug, Clone)]
pub struct Aws {
    /// Objects.
    pub s3: aws_sdk_s3::Client,
    /// Secrets.
    pub secrets: aws_sdk_secretsmanager::Client,
}

/// Builds the clients, once in INIT. `AWS_ENDPOINT_URL` alone points all of them at a local AWS.
pub async fn connect(env: &Env) -> Aws {
    let config = config().await;
    // Bucket names as host names do not resolve on a local endpoint.
    let local = env.text("AWS_ENDPOINT_URL").is_some() || env.text("AWS_ENDPOINT_URL_S3").is_some();
    let s3 = aws_sdk_s3::config::Builder::from(&config)
        .force_path_style(local)
        .build();
    Aws {
        s3: aws_sdk_s3::Client::from_conf(s3),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
    }
}

async fn config() -> SdkConfig {
    // The SDK bounds connecting but not operations: without these a stalled socket would eat the
    // whole invocation. An upload part is 8 MiB.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_mins(1))
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .load()
        .await
}
