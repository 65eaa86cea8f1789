/// A date, with or without time and offset, as PostgreSQL writes it (`DateStyle` ISO), in ISO 8601.
/// `infinity` becomes `Infinity`. Years before 1 and after 9999 get a sign and six digits, as in
/// ECMAScript: `0044-03-15 BC` becomes `-000043-03-15`.
pub(super) fn iso(text: &str) -> String {
    match text {
        "infinity" => return "Infinity".to_owned(),
        "-infinity" => return "-Infinity".to_owned(),
        _ => {}
    }
    let (text, is_bc) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let Some((year, rest)) = text.split_once('-') else {
        return text.to_owned();
    };
    let Ok(year) = year.parse::<i64>() else {
        return text.to_owned();
    };
    let year = match if is_bc { 1 - year } else { year } {
        year @ 0..=9999 => format!("{year:04}"),
        year => format!("{year:+07}"),
    };
    let rest = rest.replacen(' ', "T", 1);
    // The session's time zone is UTC.
    let rest = match rest.strip_suffix("+00") {
        Some(rest) => format!("{rest}Z"),
        None => rest,
    };
    format!("{year}-{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_become_iso_8601() {
        for (text, expected) in [
            ("2024-02-29", "2024-02-29"),
            (
                "2024-02-29 23:59:59.123456+00",
                "2024-02-29T23:59:59.123456Z",
            ),
            ("2024-02-29 00:00:00", "2024-02-29T00:00:00"),
            ("0044-03-15 BC", "-000043-03-15"),
            ("0001-01-01 00:00:00+00 BC", "0000-01-01T00:00:00Z"),
            ("12024-01-01 00:00:00", "+012024-01-01T00:00:00"),
            ("infinity", "Infinity"),
            ("-infinity", "-Infinity"),
        ] {
            assert_eq!(iso(text), expected);
        }
    }
}
