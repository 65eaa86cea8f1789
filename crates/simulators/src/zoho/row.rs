//! Writes one row as compact JSON whose bytes depend on nothing but the entity.

use std::fmt::Write as _;

use jiff::Timestamp;

/// How a row spells what JSON allows to be spelled in several ways.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spelling {
    /// `ü` as `\u00fc`.
    pub(super) escape_unicode: bool,
    /// `/` as `\/`.
    pub(super) escape_slash: bool,
}

/// Appends key by key; [`Row::finish`] closes the object.
#[derive(Debug)]
pub(super) struct Row {
    json: String,
    spelling: Spelling,
}

impl Row {
    pub(super) fn new(spelling: Spelling) -> Self {
        let mut json = String::with_capacity(1024);
        json.push('{');
        Self { json, spelling }
    }

    fn key(&mut self, key: &str) {
        if !self.json.ends_with('{') {
            self.json.push(',');
        }
        self.json.push('"');
        self.json.push_str(key);
        self.json.push_str("\":");
    }

    pub(super) fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.json.push_str(json);
        self
    }

    pub(super) fn null(&mut self, key: &str) -> &mut Self {
        self.raw(key, "null")
    }

    pub(super) fn nulls(&mut self, keys: &[&str]) -> &mut Self {
        for key in keys {
            self.null(key);
        }
        self
    }

    pub(super) fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        quote(&mut self.json, value, self.spelling);
        self
    }

    pub(super) fn opt_text(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.null(key),
        }
    }

    /// Zoho writes ids and counts as strings.
    pub(super) fn number(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.key(key);
        // Writing to a String cannot fail.
        let _ = write!(self.json, "\"{value}\"");
        self
    }

    pub(super) fn opt_number(
        &mut self,
        key: &str,
        value: Option<impl std::fmt::Display>,
    ) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self.null(key),
        }
    }

    pub(super) fn time(&mut self, key: &str, millis: i64) -> &mut Self {
        self.number(key, Iso(millis))
    }

    pub(super) fn opt_time(&mut self, key: &str, millis: Option<i64>) -> &mut Self {
        self.opt_number(key, millis.map(Iso))
    }

    pub(super) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.key(key);
        self.json.push('{');
        fill(self);
        self.json.push('}');
        self
    }

    pub(super) fn list<T: std::fmt::Display>(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        self.key(key);
        self.json.push('[');
        for (position, value) in values.into_iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            let _ = write!(self.json, "{comma}\"{value}\"");
        }
        self.json.push(']');
        self
    }

    pub(super) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }
}

/// Appends one more key to a finished row.
pub(super) fn append(row: &mut String, key: &str, json: &str) {
    row.truncate(row.len().saturating_sub(1));
    let _ = write!(row, ",\"{key}\":{json}}}");
}

/// Epoch milliseconds as the vendor writes times: `2026-01-31T09:15:00.000Z`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Iso(pub(super) i64);

impl std::fmt::Display for Iso {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        write!(formatter, "{time:.3}")
    }
}

fn quote(json: &mut String, value: &str, spelling: Spelling) {
    json.push('"');
    for character in value.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\t' => json.push_str("\\t"),
            '/' if spelling.escape_slash => json.push_str("\\/"),
            _ if character.is_control() || (spelling.escape_unicode && !character.is_ascii()) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}
