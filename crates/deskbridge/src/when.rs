use jiff::{SignedDuration, Timestamp};

/// A moment of the API as people read it: how long ago, and exactly when.
pub(crate) fn moment(text: Option<&str>, now: Timestamp) -> String {
    let Some(text) = text else {
        return "never".to_owned();
    };
    match text.parse::<Timestamp>() {
        Ok(at) => format!("{} ({})", exact(at), relative(at, now)),
        Err(_) => crate::text::line(text),
    }
}

/// To the second, UTC.
pub(crate) fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// `3 min ago`, `in 2 h`.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let ago = now.duration_since(at);
    let text = coarse(ago.abs());
    match (text.as_str(), ago.is_negative()) {
        ("0 s", _) => "now".to_owned(),
        (_, true) => format!("in {text}"),
        (_, false) => format!("{text} ago"),
    }
}

/// How long something took: `850 ms`, `12.3 s`, `4 min 10 s`, `2 h 5 min`.
pub(crate) fn took(span: SignedDuration) -> String {
    let (seconds, millis) = (span.as_secs(), span.as_millis());
    match seconds {
        ..=0 => format!("{millis} ms"),
        1..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn coarse(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_relative_and_exact() {
        let now = "2026-01-15T12:00:00Z".parse().unwrap();
        for (at, text) in [
            ("2026-01-15T12:00:00.2Z", "2026-01-15 12:00:00Z (now)"),
            ("2026-01-15T11:59:20Z", "2026-01-15 11:59:20Z (40 s ago)"),
            ("2026-01-15T11:00:01Z", "2026-01-15 11:00:01Z (59 min ago)"),
            ("2026-01-14T11:00:00Z", "2026-01-14 11:00:00Z (25 h ago)"),
            ("2025-12-15T12:00:00Z", "2025-12-15 12:00:00Z (31 days ago)"),
            ("2026-01-15T14:30:00+01:00", "2026-01-15 13:30:00Z (in 1 h)"),
            ("soon", "soon"),
        ] {
            assert_eq!(moment(Some(at), now), text);
        }
        assert_eq!(moment(None, now), "never");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (millis, text) in [
            (850, "850 ms"),
            (12_340, "12.3 s"),
            (250_000, "4 min 10 s"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(took(SignedDuration::from_millis(millis)), text);
        }
    }
}
