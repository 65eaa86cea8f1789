use serde_json::{Map, Value};

use crate::Error;

/// The last words of names of secrets.
const WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "tokens",
    "apikey",
    "credential",
    "credentials",
];

/// What the API shows instead of a secret.
const MASK: &str = "***";

/// Refuses options that would carry a secret: whoever lists the processes of this machine could
/// read it, and the shell keeps it in its history. The value is not repeated.
pub(crate) fn refuse_in_arguments<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    for argument in arguments {
        let Some(option) = argument.strip_prefix("--") else {
            continue;
        };
        if option.is_empty() {
            break;
        }
        let name = option.split('=').next().unwrap_or(option);
        if names_a_secret(name) || name.eq_ignore_ascii_case("key") {
            return Err(Error::Usage(format!(
                "secrets are not taken as arguments (--{name}): others on this machine could see them; \
                 answer the hidden prompt, or use --secrets-file FILE (for the API key --key-file FILE), \
                 where `-` is standard input"
            )));
        }
    }
    Ok(())
}

/// Whether something of this name holds a secret: `accessToken`, `api_key`, `password`.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map_or("", String::as_str);
    let whole = words.concat();
    WORDS.contains(&last)
        || ["apikey", "privatekey", "accesskey", "secretkey"]
            .iter()
            .any(|key| whole.ends_with(key))
}

/// Paths in an integration's `config` and `credentials` that hold secrets in plain text.
pub(crate) fn found_in(body: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(credentials) = body.get("credentials").and_then(Value::as_object) {
        for (name, value) in credentials {
            if is_plain(value) {
                found.push(format!("credentials.{name}"));
            }
        }
    }
    if let Some(config) = body.get("config") {
        search(config, "config", &mut found);
    }
    found
}

/// Puts the secrets of a file into `credentials`. The file holds one JSON object, or lines
/// `NAME=VALUE`.
pub(crate) fn merge(
    body: &mut Map<String, Value>,
    secrets: Map<String, Value>,
) -> Result<(), Error> {
    let credentials = body
        .entry("credentials")
        .or_insert_with(|| Value::Object(Map::new()));
    let Some(credentials) = credentials.as_object_mut() else {
        return Err(Error::Usage(
            "`credentials` must be a JSON object".to_owned(),
        ));
    };
    credentials.extend(secrets);
    Ok(())
}

/// Reads what [`merge`] takes. Errors never quote the text.
pub(crate) fn parse(text: &str) -> Result<Map<String, Value>, Error> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| {
            Error::Usage(format!(
                "the secrets file is no JSON object: line {}, column {}",
                error.line(),
                error.column()
            ))
        });
    }
    let mut secrets = Map::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(Error::Usage(format!(
                "line {} of the secrets file is not NAME=VALUE",
                at + 1
            )));
        };
        secrets.insert(name.trim().to_owned(), Value::from(value.trim()));
    }
    Ok(secrets)
}

fn search(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                if is_plain(value) && names_a_secret(name) {
                    found.push(path);
                } else {
                    search(value, &path, found);
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                search(item, &format!("{path}[{at}]"), found);
            }
        }
        _ => {}
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && text != MASK,
        Value::Null | Value::Bool(_) => false,
        Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
    }
}

/// `accessToken`, `access_token` and `access-token` as `[access, token]`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            words.push(String::new());
            after_small = false;
            continue;
        }
        if c.is_ascii_uppercase() && after_small {
            words.push(String::new());
        }
        after_small = !c.is_ascii_uppercase();
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_for_secrets_are_refused_without_their_value() {
        for argument in [
            "--password",
            "--password=hunter2",
            "--api-key=hunter2",
            "--key",
            "--client-secret=hunter2",
            "--accessToken=hunter2",
            "--Token",
        ] {
            let error = refuse_in_arguments(["create", argument]).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for argument in [
            "--key-file=key.txt",
            "--secrets-file",
            "--json",
            "--",
            "password",
            "--monkey",
        ] {
            refuse_in_arguments([argument]).unwrap();
        }
        refuse_in_arguments(["--", "--password"]).unwrap();
    }

    #[test]
    fn secrets_are_found_by_their_names() {
        let body = json!({
            "credentials": {"login": "x", "empty": "", "masked": "***"},
            "config": {
                "baseUrl": "https://api.example.com",
                "primaryKey": ["id"],
                "auth": {"clientSecret": "s", "tokenUrl": "https://api.example.com/token"},
                "headers": [{"api_key": "k"}, {"accessToken": "***"}],
            },
        });
        assert_eq!(
            found_in(&body),
            [
                "credentials.login",
                "config.auth.clientSecret",
                "config.headers[0].api_key",
            ]
        );
    }

    #[test]
    fn a_secrets_file_is_json_or_lines() {
        let expected = json!({"password": "a=b", "user": "x"});
        let lines = parse("# of the reader\npassword = a=b\n\nuser=x\n").unwrap();
        assert_eq!(Value::Object(lines), expected);
        assert_eq!(
            Value::Object(parse(&expected.to_string()).unwrap()),
            expected
        );
        for broken in ["{\"password\": \"hunter2\"", "hunter2"] {
            let error = parse(broken).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
