/// More digits than any database keeps in a column that people work with.
const MAX_DIGITS: usize = 1000;

/// A decimal number with all its digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Without leading zeros; may be empty.
    whole: String,
    /// With trailing zeros.
    fraction: String,
}

impl Decimal {
    /// Reads `12`, `-1.50`, `+.5`, `1.5e3`. `None` if it is no number, or has more than a thousand
    /// digits when written out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let there = !(whole.is_empty() && fraction.is_empty());
        let length = whole.len() + fraction.len() + exponent.unsigned_abs() as usize;
        if !there || !digits(whole) || !digits(fraction) || length > MAX_DIGITS {
            return None;
        }
        let (whole, fraction) = shifted(whole, fraction, exponent);
        let whole = whole.trim_start_matches('0').to_owned();
        let zero = whole.is_empty() && fraction.bytes().all(|byte| byte == b'0');
        Some(Self {
            negative: negative && !zero,
            whole,
            fraction,
        })
    }

    /// The number without exponent; the digits after the point as they were given.
    pub(crate) fn plain(&self) -> String {
        let whole = self.whole_digits();
        let sign = if self.negative { "-" } else { "" };
        if self.fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{}", self.fraction)
        }
    }

    /// The number without point, if only zeros follow the point.
    pub(crate) fn integer(&self) -> Option<String> {
        let is_whole = self.fraction.bytes().all(|byte| byte == b'0');
        let sign = if self.negative { "-" } else { "" };
        is_whole.then(|| format!("{sign}{}", self.whole_digits()))
    }

    /// The number times a billion, if that is whole and not beyond all times.
    pub(crate) fn billionths(&self) -> Option<i128> {
        let fraction = self.fraction.trim_end_matches('0');
        if fraction.len() > 9 || self.whole.len() > 20 {
            return None;
        }
        let size: i128 = format!("{}{fraction:0<9}", self.whole).parse().ok()?;
        Some(if self.negative { -size } else { size })
    }

    fn whole_digits(&self) -> &str {
        if self.whole.is_empty() {
            "0"
        } else {
            &self.whole
        }
    }
}

fn exponent_of(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = (1..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Moves the point by `exponent` places to the right.
fn shifted(whole: &str, fraction: &str, exponent: i32) -> (String, String) {
    let places = exponent.unsigned_abs() as usize;
    if exponent >= 0 {
        let (moved, rest) = fraction.split_at(places.min(fraction.len()));
        let zeros = "0".repeat(places - moved.len());
        (format!("{whole}{moved}{zeros}"), rest.to_owned())
    } else {
        let (rest, moved) = whole.split_at(whole.len().saturating_sub(places));
        let zeros = "0".repeat(places - moved.len());
        (rest.to_owned(), format!("{zeros}{moved}{fraction}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        for (text, plain, integer) in [
            ("0", "0", Some("0")),
            ("-0.0", "0.0", Some("0")),
            ("007", "7", Some("7")),
            ("1.50", "1.50", None),
            ("1.00", "1.00", Some("1")),
            (".5", "0.5", None),
            ("5.", "5", Some("5")),
            ("+12", "12", Some("12")),
            ("1e3", "1000", Some("1000")),
            ("1.5E1", "15", Some("15")),
            ("1.25e1", "12.5", None),
            ("15e-1", "1.5", None),
            ("-5E-3", "-0.005", None),
            (
                "12345678901234567890123.456789012345678901",
                "12345678901234567890123.456789012345678901",
                None,
            ),
        ] {
            let number = Decimal::parse(text).unwrap();
            assert_eq!(number.plain(), plain, "{text}");
            assert_eq!(number.integer().as_deref(), integer, "{text}");
        }
    }

    #[test]
    fn other_text_is_no_number() {
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1,5",
            "1 000",
            "0x1",
            "NaN",
            "inf",
            "1.2.3",
            "--1",
            "1e1000",
            "1e999999999999",
            "1e--3",
            "１",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_become_nanoseconds_exactly() {
        for (text, nanos) in [
            ("1", Some(1_000_000_000)),
            ("1700000000.123456789", Some(1_700_000_000_123_456_789)),
            ("-0.5", Some(-500_000_000)),
            ("0.0000000001", None),
            ("0.1000000000", Some(100_000_000)),
            ("123456789012345678901", None),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().billionths(), nanos, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_integer_stays_what_it_is(n: i128) {
            let text = n.to_string();
            prop_assert_eq!(Decimal::parse(&text).unwrap().integer(), Some(text));
        }

        #[test]
        fn moving_the_point_there_and_back_changes_no_digit(
            whole in "0|[1-9][0-9]{0,30}",
            fraction in "[0-9]{1,30}",
            places in 0_i32..60,
        ) {
            let text = format!("{whole}.{fraction}");
            let moved = Decimal::parse(&format!("{text}e-{places}")).unwrap().plain();
            let back = Decimal::parse(&format!("{moved}e{places}")).unwrap();
            prop_assert_eq!(back.plain(), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Decimal::parse(&text);
        }
    }
}
