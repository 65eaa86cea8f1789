use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error as SmtpError, response::Severity};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error as ThisError;
use url::Host;

use crate::mime::Mime;
use crate::{Envelope, Error, MessageId, Service};

/// How the connection to the SMTP server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SmtpTls {
    /// Begin in the clear and switch to TLS by `STARTTLS`, or send nothing. Port 587.
    #[default]
    StartTls,
    /// TLS from the first byte. Port 465.
    Wrapper,
    /// No encryption; for loopback only. Port 25.
    None,
}

impl SmtpTls {
    /// The usual port.
    pub fn default_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Wrapper => 465,
            Self::None => 25,
        }
    }
}

/// Why a text is no [`SmtpTls`].
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("`{0}` is no TLS mode: write starttls, tls, or none (for localhost only)")]
pub struct UnknownTls(String);

impl FromStr for SmtpTls {
    type Err = UnknownTls;

    /// `starttls`, `tls` or `none`.
    fn from_str(text: &str) -> Result<Self, UnknownTls> {
        match text.trim().to_ascii_lowercase().as_str() {
            "starttls" => Ok(Self::StartTls),
            "tls" => Ok(Self::Wrapper),
            "none" => Ok(Self::None),
            _ => Err(UnknownTls(text.to_owned())),
        }
    }
}

/// Who we are to the SMTP server. `Debug` shows neither.
#[derive(Debug, Clone)]
pub struct SmtpCredentials {
    /// The user's name.
    pub username: SecretString,
    /// The password.
    pub password: SecretString,
}

/// What sending through an SMTP server needs.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The server's name, which its certificate must carry, or its IP address.
    pub host: String,
    /// The port, if not the mode's usual one.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// A certificate in PEM form to trust in addition to the bundled public roots.
    pub ca_certificate: Option<String>,
    /// For servers that ask for them.
    pub credentials: Option<SmtpCredentials>,
    /// For one mail in all, connecting included.
    pub timeout: Duration,
}

impl SmtpSettings {
    /// `STARTTLS` at port 587, no credentials, 20 s for each mail.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            tls: SmtpTls::default(),
            ca_certificate: None,
            credentials: None,
            timeout: Duration::from_secs(20),
        }
    }
}

/// Sends through an SMTP server, one connection for each mail.
pub struct SmtpSender {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
}

impl fmt::Debug for SmtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSender")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How far a mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    StartingTls,
    LoggingIn,
    NamingSender,
    NamingRecipient,
    Sending,
}

impl SmtpSender {
    pub(crate) fn new(settings: SmtpSettings) -> Result<Self, Error> {
        let invalid = |setting, why: &str| Error::Setting {
            setting,
            why: why.to_owned(),
        };
        let host = Host::parse(&settings.host)
            .map_err(|_| invalid("host", "not a host name: write it as mail.example.com"))?;
        if settings.timeout.is_zero() {
            return Err(invalid("timeout", "must be longer than nothing"));
        }
        if settings.tls == SmtpTls::None && !is_loopback(&host) {
            return Err(invalid(
                "tls",
                "none would send mails and passwords in the clear: use starttls or tls (none is for localhost only)",
            ));
        }
        let tls = match settings.tls {
            SmtpTls::None => None,
            SmtpTls::StartTls | SmtpTls::Wrapper => Some(tls(&settings)?),
        };
        Ok(Self { settings, tls })
    }

    pub(crate) async fn send(
        &self,
        envelope: &Envelope,
        message: Mime,
    ) -> Result<MessageId, Error> {
        tokio::time::timeout(
            self.settings.timeout,
            self.deliver(envelope, &message.bytes),
        )
        .await
        .map_err(|_| unreachable("timed out"))??;
        Ok(MessageId::new(message.message_id))
    }

    /// Each command by itself, since only its place tells what a refusal is about.
    async fn deliver(&self, envelope: &Envelope, message: &[u8]) -> Result<(), Error> {
        let mut connection = self.connect(envelope.from.address().domain()).await?;
        let from = Mail::new(Some(envelope.from.address().as_lettre().clone()), vec![]);
        let to = Rcpt::new(envelope.to.as_lettre().clone(), vec![]);
        let at = |stage| move |error: SmtpError| judge(stage, &error);
        connection
            .command(from)
            .await
            .map_err(at(Stage::NamingSender))?;
        connection
            .command(to)
            .await
            .map_err(at(Stage::NamingRecipient))?;
        connection.command(Data).await.map_err(at(Stage::Sending))?;
        connection
            .message(message)
            .await
            .map_err(at(Stage::Sending))?;
        // The mail is taken; how the connection ends changes nothing.
        connection.abort().await;
        Ok(())
    }

