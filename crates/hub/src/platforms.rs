use engine::{PlatformInfo, Setting, SettingKind};
use serde_json::{Map, Value, json};

/// Which worker carries out a platform's jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerKind {
    /// Whatever speaks HTTP.
    Http,
    /// SQL databases, whose drivers weigh.
    Database,
}

/// A platform that integrations can be made of.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// What users can know and set of it.
    pub info: PlatformInfo,
    /// Who does its work.
    pub worker: WorkerKind,
}

/// A custom API that somebody has filled in already, but for the credentials.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// Its name, such as `github-issues`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it is good for, in a sentence.
    pub description: &'static str,
    /// The vendor's page.
    pub documentation: &'static str,
    /// The `type` of the integration to create.
    pub platform: &'static str,
    /// Its `config`, as JSON text.
    pub config: &'static str,
    /// The names of the credentials to be filled in.
    pub credentials: &'static [&'static str],
}

/// All there are.
#[derive(Debug, Clone, Default)]
pub struct Platforms {
    all: Vec<&'static Platform>,
    templates: Vec<Template>,
}

/// Names that say "a database", with the dialect among the settings.
const DATABASES: [&str; 3] = ["database", "externaldatabase", "sql"];
const DIALECTS: [&str; 4] = ["dialect", "databasetype", "dbtype", "engine"];

impl Platforms {
    /// These platforms, and templates for them.
    pub fn new(
        all: impl IntoIterator<Item = &'static Platform>,
        templates: impl IntoIterator<Item = Template>,
    ) -> Self {
        Self {
            all: all.into_iter().collect(),
            templates: templates.into_iter().collect(),
        }
    }

    /// The platform with this name or alias, however it is spelled.
    pub fn find(&self, name: &str) -> Option<&'static Platform> {
        let wanted = folded(name);
        let is_it = |platform: &&&'static Platform| {
            let info = &platform.info;
            folded(info.name) == wanted || info.aliases.iter().any(|alias| folded(alias) == wanted)
        };
        self.all.iter().find(is_it).copied()
    }

    /// The platform that a body names by its type, or by "database" and a dialect, which is taken
    /// out of `config` then.
    pub(crate) fn named(
        &self,
        name: &str,
        config: &mut Map<String, Value>,
    ) -> Option<&'static Platform> {
        if let Some(found) = self.find(name) {
            return Some(found);
        }
        if !DATABASES.contains(&folded(name).as_str()) {
            return None;
        }
        let key = config
            .keys()
            .find(|key| DIALECTS.contains(&folded(key).as_str()))?
            .clone();
        let found = self.find(config.get(&key)?.as_str()?)?;
        config.remove(&key);
        Some(found)
    }

    /// The names of all platforms, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.all.iter().map(|platform| platform.info.name).collect();
        names.join(", ")
    }

    /// What can be integrated, as JSON: every platform with its settings and actions, then every
    /// template with the config that it fills in.
    pub fn templates(&self) -> Vec<Value> {
        let platforms = self.all.iter().map(|platform| described(&platform.info));
        let templates = self.templates.iter().map(|template| {
            let config: Value = serde_json::from_str(template.config).unwrap_or_default();
            json!({
                "kind": "template",
                "name": template.name,
                "type": template.platform,
                "title": template.title,
                "description": template.description,
                "documentation": template.documentation,
                "config": config,
                "credentials": template.credentials,
            })
        });
        platforms.chain(templates).collect()
    }
}

/// Lower case without `_`, `-` and blanks: `clientId`, `client_id` and `client-id` are one.
pub(crate) fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

fn described(info: &PlatformInfo) -> Value {
    let actions: Vec<_> = info
        .actions
        .iter()
        .map(|action| {
            let parameters: Value = serde_json::from_str(action.parameters).unwrap_or_default();
            json!({
                "name": action.name,
                "description": action.description,
                "parameters": parameters,
            })
        })
        .collect();
    let settings: Vec<_> = info.settings.iter().map(shown).collect();
    json!({
        "kind": "platform",
        "name": info.name,
        "type": info.name,
        "aliases": info.aliases,
        "title": info.title,
        "description": info.description,
        "documentation": info.documentation,
        "settings": settings,
        "actions": actions,
    })
}

fn shown(setting: &Setting) -> Value {
    let (kind, choices) = match setting.kind {
        SettingKind::Text => ("text", None),
        SettingKind::Integer => ("integer", None),
        SettingKind::Boolean => ("boolean", None),
        SettingKind::Choice(choices) => ("choice", Some(choices)),
        SettingKind::Url => ("url", None),
        SettingKind::Json => ("json", None),
    };
    let mut shown = json!({
        "name": setting.name,
        "title": setting.title,
        "help": setting.help,
        "kind": kind,
        "required": setting.required,
        "secret": setting.secret,
    });
    if let Some(choices) = choices {
        shown["choices"] = json!(choices);
    }
    shown
}
