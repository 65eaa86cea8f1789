use std::fmt;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::{ExposeSecret, SecretString};

use crate::error::describe;
use crate::{Error, SecretId, SecretProblem, ZohoSecret};

/// A version is written under this label before it becomes the current one. One fixed label, since
/// a secret can carry twenty and each write moves it on.
const STAGING_LABEL: &str = "deskbridge";
const CURRENT: &str = "AWSCURRENT";

/// Secrets in AWS Secrets Manager. Clones share the client.
#[derive(Debug, Clone)]
pub struct SecretStore(Client);

/// A secret as it was read, and the version that was.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// The secret's own name, also where it was asked for by ARN.
    pub(crate) name: String,
    pub(crate) version_id: String,
    pub(crate) secret: ZohoSecret,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} {:?})", self.name, self.secret)
    }
}

/// Why a new version did not become the current one.
#[derive(Debug)]
pub(crate) enum SwapError {
    /// Somebody else's version became the current one since the read.
    Overtaken,
    Failed(Error),
}

impl SecretStore {
    /// Wraps a client.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    pub(crate) async fn read(&self, id: &SecretId) -> Result<Snapshot, Error> {
        let answer = Box::pin(self.0.get_secret_value().secret_id(id.as_str()).send())
            .await
            .map_err(|error| read_error(id, &error))?;
        let invalid =
            |problem: SecretProblem| Error::SecretInvalid(format!("secret `{id}`: {problem}"));
        let text = answer
            .secret_string()
            .ok_or_else(|| invalid(SecretProblem::Binary))?;
        Ok(Snapshot {
            name: answer.name().unwrap_or(id.as_str()).to_owned(),
            version_id: answer.version_id().unwrap_or_default().to_owned(),
            secret: ZohoSecret::parse(text).map_err(invalid)?,
        })
    }

    /// Makes `text` the current version if `expected` still is: first stores it under a private
    /// label, then moves `AWSCURRENT` from `expected` to it, which the service refuses when the
    /// label is elsewhere by now. Returns the new version's id.
    pub(crate) async fn swap(
        &self,
        id: &SecretId,
        expected: &str,
        text: &SecretString,
    ) -> Result<String, SwapError> {
        let put = self
            .0
            .put_secret_value()
            .secret_id(id.as_str())
            .secret_string(text.expose_secret())
            .version_stages(STAGING_LABEL);
        let written = Box::pin(put.send())
            .await
            .map_err(|error| write_error(id, "PutSecretValue", &error))?
            .version_id
            .unwrap_or_default();
        let promote = self
            .0
            .update_secret_version_stage()
            .secret_id(id.as_str())
            .version_stage(CURRENT)
            .move_to_version_id(&written)
            .remove_from_version_id(expected);
        match Box::pin(promote.send()).await {
            Ok(_) => Ok(written),
            Err(error) => Err(match error.code() {
                // Not found: two edits on, `expected` may be gone.
                Some(
                    "InvalidParameterException"
                    | "InvalidRequestException"
                    | "ResourceNotFoundException",
                ) => SwapError::Overtaken,
                _ => write_error(id, "UpdateSecretVersionStage", &error),
            }),
        }
    }
}

fn read_error(id: &SecretId, error: &SdkError<GetSecretValueError>) -> Error {
    let invalid = |text: String| Error::SecretInvalid(format!("secret `{id}` {text}"));
    match error.code() {
        Some("ResourceNotFoundException") => invalid(
            "does not exist or has no value; create it in AWS Secrets Manager in this region, or \
             name another one by SECRET_ID or the event's secret_id"
                .into(),
        ),
        Some("AccessDeniedException" | "AccessDenied") => invalid(
            "may not be read by this function; its name must begin with the template parameter \
             SecretNamePrefix, which the role's secretsmanager:GetSecretValue statement covers"
                .into(),
        ),
        Some("DecryptionFailure" | "DecryptionFailureException") => invalid(
            "cannot be decrypted; allow the function's role kms:Decrypt on the secret's key".into(),
        ),
        Some("InvalidRequestException") => invalid(
            "cannot be read now, usually because it is scheduled for deletion; restore it in AWS \
             Secrets Manager"
                .into(),
        ),
        Some("InvalidParameterException" | "ValidationException") => {
            invalid("is no valid name; check SECRET_ID or the event's secret_id".into())
        }
        _ => unavailable("GetSecretValue", error),
    }
}

fn write_error<E>(id: &SecretId, action: &str, error: &SdkError<E>) -> SwapError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    SwapError::Failed(match error.code() {
        Some("AccessDeniedException" | "AccessDenied" | "EncryptionFailure") => {
            Error::StorageDenied(format!(
                "secret `{id}` may not be written: allow the function's role \
                 secretsmanager:{action} on it (and kms:GenerateDataKey where it has its own key); \
                 without it every process would ask the vendor for a token of its own"
            ))
        }
        _ => unavailable(action, error),
    })
}

fn unavailable<E>(action: &str, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    Error::Unavailable(format!(
        "AWS Secrets Manager failed at {action}: {}",
        describe(error)
    ))
}
