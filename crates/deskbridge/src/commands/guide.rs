use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use crate::model::{Kind, Setting, Template};
use crate::session::Session;
use crate::text::clipped;
use crate::{Error, blanks};

/// What a person filled in.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) config: Map<String, Value>,
    pub(crate) credentials: Map<String, Value>,
}

/// Lets a template be chosen.
pub(crate) fn choose<'a>(
    session: &mut Session<'_>,
    all: &'a [Template],
) -> Result<&'a Template, Error> {
    let choices: Vec<_> = all
        .iter()
        .map(|template| {
            clipped(
                &format!("{}: {}", template.title, template.description),
                100,
            )
        })
        .collect();
    let chosen = session.choose("What is to be integrated?", &choices)?;
    all.get(chosen)
        .ok_or_else(|| Error::Usage("nothing was chosen".to_owned()))
}

/// Asks for every setting that is not among `given`: hidden, if it is a secret.
pub(crate) fn settings(
    session: &mut Session<'_>,
    template: &Template,
    given: Map<String, Value>,
) -> Result<Answers, Error> {
    let mut answers = Answers {
        config: template.config.clone().unwrap_or_default(),
        credentials: given,
    };
    for name in blanks::names(&answers.config) {
        let question = format!("{name} (a part of the addresses of {})", template.title);
        let value = required(session, |session| {
            let text = session.ask(&question, None)?;
            let text = text.trim();
            Ok((!text.is_empty()).then(|| Value::from(text)))
        })?;
        if let Some(value) = value.as_str() {
            blanks::fill(&mut answers.config, &name, value);
        }
    }
    for setting in &template.settings {
        if answers.credentials.contains_key(&setting.name) {
            continue;
        }
        if let Some(value) = setting_value(session, setting)? {
            let place = if setting.secret {
                &mut answers.credentials
            } else {
                &mut answers.config
            };
            place.insert(setting.name.clone(), value);
        }
    }
    for name in &template.credentials {
        if !answers.credentials.contains_key(name) {
            let question = format!("{name} (not shown)");
            let secret = required(session, |session| secret(session, &question))?;
            answers.credentials.insert(name.clone(), secret);
        }
    }
    Ok(answers)
}

fn setting_value(session: &mut Session<'_>, setting: &Setting) -> Result<Option<Value>, Error> {
    if setting.required {
        required(session, |session| once(session, setting)).map(Some)
    } else {
        once(session, setting)
    }
}

/// Asks until there is an answer.
fn required(
    session: &mut Session<'_>,
    mut ask: impl FnMut(&mut Session<'_>) -> Result<Option<Value>, Error>,
) -> Result<Value, Error> {
    loop {
        if let Some(value) = ask(session)? {
            return Ok(value);
        }
        session.complain("this is needed");
    }
}

/// Asks until the answer makes sense; `None` if it was empty.
fn once(session: &mut Session<'_>, setting: &Setting) -> Result<Option<Value>, Error> {
    let question = question(setting);
    if setting.kind == Kind::Choice {
        return choice(session, setting, &question);
    }
    loop {
        let value = if setting.secret && setting.kind != Kind::Json {
            secret(session, &question)?
        } else {
            let text = session.ask(&question, None)?;
            let text = text.trim();
            if text.is_empty() {
                return Ok(None);
            }
            match typed(session, setting.kind, text) {
                Ok(value) => Some(value),
                Err(Error::Usage(why)) => {
                    session.complain(&why);
                    continue;
                }
                Err(error) => return Err(error),
            }
        };
        return Ok(value);
    }
}

fn secret(session: &mut Session<'_>, question: &str) -> Result<Option<Value>, Error> {
    let secret = session.ask_secret(question)?;
    let text = secret.expose_secret().trim();
    Ok((!text.is_empty()).then(|| Value::from(text)))
}

fn choice(
    session: &mut Session<'_>,
    setting: &Setting,
    question: &str,
) -> Result<Option<Value>, Error> {
    let mut choices = setting.choices.clone();
    if !setting.required {
        choices.push("(leave it out)".to_owned());
    }
    let chosen = session.choose(question, &choices)?;
    Ok(setting
        .choices
        .get(chosen)
        .map(|choice| Value::from(choice.as_str())))
}

/// `text` as the kind of value that the API expects.
fn typed(session: &mut Session<'_>, kind: Kind, text: &str) -> Result<Value, Error> {
    let wrong = |why: &str| Error::Usage(why.to_owned());
    match kind {
        Kind::Integer => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wrong("write a whole number, such as 5432")),
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" => Ok(Value::Bool(true)),
            "false" | "no" | "n" => Ok(Value::Bool(false)),
            _ => Err(wrong("write yes or no")),
        },
        Kind::Url if !text.starts_with("https://") && !text.starts_with("http://") => {
            Err(wrong("write an address, such as https://api.example.com"))
        }
        Kind::Json => json(session, text),
        _ => Ok(Value::from(text)),
    }
}

/// JSON as typed, or that of `@FILE`.
fn json(session: &mut Session<'_>, text: &str) -> Result<Value, Error> {
    let text = match text.strip_prefix('@') {
        Some(path) => session
            .read(Path::new(path))
            .map_err(|error| Error::Usage(error.to_string()))?,
        None => text.as_bytes().to_vec(),
    };
    match serde_json::from_slice(&text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(value),
        _ => Err(Error::Usage(
            "write a JSON object or array, or @ and the name of a file that holds one".to_owned(),
        )),
    }
}

fn question(setting: &Setting) -> String {
    let title = if setting.title.is_empty() {
        &setting.name
    } else {
        &setting.title
    };
    let mut notes = Vec::new();
    if !setting.help.is_empty() {
        notes.push(setting.help.trim_end_matches('.'));
    }
    match setting.kind {
        Kind::Boolean => notes.push("yes or no"),
        Kind::Json => notes.push("JSON, or @FILE"),
        _ => {}
    }
    if setting.secret && setting.kind != Kind::Json {
        notes.push("not shown");
    }
    if !setting.required {
        notes.push("Enter to leave it out");
    }
    if notes.is_empty() {
        title.clone()
    } else {
        format!("{title} ({})", notes.join("; "))
    }
}
