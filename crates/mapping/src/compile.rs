use aws_lc_rs::hmac;
use engine::Problem;
use secrecy::{ExposeSecret, SecretString};

use crate::cast::Cast;
use crate::external_id::EXTERNAL_ID;
use crate::known::Known;
use crate::mapper::{Action, Mapper};
use crate::rules::{Rules, Step};
use crate::select::Selection;
use crate::template::Template;

/// More steps than anybody writes by hand.
const MAX_STEPS: usize = 200;
const MAX_SELECTED: usize = 1000;
const MAX_NAME: usize = 200;
/// Below it, a salt can be found by trying.
const MIN_SALT: usize = 16;

/// `problems` under the path where the rules stand, such as `mapping.tickets`.
pub fn within(path: &str, problems: Vec<Problem>) -> Vec<Problem> {
    let moved = problems.into_iter().map(|problem| Problem {
        field: if problem.field.is_empty() {
            path.to_owned()
        } else {
            format!("{path}.{}", problem.field)
        },
        message: problem.message,
    });
    moved.collect()
}

impl Rules {
    /// Checks everything at once. Problems have relative paths such as `steps[2].cast.to`:
    /// [`within`] puts what stands before them in front.
    ///
    /// `salt` is the tenant's, at least 16 bytes, and only needed by `hash`. With another salt the
    /// same values get other pseudonyms.
    pub fn compile(&self, salt: &SecretString) -> Result<Mapper, Vec<Problem>> {
        let mut problems = Vec::new();
        if self.select.len() > MAX_SELECTED {
            problems.push(Problem::new("select", "must be at most 1,000 names"));
        }
        if self.steps.len() > MAX_STEPS {
            problems.push(Problem::new("steps", "must be at most 200"));
            return Err(problems);
        }
        let salt = salt.expose_secret().as_bytes();
        let select = Selection::compile(&self.select, &mut problems);
        let mut steps = Vec::new();
        for (n, step) in self.steps.iter().enumerate() {
            let mut check = Check {
                at: format!("steps[{n}].{}", step.name()),
                problems: &mut problems,
            };
            check.names(step);
            let Some(action) = check.action(step, salt.len()) else {
                continue;
            };
            steps.push((check.at, action));
        }
        report_missing(select.as_ref(), &steps, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Mapper {
            select,
            steps: steps.into_iter().map(|(_, action)| action).collect(),
            key: hmac::Key::new(hmac::HMAC_SHA256, salt),
        })
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Rename(_) => "rename",
            Self::Constant(_) => "constant",
            Self::Template(_) => "template",
            Self::Cast(_) => "cast",
            Self::Drop(_) => "drop",
            Self::Flatten(_) => "flatten",
            Self::Hash(_) => "hash",
        }
    }
}

/// Checks one step.
struct Check<'a> {
    /// Its path.
    at: String,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn problem(&mut self, setting: &str, message: impl Into<String>) {
        let field = format!("{}.{setting}", self.at);
        self.problems.push(Problem::new(field, message));
    }

    fn names(&mut self, step: &Step) {
        match step {
            Step::Rename(rule) => {
                self.name("from", &rule.from);
                self.new_name("to", &rule.to);
                if rule.from == rule.to {
                    self.problem("to", "is the name that the field has already");
                }
            }
            Step::Constant(rule) => self.new_name("field", &rule.field),
            Step::Template(rule) => self.new_name("field", &rule.field),
            Step::Cast(rule) => self.name("field", &rule.field),
            Step::Flatten(rule) => self.name("field", &rule.field),
            Step::Drop(rule) => self.list(&rule.fields),
            Step::Hash(rule) => self.list(&rule.fields),
        }
    }

    fn name(&mut self, setting: &str, name: &str) {
        if name.is_empty() {
            self.problem(setting, "must not be empty");
        } else if name.len() > MAX_NAME {
            self.problem(setting, "must be at most 200 bytes long");
        }
    }

    /// A name that the row gains.
    fn new_name(&mut self, setting: &str, name: &str) {
        self.name(setting, name);
        if name == EXTERNAL_ID {
            self.problem(setting, "is put into each row anyway; choose another name");
        }
    }

    fn list(&mut self, names: &[String]) {
        if names.is_empty() {
            self.problem("fields", "must name at least one field");
        }
        for (n, name) in names.iter().enumerate() {
            self.name(&format!("fields[{n}]"), name);
        }
    }

    fn action(&mut self, step: &Step, salt: usize) -> Option<Action> {
        Some(match step {
            Step::Rename(rule) => Action::Rename {
                from: rule.from.clone(),
                to: rule.to.clone(),
            },
            Step::Constant(rule) => Action::Constant {
                field: rule.field.clone(),
                json: rule.value.to_string(),
            },
            Step::Template(rule) => Action::Template {
                field: rule.field.clone(),
                template: Template::compile(&rule.template)
                    .map(Box::new)
                    .map_err(|message| self.problem("template", message))
                    .ok()?,
            },
            Step::Cast(rule) => Action::Cast {
                field: rule.field.clone(),
                cast: Cast::compile(rule, &self.at, self.problems)?,
            },
            Step::Drop(rule) => Action::Drop {
                fields: rule.fields.clone(),
            },
            Step::Flatten(rule) => Action::Flatten {
                field: rule.field.clone(),
                separator: self.separator(rule.separator.as_deref())?,
            },
            Step::Hash(rule) => {
                if salt < MIN_SALT {
                    self.problem("fields", "cannot be hashed: this tenant has no salt yet");
                }
                Action::Hash {
                    fields: rule.fields.clone(),
                }
            }
        })
    }

    fn separator(&mut self, separator: Option<&str>) -> Option<String> {
        let separator = separator.unwrap_or("_");
        if separator.len() > 8 {
            self.problem("separator", "must be at most 8 bytes long");
            return None;
        }
        Some(separator.to_owned())
    }
}

/// Tells of steps on fields that the selection or an earlier step removed.
fn report_missing(
    select: Option<&Selection>,
    steps: &[(String, Action)],
    problems: &mut Vec<Problem>,
) {
    let mut known = Known::new(select);
    for (at, action) in steps {
        for (setting, name) in looked_at(action) {
            // That a name is empty was told already.
            if !name.is_empty()
                && let Some(message) = known.why_not(name)
            {
                problems.push(Problem::new(format!("{at}.{setting}"), message));
            }
        }
        known.after(action);
    }
}

/// The fields that an action needs, with the setting that names them.
fn looked_at(action: &Action) -> Vec<(String, &str)> {
    match action {
        Action::Rename { from, .. } => vec![("from".to_owned(), from)],
        Action::Cast { field, .. } | Action::Flatten { field, .. } => {
            vec![("field".to_owned(), field)]
        }
        Action::Drop { fields } | Action::Hash { fields } => fields
            .iter()
            .enumerate()
            .map(|(n, field)| (format!("fields[{n}]"), field.as_str()))
            .collect(),
        Action::Template { template, .. } => template
            .fields()
            .map(|field| ("template".to_owned(), field))
            .collect(),
        Action::Constant { .. } => Vec::new(),
    }
}