    async fn connect(&self, hello: &str) -> Result<AsyncSmtpConnection, Error> {
        let settings = &self.settings;
        let port = settings.port.unwrap_or_else(|| settings.tls.default_port());
        let hello = ClientId::Domain(hello.to_owned());
        let wrapper = match settings.tls {
            SmtpTls::Wrapper => self.tls.clone(),
            SmtpTls::StartTls | SmtpTls::None => None,
        };
        let address = (settings.host.trim_matches(['[', ']']), port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            address,
            Some(settings.timeout),
            &hello,
            wrapper,
            None,
        )
        .await
        .map_err(|error| judge(Stage::Connecting, &error))?;
        if let (SmtpTls::StartTls, Some(tls)) = (settings.tls, &self.tls) {
            connection
                .starttls(tls.clone(), &hello)
                .await
                .map_err(|error| judge(Stage::StartingTls, &error))?;
        }
        if let Some(credentials) = &settings.credentials {
            let credentials = Credentials::new(
                credentials.username.expose_secret().to_owned(),
                credentials.password.expose_secret().to_owned(),
            );
            connection
                .auth(DEFAULT_MECHANISMS, &credentials)
                .await
                .map_err(|error| judge(Stage::LoggingIn, &error))?;
        }
        Ok(connection)
    }
}

fn tls(settings: &SmtpSettings) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(settings.host.clone())
        .certificate_store(CertificateStore::WebpkiRoots);
    if let Some(pem) = &settings.ca_certificate {
        // The library takes a text without any certificate for an empty list.
        let certificate = Certificate::from_pem(pem.as_bytes()).ok();
        let certificate = certificate
            .filter(|_| pem.contains("-----BEGIN CERTIFICATE-----"))
            .ok_or_else(|| Error::Setting {
                setting: "ca_certificate",
                why: "not a certificate in PEM form".to_owned(),
            })?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|_| Error::Setting {
        setting: "host",
        why: "TLS cannot be set up for this host and certificate".to_owned(),
    })
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

const NEXT: &str = "correct the SMTP user name and password, and check that the user may send";

/// A server's words may hold addresses, so only its code is shown.
fn judge(stage: Stage, error: &SmtpError) -> Error {
    let service = Service::Smtp;
    let Some(status) = error.status() else {
        return without_code(stage, error);
    };
    let code = status.to_string();
    if status.severity != Severity::PermanentNegativeCompletion {
        return Error::Busy { service, code };
    }
    let unverified =
        || SmtpError::source(error).is_some_and(|words| words.to_string().contains("not verified"));
    match (stage, code.as_str()) {
        (Stage::LoggingIn, _) | (_, "530" | "534" | "535" | "538") => Error::AuthRequired {
            service,
            code,
            next: NEXT,
        },
        (Stage::StartingTls, _) => Error::Tls {
            service,
            why: format!("STARTTLS was answered with {code}"),
        },
        (Stage::NamingSender, _) => Error::SenderUnverified { service, code },
        (Stage::NamingRecipient, _) => Error::RecipientRefused { service, code },
        (Stage::Sending, _) if unverified() => Error::SenderUnverified { service, code },
        (Stage::Connecting | Stage::Sending, _) => Error::Refused { service, code },
    }
}

/// Nothing the server said: the library gave up, or the connection did.
fn without_code(stage: Stage, error: &SmtpError) -> Error {
    let service = Service::Smtp;
    match (stage, error.is_client()) {
        (Stage::StartingTls, true) => Error::Tls {
            service,
            why: "the server does not offer STARTTLS".to_owned(),
        },
        (Stage::LoggingIn, true) => Error::AuthRequired {
            service,
            code: "neither PLAIN nor LOGIN offered".to_owned(),
            next: NEXT,
        },
        _ => match io_kind(error) {
            Some(io::ErrorKind::InvalidData) => Error::Tls {
                service,
                why: "the TLS handshake failed".to_owned(),
            },
            Some(kind) => unreachable(&kind.to_string()),
            None => unreachable("the connection ended early"),
        },
    }
}

fn unreachable(why: &str) -> Error {
    Error::Unreachable {
        service: Service::Smtp,
        why: why.to_owned(),
    }
}

fn io_kind(error: &SmtpError) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}
