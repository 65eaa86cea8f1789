use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

/// How an API writes moments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeFormat {
    /// `2026-01-31T09:15:00Z`, with as many digits as there are.
    Rfc3339,
    /// `2026-01-31`, a day of UTC.
    Date,
    EpochSeconds,
    EpochMilliseconds,
    /// strftime; UTC unless it holds an offset.
    Text(String),
}

/// A length of time in days, hours, minutes and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) SignedDuration);

impl TimeFormat {
    /// The smallest difference that what [`TimeFormat::write`] gives can show.
    pub(crate) fn grain(&self) -> SignedDuration {
        match self {
            Self::EpochMilliseconds => SignedDuration::from_millis(1),
            Self::Date => SignedDuration::from_hours(24),
            Self::Text(pattern) if !has_time(pattern) => SignedDuration::from_hours(24),
            Self::Text(pattern) if !pattern.contains("%S") && !pattern.contains("%T") => {
                SignedDuration::from_mins(1)
            }
            Self::Rfc3339 | Self::EpochSeconds | Self::Text(_) => SignedDuration::from_secs(1),
        }
    }

    /// `at` at the beginning of its grain.
    pub(crate) fn floor(&self, at: Timestamp) -> Timestamp {
        let grain = self.grain().as_millis();
        let millis = i128::from(at.as_millisecond());
        let floored = millis - millis.rem_euclid(grain);
        i64::try_from(floored)
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or(at)
    }

    /// `at`, cut to the grain, as the API wants it.
    pub(crate) fn write(&self, at: Timestamp) -> String {
        let at = self.floor(at);
        match self {
            Self::Rfc3339 => at.to_string(),
            Self::Date => at.strftime("%Y-%m-%d").to_string(),
            Self::EpochSeconds => at.as_second().to_string(),
            Self::EpochMilliseconds => at.as_millisecond().to_string(),
            Self::Text(pattern) => jiff::fmt::strtime::format(pattern, &at.to_zoned(TimeZone::UTC))
                .unwrap_or_else(|_| at.to_string()),
        }
    }

    /// What a row says, in this format or, failing that, in one that cannot be mistaken.
    pub(crate) fn read(&self, value: &RawValue) -> Option<Timestamp> {
        let text: String = match value.get().as_bytes().first()? {
            b'"' => serde_json::from_str(value.get()).ok()?,
            b'-' | b'0'..=b'9' => value.get().to_owned(),
            _ => return None,
        };
        self.read_text(text.trim())
    }

    fn read_text(&self, text: &str) -> Option<Timestamp> {
        match self {
            Self::EpochSeconds => epoch(text, 1_000),
            Self::EpochMilliseconds => epoch(text, 1),
            // APIs may take another format than they give.
            Self::Text(pattern) => of_pattern(pattern, text)
                .or_else(|| text.parse().ok())
                .or_else(|| of_pattern("%Y-%m-%dT%H:%M:%S%.f%z", text)),
            Self::Rfc3339 | Self::Date => text
                .parse()
                .ok()
                .or_else(|| utc(text.parse::<DateTime>().ok()?))
                .or_else(|| {
                    utc(text
                        .parse::<Date>()
                        .ok()?
                        .to_datetime(jiff::civil::Time::MIN))
                }),
        }
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let Self::Text(pattern) = self else {
            return Ok(());
        };
        let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        let written = jiff::fmt::strtime::format(pattern, &sample)
            .map_err(|error| format!("is no strftime pattern: {error}"))?;
        match of_pattern(pattern, &written) {
            Some(_) => Ok(()),
            None => Err("must hold a whole date, such as %Y-%m-%d %H:%M:%S".into()),
        }
    }
}

fn has_time(pattern: &str) -> bool {
    ["%H", "%T", "%R", "%I", "%s"]
        .iter()
        .any(|part| pattern.contains(part))
}

