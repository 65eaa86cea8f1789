use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lambda_kit::{Env, ErrorType, Failure};
use notify::{Envelope, Mail, MessageId, Sender, SesSettings, SmtpCredentials, SmtpSettings};
use secrecy::SecretString;
use serde::Deserialize;
use thiserror::Error;

use crate::clients::Clients;
use crate::secrets::{Secret, SecretError};

/// How mails leave this deployment: `MAIL_TRANSPORT`.
#[derive(Debug)]
pub(crate) enum Post {
    /// Through Amazon SES.
    Ses(Sender),
    /// Through an SMTP server, whose host and password are in a secret.
    Smtp(Secret<Sender>),
    /// Not at all.
    Off,
}

/// Why a mail did not leave.
#[derive(Debug, Error)]
pub(crate) enum PostError {
    #[error(transparent)]
    Mail(#[from] notify::Error),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl PostError {
    /// Whether the same mail may leave later: at once, or once a person mended what is wrong for
    /// all mails.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Mail(error) => error.is_transient() || error.is_misconfiguration(),
            Self::Secret(_) => true,
        }
    }
}

const SMTP_SECRET: &str = "smtp_auth";
const SMTP_PATIENCE: Duration = Duration::from_secs(15);

impl Post {
    pub(crate) fn from_env(env: &Env, clients: &Clients) -> Result<Self, Failure> {
        match env.text("MAIL_TRANSPORT").unwrap_or("ses") {
            "off" => Ok(Self::Off),
            "ses" => {
                let settings = notify::Settings::Ses(SesSettings {
                    client: clients.ses.clone(),
                    configuration_set: env.text("SES_CONFIGURATION_SET").map(str::to_owned),
                });
                Sender::from_settings(settings)
                    .map(Self::Ses)
                    .map_err(|error| Failure::new(ErrorType::InvalidEvent, error))
            }
            "smtp" => Ok(Self::Smtp(Secret::new(
                clients.aws.secrets.clone(),
                env.text("SMTP_SECRET_ID").unwrap_or(SMTP_SECRET),
                "SMTP server",
                smtp,
            ))),
            other => Err(Failure::new(
                ErrorType::InvalidEvent,
                format!("environment variable MAIL_TRANSPORT is `{other}`: use ses, smtp or off"),
            )),
        }
    }

    /// Hands a mail over. `None` where mails are off.
    pub(crate) async fn send(
        &self,
        envelope: &Envelope,
        mail: &Mail,
        now: Timestamp,
    ) -> Result<Option<MessageId>, PostError> {
        let server: Arc<Sender>;
        let sender = match self {
            Self::Off => return Ok(None),
            Self::Ses(sender) => sender,
            Self::Smtp(secret) => {
                server = secret.get(now).await?;
                &server
            }
        };
        Ok(Some(sender.send(envelope, mail).await?))
    }
}

/// The secret of an SMTP server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    host: String,
    port: Option<u16>,
    tls: Option<String>,
    username: Option<SecretText>,
    password: Option<SecretText>,
    ca_certificate: Option<String>,
}

#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretText(SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

fn smtp(text: &str) -> Result<Sender, String> {
    // serde's words quote the value, so only the place is told.
    let server: Server = serde_json::from_str(text).map_err(|error| {
        format!(
            "must be a JSON object with host and, where needed, port, tls (starttls or tls), username, password, ca_certificate: see line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    let credentials = match (server.username, server.password) {
        (Some(username), Some(password)) => Some(SmtpCredentials {
            username: username.0,
            password: password.0,
        }),
        (None, None) => None,
        _ => return Err("must have both username and password, or neither".to_owned()),
    };
    let tls = server.tls.as_deref().map(str::parse).transpose();
    let settings = SmtpSettings {
        port: server.port,
        tls: tls
            .map_err(|_| {
                "has an unknown `tls`: use starttls, tls, or none (for localhost)".to_owned()
            })?
            .unwrap_or_default(),
        ca_certificate: server.ca_certificate,
        credentials,
        timeout: SMTP_PATIENCE,
        ..SmtpSettings::new(server.host)
    };
    Sender::from_settings(notify::Settings::Smtp(settings)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_smtp_secret_that_cannot_work_is_refused_without_showing_it() {
        assert!(smtp(r#"{"host": "mail.example.com", "username": "u", "password": "p"}"#).is_ok());
        assert!(smtp(r#"{"host": "127.0.0.1", "port": 2525, "tls": "none"}"#).is_ok());
        for bad in [
            "s3cr3t",
            r#"{"host": "mail.example.com", "pasword": "s3cr3t"}"#,
            r#"{"host": "mail.example.com", "password": "s3cr3t"}"#,
            r#"{"host": "mail.example.com", "tls": "s3cr3t"}"#,
            r#"{"host": "mail.example.com", "tls": "none"}"#,
            r#"{"port": "s3cr3t"}"#,
        ] {
            let why = smtp(bad).err().unwrap();
            assert!(!why.contains("s3cr3t"), "{why}");
        }
    }
}
