use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Error, Kind};
use serde_json::value::RawValue;

use crate::table::ColumnInfo;

/// The columns of the rows that are read, in order.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<ColumnInfo>,
    /// Where, among them, the columns are that rows are ordered by.
    pub(crate) key: Vec<usize>,
    /// `"name":` of each.
    labels: Vec<String>,
}

impl Layout {
    pub(crate) fn new(columns: Vec<ColumnInfo>, key: Vec<usize>) -> Self {
        let labels = columns
            .iter()
            .map(|column| {
                let mut label = Json::default();
                label.text(&column.name);
                label.0.push(':');
                label.0
            })
            .collect();
        Self {
            columns,
            key,
            labels,
        }
    }

    /// A row, each value written by `value`.
    pub(crate) fn row(
        &self,
        mut value: impl FnMut(usize, &ColumnInfo, &mut Json) -> Result<(), Error>,
    ) -> Result<Box<RawValue>, Error> {
        let mut json = Json(String::with_capacity(64 + 24 * self.columns.len()));
        json.0.push('{');
        for (at, (column, label)) in self.columns.iter().zip(&self.labels).enumerate() {
            if at > 0 {
                json.0.push(',');
            }
            json.0.push_str(label);
            value(at, column, &mut json)?;
        }
        json.0.push('}');
        // Parses it once more: whatever a database answers, only JSON gets on.
        RawValue::from_string(json.0)
            .map_err(|_| Error::new(Kind::Internal, "a row could not be written as JSON"))
    }
}

/// JSON text under way.
#[derive(Debug, Default)]
pub(crate) struct Json(pub(crate) String);

impl Json {
    pub(crate) fn null(&mut self) {
        self.0.push_str("null");
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.0.push_str(if value { "true" } else { "false" });
    }

    pub(crate) fn whole(&mut self, value: impl Into<i128>) {
        let _ = write!(self.0, "{}", value.into());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.0.push('"');
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            let escaped: &str = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0..=0x1f => "",
                _ => continue,
            };
            self.0.push_str(&text[plain..at]);
            plain = at + 1;
            if escaped.is_empty() {
                let _ = write!(self.0, "\\u{byte:04x}");
            } else {
                self.0.push_str(escaped);
            }
        }
        self.0.push_str(&text[plain..]);
        self.0.push('"');
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.push('"');
        STANDARD.encode_string(bytes, &mut self.0);
        self.0.push('"');
    }

    /// A number as the database writes it; text if it is none in JSON (`NaN`).
    pub(crate) fn number(&mut self, text: &str) {
        if is_number(text) {
            self.0.push_str(text);
        } else {
            self.text(text);
        }
    }

    pub(crate) fn double(&mut self, value: f64) {
        self.finite(value.is_finite(), value.is_nan(), value > 0.0, value);
    }

    /// With the digits of a `f32`: by way of a `f64` it would gain some that it never had.
    pub(crate) fn float(&mut self, value: f32) {
        self.finite(value.is_finite(), value.is_nan(), value > 0.0, value);
    }

    fn finite(&mut self, finite: bool, nan: bool, positive: bool, value: impl std::fmt::Debug) {
        match (finite, nan, positive) {
            // Rust writes the fewest digits that mean the same number.
            (true, ..) => {
                let _ = write!(self.0, "{value:?}");
            }
            (_, true, _) => self.text("NaN"),
            (.., true) => self.text("Infinity"),
            (.., false) => self.text("-Infinity"),
        }
    }

    /// JSON as the database keeps it, on one line; numbers keep their digits. Text if it is none.
    pub(crate) fn json(&mut self, text: &str) {
        if serde_json::from_str::<&RawValue>(text).is_err() {
            self.text(text);
            return;
        }
        let mut in_text = false;
        let mut escaped = false;
        for c in text.chars() {
            if in_text {
                in_text = escaped || c != '"';
                escaped = !escaped && c == '\\';
            } else if c.is_ascii_whitespace() {
                continue;
            } else {
                in_text = c == '"';
            }
            self.0.push(c);
        }
    }

    /// Bytes as binary digits, the last `bits` of them.
    pub(crate) fn bits(&mut self, bytes: &[u8], bits: u8) {
        let mut digits = String::with_capacity(bytes.len() * 8);
        for byte in bytes {
            let _ = write!(digits, "{byte:08b}");
        }
        let from = digits.len().saturating_sub(usize::from(bits.max(1)));
        self.text(&digits[from..]);
    }
}

/// Whether JSON allows it as a number.
fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Json)) -> String {
        let mut json = Json::default();
        write(&mut json);
        json.0
    }

    #[test]
    fn floats_keep_their_own_digits() {
        for (value, text) in [
            (1.1_f32, "1.1"),
            (16_777_216.0, "16777216.0"),
            (1e30, "1e30"),
            (-0.0, "-0.0"),
            (f32::NAN, "\"NaN\""),
            (f32::INFINITY, "\"Infinity\""),
            (f32::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(written(|json| json.float(value)), text);
        }
    }

    #[test]
    fn only_numbers_are_written_as_numbers() {
        for (text, is) in [
            ("0", true),
            ("-1.50", true),
            ("1e+20", true),
            ("1E-7", true),
            ("NaN", false),
            ("01", false),
            (".5", false),
            ("1.", false),
            ("", false),
            ("-", false),
            ("1e", false),
        ] {
            assert_eq!(is_number(text), is, "{text}");
        }
    }

    #[test]
    fn json_is_put_on_one_line_with_its_numbers_untouched() {
        let pretty =
            "{\n  \"a b\" : 1.10,\n \"c\": \"x \\\" y\\\\\", \"d\": 123456789012345678901}";
        let compact = r#"{"a b":1.10,"c":"x \" y\\","d":123456789012345678901}"#;
        assert_eq!(written(|json| json.json(pretty)), compact);
        assert_eq!(written(|json| json.json("{oops")), "\"{oops\"");
    }

    #[test]
    fn bits_are_binary_digits() {
        assert_eq!(written(|json| json.bits(&[1], 1)), "\"1\"");
        assert_eq!(written(|json| json.bits(&[0b10, 1], 10)), "\"1000000001\"");
    }

    proptest! {
        #[test]
        fn text_survives(text in any::<String>()) {
            let json = written(|json| json.text(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn compact_json_means_the_same(keys in proptest::collection::vec(".{0,8}", 0..4)) {
            let value = serde_json::json!({"keys": keys, "n": [1, {"x": null}]});
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let compact = written(|json| json.json(&pretty));
            prop_assert!(!compact.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&compact).unwrap(), value);
        }
    }
}
