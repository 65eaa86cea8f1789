//! Numbers in sentences: shares in percent, groups of named figures, the end of a phone number.

use super::Part;
use crate::message::{self, ascii_digit};

/// A number from 0 to 100 with at most two decimals, as it is written back.
fn percent(text: &str) -> Option<String> {
    let plain = text.replace(',', ".");
    let (whole, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
    if whole.is_empty() || whole.len() > 3 || decimals.len() > 2 {
        return None;
    }
    let value: f32 = plain.parse().ok()?;
    (0.0..=100.0).contains(&value).then(|| value.to_string())
}

/// A piece of a sentence that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Number(String),
    PercentSign,
    Word(String),
}

/// Numbers, percent signs and words. A minus before a number is kept, so that it is refused.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut chars = text.chars().peekable();
    let mut word = String::new();
    while let Some(c) = chars.next() {
        let digit = ascii_digit(c);
        let minus = matches!(c, '-' | '−') && chars.peek().copied().and_then(ascii_digit).is_some();
        if digit.is_some() || (minus && word.is_empty() && !after_number(&pieces)) {
            flush(&mut word, &mut pieces);
            let mut number: String = digit.map_or_else(|| "-".into(), String::from);
            while let Some(next) = chars.peek().copied() {
                let mut ahead = chars.clone();
                ahead.next();
                let decimal =
                    matches!(next, '.' | ',') && ahead.next().and_then(ascii_digit).is_some();
                match ascii_digit(next) {
                    Some(digit) => number.push(digit),
                    None if decimal => number.push('.'),
                    None => break,
                }
                chars.next();
            }
            pieces.push(Piece::Number(number));
        } else if c.is_alphanumeric() || matches!(c, '\'' | '\u{0300}'..='\u{036F}') {
            word.push(c);
        } else {
            flush(&mut word, &mut pieces);
            if matches!(c, '%' | '٪' | '％') {
                pieces.push(Piece::PercentSign);
            }
        }
    }
    flush(&mut word, &mut pieces);
    pieces
}

/// `95-80-60` are three numbers, not one and two negative ones.
fn after_number(pieces: &[Piece]) -> bool {
    matches!(pieces.last(), Some(Piece::Number(_)))
}

fn flush(word: &mut String, pieces: &mut Vec<Piece>) {
    let words = message::words(&std::mem::take(word));
    pieces.extend(words.into_iter().map(|word| {
        if matches!(
            word.as_str(),
            "percent" | "percentage" | "pct" | "prozent" | "porciento"
        ) {
            Piece::PercentSign
        } else {
            Piece::Word(word)
        }
    }));
}

/// The one share in the text. With `marked`, only a number that a percent sign follows counts.
pub(super) fn find_percent(text: &str, marked: bool) -> Option<String> {
    let pieces = pieces(text);
    let mut found = pieces.iter().enumerate().filter_map(|(at, piece)| {
        let sign = matches!(pieces.get(at + 1), Some(Piece::PercentSign));
        match piece {
            Piece::Number(number) if sign || !marked => Some(number),
            _ => None,
        }
    });
    let first = found.next()?;
    if found.next().is_some() {
        return None;
    }
    percent(first)
}

/// One number for each part, by name in any order, before or after its name; without any name
/// (and not `named`) exactly as many numbers as parts, in their order.
pub(super) fn find_metrics(text: &str, parts: &[Part], named: bool) -> Option<String> {
    let pieces = pieces(text);
    let values = by_name(&pieces, parts).or_else(|| {
        let any_name = pieces.iter().any(|piece| part_of(piece, parts).is_some());
        if named || any_name {
            return None;
        }
        let numbers: Vec<&String> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Number(number) => Some(number),
                _ => None,
            })
            .collect();
        (numbers.len() == parts.len()).then_some(numbers)
    })?;
    let rendered: Option<Vec<String>> = parts
        .iter()
        .zip(values)
        .map(|(part, value)| Some(format!("{} {}%", part.name, percent(value)?)))
        .collect();
    Some(rendered?.join(", "))
}

fn part_of(piece: &Piece, parts: &[Part]) -> Option<usize> {
    let Piece::Word(word) = piece else {
        return None;
    };
    parts.iter().position(|part| part.words.contains(word))
}

