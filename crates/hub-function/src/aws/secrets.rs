use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_sdk_secretsmanager::types::Tag;
use secrecy::{ExposeSecret as _, SecretString};

use super::trouble::Trouble;

/// Secrets in AWS Secrets Manager by name, as text.
#[derive(Debug, Clone)]
pub(super) struct Secrets {
    client: Client,
}

impl Secrets {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The current value; `None` if there is no such secret.
    pub(super) async fn read(&self, name: &str) -> Result<Option<SecretString>, Trouble> {
        let get = self.client.get_secret_value().secret_id(name);
        match Box::pin(get.send()).await {
            Ok(found) => Ok(found.secret_string.map(SecretString::from)),
            Err(error) if is_gone(error.code(), error.message()) => Ok(None),
            Err(error) => Err(Trouble::of(
                &error,
                "reading an integration's secret",
                "secretsmanager:GetSecretValue",
            )),
        }
    }

    /// Makes the secret, or gives the one there is another value.
    pub(super) async fn write(
        &self,
        name: &str,
        value: &SecretString,
        tags: &[(&str, &str)],
    ) -> Result<(), Trouble> {
        let put = self
            .client
            .put_secret_value()
            .secret_id(name)
            .secret_string(value.expose_secret());
        match Box::pin(put.send()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => {}
            Err(error) => {
                return Err(Trouble::of(
                    &error,
                    "changing an integration's secret",
                    "secretsmanager:PutSecretValue",
                ));
            }
        }
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
        let create = self
            .client
            .create_secret()
            .name(name)
            .description("Credentials of an integration; made and removed by Deskbridge")
            .secret_string(value.expose_secret())
            .set_tags(Some(tags.iter().map(tag).collect()));
        Box::pin(create.send()).await.map(|_| ()).map_err(|error| {
            Trouble::of(
                &error,
                "making an integration's secret",
                "secretsmanager:CreateSecret and secretsmanager:TagResource",
            )
        })
    }

    /// Removes the secret at once: what a tenant deletes must not be readable for weeks. One that
    /// is not there is removed.
    pub(super) async fn remove(&self, name: &str) -> Result<(), Trouble> {
        let delete = self
            .client
            .delete_secret()
            .secret_id(name)
            .force_delete_without_recovery(true);
        match Box::pin(delete.send()).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(error.code(), error.message()) => Ok(()),
            Err(error) => Err(Trouble::of(
                &error,
                "removing an integration's secret",
                "secretsmanager:DeleteSecret",
            )),
        }
    }
}

/// A deleted secret is known for a while, as one that is marked for deletion.
fn is_gone(code: Option<&str>, message: Option<&str>) -> bool {
    match code {
        Some("ResourceNotFoundException") => true,
        Some("InvalidRequestException") => {
            message.is_some_and(|message| message.contains("deletion"))
        }
        _ => false,
    }
}
