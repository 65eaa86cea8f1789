use std::fmt;

use serde::{Deserialize, Serialize};

/// A language the visitor's mails exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English, and whatever has no templates of its own.
    #[default]
    En,
    /// German.
    De,
    /// Spanish.
    Es,
}

impl Language {
    /// All of them, the fallback first.
    pub const ALL: [Self; 3] = [Self::En, Self::De, Self::Es];

    /// The language of a tag such as `de`, `de-AT` or `ES_mx`; English for any other, or none.
    pub fn of(tag: Option<&str>) -> Self {
        let primary = tag.and_then(|tag| tag.trim().split(['-', '_']).next());
        Self::ALL
            .into_iter()
            .find(|language| primary.is_some_and(|tag| tag.eq_ignore_ascii_case(language.as_str())))
            .unwrap_or_default()
    }

    /// The primary subtag, as in template names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Es => "es",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_its_language_or_english() {
        for (tag, language) in [
            (Some("de"), Language::De),
            (Some("de-AT"), Language::De),
            (Some("ES_mx"), Language::Es),
            (Some("den"), Language::En),
            (Some("fr"), Language::En),
            (Some(""), Language::En),
            (None, Language::En),
        ] {
            assert_eq!(Language::of(tag), language, "{tag:?}");
        }
    }
}
