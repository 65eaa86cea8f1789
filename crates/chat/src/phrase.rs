//! Phrases of a catalogue and where they occur in a message.

use crate::message::{self, Token};

/// Words that may stand between two words of a phrase.
const GAP: usize = 2;
/// Shorter words must be spelt right.
const TYPO_FROM: usize = 6;
/// Words of one phrase.
pub(crate) const MAX_WORDS: usize = 8;

/// Some words in their order; a word that ends in `*` stands for all words that begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase(Vec<Word>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Whole(String),
    Beginning(String),
}

impl Phrase {
    /// `None` if there is no word in it, or more than [`MAX_WORDS`].
    pub(crate) fn read(text: &str) -> Option<Self> {
        let words: Vec<Word> = text
            .split_whitespace()
            .flat_map(|piece| {
                let mut words: Vec<Word> =
                    message::words(piece).into_iter().map(Word::Whole).collect();
                if piece.ends_with('*')
                    && let Some(Word::Whole(last)) = words.pop()
                {
                    words.push(Word::Beginning(last));
                }
                words
            })
            .collect();
        (1..=MAX_WORDS)
            .contains(&words.len())
            .then_some(Self(words))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the words occur in this order, with at most [`GAP`] others between them.
    pub(crate) fn occurs_in(&self, tokens: &[Token]) -> bool {
        let Some((first, rest)) = self.0.split_first() else {
            return false;
        };
        tokens
            .iter()
            .enumerate()
            .filter(|(_, token)| first.is(&token.word))
            .any(|(at, _)| follows(rest, tokens.get(at + 1..).unwrap_or_default()))
    }

    /// Whether these are all the words.
    pub(crate) fn is(&self, tokens: &[Token]) -> bool {
        self.0.len() == tokens.len() && self.begins(tokens)
    }

    /// Whether the message begins with these words.
    pub(crate) fn begins(&self, tokens: &[Token]) -> bool {
        self.0.len() <= tokens.len()
            && self
                .0
                .iter()
                .zip(tokens)
                .all(|(word, token)| word.is(&token.word))
    }
}

fn follows(words: &[Word], tokens: &[Token]) -> bool {
    let mut tokens = tokens;
    for word in words {
        let found = tokens
            .iter()
            .take(GAP + 1)
            .position(|token| word.is(&token.word));
        match found {
            Some(at) => tokens = tokens.get(at + 1..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

impl Word {
    fn is(&self, word: &str) -> bool {
        match self {
            Self::Whole(own) => own == word || nearly(own, word),
            Self::Beginning(own) => word.starts_with(own.as_str()),
        }
    }
}

/// Whether two long words differ by one slip: a letter too many, too few, wrong, or two swapped.
pub(crate) fn nearly(one: &str, other: &str) -> bool {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let long = one.len().min(other.len()) >= TYPO_FROM;
    let digits = one.iter().chain(&other).any(char::is_ascii_digit);
    if !long || digits || one.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (a, b) = (
        one.get(same..).unwrap_or_default(),
        other.get(same..).unwrap_or_default(),
    );
    match (a, b) {
        ([], _) | (_, []) => true,
        ([_, a_rest @ ..], [_, b_rest @ ..]) => {
            let swapped = matches!(
                (a, b),
                ([a1, a2, a3 @ ..], [b1, b2, b3 @ ..]) if a1 == b2 && a2 == b1 && a3 == b3
            );
            a_rest == b_rest || a_rest == b || a == b_rest || swapped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn occurs(phrase: &str, text: &str) -> bool {
        Phrase::read(phrase).is_some_and(|p| p.occurs_in(Message::read(text, 500).tokens()))
    }

    #[test]
    fn a_phrase_occurs_with_small_gaps_slips_and_endings() {
        for (phrase, text, expected) in [
            ("forgot password", "I FORGOT my password", true),
            (
                "forgot password",
                "I forgot all about my new password",
                false,
            ),
            ("forgot password", "password forgot", false),
            ("password", "my pasword is gone", true),
            ("password", "my passwrod is gone", true),
            ("password", "my passport is gone", false),
            ("slow*", "everything slows down", true),
            ("slow", "everything slows down", false),
            ("disk full", "the disk, the other disk is full", true),
            ("olvide contrasena", "Olvidé mi contraseña", true),
        ] {
            assert_eq!(occurs(phrase, text), expected, "{phrase:?} in {text:?}");
        }
    }

    #[test]
    fn a_phrase_without_words_is_none() {
        assert_eq!(Phrase::read(" *?! "), None);
        assert_eq!(Phrase::read("a b c d e f g h i"), None);
    }
}
