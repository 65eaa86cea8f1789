use super::Choice;
use crate::message::{self, Message};
use crate::phrase;

/// The choice that the message names: by number, by name, or by words that only one name has.
pub(super) fn find<'c>(choices: &'c [Choice], message: &Message) -> Option<&'c Choice> {
    exact(choices, message)
        .or_else(|| numbered(choices, message))
        .or_else(|| mentioned(choices, message))
        .or_else(|| hinted(choices, message))
}

fn said(message: &Message) -> Vec<String> {
    message::parts(message.tokens().iter().map(|token| token.word.as_str()))
}

/// The whole message is a name.
pub(super) fn exact<'c>(choices: &'c [Choice], message: &Message) -> Option<&'c Choice> {
    let said = said(message);
    choices.iter().find(|choice| choice.names.contains(&said))
}

/// `2`, `#2`, `option 2`: a number that is the place of a choice and in no name alone.
fn numbered<'c>(choices: &'c [Choice], message: &Message) -> Option<&'c Choice> {
    let said = said(message);
    let ([number] | [_, number]) = said.as_slice() else {
        return None;
    };
    // `5 gb` names a size, `option 5` a place: a word of the names before or after tells.
    let of_names = |word: &String| choices.iter().any(|choice| choice.mentions(word));
    if said.len() == 2 && said.first().is_some_and(of_names) {
        return None;
    }
    let place: usize = number.parse().ok()?;
    choices.get(place.checked_sub(1)?)
}

/// Exactly one choice whose name stands in the message.
pub(super) fn mentioned<'c>(choices: &'c [Choice], message: &Message) -> Option<&'c Choice> {
    let said = said(message);
    let stands = |name: &Vec<String>| said.windows(name.len().max(1)).any(|words| words == name);
    only(
        choices
            .iter()
            .filter(|choice| choice.names.iter().any(stands)),
    )
}

/// Exactly one choice that a telling word of the message, or nearly that word, belongs to.
fn hinted<'c>(choices: &'c [Choice], message: &Message) -> Option<&'c Choice> {
    let said = said(message);
    let telling = |word: &&String| {
        word.len() >= 2 && choices.iter().filter(|c| c.mentions(word)).count() < choices.len()
    };
    let words: Vec<&String> = said.iter().filter(telling).collect();
    // A size that nobody offers is no hint at all, whatever its unit.
    let unknown_number = said.iter().any(|word| {
        word.bytes().all(|b| b.is_ascii_digit()) && !choices.iter().any(|c| c.mentions(word))
    });
    // More than a few words are a sentence about something, not a pick.
    if said.len() > 6 || unknown_number {
        return None;
    }
    only(
        choices
            .iter()
            .filter(|choice| words.iter().any(|word| choice.mentions(word))),
    )
}

fn only<'c>(mut found: impl Iterator<Item = &'c Choice>) -> Option<&'c Choice> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

impl Choice {
    fn mentions(&self, word: &str) -> bool {
        self.names
            .iter()
            .flatten()
            .any(|own| own == word || phrase::nearly(own, word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Localised;

    fn choices(names: &[&str]) -> Vec<Choice> {
        names
            .iter()
            .map(|name| Choice::new((*name).to_owned(), Localised::plain(name), &[]))
            .collect()
    }

    #[test]
    fn plans_are_picked_by_number_name_or_hint() {
        let plans = choices(&["50 GB", "100 GB", "200 GB", "1 TB"]);
        for (text, expected) in [
            ("100GB", Some("100 GB")),
            ("100 gb", Some("100 GB")),
            ("I'd take the 100GB plan please", Some("100 GB")),
            ("200", Some("200 GB")),
            ("2", Some("100 GB")),
            ("#1", Some("50 GB")),
            ("option 3", Some("200 GB")),
            ("1tb", Some("1 TB")),
            ("a terabyte", None),
            ("50 or 100", None),
            ("50 GB or 100 GB", None),
            ("500 GB", None),
            ("5 TB", None),
            ("gb", None),
            ("7", None),
            ("0", None),
            ("", None),
        ] {
            let found = find(&plans, &Message::read(text, 100));
            assert_eq!(found.map(|c| c.value.as_str()), expected, "{text}");
        }
    }

    #[test]
    fn names_may_be_misspelt_a_little() {
        let laptops = choices(&["Standard", "Developer", "Conference room"]);
        for (text, expected) in [
            ("devloper", Some("Developer")),
            ("the standrad one", Some("Standard")),
            ("conference", Some("Conference room")),
            ("standard or developer", None),
        ] {
            let found = find(&laptops, &Message::read(text, 100));
            assert_eq!(found.map(|c| c.value.as_str()), expected, "{text}");
        }
    }
}
