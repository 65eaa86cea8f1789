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
    // Each word of a message meets each of a catalogue here, and nearly all pairs end at this line:
    // a letter has one to four bytes.
    if one.len().min(other.len()) < TYPO_FROM || one.len().abs_diff(other.len()) > 4 {
        return false;
    }
    let is_long = |word: &str| word.chars().nth(TYPO_FROM - 1).is_some();
    let digits = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    one_slip(one, other) && is_long(one) && is_long(other) && !digits(one) && !digits(other)
}

fn one_slip(one: &str, other: &str) -> bool {
    let pairs = one.chars().zip(other.chars());
    let same: usize = pairs
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum();
    let (a, b) = (&one[same..], &other[same..]);
    let (mut a_rest, mut b_rest) = (a.chars(), b.chars());
    let (Some(a1), Some(b1)) = (a_rest.next(), b_rest.next()) else {
        return a_rest.as_str().is_empty() && b_rest.as_str().is_empty();
    };
    let (a_tail, b_tail) = (a_rest.as_str(), b_rest.as_str());
    a_tail == b_tail
        || a_tail == b
        || a == b_tail
        || (a_rest.next() == Some(b1)
            && b_rest.next() == Some(a1)
            && a_rest.as_str() == b_rest.as_str())
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
