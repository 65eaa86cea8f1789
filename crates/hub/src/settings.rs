use std::collections::{BTreeMap, BTreeSet};

use engine::{PlatformInfo, Problem, Setting, SettingKind};
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::platforms::folded;
use crate::secret::Credentials;

/// What stands for a secret wherever one is shown.
pub(crate) const MASK: &str = "***";

const MOST_CONFIG_BYTES: usize = 100_000;
const MOST_SECRET_BYTES: usize = 20_000;

/// Settings as sent, each at its place and under its own name.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// `None` removes the setting.
    config: BTreeMap<&'static str, Option<Value>>,
    credentials: BTreeMap<&'static str, Sent>,
}

/// What was sent for a secret.
#[derive(Debug)]
enum Sent {
    /// `***`: it stays as it is.
    Unchanged,
    Removed,
    New(SecretString),
}

/// How much must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    Whole,
    /// Credentials may come later.
    WithoutSecrets,
}

/// Finds the setting of each name in either object; secrets may stand in `config`, as the
/// documented body has them, and the other way round.
pub(crate) fn place(
    info: &PlatformInfo,
    config: &Map<String, Value>,
    credentials: &Map<String, Value>,
    problems: &mut Vec<Problem>,
) -> Placed {
    let mut placed = Placed::default();
    let mut seen = BTreeSet::new();
    let sent = config.iter().map(|pair| ("config", pair));
    let sent = sent.chain(credentials.iter().map(|pair| ("credentials", pair)));
    for (object, (name, value)) in sent {
        let field = format!("{object}.{name}");
        let Some(setting) = find(info, name) else {
            problems.push(Problem::new(field, unknown(info)));
            continue;
        };
        if !seen.insert(setting.name) {
            let message = format!("{} is given twice: send it once", setting.name);
            problems.push(Problem::new(field, message));
            continue;
        }
        let result = if setting.secret {
            secret(setting, value).map(|sent| {
                placed.credentials.insert(setting.name, sent);
            })
        } else {
            plain(setting, value).map(|value| {
                placed.config.insert(setting.name, value);
            })
        };
        if let Err(message) = result {
            problems.push(Problem::new(field, message));
        }
    }
    placed
}

impl Placed {
    pub(crate) fn touches_secrets(&self) -> bool {
        self.credentials
            .values()
            .any(|sent| !matches!(sent, Sent::Unchanged))
    }

    /// Puts what was sent over what is there.
    pub(crate) fn apply(
        self,
        config: &mut Map<String, Value>,
        credentials: &mut Credentials,
        problems: &mut Vec<Problem>,
    ) {
        for (name, value) in self.config {
            match value {
                Some(value) => config.insert(name.to_owned(), value),
                None => config.remove(name),
            };
        }
        for (name, sent) in self.credentials {
            match sent {
                Sent::New(secret) => credentials.set(name, secret),
                Sent::Removed => credentials.remove(name),
                Sent::Unchanged if credentials.get(name).is_some() => {}
                Sent::Unchanged => problems.push(Problem::new(
                    format!("credentials.{name}"),
                    "*** stands for a stored value and there is none: send the real one",
                )),
            }
        }
    }
}

/// What is wrong with settings that are all in place.
pub(crate) fn check(
    info: &PlatformInfo,
    config: &Map<String, Value>,
    credentials: &Credentials,
    completeness: Completeness,
    problems: &mut Vec<Problem>,
) {
    let before = problems.len();
    for setting in info.settings.iter().filter(|setting| setting.required) {
        let (there, object) = if setting.secret {
            (credentials.get(setting.name).is_some(), "credentials")
        } else {
            (config.contains_key(setting.name), "config")
        };
        let may_lack = setting.secret && completeness == Completeness::WithoutSecrets;
        if !(there || may_lack) {
            problems.push(Problem::new(
                format!("{object}.{}", setting.name),
                format!("is missing: {}", setting.help),
            ));
        }
    }
    let config = Value::Object(config.clone());
    if config.to_string().len() > MOST_CONFIG_BYTES {
        problems.push(Problem::new("config", "is larger than 100 kB: shorten it"));
    }
    if credentials.exposed(info).to_string().len() > MOST_SECRET_BYTES {
        problems.push(Problem::new("credentials", "are larger than 20 kB"));
    }
    if problems.len() > before {
        return;
    }
    if let Err(found) = (info.validate)(&config, &credentials.exposed(info)) {
        let tolerated = |problem: &Problem| {
            completeness == Completeness::WithoutSecrets && problem.field.starts_with("credentials")
        };
        problems.extend(found.into_iter().filter(|problem| !tolerated(problem)));
    }
}

