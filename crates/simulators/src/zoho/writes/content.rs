//! Reads the JSON of a write as strictly as the vendor does.

use serde_json::{Map, Value};

use crate::zoho::refusal::{FieldError, Refusal};

/// A field of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::zoho) enum Given<T> {
    Absent,
    /// `null` or an empty text.
    Cleared,
    Is(T),
}

impl<T> Given<T> {
    /// For something new: cleared is the same as absent.
    pub(in crate::zoho) fn value(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Cleared => None,
        }
    }

    /// For a change.
    pub(in crate::zoho) fn replace(self, field: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Cleared => *field = None,
            Self::Is(value) => *field = Some(value),
        }
    }

    /// For a change of what cannot be empty.
    pub(in crate::zoho) fn set(self, field: &mut T) {
        if let Self::Is(value) = self {
            *field = value;
        }
    }
}

/// An object whose fields are taken one by one; what is left over is refused.
#[derive(Debug)]
pub(in crate::zoho) struct Content {
    fields: Map<String, Value>,
    at: String,
    errors: Vec<FieldError>,
    extra: Option<String>,
}

/// How long a text is to the vendor, which counts as Java does.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

impl Content {
    pub(in crate::zoho) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) if fields.is_empty() => Err(Refusal::empty_payload()),
            Ok(Value::Object(fields)) => Ok(Self::of(fields, String::new())),
            _ if body.is_empty() => Err(Refusal::empty_payload()),
            _ => Err(Refusal::bad_request()),
        }
    }

    fn of(fields: Map<String, Value>, at: String) -> Self {
        Self {
            fields,
            at,
            errors: Vec::new(),
            extra: None,
        }
    }

    fn complain(&mut self, name: &str, error_type: &'static str, message: String) {
        self.errors.push(FieldError {
            name: format!("{}/{name}", self.at),
            error_type,
            message,
        });
    }

    pub(in crate::zoho) fn invalid(&mut self, name: &str) {
        self.complain(name, "invalid", "The value is not valid.".to_owned());
    }

    pub(in crate::zoho) fn missing(&mut self, name: &str) {
        self.complain(name, "missing", "The field is mandatory.".to_owned());
    }

    pub(in crate::zoho) fn duplicate(&mut self, name: &str) {
        self.complain(name, "duplicate", "The value is in use.".to_owned());
    }

    pub(in crate::zoho) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A field as it is.
    pub(in crate::zoho) fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name)
    }

    pub(in crate::zoho) fn text(&mut self, name: &str, most: usize) -> Given<String> {
        match self.take(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Cleared,
            Some(Value::String(text)) if text.is_empty() => Given::Cleared,
            Some(Value::String(text)) if length(&text) <= most => Given::Is(text),
            Some(Value::String(_)) => {
                let message = format!("The value exceeds the length of '{most}'.");
                self.complain(name, "invalid", message);
                Given::Absent
            }
            Some(_) => {
                self.invalid(name);
                Given::Absent
            }
        }
    }

    pub(in crate::zoho) fn needed_text(&mut self, name: &str, most: usize) -> String {
        let errors = self.errors.len();
        match self.text(name, most) {
            Given::Is(text) if !text.trim().is_empty() => return text,
            _ if self.errors.len() == errors => self.missing(name),
            _ => {}
        }
        String::new()
    }

    pub(in crate::zoho) fn email(&mut self, name: &str) -> Given<String> {
        match self.text(name, 150) {
            Given::Is(email) if !is_email(&email) => {
                self.invalid(name);
                Given::Absent
            }
            given => given,
        }
    }

    pub(in crate::zoho) fn choice<T: Copy>(
        &mut self,
        name: &str,
        find: impl Fn(&str) -> Option<T>,
    ) -> Given<T> {
        match self.text(name, 120) {
            Given::Absent => Given::Absent,
            Given::Cleared => Given::Cleared,
            Given::Is(text) => {
                let Some(chosen) = find(&text) else {
                    self.invalid(name);
                    return Given::Absent;
                };
                Given::Is(chosen)
            }
        }
    }

    /// An id, as text or number.
    pub(in crate::zoho) fn id(
        &mut self,
        name: &str,
        find: impl Fn(u64) -> Option<u32>,
    ) -> Given<u32> {
        if let Some(Value::Number(number)) = self.fields.get(name) {
            let text = Value::String(number.to_string());
            self.fields.insert(name.to_owned(), text);
        }
        self.choice(name, |text| find(text.parse().ok()?))
    }

    pub(in crate::zoho) fn flag(&mut self, name: &str) -> Given<bool> {
        match self.take(name) {
            None => Given::Absent,
            Some(Value::Bool(flag)) => Given::Is(flag),
            Some(_) => {
                self.invalid(name);
                Given::Absent
            }
        }
    }

    pub(in crate::zoho) fn object(&mut self, name: &str) -> Option<Self> {
        let at = format!("{}/{name}", self.at);
        let Value::Object(fields) = self.take(name)? else {
            self.invalid(name);
            return None;
        };
        Some(Self::of(fields, at))
    }

    /// Names of the fields that are left.
    pub(in crate::zoho) fn names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }

    /// What was wrong inside `part` is wrong with the whole.
    pub(in crate::zoho) fn absorb(&mut self, part: Self) {
        let extra = part.extra_field();
        self.errors.extend(part.errors);
        self.extra = self.extra.take().or(extra);
    }

    fn extra_field(&self) -> Option<String> {
        let left = self.fields.keys().next();
        let left = left.map(|name| format!("{}/{name}", self.at));
        self.extra.clone().or(left)
    }

    pub(in crate::zoho) fn finish(self) -> Result<(), Refusal> {
        if let Some(extra) = self.extra_field() {
            return Err(Refusal::extra_field(&extra));
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(Refusal::invalid_fields(&self.errors))
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    !local.is_empty()
        && domain.contains('.')
        && !text.contains(char::is_whitespace)
        && !domain.contains('@')
}
