use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use credentials::SecretId;
use jiff::{SignedDuration, Timestamp};
use lambda_kit::{ErrorType, Failure};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::sync::Mutex;

use lambda_kit::causes;

/// The last segment of the webhook's URL, which only Zoho and we know. It is a secret of its own,
/// `{"path_secret": "…"}`, read again every five minutes.
#[derive(Debug)]
pub(crate) struct PathSecret {
    client: Client,
    id: SecretId,
    known: Mutex<Option<(SecretString, Timestamp)>>,
}

const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// Fewer characters could be guessed; more do not fit Zoho's 500 for a URL.
const LEAST: usize = 16;
const MOST: usize = 200;

impl PathSecret {
    pub(crate) fn new(client: Client, id: SecretId) -> Self {
        Self {
            client,
            id,
            known: Mutex::default(),
        }
    }

    pub(crate) async fn get(&self, now: Timestamp) -> Result<SecretString, Failure> {
        let mut known = self.known.lock().await;
        if let Some((secret, read_at)) = known.as_ref()
            && now.duration_since(*read_at).abs() < FRESH
        {
            return Ok(secret.clone());
        }
        let secret = self.read().await?;
        *known = Some((secret.clone(), now));
        Ok(secret)
    }

    async fn read(&self) -> Result<SecretString, Failure> {
        let wrong = |error_type, why: String| {
            Failure::new(error_type, format!("secret `{}` {why}", self.id))
        };
        let invalid = |why: &str| wrong(ErrorType::SecretInvalid, why.to_owned());
        let get = self.client.get_secret_value().secret_id(self.id.as_str());
        let answer = Box::pin(get.send())
            .await
            .map_err(|error| match error.code() {
                Some("ResourceNotFoundException") => {
                    invalid("does not exist; create it, or unset DESK_WEBHOOK_SECRET_ID")
                }
                Some("AccessDeniedException") => {
                    invalid("may not be read; allow the role secretsmanager:GetSecretValue on it")
                }
                Some(code) => wrong(ErrorType::Upstream, format!("could not be read: {code}")),
                None => wrong(
                    ErrorType::Upstream,
                    format!("could not be read: {}", causes(&error)),
                ),
            })?;
        parse(answer.secret_string().unwrap_or_default()).ok_or_else(|| {
            invalid(
                "must be {\"path_secret\": \"…\"} with 16 to 200 letters, digits, `-` or `_`; put it right",
            )
        })
    }
}

fn parse(json: &str) -> Option<SecretString> {
    #[derive(Deserialize)]
    struct Content {
        path_secret: String,
    }
    let Content { path_secret } = serde_json::from_str(json).ok()?;
    let fits = (LEAST..=MOST).contains(&path_secret.len());
    let fits_a_path = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (fits && path_secret.bytes().all(fits_a_path)).then(|| path_secret.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_secret_is_long_and_fits_a_path() {
        for (json, good) in [
            (r#"{"path_secret": "0123456789abcdef"}"#, true),
            (r#"{"path_secret": "0123456789abcdef", "more": 1}"#, true),
            (r#"{"path_secret": "short"}"#, false),
            (r#"{"path_secret": "0123456789abcdef/.."}"#, false),
            (r#"{"path_secret": 1}"#, false),
            ("0123456789abcdef", false),
            ("", false),
        ] {
            assert_eq!(parse(json).is_some(), good, "{json}");
        }
    }
}