/// The required secrets that are not there.
pub(crate) fn missing_secrets(info: &PlatformInfo, credentials: &Credentials) -> Vec<&'static str> {
    let missing = |setting: &&Setting| {
        setting.secret && setting.required && credentials.get(setting.name).is_none()
    };
    let settings = info.settings.iter().filter(missing);
    settings.map(|setting| setting.name).collect()
}

fn find(info: &PlatformInfo, name: &str) -> Option<&'static Setting> {
    let wanted = folded(name);
    info.settings.iter().find(|setting| {
        folded(setting.name) == wanted
            || setting.aliases.iter().any(|alias| folded(alias) == wanted)
    })
}

fn unknown(info: &PlatformInfo) -> String {
    let names: Vec<_> = info.settings.iter().map(|setting| setting.name).collect();
    format!(
        "is no setting of {}: there are {}",
        info.name,
        names.join(", ")
    )
}

fn secret(setting: &Setting, value: &Value) -> Result<Sent, String> {
    match value {
        Value::Null => Ok(Sent::Removed),
        Value::String(text) if text == MASK => Ok(Sent::Unchanged),
        Value::String(text) if text.is_empty() => Err("must not be empty".to_owned()),
        Value::String(text) => Ok(Sent::New(text.clone().into())),
        Value::Object(_) | Value::Array(_) if setting.kind == SettingKind::Json => {
            Ok(Sent::New(value.to_string().into()))
        }
        _ => Err("must be text".to_owned()),
    }
}

