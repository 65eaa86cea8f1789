mod ses;
mod smtp;

pub use ses::{SesSender, SesSettings};
pub use smtp::{SmtpCredentials, SmtpSender, SmtpSettings, SmtpTls, UnknownTls};

use crate::{Envelope, Error, Mail, MessageId, mime};

/// How mails go out.
#[derive(Debug, Clone)]
pub enum Settings {
    /// Through Amazon SES, API version 2.
    Ses(SesSettings),
    /// Through an SMTP server.
    Smtp(SmtpSettings),
}

/// Sends mails, one at a time and without retries of its own (those of the SES client apart).
#[derive(Debug)]
pub enum Sender {
    /// Through Amazon SES, API version 2.
    Ses(SesSender),
    /// Through an SMTP server.
    Smtp(SmtpSender),
}

impl Sender {
    /// Checks the settings; connects to nothing yet.
    pub fn from_settings(settings: Settings) -> Result<Self, Error> {
        Ok(match settings {
            Settings::Ses(settings) => Self::Ses(SesSender::new(settings)),
            Settings::Smtp(settings) => Self::Smtp(SmtpSender::new(settings)?),
        })
    }

    /// Hands one mail over to the service. `Ok` means that the service took it, not that it arrived:
    /// what bounces comes back to the sender's address, or to the events of the configuration set.
    pub async fn send(&self, envelope: &Envelope, mail: &Mail) -> Result<MessageId, Error> {
        let message = mime::build(envelope, mail)?;
        let bytes = message.bytes.len();
        let id = match self {
            Self::Ses(sender) => sender.send(envelope, message).await?,
            Self::Smtp(sender) => sender.send(envelope, message).await?,
        };
        tracing::debug!(kind = %envelope.reference.kind(), bytes, "mail handed over");
        Ok(id)
    }
}

impl TryFrom<Settings> for Sender {
    type Error = Error;

    fn try_from(settings: Settings) -> Result<Self, Error> {
        Self::from_settings(settings)
    }
}
