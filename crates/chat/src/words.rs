//! Reserved words: what a visitor can say at any time.

use std::collections::BTreeMap;

use crate::message::Message;
use crate::message::Token;
use crate::phrase::Phrase;

/// A group of reserved words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reserved {
    Agent,
    Back,
    Bye,
    Cancel,
    Change,
    Correction,
    Filler,
    Hello,
    Help,
    LeadIn,
    No,
    Skip,
    Thanks,
    Yes,
}

impl Reserved {
    /// All groups with their keys in the catalogue file.
    pub(crate) const ALL: [(Self, &'static str); 14] = [
        (Self::Agent, "agent"),
        (Self::Back, "back"),
        (Self::Bye, "bye"),
        (Self::Cancel, "cancel"),
        (Self::Change, "change"),
        (Self::Correction, "correction"),
        (Self::Filler, "filler"),
        (Self::Hello, "hello"),
        (Self::Help, "help"),
        (Self::LeadIn, "lead_in"),
        (Self::No, "no"),
        (Self::Skip, "skip"),
        (Self::Thanks, "thanks"),
        (Self::Yes, "yes"),
    ];
}

/// The phrases of each group, in one language.
pub(crate) type Lists = BTreeMap<Reserved, Vec<Phrase>>;

/// A message in which a person is asked for has at most so many words; a longer one is a story.
const REQUEST: usize = 12;

/// The reserved words that hold in one conversation: of its language and of the fallback.
#[derive(Clone)]
pub(crate) struct Words<'c> {
    lists: Vec<&'c Lists>,
}

impl<'c> Words<'c> {
    pub(crate) fn new(lists: Vec<&'c Lists>) -> Self {
        Self { lists }
    }

    fn phrases(&self, group: Reserved) -> impl Iterator<Item = &'c Phrase> {
        self.lists
            .iter()
            .filter_map(move |lists| lists.get(&group))
            .flatten()
    }

    /// Whether the whole message says this, not counting fillers such as 'please'.
    pub(crate) fn says(&self, group: Reserved, message: &Message) -> bool {
        let plain = self.without_fillers(message.tokens());
        self.phrases(group)
            .any(|phrase| phrase.is(message.tokens()) || phrase.is(&plain))
    }

    /// Whether the message asks for a person: says so, or has a phrase of two words for it.
    pub(crate) fn asks_for_agent(&self, message: &Message) -> bool {
        self.says(Reserved::Agent, message)
            || message.tokens().len() <= REQUEST
                && self
                    .phrases(Reserved::Agent)
                    .any(|phrase| phrase.len() > 1 && phrase.occurs_in(message.tokens()))
    }

    /// Yes, no, or neither. A message that begins with one and has the other is neither.
    pub(crate) fn yes_or_no(&self, message: &Message) -> Option<bool> {
        const SHORT: usize = 6;
        let tokens = message.tokens();
        let says = |group| {
            self.says(group, message)
                || tokens.len() <= SHORT && self.phrases(group).any(|phrase| phrase.begins(tokens))
        };
        let has = |group| {
            self.phrases(group)
                .any(|phrase| phrase.len() == 1 && phrase.occurs_in(tokens))
        };
        match (says(Reserved::Yes), says(Reserved::No)) {
            (true, false) if !has(Reserved::No) => Some(true),
            (false, true) if !has(Reserved::Yes) => Some(false),
            _ => None,
        }
    }

    /// What follows the longest phrase of the group that the message begins with.
    pub(crate) fn prefixed(&self, group: Reserved, message: &Message) -> Option<Message> {
        self.phrases(group)
            .filter(|phrase| phrase.begins(message.tokens()))
            .map(Phrase::len)
            .max()
            .map(|words| message.after(words))
    }

    /// The message without such a beginning, if it has one.
    pub(crate) fn without_prefix(&self, group: Reserved, message: &Message) -> Message {
        self.prefixed(group, message)
            .unwrap_or_else(|| message.after(0))
    }

    /// The words that carry meaning; all of them if none does.
    pub(crate) fn without_fillers(&self, tokens: &[Token]) -> Vec<Token> {
        let fillers: Vec<&Phrase> = self.phrases(Reserved::Filler).collect();
        let plain: Vec<Token> = tokens
            .iter()
            .filter(|token| {
                !fillers
                    .iter()
                    .any(|filler| filler.is(std::slice::from_ref(*token)))
            })
            .cloned()
            .collect();
        if plain.is_empty() {
            tokens.to_vec()
        } else {
            plain
        }
    }

    /// Whether all words of the message are fillers, or there are none.
    pub(crate) fn is_only_fillers(&self, message: &Message) -> bool {
        message.tokens().iter().all(|token| {
            self.phrases(Reserved::Filler)
                .any(|filler| filler.is(std::slice::from_ref(token)))
        })
    }
}
