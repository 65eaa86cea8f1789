//! What the bot says, by language.

use std::collections::BTreeMap;

/// Declares the keys of the text catalogue: name in the code, key in the file, placeholders.
macro_rules! keys {
    ($($name:ident = $key:literal [$($placeholder:literal),*],)+) => {
        /// A text of the catalogue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Key { $($name),+ }

        impl Key {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The key in the catalogue file.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $key),+ }
            }

            /// The placeholders that its text may have.
            pub(crate) fn placeholders(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($placeholder),*]),+ }
            }
        }
    };
}

keys! {
    Agent = "agent" [],
    AnythingElse = "anything_else" [],
    Apology = "apology" [],
    AskEmail = "ask_email" [],
    BeingLogged = "being_logged" ["email"],
    Cancelled = "cancelled" ["title"],
    Choose = "choose" [],
    Completed = "completed" [],
    Consent = "consent" [],
    ConsentNoted = "consent_noted" [],
    ConsentRefused = "consent_refused" [],
    Corrected = "corrected" ["label"],
    Cut = "cut" ["limit"],
    Empty = "empty" [],
    Escalated = "escalated" [],
    Farewell = "farewell" [],
    Greeting = "greeting" [],
    HandOver = "hand_over" [],
    Help = "help" [],
    InvalidChoice = "invalid_choice" [],
    InvalidDigits = "invalid_digits" ["count"],
    InvalidEmail = "invalid_email" [],
    InvalidLogin = "invalid_login" [],
    InvalidMetrics = "invalid_metrics" ["parts"],
    InvalidPercent = "invalid_percent" [],
    InvalidText = "invalid_text" ["min"],
    InvalidYesNo = "invalid_yes_no" [],
    Kept = "kept" ["title"],
    Logged = "logged" ["ticket_id", "ticket_number", "email"],
    NobodyFree = "nobody_free" [],
    NobodyFreeGoOn = "nobody_free_go_on" [],
    NobodyFreeLogged = "nobody_free_logged" [],
    No = "no" [],
    NoEmail = "no_email" [],
    NothingBefore = "nothing_before" [],
    NothingToCancel = "nothing_to_cancel" [],
    NotUnderstood = "not_understood" [],
    OffTopic = "off_topic" [],
    Required = "required" [],
    Skip = "skip" [],
    Switch = "switch" ["from", "to"],
    Waiting = "waiting" [],
    Yes = "yes" [],
}

/// The texts of one language.
pub(crate) type Texts = BTreeMap<Key, String>;

/// Puts values into `{placeholders}`, once: a value that looks like a placeholder stays text.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let value = after
            .split_once('}')
            .and_then(|(name, tail)| values.iter().find(|(n, _)| *n == name).map(|v| (v.1, tail)));
        if let Some((value, tail)) = value {
            filled.push_str(value);
            rest = tail;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// The first placeholder that is not among those allowed.
pub(crate) fn unknown_placeholder<'t>(template: &'t str, allowed: &[&str]) -> Option<&'t str> {
    template
        .split('{')
        .skip(1)
        .map(|after| after.split_once('}').map_or(after, |(name, _)| name))
        .find(|name| !allowed.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_filled_in_once() {
        let filled = fill("{a} and {b} and {c", &[("a", "{b}"), ("b", "2")]);
        assert_eq!(filled, "{b} and 2 and {c");
    }

    #[test]
    fn unknown_placeholders_are_named() {
        assert_eq!(unknown_placeholder("Hi {name}", &["name"]), None);
        assert_eq!(unknown_placeholder("Hi {nmae}", &["name"]), Some("nmae"));
        assert_eq!(unknown_placeholder("Hi {name", &["name"]), None);
    }
}
