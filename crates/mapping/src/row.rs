use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A field of an object, as JSON text on both sides, so that what is not touched keeps its bytes.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    key: Cow<'a, str>,
    pub(crate) value: Cow<'a, str>,
}

/// The fields of one object in their order.
///
/// Of a name that an object has twice, the last one counts, as most parsers have it.
#[derive(Clone)]
pub(crate) struct Row<'a>(Vec<Field<'a>>);

/// The value is something else than an object.
#[derive(Debug)]
pub(crate) struct NotAnObject;

impl<'a> Field<'a> {
    pub(crate) fn new(name: &str, value: impl Into<Cow<'a, str>>) -> Self {
        Self {
            key: Cow::Owned(quoted(name)),
            value: value.into(),
        }
    }

    pub(crate) fn name(&self) -> Cow<'_, str> {
        // A key is always a JSON string: it was read as one or quoted here.
        unquoted(&self.key).unwrap_or_default()
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name() == name
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value == "null"
    }
}

impl<'a> Row<'a> {
    /// Reads the JSON text of an object.
    pub(crate) fn read(json: &'a str) -> Result<Self, NotAnObject> {
        serde_json::from_str(json).map_err(|_| NotAnObject)
    }

    pub(crate) fn fields(&self) -> &[Field<'a>] {
        &self.0
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Field<'a>> {
        self.0.iter().rev().find(|field| field.is(name))
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Field<'a>> {
        self.0.iter_mut().rev().find(|field| field.is(name))
    }

    /// Replaces the value of `name` where it stands, or appends it.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        match self.get_mut(name) {
            Some(field) => field.value = Cow::Owned(value),
            None => self.0.push(Field::new(name, value)),
        }
    }

    pub(crate) fn retain(&mut self, keep: impl FnMut(&Field<'a>) -> bool) {
        self.0.retain(keep);
    }

    /// Gives `from` the name `to`, where it stands. `false` if there is no `from`.
    pub(crate) fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(at) = self.0.iter().rposition(|field| field.is(from)) else {
            return false;
        };
        self.0[at].key = Cow::Owned(quoted(to));
        self.0.retain(|field| !field.is(from));
        true
    }

    /// Puts `fields` where `name` stands, which goes.
    pub(crate) fn replace(&mut self, name: &str, fields: Vec<Field<'a>>) {
        if let Some(at) = self.0.iter().rposition(|field| field.is(name)) {
            self.0.splice(at..=at, fields);
        }
    }

    /// The object's JSON text.
    pub(crate) fn write(&self) -> String {
        let bytes = |field: &Field<'_>| field.key.len() + field.value.len() + 2;
        let mut json = String::with_capacity(2 + self.0.iter().map(bytes).sum::<usize>());
        json.push('{');
        for (n, field) in self.0.iter().enumerate() {
            if n > 0 {
                json.push(',');
            }
            json.push_str(&field.key);
            json.push(':');
            json.push_str(&field.value);
        }
        json.push('}');
        json
    }
}

impl<'de> Deserialize<'de> for Row<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Row<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                    fields.push(Field {
                        key: Cow::Borrowed(key.get()),
                        value: Cow::Borrowed(value.get()),
                    });
                }
                Ok(Row(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The content of a JSON string; `None` if `json` is something else.
pub(crate) fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(json: &str, change: impl FnOnce(&mut Row<'_>)) -> String {
        let mut row = Row::read(json).unwrap();
        change(&mut row);
        row.write()
    }

    #[test]
    fn keys_and_values_keep_their_spelling() {
        for json in [
            r"{}",
            r#"{"a":1.0,"b":12345678901234567890123,"c":"\u00fc","\u00fc":{ "x" : [ 1e5 ] }}"#,
            r#"{"a":1,"a":2}"#,
        ] {
            assert_eq!(changed(json, |_| ()), json);
        }
    }

    #[test]
    fn a_name_is_found_however_it_is_spelled_and_the_last_of_two_counts() {
        let row = Row::read(r#"{"\u0061":1,"a":2,"b":3}"#).unwrap();
        assert_eq!(row.get("a").unwrap().value, "2");
        assert_eq!(
            changed(r#"{"\u0061":1,"b":3}"#, |row| row.set("a", "9".into())),
            r#"{"\u0061":9,"b":3}"#
        );
        assert_eq!(
            changed(r#"{"a":1,"b":3,"a":2}"#, |row| {
                assert!(row.rename("a", "c"));
            }),
            r#"{"b":3,"c":2}"#
        );
    }

    #[test]
    fn what_is_no_object_is_no_row() {
        for json in ["[]", "1", "null", "\"{}\""] {
            assert!(Row::read(json).is_err(), "{json}");
        }
    }
}
