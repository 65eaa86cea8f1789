use std::collections::BTreeMap;

use notify::{EmailAddress, Link, Mailbox, ResolutionTimes};
use serde_json::{Map, Value};
use zoho_desk::EntityId;

use crate::SettingsError;

/// Takes keys out of an object, so that what is left is unknown.
pub(crate) struct Keys {
    map: Map<String, Value>,
    path: String,
}

impl Keys {
    pub(crate) fn of(map: Map<String, Value>) -> Self {
        Self {
            map,
            path: String::new(),
        }
    }

    pub(crate) fn wrong(&self, key: &str, why: impl Into<String>) -> SettingsError {
        wrong(&format!("{}{key}", self.path), why)
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    /// One line of 1 to 255 characters, which is also what a custom field of Desk holds.
    pub(crate) fn line(&mut self, key: &str) -> Result<Option<String>, SettingsError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if is_line(&text) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "must be a text of 1 to 255 characters on one line")),
        }
    }

    pub(crate) fn id(&mut self, key: &str) -> Result<Option<EntityId>, SettingsError> {
        let text = self.line(key)?;
        text.map(|text| text.parse().map_err(|why: String| self.wrong(key, why)))
            .transpose()
    }

    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, SettingsError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(key, "must be true or false")),
        }
    }

    pub(crate) fn days(&mut self, key: &str) -> Result<Option<u32>, SettingsError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let days = value.as_u64().filter(|days| (1..=3650).contains(days));
        days.map(|days| Some(days as u32))
            .ok_or_else(|| self.wrong(key, "must be a number of days from 1 to 3650"))
    }

    pub(crate) fn email(&mut self, key: &str) -> Result<Option<EmailAddress>, SettingsError> {
        let text = self.line(key)?;
        text.map(|text| {
            text.parse()
                .map_err(|_| self.wrong(key, "must be an e-mail address such as name@example.com"))
        })
        .transpose()
    }

    /// One address or several.
    pub(crate) fn emails(&mut self, key: &str) -> Result<Vec<EmailAddress>, SettingsError> {
        let values = match self.take(key) {
            Some(Value::Array(values)) => values,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let read = |value: &Value| value.as_str()?.parse().ok();
        let addresses: Option<Vec<_>> = values.iter().map(read).collect();
        addresses
            .filter(|addresses| !addresses.is_empty())
            .ok_or_else(|| {
                self.wrong(
                    key,
                    "must be an e-mail address such as name@example.com, or a list",
                )
            })
    }

    /// `name@example.com` or `Team <name@example.com>`.
    pub(crate) fn mailbox(&mut self, key: &str) -> Result<Mailbox, SettingsError> {
        let text = self.line(key)?.unwrap_or_default();
        let problem = "must be the sender of all mails, such as Support <support@example.com>";
        text.parse().map_err(|_| self.wrong(key, problem))
    }

    pub(crate) fn link(&mut self, key: &str) -> Result<Option<Link>, SettingsError> {
        let text = self.line(key)?;
        let problem = "must be a link such as https://www.example.com/privacy";
        text.map(|text| Link::parse(&text).map_err(|_| self.wrong(key, problem)))
            .transpose()
    }

    pub(crate) fn survey_page(&mut self, key: &str) -> Result<Link, SettingsError> {
        let text = self.line(key)?.unwrap_or_default();
        let problem = "must be the public address of the API, such as https://support.example.com";
        let base = text.trim_end_matches('/');
        if base.contains(['?', '#']) {
            return Err(self.wrong(key, problem));
        }
        Link::parse(&format!("{base}/survey")).map_err(|_| self.wrong(key, problem))
    }

    /// Whole hours by priority.
    pub(crate) fn hours(&mut self, key: &str) -> Result<ResolutionTimes, SettingsError> {
        let mut object = self.object(key)?;
        let mut times = ResolutionTimes::default();
        for (priority, time) in [
            ("Urgent", &mut times.urgent),
            ("High", &mut times.high),
            ("Medium", &mut times.medium),
            ("Low", &mut times.low),
        ] {
            if let Some(value) = object.take(priority) {
                let hours = value.as_u64().filter(|hours| (1..=8760).contains(hours));
                *time = hours.ok_or_else(|| {
                    object.wrong(priority, "must be a whole number of hours from 1 to 8760")
                })? as u32;
            }
        }
        object.end()?;
        Ok(times)
    }

    pub(crate) fn object(&mut self, key: &str) -> Result<Self, SettingsError> {
        let map = match self.take(key) {
            None => Map::new(),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(self.wrong(key, "must be an object of names and texts")),
        };
        Ok(Self {
            map,
            path: format!("{}{key}.", self.path),
        })
    }

    pub(crate) fn texts(&mut self, key: &str) -> Result<BTreeMap<String, String>, SettingsError> {
        let mut object = self.object(key)?;
        let names: Vec<String> = object.map.keys().cloned().collect();
        let mut texts = BTreeMap::new();
        for name in names {
            if let Some(text) = object.line(&name)? {
                texts.insert(name, text);
            }
        }
        Ok(texts)
    }

    /// The API name of the custom field `name`; `None` where the user wrote `null`.
    pub(crate) fn api_name(&mut self, name: &str) -> Result<Option<String>, SettingsError> {
        let api_name = match self.map.remove(name) {
            None if name.starts_with("cf_") => name.to_owned(),
            None => format!("cf_{name}"),
            Some(Value::Null) => return Ok(None),
            Some(Value::String(api_name)) => api_name,
            Some(_) => String::new(),
        };
        let valid = api_name.strip_prefix("cf_").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        if valid {
            Ok(Some(api_name))
        } else {
            Err(self.wrong(
                name,
                "must be a field's API name such as cf_chat (Zoho Desk > Setup > Layouts and Fields)",
            ))
        }
    }

    pub(crate) fn end(self) -> Result<(), SettingsError> {
        match self.map.keys().next() {
            Some(key) => Err(self.wrong(key, "is not known; check its spelling")),
            None => Ok(()),
        }
    }
}

fn is_line(text: &str) -> bool {
    (1..=255).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.chars().any(char::is_control)
}

pub(crate) fn wrong(key: &str, why: impl Into<String>) -> SettingsError {
    SettingsError::Key {
        key: key.to_owned(),
        why: why.into(),
    }
}
