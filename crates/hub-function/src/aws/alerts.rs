use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use hub::{Alert, Alerts, PortError, Ported};
use serde_json::json;
use tracing::warn;

use super::trouble::Trouble;

/// Alerts to an Amazon SNS topic; without one they are in the log only.
#[derive(Debug, Clone)]
pub struct SnsAlerts {
    client: Client,
    topic_arn: Option<String>,
}

impl SnsAlerts {
    /// The topic by its ARN.
    pub fn new(client: Client, topic_arn: Option<String>) -> Self {
        Self { client, topic_arn }
    }
}

impl Alerts for SnsAlerts {
    fn raise<'a>(&'a self, alert: &'a Alert) -> Ported<'a, ()> {
        Box::pin(async move {
            warn!(
                tenant = alert.owner.tenant.as_str(),
                integration = alert.owner.integration.0,
                platform = alert.platform,
                failures = alert.failures,
                error_type = alert.error.error_type,
                "an integration fails again and again"
            );
            let Some(topic) = &self.topic_arn else {
                return Ok(());
            };
            let attribute = |value: &str| {
                MessageAttributeValue::builder()
                    .data_type("String")
                    .string_value(value)
                    .build()
                    .map_err(PortError::lasting)
            };
            let publish = self
                .client
                .publish()
                .topic_arn(topic)
                .subject(subject(alert))
                .message(text(alert))
                .message_attributes("tenant", attribute(alert.owner.tenant.as_str())?)
                .message_attributes("platform", attribute(alert.platform)?);
            Box::pin(publish.send()).await.map_err(|error| {
                Trouble::of(&error, "sending an alert", "sns:Publish on the alert topic")
            })?;
            Ok(())
        })
    }
}

/// SNS takes up to 100 ASCII characters.
fn subject(alert: &Alert) -> String {
    format!(
        "Integration {} of {} ({}) fails",
        alert.owner.integration, alert.owner.tenant, alert.platform
    )
}

/// For people and for programs: JSON with a sentence in it.
fn text(alert: &Alert) -> String {
    let sentence = format!(
        "{} syncs of integration {} of {} have failed in a row. {}",
        alert.failures, alert.owner.integration, alert.owner.tenant, alert.error.message
    );
    json!({
        "message": sentence,
        "tenant": alert.owner.tenant,
        "integration": alert.owner.integration,
        "platform": alert.platform,
        "failures": alert.failures,
        "errorType": alert.error.error_type,
    })
    .to_string()
}
