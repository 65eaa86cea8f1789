use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object whose fields keep their order and, byte for byte, their values: what a person put
/// into the secret comes out of it unchanged, large numbers and odd spacing included.
#[derive(Clone)]
pub(crate) struct Document(Vec<(String, Box<RawValue>)>);

impl Document {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// The value of `key`; the last one where a key is repeated, as JSON readers do.
    pub(crate) fn get(&self, key: &str) -> Option<&RawValue> {
        self.0
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_ref())
    }

    /// Sets `key` in its place, or at the end if it is new.
    pub(crate) fn set(&mut self, key: &str, text: &str) -> Result<(), serde_json::Error> {
        let value = serde_json::value::to_raw_value(text)?;
        match self.0.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.into(), value)),
        }
        Ok(())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({} fields)", self.0.len())
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Document(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_keep_their_place_and_every_byte() {
        let text = r#"{"z":123456789012345678901234567890.10,"a":{ "k" : [1e400] },"code":"x","é":"\u00e9"}"#;
        let mut document: Document = serde_json::from_str(text).unwrap();
        document.set("code", "new").unwrap();
        document.set("access_token", "t\"q").unwrap();
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"z":123456789012345678901234567890.10,"a":{ "k" : [1e400] },"code":"new","é":"\u00e9","access_token":"t\"q"}"#
        );
    }

    #[test]
    fn the_last_of_a_repeated_key_counts() {
        let mut document: Document = serde_json::from_str(r#"{"a":"1","a":"2"}"#).unwrap();
        assert_eq!(document.get("a").unwrap().get(), "\"2\"");
        document.set("a", "3").unwrap();
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"a":"1","a":"3"}"#
        );
    }
}
