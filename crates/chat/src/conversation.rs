use std::fmt;

use serde::de::{self, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::draft::WorkflowId;
use crate::turn::Reason;

/// The version of what is stored.
const VERSION: u32 = 1;
/// Bytes of all answers of one workflow, so that a conversation stays small wherever it is stored.
const MAX_ANSWERS: usize = 16 * 1024;

/// Where a chat stands. Holds the answers of the workflow in progress and no other text.
///
/// Serialises to an object with `v: 1`. Anything else that is read as a conversation, such as one
/// of a later version, becomes a fresh one that begins with an apology.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Conversation(pub(crate) Memory);

impl Conversation {
    /// A conversation in which nothing was said. `language` is a tag such as `de` or `de-AT`;
    /// without one, the language of the first request that is recognised counts.
    pub fn new(language: Option<&str>) -> Self {
        Self(Memory {
            language: language.and_then(language_code),
            ..Memory::default()
        })
    }

    /// The language of the conversation as far as it is known, such as `de`.
    pub fn language(&self) -> Option<&str> {
        self.0.language.as_deref()
    }

    /// The workflow in progress.
    pub fn workflow(&self) -> Option<&WorkflowId> {
        self.0.run.as_ref().map(|run| &run.workflow)
    }

    /// The address that the visitor typed when asked for one; nobody verified it.
    pub fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }
}

impl Default for Conversation {
    fn default() -> Self {
        Self::new(None)
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("phase", &self.0.phase)
            .field("workflow", &self.workflow())
            .finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for Conversation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stored {
            Known(Memory),
            Other(IgnoredAny),
        }
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Known(memory) => Self(memory),
            Stored::Other(_) => Self(Memory {
                lost: true,
                ..Memory::default()
            }),
        })
    }
}

/// The primary part of a language tag, in lower case.
pub(crate) fn language_code(tag: &str) -> Option<String> {
    let code = tag.trim().split(['-', '_']).next()?.to_ascii_lowercase();
    let good = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
    good.then_some(code)
}

/// What a conversation remembers.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    v: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<String>,
    pub(crate) phase: Phase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<Run>,
    /// Answers in a row that were of no use.
    #[serde(default)]
    pub(crate) misses: u8,
    /// Tickets that this chat has come to; stops counting at 255.
    #[serde(default)]
    pub(crate) tickets: u8,
    /// An address typed in the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) consent: bool,
    /// Nobody took the chat when it was passed on: not to be tried again.
    #[serde(default)]
    pub(crate) unattended: bool,
    /// What was stored could not be read; an apology is due.
    #[serde(default)]
    pub(crate) lost: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            VERSION => Ok(Self),
            other => Err(de::Error::custom(format_args!(
                "conversation version {other} is not {VERSION}"
            ))),
        }
    }
}

/// What the bot waits for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Nothing was said yet.
    #[default]
    New,
    /// A request.
    Idle,
    /// The answer to the step with this field.
    Asking(String),
    /// Whether to leave the workflow for another.
    Switching { field: String, to: WorkflowId },
    /// The visitor's e-mail address.
    Email,
    /// Consent to the ticket.
    Consent,
    /// A person.
    HandedOver,
    /// The visitor said goodbye.
    Ended,
}

/// A workflow in progress.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) workflow: WorkflowId,
    answers: Vec<Given>,
    /// How it ends; `None` while steps are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ending: Option<Ending>,
    /// An answer was shortened.
    #[serde(default)]
    pub(crate) cut: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Given {
    field: String,
    /// `None` for a skipped step.
    value: Option<String>,
}

/// How a workflow came to its ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// All steps are answered.
    Completed,
    /// A person has to go on. With the field of the step that was not answered, if it was one.
    Escalated {
        reason: Reason,
        field: Option<String>,
    },
}

impl Run {
    pub(crate) fn new(workflow: WorkflowId) -> Self {
        Self {
            workflow,
            answers: Vec::new(),
            ending: None,
            cut: false,
        }
    }

    /// Whether the step is answered or skipped.
    pub(crate) fn is_done(&self, field: &str) -> bool {
        self.answers.iter().any(|given| given.field == field)
    }

    /// `None` if the step is open or was skipped.
    pub(crate) fn answer(&self, field: &str) -> Option<&str> {
        let given = self.answers.iter().find(|given| given.field == field)?;
        given.value.as_deref()
    }

    pub(crate) fn forget(&mut self, field: &str) {
        self.answers.retain(|given| given.field != field);
    }

    pub(crate) fn skip(&mut self, field: &str) {
        self.forget(field);
        self.answers.push(Given {
            field: field.to_owned(),
            value: None,
        });
    }

    /// Keeps the answer, or as much of it as there is room for.
    pub(crate) fn give(&mut self, field: &str, mut value: String) {
        self.forget(field);
        let used: usize = self
            .answers
            .iter()
            .map(|given| given.field.len() + given.value.as_ref().map_or(0, String::len))
            .sum();
        let mut room = MAX_ANSWERS.saturating_sub(used).min(value.len());
        while !value.is_char_boundary(room) {
            room -= 1;
        }
        self.cut |= room < value.len();
        value.truncate(room);
        self.answers.push(Given {
            field: field.to_owned(),
            value: Some(value),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags_are_reduced_to_their_code() {
        for (tag, expected) in [
            ("de", Some("de")),
            ("de-AT", Some("de")),
            ("EN_us", Some("en")),
            ("deutsch", None),
            ("", None),
            ("日本", None),
        ] {
            assert_eq!(language_code(tag).as_deref(), expected, "{tag}");
        }
    }

    #[test]
    fn answers_never_outgrow_their_room() {
        let mut run = Run::new(WorkflowId("w".into()));
        for n in 0..20 {
            run.give(&format!("field{n}"), "é".repeat(3000));
        }
        let total: usize = run
            .answers
            .iter()
            .map(|given| given.value.as_ref().map_or(0, String::len))
            .sum();
        assert!(total <= MAX_ANSWERS, "{total}");
        assert!(run.cut);
        assert_eq!(
            run.answer("field0").map(str::len),
            Some(6000),
            "the first answer is whole"
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_fresh_conversation_with_an_apology() {
        for stored in [
            r#"{"v": 2, "phase": "idle"}"#,
            r#"{"v": 1, "phase": "no such phase"}"#,
            r#"{"phase": "idle"}"#,
            "[1, 2, 3]",
            "null",
        ] {
            let read: Conversation = serde_json::from_str(stored).unwrap();
            assert!(read.0.lost, "{stored}");
            assert_eq!(read.0.phase, Phase::New, "{stored}");
        }
    }
}
