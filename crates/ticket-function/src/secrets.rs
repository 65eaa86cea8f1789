use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::cached::Cached;

/// Why a secret cannot be used. Holds nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("secret `{id}` {why}")]
pub struct SecretError {
    /// Its name.
    pub id: String,
    /// Cause and next step.
    pub why: String,
    /// Whether waiting may help.
    pub transient: bool,
}

/// A secret in AWS Secrets Manager as what it means, read again every five minutes so that a
/// rotation takes effect.
pub(crate) struct Secret<T> {
    client: Client,
    id: String,
    parse: fn(&str) -> Result<T, String>,
    kept: Cached<T>,
}

/// A secret is read within this, or else the last good one stays.
const PATIENCE: Duration = Duration::from_secs(2);

impl<T> Secret<T> {
    pub(crate) fn new(
        client: Client,
        id: &str,
        what: &'static str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Self {
        Self {
            client,
            id: id.to_owned(),
            parse,
            kept: Cached::new(what),
        }
    }

    pub(crate) async fn get(&self, now: Timestamp) -> Result<Arc<T>, SecretError> {
        self.kept
            .get(now, |_| async {
                let text = tokio::time::timeout(PATIENCE, self.read())
                    .await
                    .unwrap_or_else(|_| {
                        Err(self.wrong(
                            "could not be read in time; AWS Secrets Manager is slow",
                            true,
                        ))
                    })?;
                let value = (self.parse)(text.expose_secret());
                value.map(Arc::new).map_err(|why| self.wrong(&why, false))
            })
            .await
    }

    async fn read(&self) -> Result<SecretString, SecretError> {
        let get = self.client.get_secret_value().secret_id(&self.id);
        match Box::pin(get.send()).await {
            Ok(found) => match found.secret_string() {
                Some(text) => Ok(text.into()),
                None => Err(self.wrong("is binary; store it as text", false)),
            },
            Err(error) => Err(match error.code() {
                Some("ResourceNotFoundException") => self.wrong(
                    "does not exist or has no value; create it in AWS Secrets Manager in this region",
                    false,
                ),
                Some("AccessDeniedException" | "AccessDenied") => self.wrong(
                    "may not be read; allow the function's role secretsmanager:GetSecretValue on it",
                    false,
                ),
                Some(code) => self.wrong(&format!("could not be read: {code}"), true),
                None => self.wrong(&lambda_kit::causes(&error), true),
            }),
        }
    }

    fn wrong(&self, why: &str, transient: bool) -> SecretError {
        SecretError {
            id: self.id.clone(),
            why: why.to_owned(),
            transient,
        }
    }
}

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.id)
    }
}
