use jiff::Timestamp;

use super::{ChatId, VisitorId};
use crate::{EmailAddress, MessageText, PersonName, PhoneNumber};

/// Who calls, and therefore how to answer; see [`super::answer()`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The requirement's flat payload.
    Flat,
    /// A Zobot call.
    Zobot,
    /// A Zobot call that reports that our last answer failed. It is never answered with another
    /// forward: that loops.
    ZobotFailure,
    /// An event webhook, which shows the visitor nothing.
    Event,
}

impl Format {
    /// For logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Zobot | Self::ZobotFailure => "zobot",
            Self::Event => "event",
        }
    }
}

/// One call of SalesIQ, or of an adapter before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Who calls.
    pub format: Format,
    /// The chat it belongs to.
    pub chat_id: ChatId,
    /// The same for all sendings of one delivery, however often it is tried; `None` where the sender
    /// gives nothing to tell them by.
    pub delivery_id: Option<String>,
    /// Place in the chat, from 1, where the sender counts.
    pub sequence: Option<u32>,
    /// What happened.
    pub kind: Kind,
    /// Who chats, as far as this call says.
    pub visitor: Visitor,
    /// When the sender sent it, by its clock.
    pub sent_at: Option<Timestamp>,
}

/// What happened in the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The chat began; nothing was written yet.
    Opened,
    /// The visitor wrote, or sent a file (then the text may be empty).
    Message(MessageText),
    /// The visitor filled in a form (Zobot's `context`).
    Context {
        /// The form's id.
        context_id: Option<String>,
        /// In the order of their names.
        answers: Vec<Answer>,
    },
    /// No person could take over.
    ForwardFailed,
    /// The visitor rated the chat.
    Rated {
        /// 1 to 5.
        stars: u8,
        /// What the visitor wrote with it.
        comment: Option<MessageText>,
    },
    /// The chat is over.
    Ended,
    /// Anything else, by the vendor's name; nothing needs to be done.
    Other(String),
}

/// One answer of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The question's name.
    pub name: String,
    /// What the visitor entered.
    pub value: MessageText,
}

/// Who chats. What is not known, or not of the right shape, is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Visitor {
    /// The vendor's id.
    pub id: Option<VisitorId>,
    /// The name.
    pub name: Option<PersonName>,
    /// The e-mail address as given by the visitor.
    pub email: Option<EmailAddress>,
    /// The phone number.
    pub phone: Option<PhoneNumber>,
    /// A language tag such as `en` or `pt-BR`.
    pub language: Option<String>,
    /// Whether the sender vouches that the e-mail address is the visitor's. Only the flat format can.
    pub email_verified: bool,
}
