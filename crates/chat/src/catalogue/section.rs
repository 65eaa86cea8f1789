//! One table of the catalogue file, read key by key, so that errors say where and what.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::{Table, Value};

use super::Localised;
use super::error::CatalogueError;
use crate::conversation::language_code;
use crate::phrase::{MAX_WORDS, Phrase};

/// Characters of a text that visitors read.
const TEXT: usize = 1000;
/// Entries of a list.
const ENTRIES: usize = 200;
/// Languages of a text.
const LANGUAGES: usize = 30;

/// A table, and which of its keys were asked for.
pub(super) struct Section<'t> {
    table: &'t Table,
    place: String,
    /// Where in the place, such as `text.`.
    path: String,
    asked: Vec<&'static str>,
}

impl<'t> Section<'t> {
    pub(super) fn new(table: &'t Table, place: impl Into<String>) -> Self {
        Self {
            table,
            place: place.into(),
            path: String::new(),
            asked: Vec::new(),
        }
    }

    /// Says more exactly where it is, once that is known.
    pub(super) fn rename(&mut self, place: impl Into<String>) {
        self.place = place.into();
    }

    pub(super) fn error(&self, key: &str, problem: &str, remedy: &str) -> CatalogueError {
        CatalogueError::Invalid {
            place: self.place.clone(),
            key: format!("{}{key}", self.path),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'t Value> {
        self.asked.push(key);
        self.table.get(key)
    }

    fn required<T>(&self, key: &str, value: Option<T>, remedy: &str) -> Result<T, CatalogueError> {
        value.ok_or_else(|| self.error(key, "it is missing", remedy))
    }

    /// A text of at most `max` characters.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        max: usize,
    ) -> Result<Option<&'t str>, CatalogueError> {
        let remedy = format!("a text of 1 to {max} characters");
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if fits(text, max) => Ok(Some(text)),
            Some(Value::String(_)) => {
                Err(self.error(key, "the text is empty or too long", &remedy))
            }
            Some(_) => Err(self.error(key, "it is not a text", &remedy)),
        }
    }

    pub(super) fn required_text(
        &mut self,
        key: &'static str,
        max: usize,
    ) -> Result<&'t str, CatalogueError> {
        let text = self.text(key, max)?;
        self.required(key, text, &format!("a text of 1 to {max} characters"))
    }

    /// A name such as `disk_upgrade`.
    pub(super) fn name(&mut self, key: &'static str) -> Result<String, CatalogueError> {
        const REMEDY: &str = "1 to 40 lower-case letters, digits and _, a letter first";
        let given = self.get(key);
        match self.required(key, given, REMEDY)? {
            Value::String(name) if is_name(name) => Ok(name.clone()),
            _ => Err(self.error(key, "it is not a name", REMEDY)),
        }
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Result<Option<bool>, CatalogueError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.error(key, "it is neither true nor false", "true or false")),
        }
    }

    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, CatalogueError> {
        let remedy = format!("a whole number from {} to {}", range.start(), range.end());
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        value
            .as_integer()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| self.error(key, "it is no such number", &remedy))
    }

    /// A text, which is English then, or a table with a text for each language.
    pub(super) fn localised(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Localised>, CatalogueError> {
        let remedy = format!("a text, or one for each language as in {key}.de = \"…\"");
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => {
                let text = self.checked(key, text)?;
                Ok(Some(Localised::plain(text)))
            }
            Some(Value::Table(table)) => {
                let mut texts = BTreeMap::new();
                for (language, value) in self.languages(key, table)? {
                    let at = format!("{key}.{language}");
                    let Value::String(text) = value else {
                        return Err(self.error(&at, "it is not a text", "a text"));
                    };
                    texts.insert(language, self.checked(&at, text)?.to_owned());
                }
                if !texts.contains_key(super::FALLBACK) {
                    let at = format!("{key}.{}", super::FALLBACK);
                    return Err(self.error(
                        &at,
                        "the English text is missing",
                        "it: it is used where another language is missing",
                    ));
                }
                Ok(Some(Localised(texts)))
            }
            Some(_) => Err(self.error(key, "it is neither", &remedy)),
        }
    }

    pub(super) fn required_localised(
        &mut self,
        key: &'static str,
    ) -> Result<Localised, CatalogueError> {
        let found = self.localised(key)?;
        let remedy = format!("a text, or one for each language as in {key}.de = \"…\"");
        self.required(key, found, &remedy)
    }

    fn checked(&self, key: &str, text: &'t str) -> Result<&'t str, CatalogueError> {
        if fits(text, TEXT) {
            Ok(text)
        } else {
            let remedy = format!("a text of 1 to {TEXT} characters");
            Err(self.error(key, "the text is empty or too long", &remedy))
        }
    }

    fn languages(
        &self,
        key: &str,
        table: &'t Table,
    ) -> Result<Vec<(String, &'t Value)>, CatalogueError> {
        if table.len() > LANGUAGES {
            let remedy = format!("at most {LANGUAGES} languages");
            return Err(self.error(key, "there are too many languages", &remedy));
        }
        table
            .iter()
            .map(|(language, value)| match language_code(language) {
                Some(code) if code == *language => Ok((code, value)),
                _ => Err(self.error(
                    &format!("{key}.{language}"),
                    "this is no language code",
                    "two or three small letters, such as de",
                )),
            })
            .collect()
    }

    /// A list of short texts.
    pub(super) fn list(&mut self, key: &'static str) -> Result<Vec<String>, CatalogueError> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(value) => self.list_of(key, value),
        }
    }

    fn list_of(&self, key: &str, value: &Value) -> Result<Vec<String>, CatalogueError> {
        const SHORT: usize = 100;
        let remedy = format!(
            "a list of at most {ENTRIES} texts of 1 to {SHORT} characters, such as [\"one\", \"two\"]"
        );
        let entries = value
            .as_array()
            .filter(|entries| entries.len() <= ENTRIES)
            .ok_or_else(|| self.error(key, "it is not such a list", &remedy))?;
        entries
            .iter()
            .map(|entry| match entry {
                Value::String(text) if fits(text, SHORT) => Ok(text.clone()),
                _ => Err(self.error(key, "an entry is not a short text", &remedy)),
            })
            .collect()
    }

    pub(super) fn phrases(&mut self, key: &'static str) -> Result<Vec<Phrase>, CatalogueError> {
        let list = self.list(key)?;
        self.as_phrases(key, &list)
    }

    fn as_phrases(&self, key: &str, list: &[String]) -> Result<Vec<Phrase>, CatalogueError> {
        list.iter()
            .map(|text| {
                Phrase::read(text).ok_or_else(|| {
                    let remedy = format!("1 to {MAX_WORDS} words, such as \"forgot password\"");
                    self.error(key, &format!("{text:?} is no phrase"), &remedy)
                })
            })
            .collect()
    }

    /// Phrases for each language, as in `triggers.de = ["…"]`; a list alone is English.
    pub(super) fn phrases_by_language(
        &mut self,
        key: &'static str,
    ) -> Result<Vec<(String, Phrase)>, CatalogueError> {
        let by_language = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(list @ Value::Array(_)) => vec![(super::FALLBACK.to_owned(), list)],
            Some(Value::Table(table)) => self.languages(key, table)?,
            Some(_) => {
                return Err(self.error(
                    key,
                    "it is not a list",
                    &format!("a list, or one for each language as in {key}.de = [\"…\"]"),
                ));
            }
        };
        let mut phrases = Vec::new();
        for (language, list) in by_language {
            let at = format!("{key}.{language}");
            let list = self.list_of(&at, list)?;
            phrases.extend(
                self.as_phrases(&at, &list)?
                    .into_iter()
                    .map(|phrase| (language.clone(), phrase)),
            );
        }
        Ok(phrases)
    }

    /// The table under `key`, as a section of the same place.
    pub(super) fn section(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Section<'t>>, CatalogueError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(Section::new(table, format!("[{key}]")))),
            Some(_) => {
                Err(self.error(key, "it is not a table", &format!("[{key}] above its keys")))
            }
        }
    }

    /// The tables for each language under `key`, as in `[text.de]`.
    pub(super) fn sections_by_language(
        &mut self,
        key: &'static str,
    ) -> Result<Vec<(String, Section<'t>)>, CatalogueError> {
        let table = match self.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Table(table)) => table,
            Some(_) => {
                let remedy = format!("a table for each language as in [{key}.de]");
                return Err(self.error(key, "it is not a table", &remedy));
            }
        };
        self.languages(key, table)?
            .into_iter()
            .map(|(language, value)| match value {
                Value::Table(table) => {
                    let section = Section::new(table, format!("[{key}.{language}]"));
                    Ok((language, section))
                }
                _ => Err(self.error(
                    &format!("{key}.{language}"),
                    "it is not a table",
                    &format!("[{key}.{language}] above its keys"),
                )),
            })
            .collect()
    }

    /// The tables of a list such as `[[workflow]]`.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        max: usize,
    ) -> Result<Vec<Section<'t>>, CatalogueError> {
        let remedy = format!("[[…{key}]] above each, at most {max} times");
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let entries = value
            .as_array()
            .filter(|entries| entries.len() <= max)
            .ok_or_else(|| self.error(key, "it is no list of tables, or too long", &remedy))?;
        entries
            .iter()
            .enumerate()
            .map(|(n, entry)| {
                let table = entry
                    .as_table()
                    .ok_or_else(|| self.error(key, "an entry is not a table", &remedy))?;
                let mut section = Section::new(table, self.place.clone());
                section.path = format!("{key} {}: ", n + 1);
                Ok(section)
            })
            .collect()
    }

    /// Gives the section a name of its own instead of its number.
    pub(super) fn named(&mut self, place: impl Into<String>) {
        self.rename(place);
        self.path.clear();
    }

    /// Refuses keys that nobody asked for.
    pub(super) fn finish(self) -> Result<(), CatalogueError> {
        match self
            .table
            .keys()
            .find(|key| !self.asked.contains(&key.as_str()))
        {
            None => Ok(()),
            Some(unknown) => {
                let remedy = format!("one of {}", self.asked.join(", "));
                Err(self.error(unknown, "this key is unknown", &remedy))
            }
        }
    }
}

fn fits(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
