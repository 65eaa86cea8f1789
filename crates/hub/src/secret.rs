use std::collections::BTreeMap;
use std::fmt;

use engine::PlatformInfo;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

/// The secret settings of an integration by their names.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, SecretString>);

impl Credentials {
    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn as_map(&self) -> &BTreeMap<String, SecretString> {
        &self.0
    }

    /// The names alone.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn set(&mut self, name: &str, value: SecretString) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The secret settings of a platform, for its own checks; not to be kept.
    pub(crate) fn exposed(&self, info: &PlatformInfo) -> Value {
        let is_setting = |name: &str| {
            let mut settings = info.settings.iter();
            settings.any(|setting| setting.secret && setting.name == name)
        };
        let exposed = self
            .0
            .iter()
            .filter(|(name, _)| is_setting(name))
            .map(|(name, value)| (name.clone(), value.expose_secret().into()));
        Value::Object(exposed.collect())
    }
}

/// The names alone.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where the hub keeps its own, beside the credentials.
const OWN: &str = "_hub";
/// Where brokers keep what they got.
const ACCESS_TOKEN: &str = "access_token";

/// What the vault keeps of an integration: the credentials by name, what brokers of tokens wrote
/// beside them, and under one name what is the hub's own.
#[derive(Clone)]
pub(crate) struct SecretDocument {
    pub(crate) credentials: Credentials,
    /// Whatever is no text.
    others: Map<String, Value>,
    /// Of the hashes that the mapping makes; never changes, or hashes would.
    pub(crate) salt: SecretString,
    /// What a source keeps for itself, as JSON.
    pub(crate) tokens: Option<SecretString>,
}

impl SecretDocument {
    pub(crate) fn new(salt: SecretString) -> Self {
        Self {
            credentials: Credentials::default(),
            others: Map::new(),
            salt,
            tokens: None,
        }
    }

    /// Forgets what was got with the credentials before, but no setting of the platform.
    pub(crate) fn forget_tokens(&mut self, info: &PlatformInfo) {
        self.tokens = None;
        if !info
            .settings
            .iter()
            .any(|setting| setting.name == ACCESS_TOKEN)
        {
            self.credentials.remove(ACCESS_TOKEN);
        }
        self.others.remove("expires_at");
    }

    pub(crate) fn to_text(&self) -> SecretString {
        let mut document = self.others.clone();
        for (name, value) in self.credentials.as_map() {
            document.insert(name.clone(), json!(value.expose_secret()));
        }
        let mut own = json!({"salt": self.salt.expose_secret()});
        if let Some(tokens) = &self.tokens {
            own["tokens"] = json!(tokens.expose_secret());
        }
        document.insert(OWN.to_owned(), own);
        Value::Object(document).to_string().into()
    }

    /// `None` if a person broke it.
    pub(crate) fn parse(text: &SecretString) -> Option<Self> {
        let mut document: Map<String, Value> = serde_json::from_str(text.expose_secret()).ok()?;
        let own = document.remove(OWN)?;
        let salt = own.get("salt")?.as_str()?.to_owned();
        let tokens = own.get("tokens").and_then(Value::as_str);
        let mut parsed = Self::new(salt.into());
        parsed.tokens = tokens.map(|tokens| tokens.to_owned().into());
        for (name, value) in document {
            match value {
                Value::String(text) => parsed.credentials.set(&name, text.into()),
                other => {
                    parsed.others.insert(name, other);
                }
            }
        }
        Some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: PlatformInfo = PlatformInfo {
        name: "thing",
        aliases: &[],
        title: "Thing",
        description: "",
        documentation: "",
        settings: &[],
        actions: &[],
        validate: |_, _| Ok(()),
    };

    #[test]
    fn a_document_reads_back_keeps_what_others_wrote_and_shows_names_only() {
        let written = json!({
            "api_key": "decoy-1",
            "access_token": "decoy-2",
            "expires_at": 1_800_000_000,
            "_hub": {"salt": "decoy-3", "tokens": "{\"access\":\"decoy-4\"}"},
        });
        let mut document = SecretDocument::parse(&written.to_string().into()).unwrap();
        let text = document.to_text();
        let again: Value = serde_json::from_str(text.expose_secret()).unwrap();
        assert_eq!(again, written);
        assert_eq!(
            format!("{:?} {text:?}", document.credentials),
            "{\"access_token\", \"api_key\"} SecretBox<str>([REDACTED])"
        );
        document.forget_tokens(&INFO);
        let kept: Value = serde_json::from_str(document.to_text().expose_secret()).unwrap();
        assert_eq!(
            kept,
            json!({"api_key": "decoy-1", "_hub": {"salt": "decoy-3"}})
        );
        assert!(SecretDocument::parse(&"{}".to_owned().into()).is_none());
    }
}