fn plain(setting: &Setting, value: &Value) -> Result<Option<Value>, String> {
    let accepted = match (setting.kind, value) {
        (_, Value::Null) => return Ok(None),
        (SettingKind::Text, Value::String(text)) if !text.is_empty() => Some(value.clone()),
        (SettingKind::Integer, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Some(value.clone())
        }
        (SettingKind::Integer, Value::String(text)) => {
            text.trim().parse::<i64>().ok().map(Value::from)
        }
        (SettingKind::Boolean, Value::Bool(_))
        | (SettingKind::Json, Value::Object(_) | Value::Array(_)) => Some(value.clone()),
        (SettingKind::Boolean, Value::String(text)) => text.parse::<bool>().ok().map(Value::from),
        (SettingKind::Choice(choices), Value::String(text)) => choices
            .iter()
            .find(|choice| folded(choice) == folded(text))
            .map(|choice| Value::from(*choice)),
        (SettingKind::Url, Value::String(text))
            if text.starts_with("https://") || text.starts_with("http://") =>
        {
            Some(value.clone())
        }
        _ => None,
    };
    accepted.map(Some).ok_or_else(|| match setting.kind {
        SettingKind::Text => "must be text, not empty".to_owned(),
        SettingKind::Integer => "must be a whole number".to_owned(),
        SettingKind::Boolean => "must be true or false".to_owned(),
        SettingKind::Choice(choices) => format!("must be one of {}", choices.join(", ")),
        SettingKind::Url => "must be an address such as https://api.example.com".to_owned(),
        SettingKind::Json => "must be a JSON object or array".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    const fn setting(
        name: &'static str,
        kind: SettingKind,
        required: bool,
        secret: bool,
    ) -> Setting {
        Setting {
            name,
            aliases: &[],
            title: name,
            help: "an example",
            kind,
            required,
            secret,
        }
    }

    const INFO: PlatformInfo = PlatformInfo {
        name: "thing",
        aliases: &[],
        title: "Thing",
        description: "",
        documentation: "",
        settings: &[
            Setting {
                aliases: &["url"],
                ..setting("base_url", SettingKind::Url, true, false)
            },
            setting("port", SettingKind::Integer, false, false),
            setting("tls", SettingKind::Boolean, false, false),
            setting("mode", SettingKind::Choice(&["fast", "slow"]), false, false),
            setting("api_key", SettingKind::Text, true, true),
            setting("key_file", SettingKind::Json, false, true),
        ],
        actions: &[],
        validate: |config, credentials| {
            let mut problems = vec![];
            if config["port"] == 0 {
                problems.push(Problem::new("config.port", "must not be 0"));
            }
            if credentials["api_key"]
                .as_str()
                .is_none_or(|key| key.len() < 3)
            {
                problems.push(Problem::new("credentials.api_key", "is too short"));
            }
            if problems.is_empty() {
                Ok(())
            } else {
                Err(problems)
            }
        },
    };

    fn settle(
        config: &Value,
        credentials: &Value,
        completeness: Completeness,
    ) -> (Value, Credentials, Vec<String>) {
        let mut problems = vec![];
        let empty = Map::new();
        let placed = place(
            &INFO,
            config.as_object().unwrap_or(&empty),
            credentials.as_object().unwrap_or(&empty),
            &mut problems,
        );
        let (mut kept, mut secrets) = (Map::new(), Credentials::default());
        placed.apply(&mut kept, &mut secrets, &mut problems);
        check(&INFO, &kept, &secrets, completeness, &mut problems);
        let fields = problems.into_iter().map(|problem| problem.field).collect();
        (Value::Object(kept), secrets, fields)
    }

    #[test]
    fn both_bodies_and_all_spellings_give_the_same_settings() {
        for (config, credentials) in [
            (
                json!({"baseUrl": "https://x", "apiKey": "abc", "port": 1}),
                json!({}),
            ),
            (
                json!({"base_url": "https://x", "port": "1"}),
                json!({"api_key": "abc"}),
            ),
            (
                json!({"URL": "https://x", "Port": 1}),
                json!({"API-KEY": "abc"}),
            ),
        ] {
            let (kept, secrets, problems) = settle(&config, &credentials, Completeness::Whole);
            assert_eq!(problems, Vec::<String>::new(), "{config}");
            assert_eq!(kept, json!({"base_url": "https://x", "port": 1}));
            assert_eq!(secrets.get("api_key").unwrap().expose_secret(), "abc");
        }
    }

    #[test]
    fn every_problem_is_told_at_once_and_no_secret_with_it() {
        let config =
            json!({"bose_url": "https://x", "port": "x", "tls": 1, "mode": "?", "apiKey": 7});
        let (_, _, mut problems) = settle(&config, &json!({}), Completeness::Whole);
        problems.sort_unstable();
        assert_eq!(
            problems,
            [
                "config.apiKey",
                "config.base_url",
                "config.bose_url",
                "config.mode",
                "config.port",
                "config.tls",
                "credentials.api_key"
            ]
        );
        let both = json!({"url": "https://x", "base_url": "https://y", "api_key": "abc"});
        let (_, _, problems) = settle(&both, &json!({}), Completeness::Whole);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn a_mask_without_a_stored_value_is_refused_and_drafts_may_lack_secrets() {
        let config = json!({"url": "https://x", "api_key": MASK});
        let (_, _, problems) = settle(&config, &json!({}), Completeness::Whole);
        assert!(problems.contains(&"credentials.api_key".to_owned()));
        let config = json!({"url": "https://x"});
        let (_, secrets, problems) = settle(&config, &json!({}), Completeness::WithoutSecrets);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(missing_secrets(&INFO, &secrets), ["api_key"]);
        let config = json!({"url": "https://x", "port": 0});
        let (_, _, problems) = settle(&config, &json!({}), Completeness::WithoutSecrets);
        assert_eq!(problems, ["config.port"]);
    }

    #[test]
    fn a_secret_document_may_be_json() {
        let credentials = json!({"key_file": {"a": 1}, "api_key": "abc"});
        let (_, secrets, problems) = settle(
            &json!({"url": "https://x"}),
            &credentials,
            Completeness::Whole,
        );
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(
            secrets.get("key_file").unwrap().expose_secret(),
            "{\"a\":1}"
        );
    }
}
