use std::borrow::Cow;

use engine::Problem;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde_json::value::RawValue;

use crate::decimal::Decimal;
use crate::row::{quoted, unquoted};
use crate::rules;

/// Beyond it, common readers of JSON lose digits, so integers are text there.
const LARGEST_EXACT: u64 = 1 << 53;

/// What a field's values become.
#[derive(Debug)]
pub(crate) enum Cast {
    Text,
    Integer,
    Decimal,
    Number,
    Boolean,
    Date(Format),
    Timestamp(Format),
}

/// How the source writes times.
#[derive(Debug)]
pub(crate) enum Format {
    Iso,
    Seconds,
    Milliseconds,
    Pattern(String),
}

/// Why a value cannot be cast, as the end of a sentence that begins with the field.
type Why = Cow<'static, str>;

impl Cast {
    /// `at` is the path of the step, such as `steps[2].cast`.
    pub(crate) fn compile(
        rule: &rules::Cast,
        at: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let times = matches!(rule.to.as_str(), "date" | "timestamp");
        if rule.format.is_some() && !times {
            problems.push(Problem::new(
                format!("{at}.format"),
                "is only for date and timestamp; remove it",
            ));
        }
        let format = match rule.format.as_deref() {
            Some(format) if times => Format::compile(format)
                .map_err(|message| problems.push(Problem::new(format!("{at}.format"), message)))
                .ok()?,
            _ => Format::Iso,
        };
        Some(match rule.to.as_str() {
            "text" => Self::Text,
            "integer" => Self::Integer,
            "decimal" => Self::Decimal,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "date" => Self::Date(format),
            "timestamp" => Self::Timestamp(format),
            other => {
                problems.push(Problem::new(
                    format!("{at}.to"),
                    format!(
                        "`{other}` is unknown; there are text, integer, decimal, number, boolean, date and timestamp"
                    ),
                ));
                return None;
            }
        })
    }

    /// The JSON text of the cast value; `None` if `json` is one already. Null stays null.
    pub(crate) fn apply(&self, json: &str) -> Result<Option<String>, Why> {
        if json == "null" {
            return Ok(None);
        }
        let text = unquoted(json);
        match self {
            Self::Text => Ok(text.is_none().then(|| quoted(json))),
            Self::Integer => integer(&scalar(json, "a whole number")?).map(Some),
            Self::Decimal => decimal(&scalar(json, "a decimal number")?).map(Some),
            Self::Number => number(&scalar(json, "a number")?).map(Some),
            Self::Boolean => boolean(&scalar_or_boolean(json)?).map(Some),
            Self::Date(format) => format
                .date(&scalar(json, "a date")?)
                .map(|date| Some(quoted(&date.to_string()))),
            Self::Timestamp(format) => format
                .timestamp(&scalar(json, "a timestamp")?)
                .map(|at| Some(quoted(&at.to_string()))),
        }
    }
}

/// The text of a JSON string without spaces around it, or the digits of a number.
fn scalar<'j>(json: &'j str, wanted: &str) -> Result<Cow<'j, str>, Why> {
    let is = match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        _ => {
            return Ok(match unquoted(json) {
                Some(Cow::Borrowed(text)) => Cow::Borrowed(text.trim()),
                Some(Cow::Owned(text)) => Cow::Owned(text.trim().to_owned()),
                None => Cow::Borrowed(json),
            });
        }
    };
    Err(format!("is {is}, not {wanted}").into())
}

fn scalar_or_boolean(json: &str) -> Result<Cow<'_, str>, Why> {
    match json {
        "true" | "false" => Ok(Cow::Borrowed(json)),
        _ => scalar(json, "true or false"),
    }
}

fn integer(text: &str) -> Result<String, Why> {
    let digits = Decimal::parse(text)
        .ok_or("is not a number")?
        .integer()
        .ok_or("is a number with a fraction, not a whole one")?;
    let exact = digits
        .parse::<i64>()
        .is_ok_and(|n| n.unsigned_abs() <= LARGEST_EXACT);
    Ok(if exact { digits } else { quoted(&digits) })
}

fn decimal(text: &str) -> Result<String, Why> {
    let number = Decimal::parse(text).ok_or("is not a number of at most 1,000 digits")?;
    Ok(quoted(&number.plain()))
}

/// Keeps the digits as they are: what a double makes of them is for readers to decide.
fn number(text: &str) -> Result<String, Why> {
    let as_json = serde_json::from_str::<&RawValue>(text)
        .is_ok_and(|json| json.get().len() == text.len())
        && text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let digits = if as_json {
        text.to_owned()
    } else {
        Decimal::parse(text).ok_or("is not a number")?.plain()
    };
    match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(digits),
        _ => Err("is a number too large for a floating-point number; cast it to decimal".into()),
    }
}

