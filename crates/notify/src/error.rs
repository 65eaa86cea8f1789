use std::fmt;

use thiserror::Error;

/// What sends the mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Amazon SES, API version 2.
    Ses,
    /// An SMTP server.
    Smtp,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ses => "Amazon SES",
            Self::Smtp => "the SMTP server",
        })
    }
}

/// Why a mail could not be made or sent. No message holds an address or a text of the mail: of what
/// a service answered, only its code is kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A template does not parse, uses what its kind of mail does not have, or failed to render.
    #[error("template {template}{}: {why}", at_line(*.line))]
    Template {
        /// Its name, such as `survey.de.html`.
        template: String,
        /// The line, from 1, where known.
        line: Option<usize>,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The made-up mails that templates are tried on could not be built.
    #[error("the sample mails could not be built ({why}): report this as a bug")]
    Sample {
        /// Why.
        why: String,
    },
    /// A setting of the sender cannot work.
    #[error("mail setting {setting}: {why}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The mail could not be put into MIME form.
    #[error("the mail could not be put into MIME form ({why})")]
    Unbuildable {
        /// The library's reason.
        why: &'static str,
    },
    /// The service asks to come back later: throttling, a spent quota, greylisting, an outage.
    #[error("{service} cannot take the mail now ({code}): send it again later")]
    Busy {
        /// Which service.
        service: Service,
        /// Its code.
        code: String,
    },
    /// The service was not reached, or the connection broke; the mail may have been taken or not.
    #[error(
        "{service} was not reached or broke off ({why}): send the mail again later; if it persists, check host, port and network"
    )]
    Unreachable {
        /// Which service.
        service: Service,
        /// What happened.
        why: String,
    },
    /// The connection could not be encrypted as configured.
    #[error(
        "the connection to {service} could not be encrypted ({why}): check the tls setting, the port and the server's certificate"
    )]
    Tls {
        /// Which service.
        service: Service,
        /// What happened.
        why: String,
    },
    /// The service does not accept our credentials, or they do not permit sending.
    #[error("{service} refuses our credentials ({code}): {next}")]
    AuthRequired {
        /// Which service.
        service: Service,
        /// Its code.
        code: String,
        /// What to do.
        next: &'static str,
    },
    /// The sender address (or, in the SES sandbox, the recipient's) is not verified.
    #[error(
        "{service} does not send from this address ({code}): verify the sender's address or domain there (SES: Configuration > Identities, in this region), and while the account is in the SES sandbox each recipient too"
    )]
    SenderUnverified {
        /// Which service.
        service: Service,
        /// Its code.
        code: String,
    },
    /// The account, or the configuration set, may not send at present.
    #[error(
        "{service} has stopped sending for this account or configuration set ({code}): see Account dashboard and Reputation in the SES console, and resume sending"
    )]
    SendingStopped {
        /// Which service.
        service: Service,
        /// Its code.
        code: String,
    },
    /// The service knows no such configuration set.
    #[error(
        "{service} does not know the configuration set ({code}): create it in this region or clear the setting"
    )]
    NoConfigurationSet {
        /// Which service.
        service: Service,
        /// Its code.
        code: String,
    },
    /// The recipient's address is not accepted.
    #[error(
        "{service} does not accept the recipient ({code}): the address is wrong or blocked; correct it on the ticket"
    )]
    RecipientRefused {
        /// Which service.
        service: Service,
        /// Its code.
        code: String,
    },
    /// The mail itself is not accepted.
    #[error(
        "{service} refuses the mail ({code}): look up the code, and correct the template or the sender"
    )]
    Refused {
        /// Which service.
        service: Service,
        /// Its code.
        code: String,
    },
}

impl Error {
    /// Whether sending the same mail later may succeed without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable { .. })
    }

    /// Whether no mail at all will go out until a person changes settings, credentials, templates or
    /// the service's account. A job that fails so belongs on the dead-letter queue, from which it
    /// is sent once that is done; a permanent error of another kind is about this one mail.
    pub fn is_misconfiguration(&self) -> bool {
        matches!(
            self,
            Self::Template { .. }
                | Self::Sample { .. }
                | Self::Setting { .. }
                | Self::Tls { .. }
                | Self::AuthRequired { .. }
                | Self::SenderUnverified { .. }
                | Self::SendingStopped { .. }
                | Self::NoConfigurationSet { .. }
        )
    }
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}"))
        .unwrap_or_default()
}
