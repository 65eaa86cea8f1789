//! The kinds of answer that a step can ask for, and what counts as one.

mod choice;
pub(crate) mod email;
mod numbers;

use crate::catalogue::Localised;
use crate::message::{self, Message};
use crate::texts::Key;
use crate::words::{Reserved, Words};

/// Characters of a user name.
const LOGIN: std::ops::RangeInclusive<usize> = 2..=100;

/// What a step accepts.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Anything of `min` to `max` characters; longer text is cut.
    Text { min: usize, max: usize },
    /// An e-mail address.
    Email,
    /// A user name without spaces, or an e-mail address.
    Login,
    /// The last so many digits of a phone number.
    LastDigits(usize),
    /// One of some.
    Choice(Vec<Choice>),
    /// A number from 0 to 100.
    Percent,
    /// A percentage for each part.
    Metrics(Vec<Part>),
    /// Yes or no.
    YesNo,
}

/// One of the choices of a step.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// What the ticket says.
    pub(crate) value: String,
    /// What the visitor sees.
    pub(crate) label: Localised,
    /// The value, all labels and other names, as folded words.
    names: Vec<Vec<String>>,
}

impl Choice {
    pub(crate) fn new(value: String, label: Localised, also: &[String]) -> Self {
        let all = std::iter::once(value.as_str())
            .chain(label.all())
            .chain(also.iter().map(String::as_str));
        let mut names: Vec<Vec<String>> = all
            .map(|name| message::parts(message::words(name).iter().map(String::as_str)))
            .filter(|name| !name.is_empty())
            .collect();
        names.sort();
        names.dedup();
        Self {
            value,
            label,
            names,
        }
    }

    /// Whether it can be told from `other` by its names.
    pub(crate) fn is_distinct_from(&self, other: &Self) -> bool {
        self.names.iter().all(|name| !other.names.contains(name))
    }

    /// Whether there is a word to pick it by.
    pub(crate) fn has_name(&self) -> bool {
        !self.names.is_empty()
    }
}

/// One figure of [`Kind::Metrics`].
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// What the ticket calls it.
    pub(crate) name: String,
    /// Folded words that mean it.
    pub(crate) words: Vec<String>,
}

/// An answer as the ticket will have it.
pub(crate) struct Accepted {
    pub(crate) value: String,
    pub(crate) cut: bool,
}

impl Accepted {
    fn whole(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            cut: false,
        }
    }
}

/// Why an answer was not accepted: the text to say, with the values of its placeholders.
pub(crate) type Hint = (Key, Vec<(&'static str, String)>);

impl Kind {
    /// The name in the catalogue file.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Email => "email",
            Self::Login => "username_or_email",
            Self::LastDigits(_) => "last_digits",
            Self::Choice(_) => "choice",
            Self::Percent => "percent",
            Self::Metrics(_) => "metrics",
            Self::YesNo => "yes_no",
        }
    }

    /// Whether anything that is long enough is an answer, so that its form proves nothing.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self, Self::Text { .. })
    }

    /// Whether the message is an answer beyond doubt, even if it also is a reserved word.
    pub(crate) fn is_exact(&self, message: &Message) -> bool {
        matches!(self, Self::Choice(choices) if choice::exact(choices, message).is_some())
    }

    /// The answer in a message that was given to this step's prompt.
    pub(crate) fn accept(&self, message: &Message, words: &Words<'_>) -> Result<Accepted, Hint> {
        match self {
            Self::Text { min, max } => text(message, *min, *max),
            Self::Email => email::find(message.text())
                .map(Accepted::whole)
                .ok_or((Key::InvalidEmail, vec![])),
            Self::Login => login(message, words).ok_or((Key::InvalidLogin, vec![])),
            Self::LastDigits(count) => numbers::find_last_digits(message.text(), *count)
                .map(Accepted::whole)
                .ok_or_else(|| (Key::InvalidDigits, vec![("count", count.to_string())])),
            Self::Choice(choices) => choice::find(choices, message)
                .map(|choice| Accepted::whole(&choice.value))
                .ok_or((Key::InvalidChoice, vec![])),
            Self::Percent => numbers::find_percent(message.text(), false)
                .map(|number| Accepted::whole(format!("{number}%")))
                .ok_or((Key::InvalidPercent, vec![])),
            Self::Metrics(parts) => numbers::find_metrics(message.text(), parts, false)
                .map(Accepted::whole)
                .ok_or_else(|| (Key::InvalidMetrics, vec![("parts", names(parts))])),
            Self::YesNo => words
                .yes_or_no(message)
                .map(|yes| Accepted::whole(if yes { "yes" } else { "no" }))
                .ok_or((Key::InvalidYesNo, vec![])),
        }
    }

    /// The answer that a visitor gave without being asked, in the message that began a workflow.
    /// Stricter than [`Kind::accept`]: a number alone is none.
    pub(crate) fn find_in(&self, message: &Message) -> Option<String> {
        match self {
            Self::Email | Self::Login => email::find(message.text()).map(str::to_owned),
            Self::Choice(choices) => {
                choice::mentioned(choices, message).map(|choice| choice.value.clone())
            }
            Self::Percent => {
                numbers::find_percent(message.text(), true).map(|number| format!("{number}%"))
            }
            Self::Metrics(parts) => numbers::find_metrics(message.text(), parts, true),
            Self::Text { .. } | Self::LastDigits(_) | Self::YesNo => None,
        }
    }
}

fn names(parts: &[Part]) -> String {
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    names.join(", ")
}

fn text(message: &Message, min: usize, max: usize) -> Result<Accepted, Hint> {
    let text = message.text();
    if text.chars().count() < min || message.is_empty() {
        return Err((Key::InvalidText, vec![("min", min.max(1).to_string())]));
    }
    let value: String = text.chars().take(max).collect();
    Ok(Accepted {
        cut: message.was_cut() || value.len() < text.len(),
        value,
    })
}

fn login(message: &Message, words: &Words<'_>) -> Option<Accepted> {
    if let Some(address) = email::find(message.text()) {
        return Some(Accepted::whole(address));
    }
    let rest = words.without_prefix(Reserved::LeadIn, message);
    let name = rest
        .text()
        .trim_end_matches(['.', ',', ';', '!', '"', '\'', ' ']);
    let allowed = |c: char| c.is_alphanumeric() || "._-\\+/$".contains(c);
    let good = LOGIN.contains(&name.chars().count())
        && name.chars().all(allowed)
        && name.chars().any(char::is_alphanumeric)
        && !message.was_cut();
    good.then(|| Accepted::whole(name))
}
