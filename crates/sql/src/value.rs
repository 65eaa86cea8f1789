use serde::{Deserialize, Serialize};

/// A key's value, exactly: what a position or a state keeps, and what is bound to a statement.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Text as the database writes it, such as `2024-01-01 10:00:00.123456+00`.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A whole number beyond `i64`.
    UInt(u64),
    /// A floating-point number, as its bits.
    Real(u64),
    /// Bytes, as hexadecimal digits.
    Hex(String),
}

impl Value {
    /// A whole number, if it is one.
    pub fn whole(&self) -> Option<i128> {
        match self {
            Self::Int(n) => Some(i128::from(*n)),
            Self::UInt(n) => Some(i128::from(*n)),
            Self::Text(text) => text.parse().ok(),
            Self::Real(_) | Self::Hex(_) => None,
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A key may be an e-mail address.
        f.write_str("Value(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_json_exactly() {
        for value in [
            Value::Text("2024-01-01 10:00:00.123456+00".into()),
            Value::Int(i64::MIN),
            Value::UInt(u64::MAX),
            Value::Real(0.1_f64.to_bits()),
            Value::Hex("00ff".into()),
        ] {
            let json = serde_json::to_string(&value).unwrap();
            assert!(serde_json::from_str::<Value>(&json).unwrap() == value);
        }
    }

    #[test]
    fn debug_does_not_show_it() {
        assert!(!format!("{:?}", Value::Text("ada@example.com".into())).contains("ada"));
    }
}
