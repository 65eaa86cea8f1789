use aws_sdk_secretsmanager::Client;
use hub::{Owner, Ported, Vault};
use secrecy::SecretString;

use super::secrets::Secrets;

/// The secrets of integrations in AWS Secrets Manager, named
/// `<prefix>integrations/<tenant>/<id>` and tagged with tenant and integration.
#[derive(Debug, Clone)]
pub struct SecretsVault {
    secrets: Secrets,
    prefix: String,
}

impl SecretsVault {
    /// `prefix` keeps the deployments of one account apart.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            secrets: Secrets::new(client),
            prefix: prefix.into(),
        }
    }

    /// The secret's name.
    pub(crate) fn name(&self, owner: &Owner) -> String {
        format!("{}{}", self.prefix, owner.secret_name())
    }
}

impl Vault for SecretsVault {
    fn put<'a>(&'a self, owner: &'a Owner, document: &'a SecretString) -> Ported<'a, ()> {
        Box::pin(async move {
            let integration = owner.integration.to_string();
            let tags = [
                ("tenant", owner.tenant.as_str()),
                ("integration", integration.as_str()),
            ];
            let name = self.name(owner);
            Ok(self.secrets.write(&name, document, &tags).await?)
        })
    }

    fn read<'a>(&'a self, owner: &'a Owner) -> Ported<'a, Option<SecretString>> {
        Box::pin(async move { Ok(self.secrets.read(&self.name(owner)).await?) })
    }

    fn delete<'a>(&'a self, owner: &'a Owner) -> Ported<'a, ()> {
        Box::pin(async move { Ok(self.secrets.remove(&self.name(owner)).await?) })
    }
}