fn utc(at: DateTime) -> Option<Timestamp> {
    at.to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn of_pattern(pattern: &str, text: &str) -> Option<Timestamp> {
    let parsed = jiff::fmt::strtime::parse(pattern, text).ok()?;
    if let Ok(at) = parsed.to_timestamp() {
        return Some(at);
    }
    if let Ok(at) = parsed.to_datetime() {
        return utc(at);
    }
    utc(parsed.to_date().ok()?.to_datetime(jiff::civil::Time::MIN))
}

/// Whole or with decimals; exact to the nanosecond, never through a float.
fn epoch(text: &str, millis_per_unit: i64) -> Option<Timestamp> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos_per_unit = i128::from(millis_per_unit) * 1_000_000;
    let units: i128 = whole.parse().ok()?;
    let digits: String = decimals.chars().take(9).collect();
    let fraction: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let part = nanos_per_unit * fraction / 10_i128.pow(digits.len() as u32);
    let nanos = units * nanos_per_unit + if whole.starts_with('-') { -part } else { part };
    Timestamp::from_nanosecond(nanos).ok()
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let format = match text {
            "rfc3339" => Self::Rfc3339,
            "date" => Self::Date,
            "epoch_s" => Self::EpochSeconds,
            "epoch_ms" => Self::EpochMilliseconds,
            pattern if pattern.contains('%') => Self::Text(pattern.into()),
            _ => {
                return Err(
                    "must be rfc3339, date, epoch_s, epoch_ms or a strftime pattern such as \
                     %Y/%m/%d %H:%M"
                        .into(),
                );
            }
        };
        format.check()?;
        Ok(format)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be a length of time such as 5m, 12h, 30d or PT1H".to_owned();
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let length = span
            .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
            .map_err(|_| wrong())?;
        if length.is_negative() {
            return Err(wrong());
        }
        Ok(Self(length))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn moments_are_written_and_read_as_the_api_has_them() {
        let at: Timestamp = "2026-01-31T09:15:07.25Z".parse().unwrap();
        for (format, written, row) in [
            (
                "rfc3339",
                "2026-01-31T09:15:07Z",
                r#""2026-01-31T10:15:07.250+01:00""#,
            ),
            ("date", "2026-01-31", r#""2026-01-31T09:15:07.25Z""#),
            ("epoch_s", "1769850907", "1769850907.25"),
            ("epoch_ms", "1769850907250", r#""1769850907250""#),
            (
                "%Y/%m/%d %H:%M",
                "2026/01/31 09:15",
                r#""2026-01-31T09:15:07.25Z""#,
            ),
            (
                "%Y-%m-%d %H:%M",
                "2026-01-31 09:15",
                r#""2026-01-31T10:15:07.250+0100""#,
            ),
            (
                "%Y-%m-%dT%H:%M:%S%.3f%z",
                "2026-01-31T09:15:07.000+0000",
                r#""2026-01-31T10:15:07.250+0100""#,
            ),
        ] {
            let format: TimeFormat = format.parse().unwrap();
            assert_eq!(format.write(at), written);
            assert_eq!(format.read(&raw(row)), Some(at), "{format:?}");
        }
    }

    #[test]
    fn a_moment_without_offset_is_utc_and_a_date_begins_its_day() {
        let rfc: TimeFormat = "rfc3339".parse().unwrap();
        let date: TimeFormat = "date".parse().unwrap();
        for (format, text, expected) in [
            (&rfc, r#""2026-01-31T09:15:07""#, "2026-01-31T09:15:07Z"),
            (&rfc, r#""2026-01-31 09:15:07""#, "2026-01-31T09:15:07Z"),
            (&date, r#""2026-01-31""#, "2026-01-31T00:00:00Z"),
        ] {
            assert_eq!(format.read(&raw(text)), expected.parse().ok(), "{text}");
        }
        for nonsense in ["null", "{}", "true", r#""soon""#, r#""""#] {
            assert_eq!(rfc.read(&raw(nonsense)), None, "{nonsense}");
        }
    }

    #[test]
    fn formats_and_lengths_that_make_no_sense_are_refused() {
        for format in ["iso", "", "%H:%M", "%"] {
            assert!(format.parse::<TimeFormat>().is_err(), "{format}");
        }
        for length in ["", "soon", "-5m", "1 fortnight"] {
            assert!(length.parse::<Span>().is_err(), "{length}");
        }
        for (length, seconds) in [
            ("5m", 300),
            ("PT1H", 3600),
            ("30d", 30 * 86_400),
            ("1d12h", 129_600),
        ] {
            assert_eq!(
                length.parse::<Span>().unwrap().0.as_secs(),
                seconds,
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_beginning_of_its_grain(seconds in 0_i64..4_000_000_000, nanos in 0_i32..1_000_000_000) {
            let at = Timestamp::new(seconds, nanos).unwrap();
            for format in ["rfc3339", "date", "epoch_s", "epoch_ms", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y"] {
                let format: TimeFormat = format.parse().unwrap();
                let text = serde_json::to_string(&format.write(at)).unwrap();
                let read = format.read(&raw(&text)).unwrap();
                prop_assert_eq!(read, format.floor(at));
                prop_assert!(read <= at && at.duration_since(read) < format.grain());
            }
        }
    }
}
