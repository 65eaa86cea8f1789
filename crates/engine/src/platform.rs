use serde::Serialize;
use serde_json::Value;

use crate::schema;

/// What users can know and set of a platform, without connecting to it.
#[derive(Debug, Clone, Copy)]
pub struct PlatformInfo {
    /// The `type` (or `platform`) of its integrations, such as `zoho_desk`.
    pub name: &'static str,
    /// Other names that users may send for it.
    pub aliases: &'static [&'static str],
    /// For people.
    pub title: &'static str,
    /// What it is good for, in a sentence.
    pub description: &'static str,
    /// The vendor's page.
    pub documentation: &'static str,
    /// What is to be filled in.
    pub settings: &'static [Setting],
    /// What can be done beside reading.
    pub actions: &'static [Action],
    /// Checks what was filled in, as far as that goes without a call. The hub has checked by then
    /// that required settings are there, that there are no unknown ones, and their kinds.
    pub validate: fn(config: &Value, credentials: &Value) -> Result<(), Vec<Problem>>,
}

/// One thing to be filled in.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in `config` or `credentials`.
    pub name: &'static str,
    /// Other spellings that users may send.
    pub aliases: &'static [&'static str],
    /// For people.
    pub title: &'static str,
    /// What it is, with an example.
    pub help: &'static str,
    /// What it looks like.
    pub kind: SettingKind,
    /// Whether nothing works without it.
    pub required: bool,
    /// Kept in Secrets Manager, shown as `***`.
    pub secret: bool,
}

/// What a setting looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An origin, `https://…`.
    Url,
    /// A JSON object or array.
    Json,
}

/// Something that can be done on a platform.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// Its name, such as `create_ticket`.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// JSON Schema (2020-12) of its parameters, as JSON text. [`Action::check`] knows these keywords:
    /// `type`, `properties`, `required`, `additionalProperties`, `enum`, `minLength`, `maxLength`,
    /// and the pattern `^[0-9]{1,20}$`.
    pub parameters: &'static str,
}

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The setting, such as `config.baseUrl`.
    pub field: String,
    /// What is wrong, and what would be right. Never quotes a secret.
    pub message: String,
}

impl Action {
    /// Checks `parameters` as far as the schema tells, without a call: what is wrong with which, in
    /// the order of the schema. None, if all is well.
    pub fn check(&self, parameters: &Value) -> Vec<Problem> {
        let mut problems = Vec::new();
        match serde_json::from_str(self.parameters) {
            Ok(schema) => schema::check(&schema, "parameters", parameters, &mut problems),
            Err(_) => problems.push(Problem::new("parameters", "have no readable schema")),
        }
        problems
    }
}

impl Problem {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}
