#![doc = include_str!("../README.md")]

mod address;
mod context;
mod error;
mod language;
mod link;
mod mail;
mod mime;
mod resolution;
mod sample;
mod sender;
mod templates;
mod text;

pub use address::{EmailAddress, InvalidAddress, Mailbox};
pub use context::{
    ApprovalRequest, Context, Customer, Detail, History, Kind, Line, SOURCE, Speaker, SupportAlert,
    SupportContact, Survey, Ticket, VisitorConfirmation, support_action,
};
pub use error::{Error, Service};
pub use language::Language;
pub use link::{InvalidLink, Link, SurveyLinks};
pub use mail::{Envelope, Mail, MessageId, Reference, Subject};
pub use resolution::{InvalidResolutionTimes, ResolutionTime, ResolutionTimes};
pub use sender::{
    Sender, SesSender, SesSettings, Settings, SmtpCredentials, SmtpSender, SmtpSettings, SmtpTls,
    UnknownTls,
};
pub use templates::Templates;
