mod error;
mod read;
mod section;

use std::collections::BTreeMap;

use serde::Serialize;

pub use error::CatalogueError;

use crate::draft::{Priority, WorkflowId};
use crate::kind::Kind;
use crate::message::{Message, Token};
use crate::phrase::Phrase;
use crate::texts::{self, Key, Texts};
use crate::words::{Lists, Words};

const BUILT_IN: &str = include_str!("../workflows.toml");
/// The language of whatever is missing in another.
pub(crate) const FALLBACK: &str = "en";

/// The workflows, texts and reserved words that conversations follow.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub(crate) settings: Settings,
    pub(crate) workflows: Vec<Workflow>,
    hand_over: Option<Workflow>,
    replies: Vec<Reply>,
    texts: BTreeMap<String, Texts>,
    words: BTreeMap<String, Lists>,
}

/// What holds for all workflows.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How often a question is repeated after an answer that is of no use.
    pub(crate) retries: u8,
    /// Characters of an input that are read.
    pub(crate) max_input: usize,
    /// Whether the visitor has to agree before there is a ticket.
    pub(crate) consent: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retries: 2,
            max_input: 2000,
            consent: false,
        }
    }
}

/// A text in some languages, English among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Localised(BTreeMap<String, String>);

impl Localised {
    pub(crate) fn plain(text: &str) -> Self {
        Self(BTreeMap::from([(FALLBACK.to_owned(), text.to_owned())]))
    }

    pub(crate) fn in_language(&self, language: &str) -> &str {
        self.0
            .get(language)
            .or_else(|| self.0.get(FALLBACK))
            .map_or("", String::as_str)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Workflow {
    pub(crate) id: WorkflowId,
    pub(crate) title: Localised,
    pub(crate) subject: String,
    pub(crate) priority: Priority,
    pub(crate) category: String,
    triggers: Triggers,
    pub(crate) intro: Option<Localised>,
    pub(crate) escalation: Option<Localised>,
    pub(crate) approval: Option<String>,
    catch_all: bool,
    /// Whether a hand-over that the visitor asked for makes a ticket.
    pub(crate) ticket: bool,
    pub(crate) steps: Vec<Step>,
}

impl Workflow {
    pub(crate) fn step(&self, field: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.field == field)
    }

    pub(crate) fn is_catch_all(&self) -> bool {
        self.catch_all
    }
}

#[derive(Debug, Clone, Default)]
struct Triggers {
    phrases: Vec<(String, Phrase)>,
    not: Vec<Phrase>,
}

impl Triggers {
    /// How well they fit, with the language of the best phrase. Long phrases beat short ones, and
    /// of equally long ones the workflow that more phrases speak for.
    fn score(&self, tokens: &[Token]) -> Option<(usize, &str)> {
        if self.not.iter().any(|phrase| phrase.occurs_in(tokens)) {
            return None;
        }
        let found: Vec<&(String, Phrase)> = self
            .phrases
            .iter()
            .filter(|(_, phrase)| phrase.occurs_in(tokens))
            .collect();
        let (language, best) = found.iter().rev().max_by_key(|(_, phrase)| phrase.len())?;
        Some((best.len() * 1000 + found.len(), language))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) field: String,
    pub(crate) label: Localised,
    pub(crate) kind: Kind,
    pub(crate) prompt: Localised,
    pub(crate) hint: Option<Localised>,
    pub(crate) suggestions: Vec<String>,
    pub(crate) retries: u8,
    pub(crate) optional: bool,
    pub(crate) sensitive: bool,
    pub(crate) ask: bool,
    pub(crate) from_trigger: bool,
}

/// An answer to what visitors ask besides.
#[derive(Debug, Clone)]
struct Reply {
    triggers: Vec<(String, Phrase)>,
    text: Localised,
}

/// A workflow as `GET /workflows` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowSummary {
    /// Its id.
    pub id: WorkflowId,
    /// Its title in English.
    pub title: String,
    /// Priority of its tickets.
    pub priority: Priority,
    /// Category of its tickets.
    pub category: String,
    /// Whether somebody has to approve.
    pub approval_needed: bool,
    /// What it asks.
    pub steps: Vec<StepSummary>,
}

