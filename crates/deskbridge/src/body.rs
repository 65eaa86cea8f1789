use std::path::Path;

use serde_json::{Map, Value};

use crate::session::Session;
use crate::{Error, secrets};

/// A body from a file, with the secrets of another one put into its `credentials`.
pub(crate) fn read(
    session: &mut Session<'_>,
    file: Option<&Path>,
    secrets_file: Option<&Path>,
) -> Result<Map<String, Value>, Error> {
    let both_stdin = [file, secrets_file]
        .iter()
        .all(|path| path.is_some_and(|path| path.as_os_str() == "-"));
    if both_stdin {
        return Err(Error::Usage(
            "standard input can be the body or the secrets, not both".to_owned(),
        ));
    }
    let mut body = match file {
        Some(path) => object(session, path)?,
        None => Map::new(),
    };
    let plain = secrets::found_in(&Value::Object(body.clone()));
    if !plain.is_empty() && !session.global.quiet {
        session.complain(&format!(
            "warning: {} in the file {} in plain text; keep secrets in a file of their own that only you can read, and pass it with --secrets-file",
            plain.join(", "),
            if plain.len() == 1 { "is a secret" } else { "are secrets" },
        ));
    }
    hide(session, &body, &plain);
    if let Some(path) = secrets_file {
        let secrets = secrets_in(session, path)?;
        secrets::merge(&mut body, secrets)?;
    }
    Ok(body)
}

/// The secrets of a file, which are kept out of everything shown from now on.
pub(crate) fn secrets_in(
    session: &mut Session<'_>,
    path: &Path,
) -> Result<Map<String, Value>, Error> {
    let bytes = session.read(path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::Usage(format!("{} is not UTF-8 text", path.display())))?;
    let secrets = secrets::parse(&text)?;
    for value in secrets.values() {
        if let Some(secret) = value.as_str() {
            session.hide(secret.into());
        }
    }
    Ok(secrets)
}

/// A JSON object from a file. Errors do not quote it.
pub(crate) fn object(session: &mut Session<'_>, path: &Path) -> Result<Map<String, Value>, Error> {
    let bytes = session.read(path)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        Error::Usage(format!(
            "{} is not JSON: line {}, column {}",
            path.display(),
            error.line(),
            error.column()
        ))
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Error::Usage(format!(
            "{} must hold one JSON object",
            path.display()
        ))),
    }
}

fn hide(session: &mut Session<'_>, body: &Map<String, Value>, paths: &[String]) {
    for path in paths {
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        let found = Value::Object(body.clone());
        if let Some(secret) = found.pointer(&pointer).and_then(Value::as_str) {
            session.hide(secret.into());
        }
    }
}
