use std::collections::{BTreeMap, BTreeSet, HashSet};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, escape_formatter};
use serde::Serialize;

use crate::sample::{Extent, Sample};
use crate::{Context, Error, Kind, Language, Mail, Subject};

/// What all HTML parts are set in.
const LAYOUT: &str = "layout.html";
/// What each mail is made of: subject, text, HTML.
const PARTS: [&str; 3] = ["subject.txt", "txt", "html"];

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

const BUILT_IN: [(&str, &str); 25] = built_in![
    "layout.html",
    "visitor_confirmation.en.subject.txt",
    "visitor_confirmation.en.txt",
    "visitor_confirmation.en.html",
    "visitor_confirmation.de.subject.txt",
    "visitor_confirmation.de.txt",
    "visitor_confirmation.de.html",
    "visitor_confirmation.es.subject.txt",
    "visitor_confirmation.es.txt",
    "visitor_confirmation.es.html",
    "survey.en.subject.txt",
    "survey.en.txt",
    "survey.en.html",
    "survey.de.subject.txt",
    "survey.de.txt",
    "survey.de.html",
    "survey.es.subject.txt",
    "survey.es.txt",
    "survey.es.html",
    "support_alert.en.subject.txt",
    "support_alert.en.txt",
    "support_alert.en.html",
    "approval_request.en.subject.txt",
    "approval_request.en.txt",
    "approval_request.en.html",
];

/// The templates of all mails, checked when they are loaded.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
}

/// What a template sees: the mail's own fields, and these two.
#[derive(Serialize)]
struct Scope<'a> {
    #[serde(flatten)]
    context: &'a Context,
    subject: &'a str,
    language: &'a str,
}

impl Templates {
    /// The crate's own templates.
    pub fn built_in() -> Result<Self, Error> {
        Self::with(BTreeMap::new())
    }

    /// The crate's own templates, some replaced: `overrides` maps the names of templates (such as
    /// `survey.de.html`, see the README) to their sources. A template that does not parse, names a
    /// variable that its kind of mail does not have, or does not render a made-up mail is refused.
    pub fn with(overrides: BTreeMap<String, String>) -> Result<Self, Error> {
        let mut sources: BTreeMap<String, String> = BUILT_IN
            .into_iter()
            .map(|(name, source)| (name.to_owned(), source.to_owned()))
            .collect();
        for (name, source) in overrides {
            if !is_name(&name) {
                return Err(failed(&name, None, "no such template: the name is <kind>.<en|de|es>.<subject.txt|txt|html> or layout.html".to_owned()));
            }
            sources.insert(name, source);
        }
        let mut environment = environment()?;
        for (name, source) in sources {
            environment
                .add_template_owned(name.clone(), source)
                .map_err(|error| explained(&name, &error))?;
        }
        let templates = Self { environment };
        templates.check()?;
        Ok(templates)
    }

    /// Renders a mail in `language`, or in English where its kind has no templates in that language.
    pub fn render(&self, language: Language, context: &Context) -> Result<Mail, Error> {
        self.render_with(language, context, |name, error| {
            failed(name, error.line(), error.kind().to_string())
        })
    }

    /// What a value was is only told of made-up mails, so the caller says how an error is shown.
    fn render_with(
        &self,
        language: Language,
        context: &Context,
        explain: impl Fn(&str, &minijinja::Error) -> Error,
    ) -> Result<Mail, Error> {
        let language = if self.speaks(context.kind(), language) {
            language
        } else {
            Language::En
        };
        let part = |part: &str, subject: &str| {
            let name = name(context.kind(), language, part);
            let scope = Scope {
                context,
                subject,
                language: language.as_str(),
            };
            self.environment
                .get_template(&name)
                .and_then(|template| template.render(Value::from(Serde(&scope))))
                .map_err(|error| explain(error.name().unwrap_or(&name), &error))
        };
        let subject = Subject::new(&part(PARTS[0], "")?);
        Ok(Mail {
            text: part(PARTS[1], subject.as_str())?,
            html: part(PARTS[2], subject.as_str())?,
            subject,
        })
    }

    fn speaks(&self, kind: Kind, language: Language) -> bool {
        self.has(&name(kind, language, PARTS[0]))
    }