fn by_name<'a>(pieces: &'a [Piece], parts: &[Part]) -> Option<Vec<&'a String>> {
    let figures: Vec<&Piece> = pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Number(_)) || part_of(piece, parts).is_some())
        .collect();
    let name_first = !matches!(figures.first(), Some(Piece::Number(_)));
    let mut values: Vec<Option<&String>> = vec![None; parts.len()];
    for (at, piece) in figures.iter().enumerate() {
        let Some(part) = part_of(piece, parts) else {
            continue;
        };
        let beside = if name_first {
            figures.get(at + 1)
        } else {
            at.checked_sub(1).and_then(|before| figures.get(before))
        };
        if let (Some(Piece::Number(number)), Some(value @ None)) = (beside, values.get_mut(part)) {
            *value = Some(number);
        }
    }
    values.into_iter().collect()
}

/// The last `count` digits: typed alone, or as the end of a whole phone number.
pub(super) fn find_last_digits(text: &str, count: usize) -> Option<String> {
    /// A shorter run of digits is not a phone number.
    const PHONE: usize = 7;
    let groups: Vec<String> = text
        .split(|c: char| !(ascii_digit(c).is_some() || "+()-./ \u{a0}".contains(c)))
        .map(|group| group.chars().filter_map(ascii_digit).collect::<String>())
        .filter(|digits| !digits.is_empty())
        .collect();
    let [digits] = groups.as_slice() else {
        return None;
    };
    let whole_number = (PHONE..=15).contains(&digits.len()) && digits.len() > count;
    if digits.len() != count && !whole_number {
        return None;
    }
    digits.get(digits.len() - count..).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triple() -> Vec<Part> {
        [
            ("CPU", "cpu processor"),
            ("RAM", "ram memory"),
            ("Disk", "disk hdd"),
        ]
        .map(|(name, words)| Part {
            name: name.to_owned(),
            words: words.split(' ').map(str::to_owned).collect(),
        })
        .to_vec()
    }

    #[test]
    fn shares_are_numbers_from_0_to_100() {
        for (text, expected) in [
            ("85", Some("85")),
            ("about 85.5 %", Some("85.5")),
            ("85,25 percent", Some("85.25")),
            ("0", Some("0")),
            ("100%", Some("100")),
            ("101", None),
            ("-5", None),
            ("1e2", None),
            ("between 80 and 90", None),
            ("9999999999999999999999", None),
            ("full", None),
        ] {
            assert_eq!(find_percent(text, false).as_deref(), expected, "{text}");
        }
        assert_eq!(
            find_percent("disk 2 is 92% full", true).as_deref(),
            Some("92")
        );
        assert_eq!(find_percent("disk 2 is full", true), None);
    }

    #[test]
    fn metrics_come_in_any_order() {
        let all = Some("CPU 95%, RAM 80%, Disk 60%");
        for (text, expected) in [
            ("CPU 95 RAM 80 disk 60", all),
            ("disk: 60%, cpu=95%, memory 80 %", all),
            ("95% cpu, 80% ram, 60% disk", all),
            ("cpu95 ram80 disk60", all),
            ("95 / 80 / 60", all),
            ("95-80-60", all),
            (
                "The CPU is at 95, RAM at 80 and the disk at 60 since 3 hours",
                all,
            ),
            ("cpu 95 ram 80", None),
            ("95 80", None),
            ("cpu 195 ram 80 disk 60", None),
            ("cpu ram disk", None),
            ("", None),
        ] {
            assert_eq!(
                find_metrics(text, &triple(), false).as_deref(),
                expected,
                "{text}"
            );
        }
        assert_eq!(find_metrics("95 80 60", &triple(), true), None);
    }

    #[test]
    fn the_end_of_a_phone_number_is_exact() {
        for (text, expected) in [
            ("1234", Some("1234")),
            ("it ends in 12 34.", Some("1234")),
            ("+1 (555) 987-1234", Some("1234")),
            ("١٢٣٤", Some("1234")),
            ("123", None),
            ("12345", None),
            ("1234 or 5678", None),
            ("abcd", None),
            ("12345678901234567890", None),
        ] {
            assert_eq!(find_last_digits(text, 4).as_deref(), expected, "{text}");
        }
    }
}