/// A step as `GET /workflows` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepSummary {
    /// The name of the answer.
    pub field: String,
    /// What readers of a ticket see.
    pub label: String,
    /// The kind of answer, as the catalogue file names it.
    pub kind: &'static str,
    /// Whether it can be left out.
    pub optional: bool,
}

impl Catalogue {
    /// Reads a catalogue file. Texts and reserved words that it lacks are the built-in ones, as is
    /// the hand-over.
    pub fn parse(toml: &str) -> Result<Self, CatalogueError> {
        let mut own = read::catalogue(toml)?;
        let built_in = Self::built_in();
        own.hand_over = own.hand_over.or(built_in.hand_over);
        for (language, texts) in built_in.texts {
            let all = own.texts.entry(language).or_default();
            for (key, text) in texts {
                all.entry(key).or_insert(text);
            }
        }
        for (language, lists) in built_in.words {
            let all = own.words.entry(language).or_default();
            for (group, phrases) in lists {
                all.entry(group).or_insert(phrases);
            }
        }
        Ok(own)
    }

    /// The catalogue of `workflows.toml` in this crate.
    pub fn built_in() -> Self {
        // A test reads the file too, so that an error in it never gets here.
        read::catalogue(BUILT_IN).unwrap_or_default()
    }

    /// The workflows in the order of the file, without the hand-over.
    pub fn workflows(&self) -> Vec<WorkflowSummary> {
        self.workflows.iter().map(summary).collect()
    }

    /// What to tell the visitor once the ticket exists.
    pub fn logged(
        &self,
        language: Option<&str>,
        ticket_id: &str,
        ticket_number: &str,
        email: &str,
    ) -> String {
        let values = [
            ("ticket_id", ticket_id),
            ("ticket_number", ticket_number),
            ("email", email),
        ];
        texts::fill(self.text_for(language, Key::Logged), &values)
    }

    /// What to tell the visitor while the ticket does not exist yet.
    pub fn being_logged(&self, language: Option<&str>, email: &str) -> String {
        let template = self.text_for(language, Key::BeingLogged);
        texts::fill(template, &[("email", email)])
    }

    /// The question that follows either of them, if the caller wants to ask it.
    pub fn anything_else(&self, language: Option<&str>) -> String {
        self.text_for(language, Key::AnythingElse).to_owned()
    }

    fn text_for(&self, language: Option<&str>, key: Key) -> &str {
        let code = language.and_then(crate::conversation::language_code);
        self.text(code.as_deref().unwrap_or(FALLBACK), key)
    }

    pub(crate) fn text(&self, language: &str, key: Key) -> &str {
        let in_language = |language: &str| self.texts.get(language)?.get(&key);
        in_language(language)
            .or_else(|| in_language(FALLBACK))
            .map_or(key.name(), String::as_str)
    }