    fn has(&self, name: &str) -> bool {
        self.environment.get_template(name).is_ok()
    }

    fn check(&self) -> Result<(), Error> {
        let (full, minimal) = (Sample::new(Extent::Full)?, Sample::new(Extent::Minimal)?);
        let common = BTreeSet::from(["subject".to_owned(), "language".to_owned()]);
        self.check_variables(LAYOUT, &common)?;
        for kind in Kind::ALL {
            let known = variables(&full.of(kind))?;
            for language in Language::ALL {
                self.check_complete(kind, language)?;
                if !self.speaks(kind, language) {
                    continue;
                }
                for part in PARTS {
                    self.check_variables(&name(kind, language, part), &known)?;
                }
                for sample in [&full, &minimal] {
                    self.render_with(language, &sample.of(kind), explained)?;
                }
            }
        }
        Ok(())
    }

    /// A mail in two languages would be worse than one in English.
    fn check_complete(&self, kind: Kind, language: Language) -> Result<(), Error> {
        let names = PARTS.map(|part| name(kind, language, part));
        let missing: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| !self.has(name))
            .collect();
        match missing.first() {
            Some(first) if missing.len() < PARTS.len() => Err(failed(
                first,
                None,
                "missing: a language needs subject, text and HTML of a mail".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    fn check_variables(&self, name: &str, known: &BTreeSet<String>) -> Result<(), Error> {
        let template = self
            .environment
            .get_template(name)
            .map_err(|error| explained(name, &error))?;
        let globals: HashSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let unknown: BTreeSet<String> = template
            .undeclared_variables(true)
            .into_iter()
            .filter(|used| !known.contains(used) && !globals.contains(used.as_str()))
            .collect();
        let Some(first) = unknown.first() else {
            return Ok(());
        };
        let line = line_of(template.source(), first);
        Err(failed(
            name,
            line,
            format!("unknown variable {first}: use one of the README's table"),
        ))
    }
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|error| explained(LAYOUT, &error))?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A template must not be able to let a visitor's text through as HTML.
    environment.remove_filter("safe");
    environment.set_formatter(|out, state, value| {
        if value.is_none() {
            let why = "this may be missing: test it with {% if %} first";
            return Err(minijinja::Error::new(ErrorKind::UndefinedError, why));
        }
        escape_formatter(out, state, value)
    });
    Ok(environment)
}

fn name(kind: Kind, language: Language, part: &str) -> String {
    format!("{kind}.{language}.{part}")
}

fn is_name(candidate: &str) -> bool {
    candidate == LAYOUT
        || Kind::ALL.into_iter().any(|kind| {
            Language::ALL.into_iter().any(|language| {
                PARTS
                    .iter()
                    .any(|part| candidate == name(kind, language, part))
            })
        })
}

/// The paths of all values of a mail, such as `ticket` and `ticket.number`.
fn variables(context: &Context) -> Result<BTreeSet<String>, Error> {
    let scope = Scope {
        context,
        subject: "",
        language: "",
    };
    let value = serde_json::to_value(&scope).map_err(|why| Error::Sample {
        why: why.to_string(),
    })?;
    let mut paths = BTreeSet::new();
    collect(&value, "", &mut paths);
    Ok(paths)
}

fn collect(value: &serde_json::Value, prefix: &str, paths: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{prefix}{key}");
        collect(value, &format!("{path}."), paths);
        paths.insert(path);
    }
}

/// The first line that has `path` as a whole word.
fn line_of(source: &str, path: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    source
        .lines()
        .position(|line| {
            line.match_indices(path).any(|(at, _)| {
                let before = line.get(..at).and_then(|text| text.chars().next_back());
                let after = line
                    .get(at + path.len()..)
                    .and_then(|text| text.chars().next());
                !before.is_some_and(is_part) && !after.is_some_and(is_part)
            })
        })
        .map(|index| index + 1)
}

/// Only for templates tried on made-up mails: a detail may hold a value.
fn explained(name: &str, error: &minijinja::Error) -> Error {
    let why = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    failed(error.name().unwrap_or(name), error.line(), why)
}

fn failed(template: &str, line: Option<usize>, why: String) -> Error {
    Error::Template {
        template: template.to_owned(),
        line,
        why,
    }
}
