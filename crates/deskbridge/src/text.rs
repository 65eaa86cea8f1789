use std::borrow::Cow;

/// `text` as a terminal may show it: what an upstream API put into a name or a message must not
/// move the cursor, change colours, or turn the direction of writing.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| c != '\n' && is_hazard(c)) {
        text.chars()
            .map(|c| match c {
                '\n' => '\n',
                '\t' => ' ',
                c if is_hazard(c) => '\u{fffd}',
                c => c,
            })
            .collect::<String>()
            .into()
    } else {
        Cow::Borrowed(text)
    }
}

/// The same on one line.
pub(crate) fn line(text: &str) -> String {
    shown(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `longest` characters, with `…` for the rest.
pub(crate) fn clipped(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some(_) => {
            let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
            kept + "…"
        }
        None => text.to_owned(),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes, to three digits.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let mut size = number as f64;
    let mut unit = "B";
    for next in UNITS {
        if size < 1000.0 {
            break;
        }
        size /= 1000.0;
        unit = next;
    }
    if unit == "B" {
        format!("{number} B")
    } else {
        format!("{size:.1} {unit}")
    }
}

/// `singular`, or with an s: `plural(2, "row")` is `2 rows`.
pub(crate) fn plural(count: u64, singular: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {singular}{s}", grouped(count))
}

fn is_hazard(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_the_terminal_is_replaced() {
        assert_eq!(shown("plain é ✓"), "plain é ✓");
        assert_eq!(shown("a\u{1b}[2Jb\tc\r"), "a\u{fffd}[2Jb c\u{fffd}");
        assert_eq!(shown("abc\u{202e}fdp.exe"), "abc\u{fffd}fdp.exe");
        assert_eq!(line("two\n  lines"), "two lines");
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(plural(1, "row"), "1 row");
        assert_eq!(plural(2000, "row"), "2,000 rows");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_234_567), "1.2 MB");
    }

    #[test]
    fn long_text_is_clipped_at_a_character() {
        assert_eq!(clipped("éééé", 4), "éééé");
        assert_eq!(clipped("ééééé", 4), "ééé…");
    }
}
