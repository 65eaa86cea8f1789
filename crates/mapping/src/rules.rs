use engine::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be made of a stream's rows: first the selection, then the steps in their order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rules {
    /// The fields to keep, all if empty. `contact.email` keeps of the object `contact` only `email`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub select: Vec<String>,
    /// What is done to the selected fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// One change of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Gives a field another name.
    Rename(Rename),
    /// Puts the same value into each row.
    Constant(Constant),
    /// Puts text into each row that is made from its fields.
    Template(Template),
    /// Makes a field's values values of another kind.
    Cast(Cast),
    /// Removes fields.
    Drop(Drop),
    /// Puts the fields of an object in the object's place.
    Flatten(Flatten),
    /// Replaces values by pseudonyms.
    Hash(Hash),
}

/// Gives a field another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// Its name so far.
    pub from: String,
    /// Its new name, which the row must not have yet.
    pub to: String,
}

/// Puts the same value into each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// The field to set.
    pub field: String,
    /// Any JSON value.
    pub value: Value,
}

/// Puts text into each row that is made from its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The field to set.
    pub field: String,
    /// A template in the language of Jinja, such as `{{ first_name }} {{ last_name }}`.
    pub template: String,
}

/// Makes a field's values values of another kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// The field.
    pub field: String,
    /// `text`, `integer`, `decimal`, `number`, `boolean`, `date` or `timestamp`.
    pub to: String,
    /// How dates and timestamps are written in the source: `unix`, `unix_ms`, or a pattern such as
    /// `%d.%m.%Y %H:%M`. Without it: ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// Removes fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    /// Their names.
    pub fields: Vec<String>,
}

/// Puts the fields of an object in the object's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {
    /// The object.
    pub field: String,
    /// What stands between its name and those of its fields; `_` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
}

/// Replaces values by pseudonyms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hash {
    /// The fields.
    pub fields: Vec<String>,
}

impl Rules {
    /// Reads rules from configuration and tells everything that is wrong with their shape, where
    /// serde would stop at the first. Paths are relative: `steps[2]`.
    pub fn read(value: &Value) -> Result<Self, Vec<Problem>> {
        let Value::Object(object) = value else {
            return Err(vec![Problem::new("", "must be an object")]);
        };
        let mut problems = Vec::new();
        let mut rules = Self::default();
        for (name, value) in object {
            match name.as_str() {
                "select" => match Vec::deserialize(value) {
                    Ok(select) => rules.select = select,
                    Err(_) => problems.push(Problem::new("select", "must be a list of names")),
                },
                "steps" => match value {
                    Value::Array(steps) => rules.steps = read_steps(steps, &mut problems),
                    _ => problems.push(Problem::new("steps", "must be a list")),
                },
                other => problems.push(Problem::new(
                    other,
                    "is unknown here; there are select and steps",
                )),
            }
        }
        if problems.is_empty() {
            Ok(rules)
        } else {
            Err(problems)
        }
    }

    /// Whether rows stay as they are.
    pub fn is_empty(&self) -> bool {
        self.select.is_empty() && self.steps.is_empty()
    }
}

fn read_steps(steps: &[Value], problems: &mut Vec<Problem>) -> Vec<Step> {
    let mut read = Vec::with_capacity(steps.len());
    for (n, step) in steps.iter().enumerate() {
        match Step::deserialize(step) {
            Ok(step) => read.push(step),
            // These messages name kinds, fields and values of the configuration, which has no secrets.
            Err(error) => problems.push(Problem::new(format!("steps[{n}]"), error.to_string())),
        }
    }
    read
}