fn boolean(text: &str) -> Result<String, Why> {
    let truth = match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => true,
        "false" | "f" | "no" | "n" | "off" | "0" => false,
        _ => return Err("is none of true, false, yes, no, on, off, 1, 0".into()),
    };
    Ok(truth.to_string())
}

impl Format {
    fn compile(format: &str) -> Result<Self, String> {
        match format {
            "unix" => return Ok(Self::Seconds),
            "unix_ms" => return Ok(Self::Milliseconds),
            _ => {}
        }
        let unusable = |error: jiff::Error| {
            format!("is neither unix, unix_ms nor a pattern of a date such as %d.%m.%Y ({error})")
        };
        // A pattern is usable if it reads what it writes, and finds a date in it.
        let sample: Zoned = Timestamp::new(1_000_000_000, 0)
            .map_err(unusable)?
            .to_zoned(TimeZone::UTC);
        let written = strtime::format(format, &sample).map_err(unusable)?;
        moment(format, &written).map_err(unusable)?;
        Ok(Self::Pattern(format.to_owned()))
    }

    fn date(&self, text: &str) -> Result<Date, Why> {
        match self {
            Self::Iso => iso_date(text).ok_or_else(|| "is not a date such as 2026-01-31".into()),
            Self::Pattern(pattern) => strtime::parse(pattern, text)
                .and_then(|time| match time.timestamp() {
                    Some(at) => Ok(Offset::UTC.to_datetime(at).date()),
                    None => time.to_date(),
                })
                .map_err(|_| "is not a date of the given format".into()),
            Self::Seconds | Self::Milliseconds => self
                .timestamp(text)
                .map(|at| Offset::UTC.to_datetime(at).date()),
        }
    }

    fn timestamp(&self, text: &str) -> Result<Timestamp, Why> {
        let nanoseconds = |unit: i128| {
            let units = Decimal::parse(text)?.billionths()?;
            Timestamp::from_nanosecond(units / unit).ok()
        };
        match self {
            Self::Iso => text.parse().map_err(|_| {
                if text.parse::<DateTime>().is_ok() {
                    "is a time without offset; a format says how to read it".into()
                } else {
                    "is not a timestamp such as 2026-01-31T09:15:00Z".into()
                }
            }),
            Self::Seconds => {
                nanoseconds(1).ok_or_else(|| "is not a number of seconds since 1970".into())
            }
            Self::Milliseconds => {
                nanoseconds(1000).ok_or_else(|| "is not a number of milliseconds since 1970".into())
            }
            Self::Pattern(pattern) => {
                moment(pattern, text).map_err(|_| "is not a time of the given format".into())
            }
        }
    }
}

/// A pattern without offset is of UTC, one without a time of midnight.
fn moment(pattern: &str, text: &str) -> Result<Timestamp, jiff::Error> {
    let time = strtime::parse(pattern, text)?;
    if let Some(at) = time.timestamp() {
        return Ok(at);
    }
    let offset = time.offset().unwrap_or(Offset::UTC);
    offset.to_timestamp(time.to_datetime()?)
}

