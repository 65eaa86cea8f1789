use std::fmt;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use chat::Catalogue;
use lambda_kit::{Env, ErrorType, Failure};
use serde_json::{Map, Value};
use thiserror::Error;
use ticketing::Settings;

/// Why there are no settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A person must mend the file.
    #[error("InvalidConfig: {place}: {why}")]
    Invalid {
        /// The file, or the variable.
        place: String,
        /// The key at fault, and what would do.
        why: String,
    },
    /// The bucket does not answer, or not to us.
    #[error("{place} cannot be read: {why}")]
    Unavailable {
        /// The file.
        place: String,
        /// Cause and next step.
        why: String,
    },
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let error_type = match error {
            // A setting stands in for a part of the event.
            ConfigError::Invalid { .. } => ErrorType::InvalidEvent,
            ConfigError::Unavailable { .. } => ErrorType::Upstream,
        };
        Self::new(error_type, error)
    }
}

/// Where settings and workflows come from.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    s3: Client,
    bucket: Option<String>,
    key: String,
    inline: Option<String>,
    /// Settings that variables name; they go before the file's.
    overrides: Map<String, Value>,
}

/// The files as they were read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Texts {
    /// Where the settings came from.
    place: String,
    settings: String,
    /// Where workflows would be, and the file if there is one.
    workflows: (String, Option<String>),
}

const SETTINGS_KEY: &str = "_config/ticketing.json";
const WORKFLOWS_KEY: &str = "_config/workflows.toml";
const INLINE: &str = "TICKETING_CONFIG_JSON";
/// Variable, and the key of the settings that it replaces.
const OVERRIDES: [(&str, &str); 5] = [
    ("ZOHO_DESK_DEPARTMENT_ID", "department_id"),
    ("ZOHO_DESK_DEFAULT_ASSIGNEE", "default_assignee"),
    ("MAIL_FROM", "from_email"),
    ("SUPPORT_EMAIL", "support_email"),
    ("PUBLIC_URL", "public_url"),
];
/// A file is read within this, or else the last good one stays.
const PATIENCE: Duration = Duration::from_secs(2);
/// No settings and no workflows are larger.
const MOST_BYTES: i64 = 1024 * 1024;

impl Sources {
    pub(crate) fn from_env(env: &Env, s3: Client) -> Self {
        let overrides = OVERRIDES
            .into_iter()
            .filter_map(|(variable, key)| {
                let text = env.text(variable)?;
                let value = match key {
                    "support_email" => text.split(',').map(str::trim).collect(),
                    _ => Value::from(text),
                };
                Some((key.to_owned(), value))
            })
            .collect();
        Self {
            s3,
            bucket: env.text("BUCKET").map(str::to_owned),
            key: env
                .text("TICKETING_CONFIG")
                .unwrap_or(SETTINGS_KEY)
                .to_owned(),
            inline: env.text(INLINE).map(str::to_owned),
            overrides,
        }
    }

    pub(crate) async fn read(&self) -> Result<Texts, ConfigError> {
        let (settings, workflows) =
            futures_util::join!(self.settings(), self.object(WORKFLOWS_KEY));
        let (place, settings) = settings?;
        Ok(Texts {
            place,
            settings: self.overridden(settings),
            workflows: (self.place(WORKFLOWS_KEY), workflows?),
        })
    }

    async fn settings(&self) -> Result<(String, String), ConfigError> {
        if let Some(text) = &self.inline {
            return Ok((INLINE.to_owned(), text.clone()));
        }
        let text = self.object(&self.key).await?;
        // What the variables say may be enough.
        Ok((
            self.place(&self.key),
            text.unwrap_or_else(|| "{}".to_owned()),
        ))
    }

    fn overridden(&self, text: String) -> String {
        match serde_json::from_str::<Map<String, Value>>(&text) {
            Ok(mut settings) => {
                settings.extend(self.overrides.clone());
                Value::Object(settings).to_string()
            }
            // `Settings::parse` says what is wrong.
            Err(_) => text,
        }
    }

    fn place(&self, key: &str) -> String {
        let bucket = self.bucket.as_deref().unwrap_or("<no BUCKET>");
        format!("s3://{bucket}/{key}")
    }

    /// The text of an object, if it is there.
    async fn object(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let Some(bucket) = &self.bucket else {
            return Ok(None);
        };
        tokio::time::timeout(PATIENCE, self.get(bucket, key))
            .await
            .unwrap_or_else(|_| Err("S3 did not answer in time".to_owned()))
            .map_err(|why| ConfigError::Unavailable {
                place: self.place(key),
                why,
            })
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Option<String>, String> {
        let get = self.s3.get_object().bucket(bucket).key(key);
        let found = match Box::pin(get.send()).await {
            Ok(found) => found,
            Err(error) => {
                return match error.code() {
                    Some("NoSuchKey") => Ok(None),
                    Some("AccessDenied") => Err(
                        "allow the function's role s3:GetObject on it, and s3:ListBucket on the bucket so that a missing object can be told from a denied one".to_owned(),
                    ),
                    Some(code) => Err(format!("S3 answered {code}")),
                    None => Err(lambda_kit::causes(&error)),
                };
            }
        };
        if found.content_length().unwrap_or(0) > MOST_BYTES {
            return Err(format!("it is larger than {MOST_BYTES} bytes"));
        }
        let body = found
            .body
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        String::from_utf8(body.to_vec())
            .map(Some)
            .map_err(|_| "it is not UTF-8".to_owned())
    }
}

impl Texts {
    pub(crate) fn parse(&self) -> Result<(Settings, Catalogue), ConfigError> {
        let settings =
            Settings::parse(&self.settings).map_err(|error| invalid(&self.place, &error))?;
        let (place, workflows) = &self.workflows;
        let catalogue = match workflows {
            Some(text) => Catalogue::parse(text).map_err(|error| invalid(place, &error))?,
            None => Catalogue::built_in(),
        };
        Ok((settings, catalogue))
    }
}

/// Shows nothing of the files, which name people.
impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Texts({})", self.place)
    }
}

fn invalid(place: &str, error: &dyn fmt::Display) -> ConfigError {
    ConfigError::Invalid {
        place: place.to_owned(),
        why: error.to_string(),
    }
}