    pub(crate) fn words(&self, language: &str) -> Words<'_> {
        let mut lists: Vec<&Lists> = self.words.get(language).into_iter().collect();
        if language != FALLBACK {
            lists.extend(self.words.get(FALLBACK));
        }
        Words::new(lists)
    }

    pub(crate) fn workflow(&self, id: &WorkflowId) -> Option<&Workflow> {
        self.workflows
            .iter()
            .chain(&self.hand_over)
            .find(|workflow| workflow.id == *id)
    }

    pub(crate) fn hand_over(&self) -> Option<&Workflow> {
        self.hand_over.as_ref()
    }

    pub(crate) fn catch_all(&self) -> Option<&Workflow> {
        self.workflows.iter().find(|workflow| workflow.catch_all)
    }

    /// The workflow that the message asks for, and the language in which it does.
    pub(crate) fn triggered(&self, message: &Message) -> Option<(&Workflow, &str)> {
        let mut best: Option<(usize, &Workflow, &str)> = None;
        for workflow in &self.workflows {
            let Some((score, language)) = workflow.triggers.score(message.tokens()) else {
                continue;
            };
            if best.is_none_or(|(highest, _, _)| score > highest) {
                best = Some((score, workflow, language));
            }
        }
        best.map(|(_, workflow, language)| (workflow, language))
    }

    /// The workflow whose title the message is.
    pub(crate) fn titled(&self, message: &Message) -> Option<&Workflow> {
        self.workflows.iter().find(|workflow| {
            workflow
                .title
                .all()
                .filter_map(Phrase::read)
                .any(|title| title.is(message.tokens()))
        })
    }

    /// The answer to a question besides; of several the one with the longest phrase.
    pub(crate) fn reply(&self, message: &Message, language: &str) -> Option<&str> {
        let fitting = self.replies.iter().filter_map(|reply| {
            let longest = reply
                .triggers
                .iter()
                .filter(|(_, phrase)| phrase.occurs_in(message.tokens()))
                .map(|(_, phrase)| phrase.len())
                .max()?;
            Some((longest, reply))
        });
        let (_, best) = fitting.max_by_key(|(longest, _)| *longest)?;
        Some(best.text.in_language(language))
    }
}

fn summary(workflow: &Workflow) -> WorkflowSummary {
    WorkflowSummary {
        id: workflow.id.clone(),
        title: workflow.title.in_language(FALLBACK).to_owned(),
        priority: workflow.priority,
        category: workflow.category.clone(),
        approval_needed: workflow.approval.is_some(),
        steps: workflow
            .steps
            .iter()
            .map(|step| StepSummary {
                field: step.field.clone(),
                label: step.label.in_language(FALLBACK).to_owned(),
                kind: step.kind.name(),
                optional: step.optional,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_valid_and_complete() {
        let catalogue = read::catalogue(BUILT_IN).unwrap();
        assert_eq!(
            catalogue.workflows.len(),
            Catalogue::built_in().workflows.len()
        );
        assert!(catalogue.hand_over.is_some() && catalogue.catch_all().is_some());
        for language in ["en", "de", "es"] {
            let texts = &catalogue.texts[language];
            let missing: Vec<&str> = Key::ALL
                .iter()
                .filter(|key| !texts.contains_key(key))
                .map(|key| key.name())
                .collect();
            assert!(missing.is_empty(), "[text.{language}] lacks {missing:?}");
            let words = &catalogue.words[language];
            assert_eq!(words.len(), crate::words::Reserved::ALL.len(), "{language}");
        }
    }

    #[test]
    fn the_best_workflow_wins() {
        let catalogue = Catalogue::built_in();
        for (text, expected) in [
            ("I forgot my password", Some("password_reset")),
            ("can't log in", Some("password_reset")),
            ("forgot pasword!!", Some("password_reset")),
            ("Ich habe mein Passwort vergessen", Some("password_reset")),
            ("He olvidado mi contraseña", Some("password_reset")),
            ("My disk is full", Some("disk_upgrade")),
            ("I need to upgrade my disk storage", Some("disk_upgrade")),
            ("my server's disk is full", Some("disk_upgrade")),
            ("Server is slow", Some("server_slowness")),
            ("THE SERVER IS SO SLOWWW", Some("server_slowness")),
            ("Der Server ist langsam", Some("server_slowness")),
            ("what is your password policy?", None),
            ("good morning", None),
            ("🙂", None),
        ] {
            let found = catalogue.triggered(&Message::read(text, 500));
            let found = found.map(|(workflow, _)| workflow.id.as_str());
            assert_eq!(found, expected, "{text}");
        }
    }
}