/// A date, or the date of a time as it is written.
fn iso_date(text: &str) -> Option<Date> {
    if text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok() {
        return text.get(..10)?.parse().ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(to: &str, format: Option<&str>) -> Cast {
        let rule = rules::Cast {
            field: "f".into(),
            to: to.into(),
            format: format.map(str::to_owned),
        };
        let mut problems = Vec::new();
        let cast = Cast::compile(&rule, "cast", &mut problems);
        assert_eq!(problems, []);
        cast.unwrap()
    }

    /// The value as it is in the row after the cast, or why it fails.
    fn cast(to: &str, format: Option<&str>, json: &str) -> Result<String, String> {
        let made = compiled(to, format).apply(json);
        made.map(|made| made.unwrap_or_else(|| json.to_owned()))
            .map_err(Cow::into_owned)
    }

    #[test]
    fn values_become_what_was_asked_for_exactly() {
        for (to, json, expected) in [
            ("text", r#""x""#, r#""x""#),
            ("text", "1.0", r#""1.0""#),
            (
                "text",
                "12345678901234567890123",
                r#""12345678901234567890123""#,
            ),
            ("text", "true", r#""true""#),
            ("text", r#"{"a":"ü"}"#, r#""{\"a\":\"ü\"}""#),
            ("text", "null", "null"),
            ("integer", "7", "7"),
            ("integer", r#"" 007 ""#, "7"),
            ("integer", "1.0", "1"),
            ("integer", "1e3", "1000"),
            ("integer", "9007199254740992", "9007199254740992"),
            ("integer", "9007199254740993", r#""9007199254740993""#),
            (
                "integer",
                r#""-12345678901234567890123""#,
                r#""-12345678901234567890123""#,
            ),
            ("decimal", "1.50", r#""1.50""#),
            ("decimal", "1e-18", r#""0.000000000000000001""#),
            (
                "decimal",
                r#""12345678901234567890.123456789012345678""#,
                r#""12345678901234567890.123456789012345678""#,
            ),
            ("number", r#""1.50""#, "1.50"),
            ("number", r#""+.5""#, "0.5"),
            ("number", r#""1e300""#, "1e300"),
            (
                "number",
                "0.1000000000000000055511151231257827",
                "0.1000000000000000055511151231257827",
            ),
            ("boolean", "true", "true"),
            ("boolean", r#""Yes""#, "true"),
            ("boolean", "0", "false"),
            ("date", r#""2026-01-31""#, r#""2026-01-31""#),
            ("date", r#""2026-01-31T23:30:00-05:00""#, r#""2026-01-31""#),
            ("date", r#""2026-01-31 23:30:00""#, r#""2026-01-31""#),
            (
                "timestamp",
                r#""2026-01-31T23:30:00-05:00""#,
                r#""2026-02-01T04:30:00Z""#,
            ),
            (
                "timestamp",
                r#""2026-01-31T23:30:00.123456Z""#,
                r#""2026-01-31T23:30:00.123456Z""#,
            ),
        ] {
            assert_eq!(
                cast(to, None, json).as_deref(),
                Ok(expected),
                "{json} to {to}"
            );
        }
    }

    #[test]
    fn times_are_read_in_the_given_format() {
        for (to, format, json, expected) in [
            ("date", "%d.%m.%Y", r#""31.01.2026""#, "2026-01-31"),
            ("date", "%Y%m%d", "20260131", "2026-01-31"),
            ("date", "unix", "1769902200", "2026-01-31"),
            (
                "timestamp",
                "unix",
                "1769902200.5",
                "2026-01-31T23:30:00.5Z",
            ),
            (
                "timestamp",
                "unix_ms",
                r#""1769902200123""#,
                "2026-01-31T23:30:00.123Z",
            ),
            ("timestamp", "unix", "-1", "1969-12-31T23:59:59Z"),
            (
                "timestamp",
                "%d/%b/%Y:%H:%M:%S %z",
                r#""31/Jan/2026:18:30:00 -0500""#,
                "2026-01-31T23:30:00Z",
            ),
            (
                "timestamp",
                "%Y-%m-%d %H:%M:%S",
                r#""2026-01-31 23:30:00""#,
                "2026-01-31T23:30:00Z",
            ),
            (
                "timestamp",
                "%d.%m.%Y",
                r#""31.01.2026""#,
                "2026-01-31T00:00:00Z",
            ),
            ("timestamp", "%s", r#""1769902200""#, "2026-01-31T23:30:00Z"),
        ] {
            let expected = Ok(quoted(expected));
            assert_eq!(cast(to, Some(format), json), expected, "{json} as {format}");
        }
    }

    #[test]
    fn what_does_not_fit_fails_without_being_quoted() {
        for (to, format, json) in [
            ("integer", None, r#""secret""#),
            ("integer", None, "1.5"),
            ("integer", None, r#""""#),
            ("integer", None, "true"),
            ("decimal", None, r#""NaN""#),
            ("number", None, r#""Infinity""#),
            ("number", None, "1e400"),
            ("number", None, "[1]"),
            ("boolean", None, r#""secret""#),
            ("boolean", None, "2"),
            ("date", None, r#""31.01.2026""#),
            ("date", None, r#""2026-02-30""#),
            ("date", Some("%d.%m.%Y"), r#""2026-01-31""#),
            ("timestamp", None, r#""2026-01-31 23:30:00""#),
            ("timestamp", None, r#""secret""#),
            ("timestamp", Some("unix"), r#""secret""#),
            ("timestamp", Some("unix_ms"), "1e30"),
            ("timestamp", Some("%d.%m.%Y"), r#""secret""#),
            ("timestamp", None, r#"{"secret":1}"#),
        ] {
            let why = cast(to, format, json).unwrap_err();
            assert!(why.starts_with("is "), "{why}");
            assert!(
                !why.contains("secret") && !why.contains("2026-02-30"),
                "{why}"
            );
        }
    }
}
